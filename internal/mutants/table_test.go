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

// A mutant whose text is gone takes nothing out. That the rest of it holds is for `make mutants` to see.
func TestMutants_Table_TextsAreFound(t *testing.T) {
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
			source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
			if err != nil {
				t.Fatal(err)
			}
			changed, err := m.apply(string(source))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.ParseFile(token.NewFileSet(), m.file, changed, 0); err != nil {
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
	if len(named) < 40 {
		t.Errorf("there are only %d mutants", len(named))
	}
}

func TestMutants_Noticed(t *testing.T) {
	for _, c := range []struct{ name, out, want string }{
		{"a test", "ok  \tx\n--- FAIL: TestA (0.1s)\n    x_test.go:1: no\nFAIL\n", "TestA"},
		{
			"a part of a test",
			"--- FAIL: TestA (0s)\n    --- FAIL: TestA/one (0s)\n        --- FAIL: TestA/one/two (0s)\n--- FAIL: TestB (0s)\n",
			"TestA/one/two",
		},
		{"a panic in a test", "--- FAIL: TestA (0s)\npanic: oh [recovered]\n", "TestA"},
		{
			"a deadlock", "fatal error: all goroutines are asleep - deadlock!\n",
			"fatal error: all goroutines are asleep - deadlock!",
		},
		{"a test that does not end", "panic: test timed out after 3m0s\n", "by not coming to its end"},
		{"something else", "exit status 3\nFAIL\tx\t0.1s\n", "exit status 3; FAIL\tx\t0.1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := failing(c.out); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestMutants_Replace_Once(t *testing.T) {
	m := mutant{file: "f.go", text: "b", instead: "c"}
	if got, err := m.apply("a b"); got != "a c" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, source := range []string{"a", "b b"} {
		if _, err := m.apply(source); err == nil {
			t.Errorf("%q is changed", source)
		}
	}
	if _, err := (mutant{text: "b", instead: "b"}).apply("b"); err == nil {
		t.Error("what changes nothing is a mutant")
	}
}
