package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"path/filepath"
	"strconv"
	"testing"
)

// stringsIn yields every string literal, with its position, of the non-test files that keep accepts.
func stringsIn(t *testing.T, keep func(source) bool) iter.Seq2[token.Position, string] {
	return func(yield func(token.Position, string) bool) {
		root, goOn := moduleRoot(t), true
		for _, s := range sources(t) {
			if !goOn || s.isTest || !keep(s) {
				continue
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, filepath.Join(root, s.path), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if !goOn || !ok || literal.Kind != token.STRING {
					return goOn
				}
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatalf("%s: %v", files.Position(literal.Pos()), err)
				}
				goOn = yield(files.Position(literal.Pos()), text)
				return goOn
			})
		}
	}
}
