package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A mutant whose place is gone takes nothing out. That the rest of it holds is for `make mutants` to see.
func TestTable_EveryMutantFindsItsPlace(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range table() {
		t.Run(m.name, func(t *testing.T) {
			if named[m.name] || m.name == "" || len(m.tests) == 0 {
				t.Errorf("it has no name of its own, or no tests: %+v", m)
			}
			named[m.name] = true
			d, err := find(root, m.in)
			if err != nil {
				t.Fatal(err)
			}
			changed, err := d.apply(m.change)
			if err != nil {
				t.Fatalf("%s: %v", m.in, err)
			}
			if _, err := parser.ParseFile(token.NewFileSet(), d.file, changed, 0); err != nil {
				t.Errorf("what is left is no Go: %v", err)
			}
			for _, by := range m.tests {
				if _, err := regexp.Compile(by.run); err != nil || by.run == "" {
					t.Errorf("-run %q: %v", by.run, err)
				}
				if info, err := os.Stat(filepath.Join(root, by.pkg)); err != nil || !info.IsDir() ||
					!strings.HasPrefix(by.pkg, "./") {
					t.Errorf("there is no package %s", by.pkg)
				}
			}
		})
	}
	if len(named) < 200 {
		t.Errorf("there are only %d mutants", len(named))
	}
}
