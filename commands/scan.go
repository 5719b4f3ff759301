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

// isMarks reports whether the word has no meaning; see the function isMarks.
func (w word) isMarks() bool { return !w.quoted && isMarks(w.text) }

// piece is a key with the words that follow it up to the next key. The words before the first key are a piece without.
type piece struct {
	key    string // as it was typed, without dashes
	dashed bool   // "--boost": the key began with dashes
	marked bool   // "=" or ":" followed the key
	open   bool   // its last word is a quote without an end
	words  []word
}

// scanner cuts a cleaned text into pieces. Where a word could be read as a key or as part of a value, knows decides:
// it says whether a word is a key.
type scanner struct {
	text   string
	at     int
	knows  func(string) bool
	pieces []piece
}

func scan(text string, knows func(string) bool) []piece {
	s := scanner{text: text, knows: knows, pieces: make([]piece, 1, 8)}
	for s.skip(isSeparator); s.at < len(s.text); s.skip(isSeparator) {
		s.next()
	}
	return s.pieces
}

// next reads what stands where a key may stand: a quoted text, a key with its value, or a word.
func (s *scanner) next() {
	if isQuote(s.peek()) {
		s.quoted()
		return
	}
	begin := s.at
	key := strings.TrimLeftFunc(folded(s.keyWord()), isBullet)
	name := strings.TrimLeftFunc(key, isDash)
	dashed := len(name) < len(key) && name != "" && !isDigit(rune(name[0]))
	if !dashed {
		name = key
	}
	if name != "" && s.mark(name) {
		name = s.joined(name)
		s.pieces = append(s.pieces, piece{key: name, dashed: dashed, marked: true})
		s.value()
		return
	}
	if dashed {
		s.pieces = append(s.pieces, piece{key: name, dashed: true})
		return
	}
	s.restOfWord()
	if text := s.text[begin:s.at]; !itemNumber.MatchString(folded(text)) || !s.beginsLine(begin) {
		s.keep(word{text: text})
	}
}

// itemNumber matches the beginning of an item of a numbered list.
var itemNumber = regexp.MustCompile(`^[0-9]{1,2}[.)]$`)

// beginsLine reports whether only spaces precede an offset in its line.
func (s *scanner) beginsLine(at int) bool {
	before := strings.TrimRight(s.text[:at], " ")
	return before == "" || strings.HasSuffix(before, "\n")
}

// keyWord reads a word up to a blank or a mark.
func (s *scanner) keyWord() string {
	begin := s.at
	s.skip(func(text string, at int) bool {
		r, _ := foldedAt(text, at)
		return r != '=' && r != ':' && !isSeparator(text, at)
	})
	return s.text[begin:s.at]
}

// mark reads the "=" or ":" after a key, with blanks around it. A colon is no mark where it begins an address
// ("https://…"), nor after a blank unless a key stands before it ("hello :smile:").
func (s *scanner) mark(key string) bool {
	at := s.at
	for at < len(s.text) && isBlank(s.text[at]) {
		at++
	}
	switch r, size := foldedAt(s.text, at); {
	case r == '=':
	case r == ':' && !strings.HasPrefix(s.text[at:], "://") && (at == s.at || s.knows(key)):
		at += size
	default:
		return false
	}
	for r, size := foldedAt(s.text, at); r == '='; r, size = foldedAt(s.text, at) {
		at += size
	}
	s.at = at
	return true
}

// joined makes one key of two words, as in "run limit=10": the word before was not part of the value before.
func (s *scanner) joined(key string) string {
	last := &s.pieces[len(s.pieces)-1]
	if n := len(last.words); n > 0 && !last.words[n-1].quoted {
		if two := last.words[n-1].text + " " + key; s.knows(two) {
			last.words = last.words[:n-1]
			return two
		}
	}
	return key
}

// value reads what follows a mark: a quoted text, or a word in which "=" and ":" mean nothing.
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
		// "ram= cpu=2": what follows is the next key, and a value is missing.
		back := s.at
		name := strings.TrimLeftFunc(folded(s.keyWord()), isDash)
		isKey := s.knows(name) && s.mark(name)
		s.at = back
		if isKey {
			return
		}
	}
	begin = s.at
	s.restOfWord()
	if s.at > begin {
		s.keep(word{text: s.text[begin:s.at]})
	}
}

// quoted reads a text in quotes.
func (s *scanner) quoted() {
	open, size := utf8.DecodeRuneInString(s.text[s.at:])
	body := s.text[s.at+size:]
	end, width := closing(body, open)
	if end < 0 {
		s.keep(word{text: s.text[s.at:], quoted: true})
		s.pieces[len(s.pieces)-1].open = true
		s.at = len(s.text)
		return
	}
	s.keep(word{text: strings.TrimSpace(unescape(body[:end])), quoted: true})
	s.at += size + end + width
}

// closing finds the quote that ends a text which open began, and its width. The quote of the same make comes first,
// so that “big” can stand inside straight quotes and the other way round; any quote of the kind will do where it
// is missing, since keyboards mix them. A single quote inside a word is an apostrophe.
func closing(body string, open rune) (at, width int) {
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
		if ends && r == closer(open) {
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

// closer is the quote that properly ends what open began.
func closer(open rune) rune {
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

// unescape takes the backslash from before quotes and backslashes; everywhere else it is a character like others.
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

func (s *scanner) keep(w word) {
	last := &s.pieces[len(s.pieces)-1]
	last.words = append(last.words, w)
}

func (s *scanner) peek() rune {
	r, _ := utf8.DecodeRuneInString(s.text[s.at:])
	return r
}

// restOfWord goes on to the next separator.
func (s *scanner) restOfWord() {
	s.skip(func(text string, at int) bool { return !isSeparator(text, at) })
}

func (s *scanner) skip(while func(text string, at int) bool) {
	for s.at < len(s.text) && while(s.text, s.at) {
		_, size := utf8.DecodeRuneInString(s.text[s.at:])
		s.at += size
	}
}

// isSeparator knows what stands between words: blanks, commas and semicolons, and the marks of code, which people copy
// along with it. The comma inside a number ("1,000", "1,5") belongs to the number.
func isSeparator(text string, at int) bool {
	switch r, size := foldedAt(text, at); r {
	case ' ', '\n', ';', '`':
		return true
	case ',':
		if at == 0 || at+size == len(text) {
			return true
		}
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := foldedAt(text, at+size)
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
