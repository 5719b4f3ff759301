package commands

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one word of a text, or several in quotes.
type word struct {
	text   string
	quoted bool
}

// isPunctuation reports whether the word has no meaning; see the function isPunctuation.
func (w word) isPunctuation() bool { return !w.quoted && isPunctuation(w.text) }

// token is a key with the words that follow it up to the next key. The words before the first key are a token without a
// key.
type token struct {
	key      string // as typed, without dashes
	dashed   bool   // "--boost": the key began with dashes
	assigned bool   // "=" or ":" followed the key
	open     bool   // its last word is a quote without an end
	words    []word
}

// scanner divides a normalized text into tokens. knows reports whether a word is a key; it decides where a word could
// be either a key or part of a value.
type scanner struct {
	text   string
	at     int
	knows  func(string) bool
	tokens []token
}

func scan(text string, knows func(string) bool) []token {
	s := scanner{text: text, knows: knows, tokens: make([]token, 1, 8)}
	for s.skip(isSeparator); s.at < len(s.text); s.skip(isSeparator) {
		s.next()
	}
	return s.tokens
}

// next scans a quoted text, a key with its value, or a word.
func (s *scanner) next() {
	if isQuote(s.peek()) {
		s.quoted()
		return
	}
	begin := s.at
	key := strings.TrimLeftFunc(foldText(s.keyWord()), isBullet)
	name := strings.TrimLeftFunc(key, isDash)
	dashed := len(name) < len(key) && name != "" && !isDigit(rune(name[0]))
	if !dashed {
		name = key
	}
	if name != "" && s.readMark(name) {
		name = s.joinKey(name)
		s.tokens = append(s.tokens, token{key: name, dashed: dashed, assigned: true})
		s.value()
		return
	}
	if dashed {
		s.tokens = append(s.tokens, token{key: name, dashed: true})
		return
	}
	s.skipWord()
	if text := s.text[begin:s.at]; !itemNumber.MatchString(foldText(text)) || !s.beginsLine(begin) {
		s.addWord(word{text: text})
	}
}

// itemNumber matches the number of an item in a numbered list.
var itemNumber = regexp.MustCompile(`^[0-9]{1,2}[.)]$`)

// beginsLine reports whether only spaces precede an offset in its line.
func (s *scanner) beginsLine(at int) bool {
	before := strings.TrimRight(s.text[:at], " ")
	return before == "" || strings.HasSuffix(before, "\n")
}

// keyWord scans a word up to a space, "=" or ":".
func (s *scanner) keyWord() string {
	begin := s.at
	s.skip(func(text string, at int) bool {
		r, _ := foldAt(text, at)
		return r != '=' && r != ':' && !isSeparator(text, at)
	})
	return s.text[begin:s.at]
}

// readMark scans the "=" or ":" after a key, with spaces around it, and reports whether there is one. A colon does not
// count where it begins an address ("https://…"), or after a space unless the word before is a key ("hello :smile:").
func (s *scanner) readMark(key string) bool {
	at := s.at
	for at < len(s.text) && isBlank(s.text[at]) {
		at++
	}
	switch r, size := foldAt(s.text, at); {
	case r == '=':
	case r == ':' && !strings.HasPrefix(s.text[at:], "://") && (at == s.at || s.knows(key)):
		at += size
	default:
		return false
	}
	for r, size := foldAt(s.text, at); r == '='; r, size = foldAt(s.text, at) {
		at += size
	}
	s.at = at
	return true
}

// joinKey joins a key with the word before it if both form a key, as in "run limit=10".
func (s *scanner) joinKey(key string) string {
	last := &s.tokens[len(s.tokens)-1]
	if n := len(last.words); n > 0 && !last.words[n-1].quoted {
		if two := last.words[n-1].text + " " + key; s.knows(two) {
			last.words = last.words[:n-1]
			return two
		}
	}
	return key
}

// value scans what follows "=" or ":": a quoted text, or a word in which "=" and ":" have no meaning.
func (s *scanner) value() {
	begin := s.at
	for s.at < len(s.text) && isBlank(s.text[s.at]) {
		s.at++
	}
	if s.at == len(s.text) {
		return
	}
	if isQuote(s.peek()) {
		s.quoted()
		return
	}
	if s.at > begin {
		// "ram= cpu=2": the next word is a key, and the value is missing.
		back := s.at
		name := strings.TrimLeftFunc(foldText(s.keyWord()), isDash)
		isKey := s.knows(name) && s.readMark(name)
		s.at = back
		if isKey {
			return
		}
	}
	begin = s.at
	s.skipWord()
	if s.at > begin {
		s.addWord(word{text: s.text[begin:s.at]})
	}
}

// quoted scans a text in quotes.
func (s *scanner) quoted() {
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

func (s *scanner) addWord(w word) {
	last := &s.tokens[len(s.tokens)-1]
	last.words = append(last.words, w)
}

func (s *scanner) peek() rune {
	r, _ := utf8.DecodeRuneInString(s.text[s.at:])
	return r
}

// skipWord skips to the next separator.
func (s *scanner) skipWord() {
	s.skip(func(text string, at int) bool { return !isSeparator(text, at) })
}

func (s *scanner) skip(while func(text string, at int) bool) {
	for s.at < len(s.text) && while(s.text, s.at) {
		_, size := utf8.DecodeRuneInString(s.text[s.at:])
		s.at += size
	}
}

// isSeparator reports whether the character at an offset separates words: a space, a comma, a semicolon, or a backtick,
// which people copy along with code. A comma inside a number ("1,000", "1,5") belongs to the number.
func isSeparator(text string, at int) bool {
	switch r, size := foldAt(text, at); r {
	case ' ', '\n', ';', '`':
		return true
	case ',':
		if at == 0 || at+size == len(text) {
			return true
		}
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := foldAt(text, at+size)
		return !isDigit(fold(before)) || !isDigit(after)
	}
	return false
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' }

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isDash(r rune) bool { return r == '−' || r == '⁃' || unicode.Is(unicode.Pd, r) }

func isQuote(r rune) bool { return isDoubleQuote(r) || isSingleQuote(r) }

func isDoubleQuote(r rune) bool {
	switch r {
	case '"', '“', '”', '„', '‟', '«', '»', '＂', '「', '」', '『', '』':
		return true
	}
	return false
}

func isSingleQuote(r rune) bool {
	switch r {
	case '\'', '‘', '’', '‚', '‛', '＇':
		return true
	}
	return false
}
