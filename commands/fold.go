package commands

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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

// bullets are the characters that begin the lines of a copied list.
const bullets = "•‣◦∙·・●○■□◆◇▪▫▶►➤➢➜→✓✔☑✅*([\ufe0f"

// punctuation is what may separate fields or end a sentence. "=" and ":" are not included: they belong to a field.
const punctuation = bullets + "-|/+&.,;!?…_)]}{"

// isPunctuation reports whether a word between fields has no meaning: a bullet, a dash, a full stop.
func isPunctuation(word string) bool {
	return word != "" && strings.Trim(foldText(word), punctuation) == ""
}

func isBullet(r rune) bool { return strings.ContainsRune(bullets, r) }

// trimEnd removes punctuation from the end of a value: phones insert a full stop for two spaces, and items of a list
// end with a comma. It returns a text of punctuation only unchanged.
func trimEnd(text string) string {
	ends := func(r rune) bool { return strings.ContainsRune(".,;:!?…)]•· ", fold(r)) }
	if end := strings.TrimRightFunc(text, ends); end != "" {
		return end
	}
	return text
}
