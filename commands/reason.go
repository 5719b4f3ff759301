package commands

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxReason is the largest length of a reason, in characters. The ledger stores it permanently, and people read it.
const MaxReason = 500

// parseReason parses the arguments of a command that takes only a reason: everything up to the end, with or without
// quotes. The result is one line.
func parseReason(command, rest string) (string, []Mistake) {
	text, mistakes := parseOptionalReason(rest)
	if text == "" {
		return "", []Mistake{{Sentence: fmt.Sprintf("Add a reason, e.g. `/license %s %s`.", command, exampleReason[command])}}
	}
	return text, mistakes
}

// parseOptionalReason is parseReason for a command whose reason may be missing.
func parseOptionalReason(rest string) (string, []Mistake) {
	text := strings.TrimSpace(rest)
	labels := []string{"reason", "why", "because"}
	i := strings.IndexFunc(text, func(r rune) bool { return fold(r) == '=' || fold(r) == ':' })
	if i > 0 && slices.Contains(labels, strings.ToLower(strings.TrimSpace(text[:i]))) {
		_, size := utf8.DecodeRuneInString(text[i:])
		text = strings.TrimSpace(text[i+size:])
	}
	text = strings.Join(strings.Fields(printable(unquoted(text))), " ")
	switch n := utf8.RuneCountInString(text); {
	case !strings.ContainsFunc(text, isReadable):
		return "", nil
	case n > MaxReason:
		return string([]rune(text)[:MaxReason]), []Mistake{{Text: excerpt(text), Sentence: fmt.Sprintf(
			"A reason can have up to %d characters; yours has %d.", MaxReason, n)}}
	}
	return text, nil
}

// parseDeny parses the ID of an order and the reason after it.
func parseDeny(rest string) (id, reason string, mistakes []Mistake) {
	for text := strings.TrimLeft(rest, " \n"); text != ""; {
		word := text
		if end := strings.IndexAny(text, " \n"); end >= 0 {
			word, text = text[:end], strings.TrimLeft(text[end:], " \n")
		} else {
			text = ""
		}
		word = strings.TrimRight(word, ":,;")
		if len(idArguments(word, "id", "order", "order_id")) == 0 {
			continue // a label before the ID
		}
		if id, mistakes = parseOrder("deny", word); len(mistakes) > 0 {
			return "", "", mistakes
		}
		if reason, mistakes = parseReason("deny", text); reason == "" {
			mistakes = []Mistake{
				{Sentence: fmt.Sprintf("Add a reason for the requester, e.g. `/license deny %s %s`.", id, exampleReason["deny"])},
			}
		}
		return id, reason, mistakes
	}
	_, mistakes = parseOrder("deny", "")
	return "", "", mistakes
}

// parseNothing parses the arguments of commands that take none.
func parseNothing(command, rest string) []Mistake {
	text := strings.Trim(rest, " \n`"+punctuation)
	if text == "" {
		return nil
	}
	return []Mistake{{Text: excerpt(text), Sentence: fmt.Sprintf("`/license %s` takes no arguments.", command)}}
}

// exampleReason has an example of a reason for each command that takes one.
var exampleReason = map[string]string{
	"pause":  "quarterly audit",
	"deny":   "the spring course already has one",
	"resume": "audit finished",
}

// unquoted removes the quotes from a text that is in quotes as a whole.
func unquoted(text string) string {
	open, size := utf8.DecodeRuneInString(text)
	if !isQuote(open) {
		return text
	}
	body := text[size:]
	if end, width := findClosing(body, open); end >= 0 && end+width == len(body) {
		return unescape(body[:end])
	}
	return text
}

// isReadable reports whether r is a letter, a number or a picture, in contrast to punctuation.
func isReadable(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.So) }
