package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named matches the name of a test or benchmark in a document: TestWorker_Run_CleanPurchase, FuzzRecord.
var named = regexp.MustCompile(`\b((?:Test|Fuzz|Benchmark)[A-Z]\w*)`)

// Every test that a document names exists.
func TestDocs_Tests_Exist(t *testing.T) {
	root := moduleRoot(t)
	exists := map[string]bool{}
	for _, f := range sources(t) {
		if !f.isTest {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, f.path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				exists[fn.Name.Name] = true
			}
		}
	}
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, document := range append(documents, filepath.Join(root, "README.md"), filepath.Join(root, "SECURITY.md")) {
		text, err := os.ReadFile(document)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllStringSubmatch(string(text), -1) {
			found++
			if !exists[name[1]] {
				t.Errorf("%s names %s: got no such test, want one", strings.TrimPrefix(document, root+"/"), name[1])
			}
		}
	}
	if found == 0 {
		t.Error("got no name of a test, want some")
	}
}
