package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// Package purchase reports causes, which package bot tells in words: no string of it has marks of code or is a sentence
// for people. What it says to operators, in the log, in errors and in notes of the audit, begins with a small letter and
// has no full stop. legacy.go has the sentences of older versions.
func TestPurchase_NoSentences(t *testing.T) {
	root := moduleRoot(t)
	found := 0
	for _, s := range sources(t) {
		if s.isTest || s.dir != "purchase" || s.path == "purchase/legacy.go" {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, filepath.Join(root, s.path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			found++
			if text, err := strconv.Unquote(literal.Value); err != nil || isSentence(text) {
				t.Errorf("%s: %q is a sentence for people: report a cause, and tell it in bot/text_*.go", files.Position(literal.Pos()), text)
			}
			return true
		})
	}
	if found < 500 {
		t.Errorf("found %d strings only", found)
	}
}

// mostWords is how many words a string may have that begins with a capital letter or ends with a full stop.
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
