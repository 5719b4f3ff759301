package commands

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fault says why a text is no value of a field.
type fault struct {
	text     string
	sentence string
	field    string
	nearest  string
	certain  bool // reading fewer words would not help: "16 MB" is a size, and not 16 with something behind it
}

func (f *fault) mistake() Mistake {
	return Mistake{Text: echo(f.text), Sentence: f.sentence, Field: f.field, Nearest: f.nearest}
}

// read turns a text into the field's value in its one proper form, the form that put takes and Format prints.
func (f *field) read(text string) (string, *fault) {
	if f.Kind != KindText {
		text = withoutEnd(folded(text))
	}
	switch f.Kind {
	case KindNumber:
		return f.readNumber(text)
	case KindYesNo:
		return f.readYesNo(text)
	case KindChoice:
		return f.readChoice(text)
	case KindDate:
		return f.readDate(text)
	case KindProject:
		return f.readProject(text)
	}
	if !f.Multiline {
		text = strings.ReplaceAll(text, "\n", " ")
	}
	return text, nil
}

func (f *field) fault(text, format string, args ...any) *fault {
	return &fault{text: text, field: f.Key, sentence: fmt.Sprintf(format, args...)}
}

// sample is the field as a person would write it: ram=16.
func (f *field) sample() string { return f.Key + "=" + f.Example }

// thousands is a number written in groups: 10,000. The comma of "1,5" is none of these.
var thousands = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{3})+$`)

// otherUnits measure what our units measure, in another size. They are refused rather than converted: "512 MB" is no
// whole number of GB, and who writes weeks may mean working days.
var otherUnits = []string{
	"k", "kb", "kib", "m", "mb", "mib", "t", "tb", "tib", "megabyte", "megabytes", "terabyte", "terabytes",
	"h", "hour", "hours", "w", "week", "weeks", "month", "months", "y", "year", "years",
}

func (f *field) readNumber(text string) (string, *fault) {
	end := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789.,", r) })
	if end < 0 {
		end = len(text)
	}
	digits, unit := text[:end], strings.ToLower(strings.TrimSpace(text[end:]))
	if thousands.MatchString(digits) {
		digits = strings.ReplaceAll(digits, ",", "")
	}
	ours := unit == "" || slices.Contains(f.units, unit)
	if allDigits(digits) && !ours && slices.Contains(otherUnits, unit) {
		fault := f.fault(text, "Give `%s` in %s, e.g. `%s`.", f.Key, f.Unit, f.sample())
		fault.certain = true
		return "", fault
	}
	if !allDigits(digits) || !ours {
		return "", f.fault(text, "`%s` must be a whole number, e.g. `%s`.", f.Key, f.sample())
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > math.MaxInt32 {
		return "", f.fault(text, "%s is too large for `%s`.", code(text), f.Key)
	}
	return strconv.Itoa(n), nil
}

func readYesNo(text string) (yes, ok bool) {
	switch normal(text) {
	case "yes", "y", "true", "t", "on", "1":
		return true, true
	case "no", "n", "false", "f", "off", "0":
		return false, true
	}
	return false, false
}

func (f *field) readYesNo(text string) (string, *fault) {
	yes, ok := readYesNo(text)
	if !ok {
		return "", f.fault(text, "`%s` must be yes or no, e.g. `%s`.", f.Key, f.sample())
	}
	return yesNo(yes), nil
}

func (f *field) readChoice(text string) (string, *fault) {
	words := choiceWords()[f.Key]
	if value, ok := words.find(text); ok {
		return value, nil
	}
	if value, ok := words.nearest(text); ok {
		fault := f.fault(text, "`%s` can't be %s. Did you mean `%s=%s`?", f.Key, code(text), f.Key, value)
		fault.nearest = value
		return "", fault
	}
	return "", f.fault(text, "`%s` must be %s.", f.Key, enumerate(words.names, "or"))
}

func (f *field) readDate(text string) (string, *fault) {
	d, fault := readDate(text)
	switch fault {
	case dateFine:
		return d.String(), nil
	case dateCalendar:
		return "", f.fault(text, "`%s` can't be %s: there's no such day.", f.Key, code(text))
	}
	if f.Key == "start" {
		switch normal(text) {
		case "now", "today", "immediately", "asap":
			return "", f.fault(text, "To start as soon as you buy, leave out `start`.")
		}
	}
	return "", f.fault(text, "Write dates as YYYY-MM-DD, e.g. `%s`.", f.sample())
}

func (f *field) readProject(text string) (string, *fault) {
	id, where := findUUID(text)
	switch {
	case where == uuidOfLicense:
		return "", f.fault(text, "That link is for a license. `%s` takes a project's id or link.", f.Key)
	case id != "":
		return id, nil
	case allDigits(text):
		return "", f.fault(text, "`%s` takes a project's id or link. For the number of projects that run at once, use `run_limit=%s`.", f.Key, echo(text))
	}
	return "", f.fault(text, "`%s` takes a project's id or link, e.g. `%s`.", f.Key, f.sample())
}
