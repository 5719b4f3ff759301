package commands

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Fields holds what was said about a license; nil means that it was not said. The words of Uptime, User and Period
// are CoCalc's own (uptime short, medium, day, always_running; user academic, business; period monthly, yearly,
// range). Numbers are not negative and fit an int32; their bounds are checked elsewhere.
type Fields struct {
	RAM, CPU, Disk, RunLimit            *int // GB, cores, GB, projects
	Member, Boost                       *bool
	Uptime, User, Period                *string
	Title, Description, Reason, Project *string // Project is a uuid in lower case
	Start, End                          *Date
	Days                                *int
}

// Date is a day of the calendar, in no time zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String prints the date as it is typed: 2027-01-31.
func (d Date) String() string {
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// ParseDate reads a date with its year first (2027-01-31, also with "/" or "." between the numbers) or, with dots, with
// its day first (31.1.2027). Digits and dashes may be of any script. It returns false for everything else, also for
// 1/2/2027, which is a day in January or in February depending on the country, and for days that the calendar lacks.
func ParseDate(text string) (Date, bool) {
	d, fault := readDate(text)
	return d, fault == dateFine
}

type dateFault int

const (
	dateFine dateFault = iota
	dateShape
	dateCalendar
)

func readDate(text string) (Date, dateFault) {
	text = strings.ReplaceAll(folded(text), ". ", ".")
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

// Get returns a field's value as [Set] takes it and [Format] prints it (without quotes), and whether it was said.
// Unknown keys were never said.
func (f Fields) Get(key string) (string, bool) {
	row, ok := fieldNamed(key)
	if !ok {
		return "", false
	}
	return row.get(&f)
}

// Set reads one value into the field named key, as the parser does it, and replaces what was there: for forms, where
// every input is one field. A mistake leaves the field as it was. The text is plain, not in Slack's escaped form.
// Rules between fields are [Fields.Settle]'s.
func (f *Fields) Set(key, text string) (Mistake, bool) {
	row, ok := fieldNamed(key)
	if !ok {
		return unknownField(key), false
	}
	value, fault := row.read(strings.TrimSpace(printable(text)))
	if fault != nil {
		return fault.mistake(), false
	}
	row.put(f, value)
	return Mistake{}, true
}

// Settle applies the rules between fields and returns what contradicts them. A fixed term is said by its end or by
// its number of days, one of them; it may have a start; and it makes the period a range.
func (f *Fields) Settle() []Mistake {
	return f.settle(func(key string) bool { _, said := f.Get(key); return said })
}

// settle is Settle where said also knows the fields whose value was not understood: who wrote "start=2027-01-01
// end=soon" has to hear about "soon", not that an end is missing.
func (f *Fields) settle(said func(key string) bool) []Mistake {
	var mistakes []Mistake
	wrong := func(text, sentence, field string) {
		mistakes = append(mistakes, Mistake{Text: text, Sentence: sentence, Field: field})
	}
	term := said("end") || said("days")
	if said("end") && said("days") {
		wrong("days", "Use `days` or `end`, not both.", "days")
	}
	if f.Days != nil && *f.Days < 1 {
		wrong("days", "`days` must be at least 1.", "days")
	}
	renews := f.Period != nil && *f.Period != periodRange
	switch {
	case renews && term:
		wrong("period", fmt.Sprintf("A license with `period=%s` renews, so it can't have `end` or `days`. Use one or the other.", *f.Period), "period")
	case renews && said("start"):
		wrong("period", fmt.Sprintf("A license with `period=%s` starts when you buy it, so it can't have `start`. For a fixed term, replace `period` with `end` or `days`.",
			*f.Period), "period")
	case said("start") && !term:
		wrong("start", "`start` needs an end. Add `days=30` or `end=2027-01-31`.", "start")
	case f.Period != nil && !renews && !term:
		wrong("period", "`period=range` needs an end. Add `days=30` or `end=2027-01-31`.", "period")
	case f.Period == nil && !said("period") && (f.End != nil || f.Days != nil):
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
