package commands

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Mistake is a part of a command that was not understood or contradicts another part.
type Mistake struct {
	Text     string // the part of the text, as the sentence shows it; empty if the mistake is about all of it
	Sentence string // a sentence for people, with code in backticks: "`rma` isn't a field. Did you mean `ram`?"
	Field    string // key of the field; empty if it is not known
	Nearest  string // the word that was probably meant; empty if none is similar
}

const (
	// maxText is how many bytes of a text are parsed. Slack's limit for a command is lower.
	maxText = 16 << 10

	// maxMistakes is how many mistakes are returned; one more says how many were left out. A message has its limits, and
	// so have readers.
	maxMistakes = 20

	// maxExcerpt is how many characters of a text a sentence repeats.
	maxExcerpt = 40
)

// excerpt returns a text for use in a sentence: in one line, shortened, and without the characters with which it could
// end a code span or become a mention, escaped or not.
func excerpt(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch r {
		case '`', '<', '>':
			return -1
		}
		return r
	}, printable(text))), " ")
	if utf8.RuneCountInString(text) <= maxExcerpt {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:maxExcerpt-1])) + "…"
}

// codeSpan returns a text as a code span, or "this" if nothing of it can be shown: Slack shows an empty span as
// backticks.
func codeSpan(text string) string {
	if text = excerpt(text); text == "" {
		return "this"
	}
	return "`" + text + "`"
}

// unknownCommand returns the mistake for a word that is not a command, with the command to use instead.
func unknownCommand(word string) Mistake {
	m := Mistake{Text: excerpt(word)}
	if there, ok := otherCommands[canonical(trimEnd(word))]; ok {
		m.Sentence = there
	} else if name, ok := commandWords().nearest(word); ok {
		m.Nearest, m.Sentence = name, fmt.Sprintf("I don't know `/license %s`. Did you mean `/license %s`?", excerpt(word),
			name)
	} else if text := excerpt(word); text != "" {
		m.Sentence = fmt.Sprintf("I don't know `/license %s`. Try `/license help`.", text)
	} else {
		m.Sentence = "I couldn't read this. Try `/license help`."
	}
	return m
}

// unknownField returns the mistake for a word that is not a field, with the field that was probably meant.
func unknownField(word string) Mistake {
	m := Mistake{Text: excerpt(word)}
	if hint, ok := fieldHints[canonical(word)]; ok {
		m.Sentence = hint
	} else if name, ok := fieldWords().nearest(word); ok {
		m.Nearest, m.Sentence = name, fmt.Sprintf("%s isn't a field. Did you mean `%s`?", codeSpan(word), name)
	} else {
		m.Sentence = fmt.Sprintf("%s isn't a field.", codeSpan(word))
	}
	return m
}

// listOfFields returns a mistake that lists the fields; it is given once for all unknown words.
func listOfFields() Mistake {
	return Mistake{Sentence: fmt.Sprintf("The fields are %s.", enumerate(fieldWords().names, "and"))}
}

const noGPU = "CoCalc licenses have no GPU. Leave it out."

// fieldHints are sentences for words that are not fields or may mean several, where the nearest field would be a guess.
var fieldHints = map[string]string{
	"users": "`users` isn't a field. Use `run_limit=30` for the projects that run at once, or `user=academic` for the " +
		"discount.",
	"type":     "`type` isn't a field. Use `user=academic` for the discount, or `period=yearly` for the billing period.",
	"size":     "`size` isn't a field. Use `ram=16` for memory, `cpu=2` for cores and `disk=15` for disk space.",
	"price":    "You can't set the price. To see it, use `/license quote ram=16 cpu=2`.",
	"license":  "To see a license, use `/license show` and its id.",
	"gpu":      noGPU,
	"gpus":     noGPU,
	"cuda":     noGPU,
	"graphics": noGPU,
}

const (
	onRenewals = "Monthly and yearly licenses renew on their own. To extend a fixed term, find it with `/license list " +
		"all` and click Buy another like this."
	onExports = "There's no export in Slack. `/license history` shows purchases, and your admins can export them."
	onPersons = "I can't filter by person. `/license history` lists purchases, and `/license budget` shows spending."
	onChanges = "A license can't be changed after it's bought. Buy another one with `/license buy`, or change it on " +
		"CoCalc."
	onRefunds = "I can't refund purchases. Ask the support of your CoCalc server."
	onEndings = "To stop a license from renewing, cancel its subscription on CoCalc. `/license cancel` is for orders " +
		"that aren't paid yet."
	onBalances = "I can't change or show the CoCalc account's credit. `/license budget` shows what your team spent and " +
		"what's left."
)

// otherCommands are sentences for words that people try as commands, with the commands to use instead.
var otherCommands = map[string]string{
	"renew": onRenewals, "renewal": onRenewals, "extend": onRenewals, "prolong": onRenewals,
	"export": onExports, "csv": onExports, "download": onExports, "report": onExports, "invoice": onExports,
	"mine": onPersons, "my": onPersons, "me": onPersons,
	"edit": onChanges, "change": onChanges, "update": onChanges, "upgrade": onChanges,
	"refund":      onRefunds,
	"unsubscribe": onEndings, "delete": onEndings, "remove": onEndings,
	"balance": onBalances, "credit": onBalances, "topup": onBalances, "pay": onBalances,
}

// limitMistakes removes repeated mistakes, and shortens the list to maxMistakes.
func limitMistakes(mistakes []Mistake) []Mistake {
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
		kept = append(kept[:maxMistakes], Mistake{Sentence: fmt.Sprintf("There are %d more.", rest)})
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}
