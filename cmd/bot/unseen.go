package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// spelling writes JSON and lines of the log with everything spelled out that a terminal would not show but do: move the
// cursor, turn the direction of what follows. As JSON they mean the same.
type spelling struct{ w io.Writer }

func (s spelling) Write(text []byte) (int, error) {
	if _, err := s.w.Write(spelled(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

func spelled(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case !isUnseen(r):
			out = append(out, text[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}

// isUnseen knows what is not shown but does something. Line breaks and tabs are what the program itself writes.
func isUnseen(r rune) bool { return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf) }

// cell keeps a spreadsheet from taking what people wrote for a formula, and leaves out what is not seen: the ledger, and
// --json, have it. Spreadsheets skip blanks first, and read the wide forms of East Asian keyboards as the plain ones.
func cell(text string) string {
	text = strings.Map(func(r rune) rune {
		if isUnseen(r) && r != '\r' {
			return -1
		}
		return r
	}, text)
	begin := strings.TrimLeftFunc(text, func(r rune) bool { return unicode.IsSpace(r) && !strings.ContainsRune("\t\r\n", r) })
	if first, _ := utf8.DecodeRuneInString(begin); begin != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠−", first) {
		return "'" + text
	}
	return text
}
