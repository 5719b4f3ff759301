package commands

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// valueError is why a text is not a value of a field.
type valueError struct {
	text     string
	sentence string
	field    string
	nearest  string
	certain  bool // whether fewer words can't be a value either: "16 MB" is a size, and not 16 followed by a word
}

func (f *valueError) mistake() Mistake {
	return Mistake{Text: excerpt(f.text), Sentence: f.sentence, Field: f.field, Nearest: f.nearest}
}

// read parses a text as the field's value, and returns it in the form that put accepts and Format prints.
func (f *field) read(text string) (string, *valueError) {
	if f.Kind != KindText {
		text = trimEnd(foldText(text))
	}
	switch f.Kind {
	case KindNumber:
		return f.parseNumber(text)
	case KindYesNo:
		return f.readYesNo(text)
	case KindChoice:
		return f.parseChoice(text)
	case KindDate:
		return f.readDate(text)
	case KindProject:
		return f.parseProject(text)
	case KindText:
	}
	if !f.Multiline {
		text = strings.ReplaceAll(text, "\n", " ")
	}
	return text, nil
}

func (f *field) errorf(text, format string, args ...any) *valueError {
	return &valueError{text: text, field: f.Key, sentence: fmt.Sprintf(format, args...)}
}

// assignment returns an example of the field: ram=16.
func (f *field) assignment() string { return f.Key + "=" + f.Example }

// thousands matches a number in groups of three digits: 10,000, but not 1,5.
var thousands = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{3})+$`)

// otherUnits are units of the same quantities in another size. They are refused rather than converted: 512 MB is not a
// whole number of GB, and weeks may mean working days.
var otherUnits = []string{
	"k", "kb", "kib", "m", "mb", "mib", "t", "tb", "tib", "megabyte", "megabytes", "terabyte", "terabytes",
	"h", "hour", "hours", "w", "week", "weeks", "month", "months", "y", "year", "years",
}

func (f *field) parseNumber(text string) (string, *valueError) {
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
		problem := f.errorf(text, "Give `%s` in %s, e.g. `%s`.", f.Key, f.Unit, f.assignment())
		problem.certain = true
		return "", problem
	}
	if !allDigits(digits) || !ours {
		return "", f.errorf(text, "`%s` must be a whole number, e.g. `%s`.", f.Key, f.assignment())
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > math.MaxInt32 {
		return "", f.errorf(text, "%s is too large for `%s`.", codeSpan(text), f.Key)
	}
	return strconv.Itoa(n), nil
}

func readYesNo(text string) (yes, ok bool) {
	switch canonical(text) {
	case "yes", "y", "true", "t", "on", "1":
		return true, true
	case "no", "n", "false", "f", "off", "0":
		return false, true
	}
	return false, false
}

func (f *field) readYesNo(text string) (string, *valueError) {
	yes, ok := readYesNo(text)
	if !ok {
		return "", f.errorf(text, "`%s` must be yes or no, e.g. `%s`.", f.Key, f.assignment())
	}
	return yesNo(yes), nil
}

func (f *field) parseChoice(text string) (string, *valueError) {
	words := choiceWords()[f.Key]
	if value, ok := words.find(text); ok {
		return value, nil
	}
	if value, ok := words.nearest(text); ok {
		problem := f.errorf(text, "`%s` can't be %s. Did you mean `%s=%s`?", f.Key, codeSpan(text), f.Key, value)
		problem.nearest = value
		return "", problem
	}
	return "", f.errorf(text, "`%s` must be %s.", f.Key, enumerate(words.names, "or"))
}

func (f *field) readDate(text string) (string, *valueError) {
	d, problem := readDate(text)
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
