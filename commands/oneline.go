package commands

import (
	"strings"
	"unicode"
)

// OneLine is what somebody wrote as it may stand in a message among other words: in one line, without what is not seen or
// turns the direction of what follows, and without marks piled up over the lines around it. It is the one place that
// decides so, for every text of people's that is shown; the ledger keeps what they wrote. Formatting characters stay:
// where they would mean something, such text does not belong.
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
