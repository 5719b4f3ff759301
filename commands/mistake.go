package commands

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Mistake is something in a command that was not understood or cannot be meant.
type Mistake struct {
	Text     string // the piece of the text that it is about, as the sentence shows it; empty when it is about all of it
	Sentence string // one plain sentence for people, with code marked by backticks: "`rma`: did you mean `ram`?"
	Field    string // key of the field that it is about, if that is known
	Nearest  string // the word that was probably meant, if there is one near
}

const (
	// maxText is how many bytes of text are read. Slack's own limit for a command is lower.
	maxText = 16 << 10

	// maxMistakes are told at once; beyond that their number is. A message has its limits, and so have readers.
	maxMistakes = 20

	// maxEcho is how many characters of somebody's text a sentence repeats.
	maxEcho = 40
)

// echo prepares somebody's text for a sentence: in one line, cut, and without the characters by which it could leave
// the code marks or turn into a mention, escaped or not.
func echo(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch r {
		case '`', '<', '>':
			return -1
		}
		return r
	}, printable(text))), " ")
	if utf8.RuneCountInString(text) <= maxEcho {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:maxEcho-1])) + "…"
}

// code marks text as typed. Text of which nothing can be shown is called so, since Slack shows empty marks as they are.
func code(text string) string {
	if text = echo(text); text == "" {
		return "this"
	}
	return "`" + text + "`"
}

// unknownKey says that a word is no key, and which one it may have been. what names what it would be: "field".
func unknownKey(word string, v vocabulary, what string) Mistake {
	m := Mistake{Text: echo(word)}
	if hint, ok := ambiguous[normal(word)]; ok && what == "field" {
		m.Sentence = fmt.Sprintf("%s: %s.", code(word), hint)
	} else if name, ok := v.nearest(word); ok {
		m.Nearest = name
		m.Sentence = fmt.Sprintf("%s: did you mean `%s`?", code(word), name)
	} else if len(v.names) == 1 {
		m.Sentence = fmt.Sprintf("%s is not a %s; the only one is `%s`.", code(word), what, v.names[0])
	} else {
		m.Sentence = fmt.Sprintf("%s is not a %s; there are %s.", code(word), what, enumerate(v.names, "and"))
	}
	return m
}

// ambiguous are words that people write for fields and that may mean several: naming the nearest would be a guess.
var ambiguous = map[string]string{
	"users":   "write `run_limit=30` for how many projects run at the same time, or `user=academic` for the kind of customer",
	"type":    "write `user=academic` for the kind of customer, or `period=yearly` for how it is paid for",
	"size":    "write `ram=16` for memory, `cpu=2` for cores, or `disk=15` for disk space",
	"price":   "the price follows from the other fields; ask for it with `quote ram=16 cpu=2`",
	"license": "to see one license write `show` and its id",
}

// limit cuts a list of mistakes to what can be told at once, and leaves out what was said already.
func limit(mistakes []Mistake) []Mistake {
	seen := make(map[string]bool, len(mistakes))
	kept := mistakes[:0]
	for _, m := range mistakes {
		if !seen[m.Sentence] {
			seen[m.Sentence] = true
			kept = append(kept, m)
		}
	}
	if len(kept) > maxMistakes+1 {
		rest := len(kept) - maxMistakes
		kept = append(kept[:maxMistakes], Mistake{Sentence: fmt.Sprintf("And %d more mistakes.", rest)})
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}
