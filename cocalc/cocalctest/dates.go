package cocalctest

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// isoDate is the date format of ECMAScript. The server's clock runs in UTC, so a time without an offset is UTC too.
var isoDate = regexp.MustCompile(`^(\d{4}|[+-]\d{6})(?:-(\d\d)(?:-(\d\d))?)?` +
	`(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(?:(Z)|([+-])(\d\d):?(\d\d))?$`)

// lenientDates are further formats that the server's JavaScript engine accepts and that people and programs write. All
// others are invalid here; the engine accepts more of them, by undocumented rules.
var lenientDates = []string{
	"2006-1-2 15:04:05.999", "2006-1-2 15:04", "2006-1-2", "2006/1/2", "1/2/2006", time.RFC1123,
	"Mon, 02 Jan 2006 15:04:05 GMT",
	"Jan 2, 2006", "January 2, 2006", "2 Jan 2006", "2 January 2006", "2006-1-2 15:04:05Z07:00", "2006-1-2 15:04:05Z",
}

const maxDateMS = 8.64e15 // the last moment that a JavaScript Date can hold

// dateMillis is new Date(v).valueOf(): milliseconds since 1970; NaN for anything that is not a date.
func dateMillis(v any) float64 {
	switch v := v.(type) {
	case string:
		return parseDateText(v)
	case []any, object:
		return parseDateText(toText(v))
	case float64, bool, nil:
		return clipDate(math.Trunc(toNumber(v)))
	}
	return math.NaN()
}

func parseDateText(s string) float64 {
	s = strings.TrimSpace(s)
	if t, err := time.Parse("2006-01-02T15:04:05.000Z", s); err == nil { // the form that CoCalc itself writes
		return float64(t.UnixMilli())
	}
	if m := isoDate.FindStringSubmatch(s); m != nil {
		return isoDateMS(m)
	}
	for _, layout := range lenientDates {
		if t, err := time.Parse(layout, s); err == nil {
			return clipDate(float64(t.UnixMilli()))
		}
	}
	// V8 reads a lone small number as a month of 2001, and 0 as the year 2000. A range that is a string is read that
	// way: its first two characters are its dates.
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n <= 12 {
		if n == 0 {
			return float64(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
		}
		return float64(time.Date(2001, time.Month(n), 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	}
	return math.NaN()
}

func isoDateMS(m []string) float64 {
	number := func(s string, missing int) int {
		if s == "" {
			return missing
		}
		n, _ := strconv.Atoi(s) // the pattern allows at most six digits
		return n
	}
	year, month, day := number(m[1], 0), number(m[2], 1), number(m[3], 1)
	hour, minute, second := number(m[4], 0), number(m[5], 0), number(m[6], 0)
	ms := number((m[7] + "000")[:3], 0) // further digits are cut off, not rounded
	midnight := hour == 24 && minute == 0 && second == 0 && ms == 0
	// The engine accepts the 30th of February (as the 2nd of March), but no 32nd of any month.
	if m[1] == "-000000" || month < 1 || month > 12 || day < 1 || day > 31 || (hour > 23 && !midnight) || minute > 59 ||
		second > 59 {
		return math.NaN()
	}
	offset := time.Duration(number(m[10], 0))*time.Hour + time.Duration(number(m[11], 0))*time.Minute
	if m[9] == "-" {
		offset = -offset
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, ms*int(time.Millisecond), time.UTC)
	return clipDate(float64(t.UnixMilli() - offset.Milliseconds()))
}

func clipDate(ms float64) float64 {
	if math.IsNaN(ms) || math.Abs(ms) > maxDateMS {
		return math.NaN()
	}
	return ms
}
