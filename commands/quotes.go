package commands

import (
	"strings"
	"unicode/utf8"
)

// scanQuoted scans a text in quotes.
func (s *scanner) scanQuoted() {
	open, size := utf8.DecodeRuneInString(s.text[s.at:])
	body := s.text[s.at+size:]
	end, width := findClosing(body, open)
	if end < 0 {
		s.addWord(word{text: s.text[s.at:], quoted: true})
		s.tokens[len(s.tokens)-1].open = true
		s.at = len(s.text)
		return
	}
	s.addWord(word{text: strings.TrimSpace(unescape(body[:end])), quoted: true})
	s.at += size + end + width
}

// findClosing returns the position of the quote that ends a text which open began, and its size in bytes; -1 if there
// is none. It prefers the quote that matches open, so that “big” can occur inside straight quotes and vice versa.
// Without one, it accepts any quote that is single or double like open, since keyboards mix them. A single quote inside
// a word is an apostrophe.
func findClosing(body string, open rune) (at, width int) {
	same, other := -1, -1
	sameWidth, otherWidth := 0, 0
	double := isDoubleQuote(open)
	for i := 0; i < len(body); {
		r, size := utf8.DecodeRuneInString(body[i:])
		if r == '\\' {
			next, nextSize := utf8.DecodeRuneInString(body[i+size:])
			if next == '\\' || isQuote(next) {
				i += size + nextSize
				continue
			}
		}
		ends := isDoubleQuote(r)
		if !double {
			ends = isSingleQuote(r) && (i+size == len(body) || isSeparator(body, i+size))
		}
		if ends && r == closingQuote(open) {
			same, sameWidth = i, size
			break
		}
		if ends && other < 0 {
			other, otherWidth = i, size
		}
		i += size
	}
	if same >= 0 {
		return same, sameWidth
	}
	return other, otherWidth
}

// closingQuote returns the quote that matches an opening one.
func closingQuote(open rune) rune {
	switch open {
	case '“':
		return '”'
	case '„':
		return '“'
	case '«':
		return '»'
	case '‘':
		return '’'
	case '「':
		return '」'
	case '『':
		return '』'
	}
	return open
}

// unescape removes the backslash before quotes and backslashes; elsewhere it is an ordinary character.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == '\\' {
			if next, nextSize := utf8.DecodeRuneInString(text[i+size:]); next == '\\' || isQuote(next) {
				b.WriteRune(next)
				i += size + nextSize
				continue
			}
		}
		b.WriteString(text[i : i+size])
		i += size
	}
	return b.String()
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

var backslashes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quote returns text in quotes, in Slack's escaped form.
func quote(text string) string { return `"` + escape.Replace(backslashes.Replace(text)) + `"` }
