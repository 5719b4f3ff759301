package commands

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ParseFields parses fields without a command, such as a team's defaults: "user=academic uptime=short". It returns the
// fields that were understood, and the mistakes, as [Parse] does.
func ParseFields(text string) (Fields, []Mistake) {
	text, tooLong := normalizeText(text)
	fields, mistakes := parseFields(text)
	return fields, limitMistakes(append(tooLong, mistakes...))
}

// parseFields is ParseFields for a normalized text.
func parseFields(text string) (Fields, []Mistake) {
	words := fieldWords()
	p := fieldParser{given: map[string]string{}, guessed: map[string]bool{}}
	for _, token := range scan(text, words.knows) {
		p.parseToken(token)
	}
	settled := p.fields.settle(func(key string) bool { return p.given[key] != "" || p.guessed[key] })
	return p.fields, append(p.mistakes, settled...)
}

type fieldParser struct {
	fields   Fields
	given    map[string]string // key of a field to the word for it, also if its value was not understood
	guessed  map[string]bool   // keys of fields that were probably meant by unknown words
	mistakes []Mistake
}

func (p *fieldParser) report(m Mistake) { p.mistakes = append(p.mistakes, m) }

// parseToken parses one key with its words, and reports the words that are not part of its value.
func (p *fieldParser) parseToken(tok token) {
	var open *word
	if tok.open {
		last := len(tok.words) - 1
		open, tok.words = &tok.words[last], tok.words[:last]
	}
	switch {
	case tok.key == "":
		p.reportStray(tok.words)
	case p.parseNegated(tok):
	default:
		p.parseField(tok)
	}
	if open != nil {
		p.report(unterminatedQuote(open.text))
	}
}

func (p *fieldParser) parseField(tok token) {
	row, known := fieldNamed(tok.key)
	if !known {
		m := unknownField(tok.key)
		p.report(m)
		if m.Nearest == "" {
			if _, hinted := fieldHints[canonical(tok.key)]; !hinted {
				p.report(listOfFields())
			}
			// How many of the words are its value is unknown; the first one is.
			p.reportStray(tok.words[min(1, len(tok.words)):])
			return
		}
		// Parse the value for the field that was probably meant, so that its mistakes are reported too, but don't store it.
		row, _ = fieldNamed(m.Nearest)
		p.guessed[row.Key] = true
		_, rest, _ := p.parseValue(row, tok)
		p.reportRest(row, tok.words, rest)
		return
	}
	first := p.markGiven(row, tok.key)
	value, rest, ok := p.parseValue(row, tok)
	if ok && first {
		row.put(&p.fields, value)
	}
	p.reportRest(row, tok.words, rest)
}

// markGiven records that a word names a field. It reports a mistake and returns false if the field was named before.
func (p *fieldParser) markGiven(row *field, word string) bool {
	before, twice := p.given[row.Key]
	if !twice {
		p.given[row.Key] = word
		return true
	}
	m := Mistake{Text: excerpt(word), Field: row.Key}
	if canonical(before) == canonical(word) {
		m.Sentence = fmt.Sprintf("%s appears twice. Use it once.", codeSpan(word))
	} else {
		m.Sentence = fmt.Sprintf("%s and %s are the same field. Use one.", codeSpan(before), codeSpan(word))
	}
	p.report(m)
	return false
}

// parseNegated parses "--no-boost", which needs no value.
func (p *fieldParser) parseNegated(tok token) bool {
	name, negated := strings.CutPrefix(strings.ToLower(tok.key), "no-")
	if !tok.dashed || tok.assigned || !negated {
		return false
	}
	row, known := fieldNamed(name)
	if !known || row.Kind != KindYesNo {
		return false
	}
	if p.markGiven(row, tok.key) {
		row.put(&p.fields, no)
	}
	p.reportStray(tok.words)
	return true
}

// parseValue parses the value of a field from the first words of its token, as many as form a value ("16 GB", "per
// month", "always running"), and returns the other words.
func (p *fieldParser) parseValue(row *field, tok token) (value string, rest []word, ok bool) {
	words := tok.words
	if tok.dashed && !tok.assigned && row.Kind == KindYesNo {
		if len(words) > 0 {
			if value, ok := yesNoWords().find(words[0].text); ok {
				return value, words[1:], true
			}
		}
		return yes, words, true
	}
	if len(words) == 0 {
		if !tok.open {
			p.report(Mistake{Text: excerpt(tok.key), Field: row.Key, Sentence: missingValue(tok.key, row)})
		}
		return "", nil, false
	}
	value, n, problem := row.parseWords(words)
	if problem != nil {
		p.report(problem.Mistake)
		return "", words[n:], false
	}
	return value, words[n:], true
}

// parseWords parses a value from as many of the first words as form one, and returns their number.
func (f *field) parseWords(words []word) (value string, n int, problem *valueError) {
	if f.Kind == KindText {
		value, problem = f.parseValue(words[0].text)
		return value, 1, problem
	}
	for n = min(3, len(words)); n > 0; n-- {
		value, problem = f.parseValue(joinWords(words[:n]))
		if problem == nil || problem.certain || n == 1 {
			break
		}
	}
	return value, n, problem
}

// parseValue parses a text as the field's value, and returns it in the form that put accepts and Format prints.
func (f *field) parseValue(text string) (string, *valueError) {
	if f.Kind != KindText {
		text = trimEnd(foldText(text))
	}
	switch f.Kind {
	case KindNumber:
		return f.parseNumber(text)
	case KindYesNo:
		return f.parseYesNo(text)
	case KindChoice:
		return f.parseChoice(text)
	case KindDate:
		return f.parseDate(text)
	case KindProject:
		return f.parseProject(text)
	case KindText:
	}
	if !f.Multiline {
		text = strings.ReplaceAll(text, "\n", " ")
	}
	return text, nil
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

// thousands matches a number in groups of three digits: 10,000, but not 1,5.
var thousands = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{3})+$`)

// otherUnits are units of the same quantities in another size. They are refused rather than converted: 512 MB is not a
// whole number of GB, and weeks may mean working days.
var otherUnits = []string{
	"k", "kb", "kib", "m", "mb", "mib", "t", "tb", "tib", "megabyte", "megabytes", "terabyte", "terabytes",
	"h", "hour", "hours", "w", "week", "weeks", "month", "months", "y", "year", "years",
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// reportRest reports words after a value. After a text without quotes, they were meant to belong to it.
func (p *fieldParser) reportRest(row *field, words, rest []word) {
	if !slices.ContainsFunc(rest, func(w word) bool { return !w.isPunctuation() }) {
		return
	}
	if row.Kind == KindText && !words[0].quoted {
		text := excerpt(joinWords(words))
		p.report(Mistake{Text: text, Field: row.Key, Sentence: fmt.Sprintf(
			"Put text that contains spaces in quotes: `%s=\"%s\"`.", row.Key, strings.ReplaceAll(text, `"`, ""))})
		return
	}
	p.reportStray(rest)
}

// reportStray reports words that belong to no key. For a field or a choice among them, it says how to write it. It
// accepts punctuation between fields.
func (p *fieldParser) reportStray(words []word) {
	var unattributed []word
	flush := func() {
		if len(unattributed) > 0 {
			text := joinWords(unattributed)
			p.report(mistakef(text, "I couldn't read %s. Write fields as `ram=16 cpu=2`.", codeSpan(text)))
			unattributed = nil
		}
	}
	for len(words) > 0 {
		if words[0].isPunctuation() {
			words = words[1:]
			continue
		}
		if m, n := suggestField(words); n > 0 {
			flush()
			p.report(m)
			words = words[n:]
			continue
		}
		unattributed = append(unattributed, words[0])
		words = words[1:]
	}
	flush()
}

func joinWords(words []word) string {
	if len(words) == 1 {
		return words[0].text
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return strings.Join(texts, " ")
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

// fieldNamed returns the field with a name or alias.
func fieldNamed(word string) (*field, bool) {
	name, ok := fieldWords().find(word)
	if !ok {
		return nil, false
	}
	for i := range fieldTable {
		if fieldTable[i].Key == name {
			return &fieldTable[i], true
		}
	}
	return nil, false
}

// put stores a value that read returned.
func (f *field) put(fields *Fields, value string) {
	switch at := f.at(fields).(type) {
	case **int:
		n, _ := strconv.Atoi(value)
		*at = &n
	case **bool:
		*at = ptr(value == yes)
	case **string:
		*at = &value
	case **Date:
		d, _ := ParseDate(value)
		*at = &d
	}
}
