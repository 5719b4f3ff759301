package commands

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Fields are the given fields of a license; nil means that a field was not given. The values of Uptime, User and Period
// are CoCalc's (uptime short, medium, day, always_running; user academic, business; period monthly, yearly, range).
// Numbers are between 0 and the largest int32; package cocalc checks their bounds.
type Fields struct {
	RAM, CPU, Disk, RunLimit            *int // GB, cores, GB, projects
	Member, Boost                       *bool
	Uptime, User, Period                *string
	Title, Description, Reason, Project *string // Project is a UUID in lower case
	Start, End                          *Date
	Days                                *int
}

// Date is a day of the calendar, without a time zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String formats the date as 2027-01-31.
func (d Date) String() string {
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// ParseDate parses a date that begins with the year (2027-01-31, also with "/" or "." between the numbers) or, with
// dots, with the day (31.1.2027). Digits and dashes may be of any script. It returns false for everything else,
// including 1/2/2027, which is a day in January or in February depending on the country, and days that do not exist.
func ParseDate(text string) (Date, bool) {
	d, problem := readDate(text)
	return d, problem == dateFine
}

type dateFault int

const (
	dateFine dateFault = iota
	dateShape
	dateCalendar
)

func readDate(text string) (Date, dateFault) {
	text = strings.ReplaceAll(foldText(text), ". ", ".")
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == '/' || r == '.' })
	if len(parts) != 3 || len(text) != len(parts[0])+len(parts[1])+len(parts[2])+2 {
		return Date{}, dateShape
	}
	if len(parts[2]) == 4 && strings.Count(text, ".") == 2 {
		parts[0], parts[2] = parts[2], parts[0]
	}
	if len(parts[0]) != 4 {
		return Date{}, dateShape
	}
	var n [3]int
	for i, p := range parts {
		if !allDigits(p) || len(p) > 4 || (i > 0 && len(p) > 2) {
			return Date{}, dateShape
		}
		n[i], _ = strconv.Atoi(p)
	}
	d := Date{Year: n[0], Month: time.Month(n[1]), Day: n[2]}
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
	if d.Year < 1 || t.Year() != d.Year || t.Month() != d.Month || t.Day() != d.Day {
		return Date{}, dateCalendar
	}
	return d, dateFine
}

// Get returns a field's value, in the form that [Fields.Set] accepts and [Format] prints (without quotes), and whether
// the field was given. An unknown key was not given.
func (f Fields) Get(key string) (string, bool) {
	row, ok := fieldNamed(key)
	if !ok {
		return "", false
	}
	return row.get(&f)
}

// Set parses text as the value of the field named key, and replaces the field's value. Forms use it, whose inputs are
// one field each. With a mistake, it returns false and does not change the field. The text is plain, not in Slack's
// escaped form. Set does not check rules between fields; [Fields.Settle] does.
func (f *Fields) Set(key, text string) (Mistake, bool) {
	row, ok := fieldNamed(key)
	if !ok {
		return unknownField(key), false
	}
	value, problem := row.read(strings.TrimSpace(printable(text)))
	if problem != nil {
		return problem.mistake(), false
	}
	row.put(f, value)
	return Mistake{}, true
}

// Settle applies the rules between fields and returns a mistake for each contradiction. A fixed term is given by either
// its end or its number of days, and may have a start. Settle sets the period of a fixed term to range.
func (f *Fields) Settle() []Mistake {
	return f.settle(func(key string) bool { _, given := f.Get(key); return given })
}

// settle is Settle with a function that also reports fields whose value was not understood: for "start=2027-01-01
// end=soon", the mistake is "soon", not a missing end.
func (f *Fields) settle(given func(key string) bool) []Mistake {
	var mistakes []Mistake
	report := func(text, sentence, field string) {
		mistakes = append(mistakes, Mistake{Text: text, Sentence: sentence, Field: field})
	}
	term := given("end") || given("days")
	if given("end") && given("days") {
		report("days", "Use `days` or `end`, not both.", "days")
	}
	if f.Days != nil && *f.Days < 1 {
		report("days", "`days` must be at least 1.", "days")
	}
	renews := f.Period != nil && *f.Period != periodRange
	switch {
	case renews && term:
		report("period",
			fmt.Sprintf("A license with `period=%s` renews, so it can't have `end` or `days`. Use one or the other.", *f.Period),
			"period")
	case renews && given("start"):
		report("period", fmt.Sprintf("A license with `period=%s` starts when you buy it, so it can't have `start`. For a "+
			"fixed term, replace `period` with `end` or `days`.",
			*f.Period), "period")
	case given("start") && !term:
		report("start", "`start` needs an end. Add `days=30` or `end=2027-01-31`.", "start")
	case f.Period != nil && !renews && !term:
		report("period", "`period=range` needs an end. Add `days=30` or `end=2027-01-31`.", "period")
	case f.Period == nil && !given("period") && (f.End != nil || f.Days != nil):
		f.Period = ptr(periodRange)
	}
	return mistakes
}

func ptr[T any](v T) *T { return &v }

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
