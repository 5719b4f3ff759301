package bot

import (
	"time"

	"licensebot/commands"
	"licensebot/purchase"
)

// Specify returns the team's defaults, with the fields that a person set in their place. Dates are days in loc: a term
// runs from the beginning of its first day to the end of its last. A term of days without a start begins when it is
// bought. A day on which the clock changes has 23 or 25 hours.
func Specify(defaults purchase.Spec, f commands.Fields, now time.Time, loc *time.Location) purchase.Spec {
	spec := defaults
	set(&spec.RAM, f.RAM)
	set(&spec.CPU, f.CPU)
	set(&spec.Disk, f.Disk)
	set(&spec.RunLimit, f.RunLimit)
	set(&spec.Member, f.Member)
	set(&spec.Boost, f.Boost)
	set(&spec.Title, f.Title)
	set(&spec.Description, f.Description)
	set(&spec.ProjectID, f.Project)
	setWord(&spec.Uptime, f.Uptime)
	setWord(&spec.User, f.User)
	setWord(&spec.Period, f.Period)
	if spec.Period != "range" {
		spec.Start, spec.End = time.Time{}, time.Time{}
	}
	if f.Start == nil && f.End == nil && f.Days == nil {
		return spec
	}
	spec.Period = "range"
	spec.Start, spec.End = time.Time{}, time.Time{}
	begin := now
	if f.Start != nil {
		if first := midnight(*f.Start, loc); first.After(now) {
			spec.Start, begin = first, first
		} else if !sameDay(first, now.In(loc)) {
			spec.Start, begin = first, first // in the past: Validate has a sentence about it when it matters
		}
	}
	switch {
	case f.End != nil:
		next := *f.End
		next.Day++ // time.Date normalises
		spec.End = midnight(next, loc).Add(-time.Millisecond)
	case f.Days != nil:
		spec.End = begin.In(loc).AddDate(0, 0, *f.Days)
		if !spec.Start.IsZero() { // whole days: "start=2027-01-01 days=31" is "end=2027-01-31"
			spec.End = spec.End.Add(-time.Millisecond)
		}
	}
	return spec
}

func set[T any](to *T, said *T) {
	if said != nil {
		*to = *said
	}
}

func setWord[W ~string](to *W, said *string) {
	if said != nil {
		*to = W(*said)
	}
}

func midnight(d commands.Date, loc *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// repeatSpec returns the specification of another license like spec. A fixed term begins now and lasts as many calendar
// days in loc.
func repeatSpec(spec purchase.Spec, now, began time.Time, loc *time.Location) purchase.Spec {
	if spec.Period != "range" {
		return spec
	}
	start := spec.Start
	if start.IsZero() {
		start = began
	}
	if start.After(now) {
		return spec // its term has not begun: the same term again
	}
	days, rest := purchase.CalendarDays(start, spec.End, loc)
	spec.Start, spec.End = time.Time{}, now.In(loc).AddDate(0, 0, days).Add(rest)
	return spec
}

// purchasedSpec reads a specification off a license that was bought elsewhere. What CoCalc doesn't report (the period)
// gets the default: a month, renewing. Halves of GB and cores are sold by other clients; they are rounded up.
func purchasedSpec(l purchase.License, defaults purchase.Spec) purchase.Spec {
	spec := defaults
	up := func(f float64) int {
		n := int(f)
		if float64(n) < f {
			n++
		}
		return n
	}
	spec.RAM, spec.CPU, spec.Disk = up(l.Quota.RAM), up(l.Quota.CPU), up(l.Quota.Disk)
	spec.Member, spec.Boost = l.Quota.Member, l.Quota.Boost
	spec.Period, spec.RunLimit = "monthly", l.RunLimit
	spec.Start, spec.End = time.Time{}, time.Time{}
	setWord(&spec.Uptime, &l.Quota.Uptime)
	setWord(&spec.User, &l.Quota.User)
	// another program's title may be longer than CoCalc's limit
	spec.Title = cut(commands.OneLine(l.Title), purchase.MaxTitle)
	spec.Description, spec.ProjectID = "", ""
	return spec
}
