package cocalctest

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// errInvalidDate is what JavaScript throws when a Date that is none is printed.
const errInvalidDate = refusal("Invalid time value")

// minimumRange is how long the cart makes every range at least.
const minimumRange = time.Hour

// parseDate is new Date(v); ok is false for an invalid date. The cases are those that clients meet: ISO dates with and
// without time and offset, epoch milliseconds, null (1970).
func parseDate(v any) (t time.Time, ok bool) {
	switch v := v.(type) {
	case nil:
		return time.UnixMilli(0).UTC(), true
	case bool:
		return time.UnixMilli(0).UTC(), true
	case float64:
		if v != v || v > 8.64e15 || v < -8.64e15 {
			return time.Time{}, false
		}
		return time.UnixMilli(int64(v)).UTC(), true
	case time.Time:
		return v, true
	case string:
		text := strings.TrimSpace(v)
		for _, layout := range []string{
			time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999", "2006-01-02T15:04",
			"2006-01-02 15:04:05.999", "2006-01-02", "2006-01", "2006",
		} {
			if t, err := time.Parse(layout, text); err == nil {
				return t.UTC().Truncate(time.Millisecond), true
			}
		}
		// A lone small number is a month of 2001 to V8, and 0 the year 2000: that is how a range that is a string reads,
		// whose first two characters the server takes for the two dates.
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && n <= 12 {
			if n == 0 {
				return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), true
			}
			return time.Date(2001, time.Month(n), 1, 0, 0, 0, 0, time.UTC), true
		}
	}
	return time.Time{}, false
}

// index is v[i] of JavaScript.
func index(v any, i int) any {
	switch v := v.(type) {
	case []any:
		if i < len(v) {
			return v[i]
		}
	case string:
		if i < len(v) {
			return v[i : i+1]
		}
	case object:
		return v.get(strconv.Itoa(i))
	}
	return undefined{}
}

// shiftRangeAtAdd is what adding does to the dates of a description: a range of two dates is normalised, and one whose
// start has passed is moved to begin now with the same length.
func shiftRangeAtAdd(description any, now time.Time) (any, error) {
	d, ok := description.(object)
	if !ok {
		return description, nil
	}
	dates, ok := d.get("range").([]any)
	if !ok || len(dates) != 2 {
		return description, nil
	}
	if dates[0] == nil || dates[1] == nil {
		return nil, errInvalidDate
	}
	start, ok1 := parseDate(dates[0])
	end, ok2 := parseDate(dates[1])
	if !ok1 || !ok2 {
		return nil, errInvalidDate
	}
	if start.Before(now) {
		end = end.Add(now.Sub(start))
		start = now
	}
	return d.with("range", []any{isoText(start), isoText(end)}), nil
}

// moveRange is what every look at the cart does to the dates of an item, period or not: a start in the past becomes
// now, without moving the end, and the end is at least an hour after the start. The error is that of an end that is no
// date; it then breaks the whole look.
func moveRange(description any, now time.Time) (any, error) {
	d, ok := description.(object)
	if !ok || nullish(d.get("range")) {
		return description, nil
	}
	dates := d.get("range")
	start, startOK := parseDate(index(dates, 0))
	end, endOK := parseDate(index(dates, 1))
	changed := false
	if startOK && start.Before(now) {
		start, changed = now, true
	}
	if startOK && endOK && end.Before(start.Add(minimumRange)) {
		end, changed = start.Add(minimumRange), true
	}
	if !changed {
		return description, nil
	}
	if !endOK {
		return nil, errInvalidDate
	}
	return d.with("range", []any{isoText(start), isoText(end)}), nil
}

var intervalSyntax = regexp.MustCompile(`^\s*(\d+)\s*(second|sec|minute|min|hour|day|week|month|mon|year)s?\s*$`)

// parseInterval reads the simple intervals of PostgreSQL ("1 week"): a number and a unit.
func parseInterval(text string, now time.Time) (since time.Time, err error) {
	m := intervalSyntax.FindStringSubmatch(strings.ToLower(text))
	if m == nil {
		return time.Time{}, refusal("invalid input syntax for type interval: " + strconv.Quote(text))
	}
	n, _ := strconv.Atoi(m[1])
	switch m[2] {
	case "second", "sec":
		return now.Add(-time.Duration(n) * time.Second), nil
	case "minute", "min":
		return now.Add(-time.Duration(n) * time.Minute), nil
	case "hour":
		return now.Add(-time.Duration(n) * time.Hour), nil
	case "day":
		return now.AddDate(0, 0, -n), nil
	case "week":
		return now.AddDate(0, 0, -7*n), nil
	case "month", "mon":
		return addMonths(now, -n), nil
	}
	return addMonths(now, -12*n), nil
}

// addMonths adds calendar months and stays in the month it arrives at: 31 January and a month is 28 February.
func addMonths(t time.Time, months int) time.Time {
	moved := t.AddDate(0, months, 0)
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, months, 0)
	if moved.Month() != first.Month() {
		last := first.AddDate(0, 1, -1)
		moved = time.Date(last.Year(), last.Month(), last.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	return moved
}
