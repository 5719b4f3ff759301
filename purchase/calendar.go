package purchase

import (
	"time"

	"licensebot/cocalc"
)

// How dates are written for people.
const (
	DateStyle   = cocalc.DateStyle              // "Dec 28, 2026"
	MomentStyle = "Jan 2, 2006, 3:04 PM MST"    // "Dec 28, 2026, 5:08 PM CET"
	SecondStyle = "Jan 2, 2006, 3:04:05 PM MST" // for records that follow each other closely
)

// CalendarDays is how many whole days of the calendar in loc lie between two moments, and what is left then, less than a
// day.
func CalendarDays(from, to time.Time, loc *time.Location) (days int, rest time.Duration) {
	from, to = from.In(loc), to.In(loc)
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	days = int(noon(to).Sub(noon(from)) / (24 * time.Hour))
	if days > 0 && from.AddDate(0, 0, days).After(to) {
		days--
	}
	return days, to.Sub(from.AddDate(0, 0, days))
}

// serverLag is by how much CoCalc's end of a fixed term may differ from the one that was asked for: CoCalc moves a term
// that has begun to the moment in which it reads it, with its own clock.
const serverLag = 10 * time.Minute

// endOf is when a license ends, as people read it: the end that was asked for where CoCalc's is the same but for
// serverLag. Otherwise "until November 29" would read as November 30 once it is bought.
func endOf(spec Spec, expires time.Time) time.Time {
	if spec.Period == cocalc.PeriodRange && !expires.IsZero() && expires.Sub(spec.End).Abs() < serverLag {
		return spec.End
	}
	return expires
}

// Ends is when the license of an entry ends, as people read it; zero when that is not known.
func (p Purchase) Ends() time.Time { return endOf(p.Spec, p.Expires) }

// Ends is when the license that was bought ends, as people read it; zero when that is not known.
func (o *Order) Ends() time.Time {
	if o.Receipt == nil {
		return time.Time{}
	}
	return endOf(o.Spec, o.Receipt.Expires)
}

// Ends is when the license ends, as people read it; zero for one that does not.
func (o Owned) Ends() time.Time {
	if o.Purchase == nil {
		return o.License.Expires
	}
	return endOf(o.Purchase.Spec, o.License.Expires)
}
