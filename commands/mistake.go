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

	// maxEcho is how many characters of people's text a sentence repeats.
	maxEcho = 40
)

// echo prepares people's text for a sentence: in one line, shortened, and without the characters by which it could
// leave the code marks or become a mention, escaped or not.
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

// unknownCommand returns the mistake of a word that is not a command, with what exists instead.
func unknownCommand(word string) Mistake {
	m := Mistake{Text: echo(word)}
	if there, ok := elsewhere[normal(withoutEnd(word))]; ok {
		m.Sentence = there
	} else if name, ok := commandWords().nearest(word); ok {
		m.Nearest, m.Sentence = name, fmt.Sprintf("I don't know `/license %s`. Did you mean `/license %s`?", echo(word), name)
	} else if text := echo(word); text != "" {
		m.Sentence = fmt.Sprintf("I don't know `/license %s`. Try `/license help`.", text)
	} else {
		m.Sentence = "I couldn't read this. Try `/license help`."
	}
	return m
}

// unknownField returns the mistake of a word that is not a field, with the one that was probably meant.
func unknownField(word string) Mistake {
	m := Mistake{Text: echo(word)}
	if hint, ok := ambiguous[normal(word)]; ok {
		m.Sentence = hint
	} else if name, ok := fieldWords().nearest(word); ok {
		m.Nearest, m.Sentence = name, fmt.Sprintf("%s isn't a field. Did you mean `%s`?", code(word), name)
	} else {
		m.Sentence = fmt.Sprintf("%s isn't a field.", code(word))
	}
	return m
}

// theFields lists the fields, once for all unknown words.
func theFields() Mistake {
	return Mistake{Sentence: fmt.Sprintf("The fields are %s.", enumerate(fieldWords().names, "and"))}
}

const noGPU = "CoCalc licenses have no GPU. Leave it out."

// ambiguous are words that are not fields, or may mean several: naming the nearest field would be a guess.
var ambiguous = map[string]string{
	"users":    "`users` isn't a field. Use `run_limit=30` for the projects that run at once, or `user=academic` for the discount.",
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
	onRenewals = "Monthly and yearly licenses renew on their own. To extend a fixed term, find it with `/license list all` and click Buy another like this."
	onExports  = "There's no export in Slack. `/license history` shows purchases, and your admins can export them."
	onPersons  = "I can't filter by person. `/license history` lists purchases, and `/license budget` shows spending."
	onChanges  = "A license can't be changed after it's bought. Buy another one with `/license buy`, or change it on CoCalc."
	onRefunds  = "I can't refund purchases. Ask the support of your CoCalc server."
	onEndings  = "To stop a license from renewing, cancel its subscription on CoCalc. `/license cancel` is for orders that aren't paid yet."
	onBalances = "I can't change or show the CoCalc account's credit. `/license budget` shows what your team spent and what's left."
)

// elsewhere are words that people try as commands, with the commands that exist for them.
var elsewhere = map[string]string{
	"renew": onRenewals, "renewal": onRenewals, "extend": onRenewals, "prolong": onRenewals,
	"export": onExports, "csv": onExports, "download": onExports, "report": onExports, "invoice": onExports,
	"mine": onPersons, "my": onPersons, "me": onPersons,
	"edit": onChanges, "change": onChanges, "update": onChanges, "upgrade": onChanges,
	"refund":      onRefunds,
	"unsubscribe": onEndings, "delete": onEndings, "remove": onEndings,
	"balance": onBalances, "credit": onBalances, "topup": onBalances, "pay": onBalances,
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
		kept = append(kept[:maxMistakes], Mistake{Sentence: fmt.Sprintf("There are %d more.", rest)})
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}
