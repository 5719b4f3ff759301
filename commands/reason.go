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
	text, mistakes := parseOptionalReason(rest)
	if text == "" {
		return "", []Mistake{{Sentence: fmt.Sprintf("Add a reason, e.g. `/license %s %s`.", command, exampleReason[command])}}
	}
	return text, mistakes
}

// parseOptionalReason is parseReason where nothing is a reason too.
func parseOptionalReason(rest string) (string, []Mistake) {
	text := strings.TrimSpace(rest)
	if i := strings.IndexFunc(text, func(r rune) bool { return fold(r) == '=' || fold(r) == ':' }); i > 0 && slices.Contains([]string{"reason", "why", "because"}, strings.ToLower(strings.TrimSpace(text[:i]))) {
		_, size := utf8.DecodeRuneInString(text[i:])
		text = strings.TrimSpace(text[i+size:])
	}
	text = strings.Join(strings.Fields(printable(unquoted(text))), " ")
	switch n := utf8.RuneCountInString(text); {
	case !strings.ContainsFunc(text, isReadable):
		return "", nil
	case n > MaxReason:
		return string([]rune(text)[:MaxReason]), []Mistake{{Text: echo(text), Sentence: fmt.Sprintf(
			"A reason can have up to %d characters; yours has %d.", MaxReason, n)}}
	}
	return text, nil
}

// parseDeny reads the id of an order, which comes first, and the reason behind it.
func parseDeny(rest string) (id, reason string, mistakes []Mistake) {
	for text := strings.TrimLeft(rest, " \n"); text != ""; {
		word := text
		if end := strings.IndexAny(text, " \n"); end >= 0 {
			word, text = text[:end], strings.TrimLeft(text[end:], " \n")
		} else {
			text = ""
		}
		word = strings.TrimRight(word, ":,;")
		if len(idWords(word, "id", "order", "order_id")) == 0 {
			continue // a label, which stands before the id
		}
		if id, mistakes = parseOrder("deny", word); len(mistakes) > 0 {
			return "", "", mistakes
		}
		if reason, mistakes = parseReason("deny", text); reason == "" {
			mistakes = []Mistake{{Sentence: fmt.Sprintf("Add a reason for the requester, e.g. `/license deny %s %s`.", id, exampleReason["deny"])}}
		}
		return id, reason, mistakes
	}
	_, mistakes = parseOrder("deny", "")
	return "", "", mistakes
}

// parseNothing parses the arguments of commands that take none.
func parseNothing(command, rest string) []Mistake {
	text := strings.Trim(rest, " \n`"+marks)
	if text == "" {
		return nil
	}
	return []Mistake{{Text: echo(text), Sentence: fmt.Sprintf("`/license %s` takes no arguments.", command)}}
}

// exampleReason is a reason as a person would write it.
var exampleReason = map[string]string{
	"pause":  "quarterly audit",
	"deny":   "the spring course already has one",
	"resume": "audit finished",
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
