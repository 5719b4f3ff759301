package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
	"licensebot/internal/config"
)

// checkSettings checks the settings by themselves.
func (k *checker) checkSettings(context.Context) {
	for _, fault := range slices.Concat(k.Settings.Faults, k.CheckSecrets()) {
		k.fail(fault.Setting, "", "%s", fault.Text)
	}
	for _, t := range config.Misspelled() {
		k.warn(t.Name, "Rename it to "+t.Meant+", or remove it.", "not a setting, but looks like %s", t.Meant)
	}
	for _, c := range k.contradictions() {
		k.warn(c.Setting, "", "%s", c.Text)
	}
	k.checkAddresses()
	k.checkSecretFiles()
	switch p := k.Policy(); {
	case !k.usable("BUYERS"):
	case p.Everyone:
		k.pass("BUYERS", "every member of the workspace")
	case len(p.Buyers) == 0:
		k.fail("BUYERS", "List users or groups, or use * for everyone.", "empty, so no one can buy")
	}
	if k.usable("ADMINS") && len(k.Policy().Admins) == 0 {
		k.warn("ADMINS", "List at least one person.", "empty: no one can resolve orders in Slack, only `bot resume` ends a "+
			"pause, and incidents reach only PURCHASES_CHANNEL")
	}
	if k.usable("ORDER_LIMIT", "MONTHLY_BUDGET") {
		k.pass("limits", "%s per order, %s per month", k.Policy().OrderLimit, k.Policy().MonthlyBudget)
	}
}

// contradictions finds limits that are valid alone and don't work as they seem to together.
func (k *checker) contradictions() (found config.Faults) {
	p := k.Policy()
	both := func(a, b string) bool { return k.usable(a, b) }
	if both("ORDER_LIMIT", "MONTHLY_BUDGET") && !p.MonthlyBudget.None &&
		(p.OrderLimit.None || p.OrderLimit.Max > p.MonthlyBudget.Max) {
		found.Add("ORDER_LIMIT", "%s, but MONTHLY_BUDGET refuses every order above %s", p.OrderLimit, p.MonthlyBudget)
	}
	person := p.PersonBudget
	if both("PERSON_BUDGET", "MONTHLY_BUDGET") && person > 0 && !p.MonthlyBudget.None && person > p.MonthlyBudget.Max {
		found.Add("PERSON_BUDGET", "%s, but MONTHLY_BUDGET allows %s for everyone together", person, p.MonthlyBudget)
	}
	if both("ORDER_LIMIT", "PERSON_BUDGET") && person > 0 && (p.OrderLimit.None || p.OrderLimit.Max > person) {
		found.Add("ORDER_LIMIT", "%s, but PERSON_BUDGET refuses every order above %s", p.OrderLimit, person)
	}
	if both("AUTO_APPROVE_LIMIT", "ORDER_LIMIT") && len(p.Approvers) > 0 && !p.AskRenewing && !p.OrderLimit.None &&
		p.AutoApprove >= p.OrderLimit.Max {
		found.Add("AUTO_APPROVE_LIMIT", "%s, and ORDER_LIMIT is %s, so APPROVERS are never asked", p.AutoApprove,
			p.OrderLimit)
	}
	if k.usable("MAX_DAYS", "PERIODS") && len(p.Periods) > 0 && !p.Periods[cocalc.PeriodRange] &&
		os.Getenv("MAX_DAYS") != "" {
		found.Add("MAX_DAYS", "limits fixed terms, but PERIODS allows none")
	}
	for _, s := range []struct {
		setting      string
		value, sells int
	}{
		{"MAX_RAM", p.Largest.RAM, cocalc.MaxRAM},
		{"MAX_CPU", p.Largest.CPU, cocalc.MaxCPU},
		{"MAX_DISK", p.Largest.Disk, cocalc.MaxDisk},
		{"MAX_RUN_LIMIT", p.Largest.RunLimit, cocalc.MaxRunLimit},
	} {
		if k.usable(s.setting) && s.value > s.sells {
			found.Add(s.setting, "%d, but CoCalc sells at most %d", s.value, s.sells)
		}
	}
	if least, what, ok := k.cheapest(); ok && both("ORDER_LIMIT", "MONTHLY_BUDGET") {
		for _, limit := range []struct {
			setting string
			most    cocalc.Cents
			none    bool
		}{
			{"ORDER_LIMIT", p.OrderLimit.Max, p.OrderLimit.None},
			{"MONTHLY_BUDGET", p.MonthlyBudget.Max, p.MonthlyBudget.None},
			{"PERSON_BUDGET", person, person == 0},
		} {
			if k.usable(limit.setting) && !limit.none && limit.most < least {
				found.Add(limit.setting, "%s, but the smallest license (%s) costs %s, so nothing can be bought", limit.most, what,
					least)
			}
		}
	}
	return found
}

// cheapest returns the price of the smallest license that people can order with a few words: a fixed term of a day, or
// a month if PERIODS allows no fixed terms.
func (k *checker) cheapest() (cocalc.Cents, string, bool) {
	spec, wrong := k.LicenseSpec()
	if len(wrong) > 0 || !k.usable("PERIODS") {
		return 0, "", false
	}
	spec.RAM, spec.CPU, spec.Disk, spec.RunLimit = cocalc.MinRAM, cocalc.MinCPU, cocalc.MinDisk, cocalc.MinRunLimit
	spec.Member, spec.Uptime, spec.User = false, cocalc.UptimeShort, cocalc.UserAcademic
	now := time.Now()
	spec.Period, spec.Start, spec.End = cocalc.PeriodRange, now, now.Add(24*time.Hour)
	what := "for a day"
	if p := k.Policy().Periods; len(p) > 0 && !p[cocalc.PeriodRange] {
		spec.Period, spec.Start, spec.End, what = cocalc.PeriodMonthly, time.Time{}, time.Time{}, "for a month"
		if !p[cocalc.PeriodMonthly] {
			spec.Period, what = cocalc.PeriodYearly, "for a year"
		}
	}
	quote, err := cocalc.Price(spec, now)
	return quote.Total, fmt.Sprintf("%d GB RAM and %d core %s", spec.RAM, spec.CPU, what), err == nil
}

// checkAddresses warns about tokens and keys that would be sent unencrypted over a network.
func (k *checker) checkAddresses() {
	for _, a := range []struct{ setting, value, what string }{
		{"SLACK_API_URL", k.SlackAPIURL, "the Slack tokens"},
		{"COCALC_URL", k.CoCalcURL, "the CoCalc key"},
	} {
		u, err := url.Parse(a.value)
		if err == nil && k.usable(a.setting) && u.Scheme == "http" && !isThisMachine(u.Hostname()) {
			k.warn(a.setting, "Use https://.", "http:// sends %s unencrypted to %s", a.what, u.Host)
		}
	}
}

func isThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// mountedSecrets are the folders in which Docker and Kubernetes show secrets to one container, readable by all of its
// users.
var mountedSecrets = []string{"/run/secrets/", "/var/run/secrets/"}

// checkSecretFiles warns about secret files that other users of the machine can read.
func (k *checker) checkSecretFiles() {
	for _, s := range k.Secrets() {
		if s.File == "" {
			continue
		}
		path, err := filepath.Abs(s.File)
		if err != nil || slices.ContainsFunc(mountedSecrets, func(dir string) bool { return strings.HasPrefix(path, dir) }) {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
			k.warn(s.Name+"_FILE", "Run: chmod o-r "+path, "every user of this machine can read %s", path)
		}
	}
}
