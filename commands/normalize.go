package commands

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// normalize returns the text that the person typed for a text as Slack delivers it: with plain spaces, without
// invisible characters, with mentions and links as people see them, and with entities decoded. It keeps quotes and
// dashes, whose meaning depends on their place; the scanner handles them.
func normalize(text string) string {
	text = printable(text)
	if strings.Contains(text, "<") {
		text = markup.ReplaceAllStringFunc(text, plainMarkup)
	}
	return entities.Replace(text)
}

// entities decodes the three entities that Slack uses. The replacer reads the text once, so that a typed "&lt;", which
// arrives as "&amp;lt;", is kept.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// escape is the inverse of entities: it returns the form in which Slack delivers text and mrkdwn accepts it.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// markup matches Slack's markup in angle brackets: <@U1|name>, <#C1|name>, <!here>, <https://…|label>, <mailto:…>. A
// bracket that a person types arrives as an entity.
var markup = regexp.MustCompile(`<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>`)

// scheme matches the beginning of a link's target.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:(//)?`)

// plainMarkup returns the text that people see for a mention or link, and other text unchanged.
func plainMarkup(m string) string {
	parts := markup.FindStringSubmatch(m)
	kind, target, label := parts[1], parts[2], parts[3]
	switch kind {
	case "@", "#":
		if label == "" {
			label = target
		}
		return kind + stripQuotes(strings.TrimLeft(label, kind))
	case "!":
		// <!here>, <!subteam^S1|@admins>, <!date^…|tomorrow>
		if label == "" {
			label = "@" + target
		}
		return stripQuotes(label)
	}
	start := scheme.FindString(target)
	if start == "" {
		return m
	}
	rest := target[len(start):]
	if label == rest || !strings.HasSuffix(start, "//") {
		// Slack made a link of "example.com" or of an email address: the person typed the label.
		return stripQuotes(rest)
	}
	return stripQuotes(target)
}

// stripQuotes removes from a label what would end a quoted title: people choose their names.
func stripQuotes(label string) string {
	return strings.Map(func(r rune) rune {
		if r == '\\' || isDoubleQuote(r) {
			return -1
		}
		return r
	}, label)
}

// printable replaces every kind of space by a plain one and every line end by "\n", and removes control and format
// characters and invalid UTF-8. It keeps zero-width joiners inside words and emoji of scripts that need them.
func printable(text string) string {
	if isPlain(text) {
		return text
	}
	var seen strings.Builder
	seen.Grow(len(text))
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r\n", "\n")
	for _, r := range text {
		switch {
		case r == '\n' || r == '\r':
			seen.WriteByte('\n')
		case unicode.IsSpace(r):
			seen.WriteByte(' ')
		case isJoiner(r):
			seen.WriteRune(r)
		case unicode.In(r, unicode.Cc, unicode.Cf):
		default:
			seen.WriteRune(r)
		}
	}
	text = seen.String()
	if !strings.ContainsFunc(text, isJoiner) {
		return text
	}
	var joinKey strings.Builder
	joinKey.Grow(len(text))
	last := rune(0)
	for i, r := range text {
		if isJoiner(r) {
			next, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
			if last < utf8.RuneSelf || next < utf8.RuneSelf || next == utf8.RuneError || isJoiner(last) || isJoiner(next) {
				continue
			}
		}
		joinKey.WriteRune(r)
		last = r
	}
	return joinKey.String()
}

func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c != '\n' && (c < ' ' || c >= 0x7f) {
			return false
		}
	}
	return true
}

// isJoiner reports whether r is ZERO WIDTH NON-JOINER or ZERO WIDTH JOINER.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }
