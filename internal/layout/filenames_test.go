package layout

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

var gerund = regexp.MustCompile(`^[a-z_]*[a-z]ing(_test)?\.go$`)

// nounsInIng lists file names that end in "ing" but are nouns.
var nounsInIng = []string{"mapping_test.go"}

// Files are named with nouns of the field, not with gerunds.
func TestFiles_Names_AreNoGerunds(t *testing.T) {
	n := 0
	for _, s := range sources(t) {
		n++
		name := filepath.Base(s.path)
		if gerund.MatchString(name) && !slices.Contains(nounsInIng, name) {
			t.Errorf("got the file name %s, want a noun of the field", s.path)
		}
	}
	if n < 300 {
		t.Errorf("got %d files; the search finds too few", n)
	}
}
