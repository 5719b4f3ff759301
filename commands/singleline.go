package commands

import (
	"strings"
	"unicode"
)

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
