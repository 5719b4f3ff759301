package commands

import (
	"fmt"
	"slices"
	"strings"
)

// ParseFields reads fields without a command, as the setting for a team's defaults holds them: "user=academic
// uptime=short". It returns what was understood, and what was not.
func ParseFields(text string) (Fields, []Mistake) {
	text, tooLong := readable(text)
	fields, mistakes := parseFields(text)
	return fields, limit(append(tooLong, mistakes...))
}

// parseFields is ParseFields for cleaned text.
func parseFields(text string) (Fields, []Mistake) {
	words := fieldWords()
	p := fieldParser{said: map[string]string{}, meant: map[string]bool{}}
	for _, piece := range scan(text, words.knows) {
		p.piece(piece)
	}
	settled := p.fields.settle(func(key string) bool { return p.said[key] != "" || p.meant[key] })
	return p.fields, append(p.mistakes, settled...)
}

type fieldParser struct {
	fields   Fields
	said     map[string]string // key of a field to the word that said it, also when its value was not understood
	meant    map[string]bool   // keys of fields that were probably meant by words that are none
	mistakes []Mistake
}

func (p *fieldParser) wrong(m Mistake) { p.mistakes = append(p.mistakes, m) }

// piece reads one key with its words. Words that are left over get a sentence of their own.
func (p *fieldParser) piece(pc piece) {
	var open *word
	if pc.open {
		last := len(pc.words) - 1
		open, pc.words = &pc.words[last], pc.words[:last]
	}
	switch {
	case pc.key == "":
		p.stray(pc.words)
	case p.negated(pc):
	default:
		p.field(pc)
	}
	if open != nil {
		p.wrong(unclosed(open.text))
	}
}

func (p *fieldParser) field(pc piece) {
	row, known := fieldNamed(pc.key)
	if !known {
		m := unknownField(pc.key)
		p.wrong(m)
		if m.Nearest == "" {
			if _, hinted := ambiguous[normal(pc.key)]; !hinted {
				p.wrong(theFields())
			}
			// How many of the words belonged to it is unknown; the first one did.
			p.stray(pc.words[min(1, len(pc.words)):])
			return
		}
		// Read as the field that was probably meant, so that mistakes in its value are told as well; kept it is not.
		row, _ = fieldNamed(m.Nearest)
		p.meant[row.Key] = true
		_, rest, _ := p.value(row, pc)
		p.leftOver(row, pc.words, rest)
		return
	}
	first := p.saidOnce(row, pc.key)
	value, rest, ok := p.value(row, pc)
	if ok && first {
		row.put(&p.fields, value)
	}
	p.leftOver(row, pc.words, rest)
}

// saidOnce notes that a word names a field, and says false, with a sentence, when the field was named before.
func (p *fieldParser) saidOnce(row *field, word string) bool {
	before, twice := p.said[row.Key]
	if !twice {
		p.said[row.Key] = word
		return true
	}
	m := Mistake{Text: echo(word), Field: row.Key}
	if normal(before) == normal(word) {
		m.Sentence = fmt.Sprintf("%s appears twice. Use it once.", code(word))
	} else {
		m.Sentence = fmt.Sprintf("%s and %s are the same field. Use one.", code(before), code(word))
	}
	p.wrong(m)
	return false
}

// negated reads "--no-boost", which needs no value.
func (p *fieldParser) negated(pc piece) bool {
	name, no := strings.CutPrefix(strings.ToLower(pc.key), "no-")
	if !pc.dashed || pc.marked || !no {
		return false
	}
	row, known := fieldNamed(name)
	if !known || row.Kind != KindYesNo {
		return false
	}
	if p.saidOnce(row, pc.key) {
		row.put(&p.fields, "no")
	}
	p.stray(pc.words)
	return true
}

// value reads the value of a field from the words of its piece, as many of them as make sense together ("16 GB",
// "per month", "always running"), and returns the words that are left.
func (p *fieldParser) value(row *field, pc piece) (value string, rest []word, ok bool) {
	words := pc.words
	if pc.dashed && !pc.marked && row.Kind == KindYesNo {
		if len(words) > 0 {
			if yes, ok := readYesNo(words[0].text); ok {
				return yesNo(yes), words[1:], true
			}
		}
		return "yes", words, true
	}
	if len(words) == 0 {
		if !pc.open {
			p.wrong(Mistake{Text: echo(pc.key), Field: row.Key, Sentence: missing(pc.key, row)})
		}
		return "", nil, false
	}
	value, n, fault := row.readWords(words)
	if fault != nil {
		p.wrong(fault.mistake())
		return "", words[n:], false
	}
	return value, words[n:], true
}

// readWords reads a value from the first words, the most that make one, and says how many those are.
func (f *field) readWords(words []word) (value string, n int, problem *fault) {
	if f.Kind == KindText {
		value, problem = f.read(words[0].text)
		return value, 1, problem
	}
	for n = min(3, len(words)); n > 0; n-- {
		value, problem = f.read(join(words[:n]))
		if problem == nil || problem.certain || n == 1 {
			break
		}
	}
	return value, n, problem
}

// leftOver says what is wrong with words behind a value. Behind a text without quotes they were surely meant to
// belong to it.
func (p *fieldParser) leftOver(row *field, words, rest []word) {
	if !slices.ContainsFunc(rest, func(w word) bool { return !w.isMarks() }) {
		return
	}
	if row.Kind == KindText && !words[0].quoted {
		text := echo(join(words))
		p.wrong(Mistake{Text: text, Field: row.Key, Sentence: fmt.Sprintf(
			"Put text that contains spaces in quotes: `%s=\"%s\"`.", row.Key, strings.ReplaceAll(text, `"`, ""))})
		return
	}
	p.stray(rest)
}

// stray reports the words that belong to no key. It names a field or a choice among them with the way to write it.
// Marks between fields are accepted.
func (p *fieldParser) stray(words []word) {
	var nobodys []word
	flush := func() {
		if len(nobodys) > 0 {
			text := join(nobodys)
			p.wrong(Mistake{Text: echo(text), Sentence: fmt.Sprintf("I couldn't read %s. Write fields as `ram=16 cpu=2`.", code(text))})
			nobodys = nil
		}
	}
	for len(words) > 0 {
		if words[0].isMarks() {
			words = words[1:]
			continue
		}
		if m, n := strayField(words); n > 0 {
			flush()
			p.wrong(m)
			words = words[n:]
			continue
		}
		nobodys = append(nobodys, words[0])
		words = words[1:]
	}
	flush()
}

// strayField looks for a field ("ram 16", "ram") or one of its choices ("yearly") at the beginning of stray words,
// and says how many of them it is about.
func strayField(words []word) (Mistake, int) {
	if words[0].quoted {
		return Mistake{}, 0
	}
	name := withoutEnd(words[0].text)
	row, known := fieldNamed(name)
	if !known {
		for i := range fieldTable {
			key := fieldTable[i].Key
			if value, ok := choiceWords()[key].find(name); ok {
				return Mistake{Text: echo(name), Field: key, Nearest: value, Sentence: fmt.Sprintf(
					"Write `%s=%s` instead of %s.", key, value, code(name))}, 1
			}
		}
		return Mistake{}, 0
	}
	if len(words) > 1 && row.Kind != KindText {
		if value, n, fault := row.readWords(words[1:]); fault == nil {
			text := join(words[:1+n])
			return Mistake{Text: echo(text), Field: row.Key, Nearest: row.Key, Sentence: fmt.Sprintf(
				"Write `%s=%s` instead of %s.", row.Key, value, code(text))}, 1 + n
		}
	}
	return Mistake{Text: echo(name), Field: row.Key, Sentence: missing(name, row)}, 1
}

func unclosed(text string) Mistake {
	return Mistake{Text: echo(text), Sentence: fmt.Sprintf("Close the quote that starts with %s.", code(text))}
}

func missing(key string, row *field) string {
	return fmt.Sprintf("%s needs a value, e.g. `%s`.", code(key), row.sample())
}

func join(words []word) string {
	if len(words) == 1 {
		return words[0].text
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return strings.Join(texts, " ")
}
