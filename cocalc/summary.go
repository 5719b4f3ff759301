package cocalc

import (
	"fmt"
	"strings"
)

// Summary describes the license in words, without its price and term: "16 GB RAM, 2 cores, 10 GB disk, member hosting,
// idle timeout 2 hours, business, 1 running project".
func (s LicenseSpec) Summary() string {
	parts := []string{
		fmt.Sprintf("%d GB RAM", s.RAM), plural(s.CPU, "core"), fmt.Sprintf("%d GB disk", s.Disk),
		memberWords(s.Member), s.Uptime.Words(), string(s.User), plural(s.RunLimit, "running project"),
	}
	if s.Boost {
		parts = append(parts, "boost")
	}
	return strings.Join(parts, ", ")
}

// Words describes the uptime: "idle timeout 2 hours".
func (u Uptime) Words() string {
	switch u {
	case UptimeShort:
		return "idle timeout 30 minutes"
	case UptimeMedium:
		return "idle timeout 2 hours"
	case UptimeDay:
		return "idle timeout 1 day"
	case UptimeAlways:
		return "always running"
	}
	return fmt.Sprintf("uptime %q", string(u))
}

func memberWords(member bool) string {
	if member {
		return "member hosting"
	}
	return "no member hosting"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(int64(n)) + " " + noun + "s"
}
