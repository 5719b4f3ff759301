package commands

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean turns the text of a slash command as Slack delivers it into what the person typed: one kind of blank, nothing
// invisible, mentions and links as they looked, entities decoded. Quotes and dashes stay: which of them matter depends
// on where they stand, so the scanner treats them.
func clean(text string) string {
	text = printable(text)
	if strings.Contains(text, "<") {
		text = markup.ReplaceAllStringFunc(text, plainMarkup)
	}
	return entities.Replace(text)
}

// entities are the three that Slack escapes, and no more. The replacer passes once over the text, so that a typed
// "&lt;", which arrives as "&amp;lt;", stays what it was.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// escape is the opposite of entities: the form in which Slack delivers text, and in which mrkdwn takes it.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// markup is what Slack puts between angle brackets: <@U1|name>, <#C1|name>, <!here>, <https://…|label>, <mailto:…>.
// A bracket that a person types arrives as an entity.
var markup = regexp.MustCompile(`<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>`)

// scheme is how the target of a link begins.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:(//)?`)

// plainMarkup gives a mention or link the text that people know it by. What is no markup of Slack's stays.
func plainMarkup(m string) string {
	parts := markup.FindStringSubmatch(m)
	kind, target, label := parts[1], parts[2], parts[3]
	switch kind {
	case "@", "#":
		if label == "" {
			label = target
		}
		return kind + inert(strings.TrimLeft(label, kind))
	case "!":
		// <!here>, <!subteam^S1|@admins>, <!date^…|tomorrow>
		if label == "" {
			label = "@" + target
		}
		return inert(label)
	}
	start := scheme.FindString(target)
	if start == "" {
		return m
	}
	rest := target[len(start):]
	if label == rest || !strings.HasSuffix(start, "//") {
		// Slack made a link out of "example.com" or an address: what was typed is the label.
		return inert(rest)
	}
	return inert(target)
}

// inert takes out of a label what would end a quoted title: people choose their names themselves.
func inert(label string) string {
	return strings.Map(func(r rune) rune {
		if r == '\\' || isDoubleQuote(r) {
			return -1
		}
		return r
	}, label)
}

// printable makes every kind of blank a plain one, every line end "\n", and leaves out what is not seen: control and
// format characters, bad UTF-8. A joiner is kept inside words and emoji of scripts that need it.
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
	var joined strings.Builder
	joined.Grow(len(text))
	last := rune(0)
	for i, r := range text {
		if isJoiner(r) {
			next, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
			if last < utf8.RuneSelf || next < utf8.RuneSelf || next == utf8.RuneError || isJoiner(last) || isJoiner(next) {
				continue
			}
		}
		joined.WriteRune(r)
		last = r
	}
	return joined.String()
}

func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c != '\n' && (c < ' ' || c >= 0x7f) {
			return false
		}
	}
	return true
}

// isJoiner knows ZERO WIDTH NON-JOINER and ZERO WIDTH JOINER.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }
