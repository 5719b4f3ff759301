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
				t.Errorf("got %+v, want a name of its own and tests", m)
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
				t.Errorf("got %v from parsing the mutant, want Go", err)
			}
			for _, by := range m.tests {
				if _, err := regexp.Compile(by.run); err != nil || by.run == "" {
					t.Errorf("-run %q: %v", by.run, err)
				}
				if info, err := os.Stat(filepath.Join(root, by.pkg)); err != nil || !info.IsDir() ||
					!strings.HasPrefix(by.pkg, "./") {
					t.Errorf("got no package %s, want one", by.pkg)
				}
			}
		})
	}
	if len(named) < 200 {
		t.Errorf("got %d mutants, want more", len(named))
	}
}
