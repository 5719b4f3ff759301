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

// CalendarDays returns the number of whole calendar days in loc between two moments, and the rest, less than a day.
func CalendarDays(from, to time.Time, loc *time.Location) (days int, rest time.Duration) {
	from, to = from.In(loc), to.In(loc)
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	days = int(noon(to).Sub(noon(from)) / (24 * time.Hour))
	if days > 0 && from.AddDate(0, 0, days).After(to) {
		days--
	}
	return days, to.Sub(from.AddDate(0, 0, days))
}

// serverLag is the largest difference between CoCalc's end of a fixed term and the end that was ordered. CoCalc moves
// the start of a term that has begun to the moment in which it reads it, by its own clock.
const serverLag = 10 * time.Minute

// endOf returns the end of a license as people read it: the ordered end, if CoCalc's differs by at most serverLag.
// Otherwise "until November 29" would read as November 30 after the purchase.
func endOf(spec Spec, expires time.Time) time.Time {
	if spec.Period == cocalc.PeriodRange && !expires.IsZero() && expires.Sub(spec.End).Abs() < serverLag {
		return spec.End
	}
	return expires
}

// Ends returns the end of an entry's license as people read it; zero if it is unknown.
func (p Purchase) Ends() time.Time { return endOf(p.Spec, p.Expires) }

// Ends returns the end of the purchased license as people read it; zero if it is unknown.
func (o *Order) Ends() time.Time {
	if o.Receipt == nil {
		return time.Time{}
	}
	return endOf(o.Spec, o.Receipt.Expires)
}

// Ends returns the end of the license as people read it; zero if it has none.
func (o LicenseEntry) Ends() time.Time {
	if o.Purchase == nil {
		return o.License.Expires
	}
	return endOf(o.Purchase.Spec, o.License.Expires)
}
