package history

import "time"

// The hours in which people work, in UTC.
const (
	workBegins = 8 * time.Hour
	workEnds   = 18 * time.Hour
)

// calendar is the team's working time between two moments: weekdays, from workBegins to workEnds.
type calendar struct {
	spans []span
	total time.Duration
}

type span struct {
	begin time.Time
	// before is the working time before the span, of the whole calendar.
	before, length time.Duration
}

// newCalendar returns the working time between two moments. If there is none, all of the time counts.
func newCalendar(from, to time.Time) calendar {
	var c calendar
	for day := from.UTC().Truncate(24 * time.Hour); day.Before(to); day = day.AddDate(0, 0, 1) {
		begin, end := day.Add(workBegins), day.Add(workEnds)
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		if weekday := day.Weekday(); weekday == time.Saturday || weekday == time.Sunday || !begin.Before(end) {
			continue
		}
		c.spans = append(c.spans, span{begin, c.total, end.Sub(begin)})
		c.total += end.Sub(begin)
	}
	if c.total == 0 {
		c.spans, c.total = []span{{begin: from, length: to.Sub(from)}}, to.Sub(from)
	}
	return c
}

// at returns the moment at which a share of the working time (0 to 1) is over.
func (c calendar) at(share float64) time.Time {
	past := time.Duration(share * float64(c.total))
	low, high := 0, len(c.spans)
	for high-low > 1 {
		if middle := (low + high) / 2; c.spans[middle].before <= past {
			low = middle
		} else {
			high = middle
		}
	}
	s := c.spans[low]
	return s.begin.Add(min(past-s.before, s.length))
}
