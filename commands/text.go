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

// OneLine returns a text for use inside a message: in one line, without invisible characters, without characters that
// change the direction of the text that follows, and without combining marks stacked over other lines. All texts of
// people that are shown pass through it; the ledger stores the original. It keeps formatting characters such as "*":
// escape them where they have a meaning.
func OneLine(text string) string {
	marks := 0
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case isInvisible(r):
			return ' '
		case unicode.Is(unicode.Co, r), unicode.Is(unicode.Noncharacter_Code_Point, r):
			return -1
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > maxMarks {
				return -1
			}
		default:
			marks = 0
		}
		return r
	}, printable(text))), " ")
}

// maxMarks is the largest number of combining marks on one letter; no writing system needs more.
const maxMarks = 4

// isInvisible reports whether r is shown as a space although it is a letter or a symbol.
func isInvisible(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return true
	}
	return false
}

// fold returns the ASCII character for an equivalent character of another script, input method or document: a decimal
// digit of any script, a fullwidth letter or mark, a typographic dash. It returns other characters unchanged. Use it
// for numbers, dates, IDs and the words of the grammar; titles and other text of people keep their characters.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		return r
	}
	if r >= '\uff01' && r <= '\uff5e' {
		return r - '\uff01' + '!'
	}
	if n, ok := digitValue(r); ok {
		return '0' + n
	}
	switch r {
	case '−', 'ー', 'ｰ', '─', '˗', '⁃':
		return '-'
	case '﹦', '꞊':
		return '='
	case '﹕', '꞉', '∶':
		return ':'
	case '。', '｡', '․', '٫':
		return '.'
	case '⁄', '∕':
		return '/'
	case '،', '٬', '﹐':
		return ','
	case '؛', '、', '､', '﹔':
		return ';'
	}
	if unicode.Is(unicode.Pd, r) {
		return '-'
	}
	return r
}

// digitValue returns the value of a decimal digit of any script. In Unicode the ten digits of a script are consecutive,
// and the ranges of the table begin with a zero.
func digitValue(r rune) (value rune, ok bool) {
	for _, t := range unicode.Nd.R16 {
		if lo, hi := rune(t.Lo), rune(t.Hi); lo <= r && r <= hi {
			return (r - lo) % 10, true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if lo, hi := rune(t.Lo), rune(t.Hi); lo <= r && r <= hi {
			return (r - lo) % 10, true
		}
	}
	return 0, false
}

// foldText folds every character of a text.
func foldText(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return strings.Map(fold, text)
		}
	}
	return text
}

// foldAt decodes and folds the character at an offset, and returns its size in the text, in bytes.
func foldAt(text string, at int) (r rune, size int) {
	if at < len(text) && text[at] < utf8.RuneSelf {
		return rune(text[at]), 1
	}
	r, size = utf8.DecodeRuneInString(text[at:])
	return fold(r), size
}
