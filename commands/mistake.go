package commands

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
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

// mistakef returns a mistake in a part of the text, with a formatted sentence.
func mistakef(text, format string, args ...any) Mistake {
	return Mistake{Text: excerpt(text), Sentence: fmt.Sprintf(format, args...)}
}

// near returns the mistake with the word that was probably meant.
func (m Mistake) near(word string) Mistake {
	m.Nearest = word
	return m
}

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
	text := excerpt(word)
	if there, ok := otherCommands[canonical(trimEnd(word))]; ok {
		return mistakef(word, "%s", there)
	}
	if name, ok := commandWords().nearest(word); ok {
		return mistakef(word, "I don't know `/license %s`. Did you mean `/license %s`?", text, name).near(name)
	}
	if text != "" {
		return mistakef(word, "I don't know `/license %s`. Try `/license help`.", text)
	}
	return mistakef(word, "I couldn't read this. Try `/license help`.")
}

// unknownField returns the mistake for a word that is not a field, with the field that was probably meant.
func unknownField(word string) Mistake {
	if hint, ok := fieldHints[canonical(word)]; ok {
		return mistakef(word, "%s", hint)
	}
	if name, ok := fieldWords().nearest(word); ok {
		return mistakef(word, "%s isn't a field. Did you mean `%s`?", codeSpan(word), name).near(name)
	}
	return mistakef(word, "%s isn't a field.", codeSpan(word))
}

// listOfFields returns a mistake that lists the fields; it is given once for all unknown words.
func listOfFields() Mistake {
	return mistakef("", "The fields are %s.", enumerate(fieldWords().names, "and"))
}

// suggestField returns a mistake for a field ("ram 16", "ram") or a choice ("yearly") at the beginning of words that
// belong to no key, and the number of words that it is about; 0 if they begin with neither.
func suggestField(words []word) (Mistake, int) {
	if words[0].quoted {
		return Mistake{}, 0
	}
	name := trimEnd(words[0].text)
	row, known := fieldNamed(name)
	if !known {
		for i := range fieldTable {
			key := fieldTable[i].Key
			if value, ok := choiceWords()[key].find(name); ok {
				return Mistake{Text: excerpt(name), Field: key, Nearest: value, Sentence: fmt.Sprintf(
					"Write `%s=%s` instead of %s.", key, value, codeSpan(name))}, 1
			}
		}
		return Mistake{}, 0
	}
	if len(words) > 1 && row.Kind != KindText {
		if value, n, problem := row.parseWords(words[1:]); problem == nil {
			text := joinWords(words[:1+n])
			return Mistake{Text: excerpt(text), Field: row.Key, Nearest: row.Key, Sentence: fmt.Sprintf(
				"Write `%s=%s` instead of %s.", row.Key, value, codeSpan(text))}, 1 + n
		}
	}
	return Mistake{Text: excerpt(name), Field: row.Key, Sentence: missingValue(name, row)}, 1
}

func unterminatedQuote(text string) Mistake {
	return mistakef(text, "Close the quote that starts with %s.", codeSpan(text))
}

func missingValue(key string, row *field) string {
	return fmt.Sprintf("%s needs a value, e.g. `%s`.", codeSpan(key), row.assignment())
}

// nearest returns the name that was probably meant by an unknown word; ok is false if no name is similar enough to
// suggest.
func (v vocabulary) nearest(word string) (string, bool) {
	word = canonical(word)
	length := utf8.RuneCountInString(word)
	if length < 2 || length > maxWord {
		return "", false
	}
	best, name := 1+max(1, length/3), ""
	for _, w := range v.words {
		if len(w) <= 2 {
			continue // every short word is similar to them
		}
		if d := distance(word, w); d < best {
			best, name = d, v.byWord[w]
		}
	}
	return name, name != ""
}

// maxWord is the length of the longest word that is compared; mistyped words are shorter.
const maxWord = 24

// distance returns the number of typing errors between a typed word and a correct one. Unlike the edit distance,
// swapped letters and a missing end count as one error.
func distance(typed, right string) int {
	d := levenshtein.ComputeDistance(typed, right)
	if d > 1 && len(typed) == len(right) && sortedBytes(typed) == sortedBytes(right) {
		return 1
	}
	if d > 1 && len(typed) >= 3 && strings.HasPrefix(right, typed) {
		return 1
	}
	return d
}

func sortedBytes(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

// enumerate joins words as in a sentence: "a, b and c".
func enumerate(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	end := len(words) - 1
	return strings.Join(words[:end], ", ") + " " + last + " " + words[end]
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
	onEndings = "To stop a license from renewing, use `/license end` and its id. `/license cancel` is for orders that " +
		"aren't paid yet."
	onBalances = "I can't change or show the CoCalc account's credit. `/license budget` shows what your team spent and " +
		"what's left."
)

// otherCommands are sentences for words that people try as commands, with the commands to use instead.
var otherCommands = map[string]string{
	"renew": onRenewals, "renewal": onRenewals, "extend": onRenewals, "prolong": onRenewals,
	"export": onExports, "csv": onExports, "download": onExports, "report": onExports, "invoice": onExports,
	"mine": onPersons, "my": onPersons, "me": onPersons,
	"edit": onChanges, "change": onChanges, "update": onChanges, "upgrade": onChanges,
	"refund": onRefunds,
	"delete": onEndings, "remove": onEndings,
	"balance": onBalances, "credit": onBalances, "topup": onBalances, "pay": onBalances,
}
