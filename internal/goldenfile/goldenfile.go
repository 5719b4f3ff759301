// Package goldenfile compares what tests get with files that are kept beside them. `go test PACKAGE -update` writes the
// files anew; look at the difference before you commit it. Only tests use this package.
package goldenfile

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Compare fails the test if the file at path doesn't hold got. With -update, it writes the file first.
func Compare(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is out of date; -update writes it anew (-want +got):\n%s", path, diff)
	}
}
