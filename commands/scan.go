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
		s.scanQuoted()
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
		s.scanValue()
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

// scanValue scans what follows "=" or ":": a quoted text, or a word in which "=" and ":" have no meaning.
func (s *scanner) scanValue() {
	begin := s.at
	for s.at < len(s.text) && isBlank(s.text[s.at]) {
		s.at++
	}
	if s.at == len(s.text) {
		return
	}
	if isQuote(s.peek()) {
		s.scanQuoted()
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

func isBullet(r rune) bool { return strings.ContainsRune(bullets, r) }

// bullets are the characters that begin the lines of a copied list.
const bullets = "•‣◦∙·・●○■□◆◇▪▫▶►➤➢➜→✓✔☑✅*([\ufe0f"

// punctuation is what may separate fields or end a sentence. "=" and ":" are not included: they belong to a field.
const punctuation = bullets + "-|/+&.,;!?…_)]}{"

// isPunctuation reports whether a word between fields has no meaning: a bullet, a dash, a full stop.
func isPunctuation(word string) bool {
	return word != "" && strings.Trim(foldText(word), punctuation) == ""
}

// trimEnd removes punctuation from the end of a value: phones insert a full stop for two spaces, and items of a list
// end with a comma. It returns a text of punctuation only unchanged.
func trimEnd(text string) string {
	ends := func(r rune) bool { return strings.ContainsRune(".,;:!?…)]•· ", fold(r)) }
	if end := strings.TrimRightFunc(text, ends); end != "" {
		return end
	}
	return text
}

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
