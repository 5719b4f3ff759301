package goldenfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test that only notes whether it failed.
type recorder struct {
	testing.TB
	failed []string
}

func (r *recorder) Helper()                           {}
func (r *recorder) Errorf(format string, args ...any) { r.failed = append(r.failed, format) }

func TestCompare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "greeting.txt")
	if err := os.WriteFile(path, []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for got, fails := range map[string]bool{"hello\n": false, "hello": true} {
		r := &recorder{TB: t}
		Compare(r, path, got)
		if (len(r.failed) > 0) != fails {
			t.Errorf("Compare with %q: got %q, want a failure: %v", got, strings.Join(r.failed, " "), fails)
		}
	}
	before := *update
	*update = true
	t.Cleanup(func() { *update = before })
	Compare(t, path, "good morning\n")
	if text, err := os.ReadFile(path); err != nil || string(text) != "good morning\n" {
		t.Errorf("got %q (%v), want the text that was written", text, err)
	}
}
