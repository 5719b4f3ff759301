package commands

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxReason is how long a reason may be, in characters. It is kept in the ledger for ever, and people read it.
const MaxReason = 500

// parseReason reads what follows a command that takes a reason and nothing else: everything up to the end, in quotes
// or not, in one line.
func parseReason(command, rest string) (string, []Mistake) {
	text := strings.TrimSpace(rest)
	if i := strings.IndexAny(text, "=:"); i > 0 && slices.Contains([]string{"reason", "why", "because"}, strings.ToLower(strings.TrimSpace(text[:i]))) {
		text = strings.TrimSpace(text[i+1:])
	}
	text = strings.Join(strings.Fields(printable(unquoted(text))), " ")
	switch n := utf8.RuneCountInString(text); {
	case !strings.ContainsFunc(text, isReadable):
		return "", []Mistake{{Sentence: fmt.Sprintf("`%s` needs a reason, which people will read: `%s %s`.", command, command, exampleReason[command])}}
	case n > MaxReason:
		return string([]rune(text)[:MaxReason]), []Mistake{{Text: echo(text), Sentence: fmt.Sprintf(
			"A reason has at most %d characters, and this has %d.", MaxReason, n)}}
	}
	return text, nil
}

// exampleReason is a reason as somebody would write it.
var exampleReason = map[string]string{
	"pause":  "somebody else is clearing the cart",
	"resume": "CoCalc paid the double buy back",
}

// unquoted takes the quotes from a text that is in quotes as a whole.
func unquoted(text string) string {
	open, size := utf8.DecodeRuneInString(text)
	if !isQuote(open) {
		return text
	}
	body := text[size:]
	if end, width := closing(body, open); end >= 0 && end+width == len(body) {
		return unescape(body[:end])
	}
	return text
}

// isReadable tells letters, numbers and pictures from marks that say nothing by themselves.
func isReadable(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.So) }
