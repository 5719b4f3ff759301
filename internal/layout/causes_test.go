package layout

import (
	"strings"
	"testing"
	"unicode"
)

// Package purchase reports causes, and package bot renders them as sentences. So no string of purchase contains
// backticks or is a sentence for people; texts for operators (log, errors, notes of audit records) begin with a
// lowercase letter and have no full stop. legacy.go has the sentences of older versions.
func TestPurchase_NoSentences(t *testing.T) {
	found := 0
	ours := func(s source) bool {
		return within(s.dir, "purchase") && !within(s.dir, "purchase/purchasetest") && s.path != "purchase/legacy.go"
	}
	for at, text := range stringsIn(t, ours) {
		found++
		if isSentence(text) {
			t.Errorf("%s: got the sentence %q, want a cause that bot/text_*.go renders", at, text)
		}
	}
	if found < 500 {
		t.Errorf("got %d strings, want more", found)
	}
}

// mostWords is the maximum number of words of a string that begins with a capital letter or ends with a full stop.
const mostWords = 4

func isSentence(text string) bool {
	words := 0
	for _, word := range strings.Fields(text) {
		if unicode.IsLetter([]rune(word)[0]) {
			words++
		}
	}
	begins := strings.IndexFunc(text, unicode.IsUpper) == 0
	return strings.Contains(text, "`") || words > mostWords && (begins || strings.HasSuffix(strings.TrimSpace(text), "."))
}

func TestIsSentence(t *testing.T) {
	for text, want := range map[string]bool{
		"Buying is paused until an admin resumes it.": true,
		" It doesn't count toward the budget.":        true,
		"Use `/license resume`":                       true,
		"lose CoCalc's answer to a checkout":          false,
		"Jan 2, 2006, 3:04 PM MST":                    false,
		"not-a-buyer":                                 false,
	} {
		if got := isSentence(text); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
}
