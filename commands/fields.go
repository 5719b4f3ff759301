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
	value, problem := row.parseValue(strings.TrimSpace(printable(text)))
	if problem != nil {
		return problem.Mistake, false
	}
	row.put(f, value)
	return Mistake{}, true
}

// Settle applies the rules between fields and returns a mistake for each contradiction. A fixed term is given by either
// its end or its number of days, and may have a start. Settle sets the period of a fixed term to range.
func (f *Fields) Settle() []Mistake {
	return f.settle(func(key string) bool { _, given := f.Get(key); return given })
}

func ptr[T any](v T) *T { return &v }

// valueError is the mistake in a text that is not a value of a field.
type valueError struct {
	Mistake
	certain bool // whether fewer words can't be a value either: "16 MB" is a size, and not 16 followed by a word
}

func (f *field) errorf(text, format string, args ...any) *valueError {
	m := mistakef(text, format, args...)
	m.Field = f.Key
	return &valueError{Mistake: m}
}

// assignment returns an example of the field: ram=16.
func (f *field) assignment() string { return f.Key + "=" + f.Example }

func (f *field) parseYesNo(text string) (string, *valueError) {
	if value, ok := yesNoWords().find(text); ok {
		return value, nil
	}
	return "", f.errorf(text, "`%s` must be yes or no, e.g. `%s`.", f.Key, f.assignment())
}

func (f *field) parseChoice(text string) (string, *valueError) {
	words := choiceWords()[f.Key]
	if value, ok := words.find(text); ok {
		return value, nil
	}
	if value, ok := words.nearest(text); ok {
		problem := f.errorf(text, "`%s` can't be %s. Did you mean `%s=%s`?", f.Key, codeSpan(text), f.Key, value)
		problem.Nearest = value
		return "", problem
	}
	return "", f.errorf(text, "`%s` must be %s.", f.Key, enumerate(words.names, "or"))
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
	d, problem := parseDate(text)
	return d, problem == dateFine
}

type dateFault int

const (
	dateFine dateFault = iota
	dateShape
	dateCalendar
)

func parseDate(text string) (Date, dateFault) {
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

func (f *field) parseDate(text string) (string, *valueError) {
	d, problem := parseDate(text)
	switch problem {
	case dateFine:
		return d.String(), nil
	case dateCalendar:
		return "", f.errorf(text, "`%s` can't be %s: there's no such day.", f.Key, codeSpan(text))
	case dateShape:
	}
	if f.Key == "start" {
		switch canonical(text) {
		case "now", "today", "immediately", "asap":
			return "", f.errorf(text, "To start as soon as you buy, leave out `start`.")
		}
	}
	return "", f.errorf(text, "Write dates as YYYY-MM-DD, e.g. `%s`.", f.assignment())
}

func (f *field) parseProject(text string) (string, *valueError) {
	id, where := findUUID(text)
	switch {
	case where == uuidOfLicense:
		return "", f.errorf(text, "That link is for a license. `%s` takes a project's id or link.", f.Key)
	case id != "":
		return id, nil
	case allDigits(text):
		return "",
			f.errorf(text,
				"`%s` takes a project's id or link. For the number of projects that run at once, use `run_limit=%s`.", f.Key,
				excerpt(text))
	}
	return "", f.errorf(text, "`%s` takes a project's id or link, e.g. `%s`.", f.Key, f.assignment())
}
