// Package escape makes text that people wrote harmless for the program that shows it: for terminals, which control
// characters steer, and for spreadsheets, which take some texts for formulas.
//
// Start with [NewWriter] for terminals and logs, [Cell] for CSV, and [Quote] for error messages.
package escape

import (
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// writer escapes control and bidirectional characters as \uXXXX, so that JSON and lines of the log can't manipulate a
// terminal. As JSON they mean the same.
type writer struct{ w io.Writer }

// NewWriter returns a writer that passes JSON and log lines on to w, with control characters as \uXXXX.
func NewWriter(w io.Writer) io.Writer { return writer{w} }

func (s writer) Write(text []byte) (int, error) {
	if _, err := s.w.Write(escaped(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

func escaped(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case !IsControl(r):
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

// IsControl reports whether r is a control or format character (Unicode Cc and Cf) other than line breaks and tabs,
// which the program itself writes.
func IsControl(r rune) bool { return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf) }

// isJoiner reports whether r is ZERO WIDTH NON-JOINER or ZERO WIDTH JOINER.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// characters yields the characters of a text and whether each is visible. A single joiner counts as visible between two
// characters of a script that needs it: Persian and Hindi words contain joiners, and some emoji too. Next to ASCII, a
// joiner is only a disguise.
func characters(text string) iter.Seq2[string, bool] {
	joined := func(r rune) bool {
		return r >= utf8.RuneSelf && r != utf8.RuneError && unicode.In(r, unicode.L, unicode.M, unicode.S)
	}
	return func(yield func(string, bool) bool) {
		last := rune(0)
		for len(text) > 0 {
			r, size := utf8.DecodeRuneInString(text)
			next, _ := utf8.DecodeRuneInString(text[size:])
			if !yield(text[:size], !IsControl(r) || isJoiner(r) && joined(last) && joined(next)) {
				return
			}
			text, last = text[size:], r
		}
	}
}

// Quote prints people's text in quotes, with all characters escaped that would move a terminal's cursor.
func Quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for c, seen := range characters(text) {
		if r, _ := utf8.DecodeRuneInString(c); !isJoiner(r) || !seen {
			spelled := strconv.Quote(c)
			c = spelled[1 : len(spelled)-1]
		}
		out.WriteString(c)
	}
	out.WriteByte('"')
	return out.String()
}

// Cell keeps a spreadsheet from taking people's text for a formula, and leaves out invisible characters: the ledger,
// and --json, have it. Spreadsheets skip blanks first, and read the wide forms of East Asian keyboards as the plain
// ones.
func Cell(text string) string {
	var shown strings.Builder
	for c, seen := range characters(text) {
		if seen || c == "\r" {
			shown.WriteString(c)
		}
	}
	text = shown.String()
	isSpace := func(r rune) bool { return unicode.IsSpace(r) && !strings.ContainsRune("\t\r\n", r) }
	begin := strings.TrimLeftFunc(text, isSpace)
	if first, _ := utf8.DecodeRuneInString(begin); begin != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠−", first) {
		return "'" + text
	}
	return text
}
