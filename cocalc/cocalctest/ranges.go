package cocalctest

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// errInvalidDate is the error of JavaScript if an invalid Date is printed.
const errInvalidDate = refusal("Invalid time value")

// minimumRange is the shortest range: the cart lengthens shorter ones.
const minimumRange = time.Hour

// parseDate is new Date(v); ok is false for an invalid date.
func parseDate(v any) (t time.Time, ok bool) {
	if t, isTime := v.(time.Time); isTime {
		return t, true
	}
	ms := dateMillis(v)
	if math.IsNaN(ms) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(ms)).UTC(), true
}

// shiftRangeAtAdd changes the dates of a description as adding does: a range of two dates is normalized, and one whose
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

// moveRange changes the dates of an item as each read of the cart does, whatever the period: a start in the past
// becomes now, without moving the end, and the end becomes at least an hour after the start. It returns an error for an
// end that is not a date; it makes the whole read fail.
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

// parseInterval parses the simple intervals of PostgreSQL ("1 week"): a number and a unit.
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

// addMonths adds calendar months, and stays within the resulting month: January 31 plus a month is February 28.
func addMonths(t time.Time, months int) time.Time {
	moved := t.AddDate(0, months, 0)
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, months, 0)
	if moved.Month() != first.Month() {
		last := first.AddDate(0, 1, -1)
		moved = time.Date(last.Year(), last.Month(), last.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	return moved
}
