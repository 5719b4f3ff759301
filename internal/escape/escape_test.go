package escape

import (
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"Statistics 101":        `"Statistics 101"`,
		`say "hi"`:              `"say \"hi\""`,
		"red \x1b[31m":          `"red \x1b[31m"`,
		"two\nlines":            `"two\nlines"`,
		"turned \u202e round":   `"turned \u202e round"`,
		"می\u200cخواهم":         "\"می\u200cخواهم\"", // a joiner that Persian needs
		"a\u200cb":              `"a\u200cb"`,        // one that only hides something
		"\U000e0041 from a tag": `"\U000e0041 from a tag"`,
	} {
		if got := Quote(text); got != want {
			t.Errorf("Quote(%+q): got %+q, want %+q", text, got, want)
		}
	}
}

func TestCell(t *testing.T) {
	for text, want := range map[string]string{
		"Statistics 101":      "Statistics 101",
		"=1+1":                "'=1+1",
		"  +49 89 1234":       "'  +49 89 1234",
		"＝HYPERLINK(\"x\")":   "'＝HYPERLINK(\"x\")",
		"@SUM(A1)":            "'@SUM(A1)",
		"2=2":                 "2=2",
		"turned \u202e round": "turned  round",
	} {
		if got := Cell(text); got != want {
			t.Errorf("Cell(%+q): got %+q, want %+q", text, got, want)
		}
	}
}

func TestNewWriter_SpellsOut(t *testing.T) {
	var out strings.Builder
	text := "{\"title\":\"\x7f \u202e \U000e0041 é\"}\n"
	n, err := NewWriter(&out).Write([]byte(text))
	want := "{\"title\":\"\\u007f \\u202e \\udb40\\udc41 é\"}\n"
	if out.String() != want || n != len(text) || err != nil {
		t.Errorf("got %q, %d, %v, want %q, %d, nil", out.String(), n, err, want, len(text))
	}
}
