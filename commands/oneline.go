package commands

import (
	"strings"
	"unicode"
)

// OneLine returns people's text for use in a message among other words: in one line, without invisible characters,
// without characters that turn the direction of what follows, and without marks piled up over the lines around it. It
// is the one place that decides this for all text of people that is shown; the ledger keeps the original. Formatting
// characters stay: don't use such text where they have a meaning.
func OneLine(text string) string {
	marks := 0
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case isFiller(r):
			return ' '
		case unicode.Is(unicode.Co, r), unicode.Is(unicode.Noncharacter_Code_Point, r):
			return -1
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > mostMarks {
				return -1
			}
		default:
			marks = 0
		}
		return r
	}, printable(text))), " ")
}

// mostMarks is how many marks one letter may carry: more than any writing needs.
const mostMarks = 4

// isFiller knows what is drawn as a blank although it counts as a letter or a symbol.
func isFiller(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return true
	}
	return false
}
