package control

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A socket's address has room for a hundred bytes, the path of a ledger for thousands.
func TestPath_Long(t *testing.T) {
	deep := t.TempDir()
	for range 6 {
		deep = filepath.Join(deep, strings.Repeat("long", 12))
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ledger.db", strings.Repeat("ledger", 30) + ".db"} {
		socket := Path(filepath.Join(deep, name))
		serve(t, socket, &fakeBot{})
		if _, err := Resume(t.Context(), socket, "operator ann", "x"); err != nil {
			t.Error(err)
		}
		if filepath.Dir(socket) != deep {
			t.Errorf("folder of the socket: got %s, want %s", filepath.Dir(socket), deep)
		}
	}
	long := filepath.Join(deep, "tmp")
	if err := os.Mkdir(long, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, tmp := range map[string]string{"long": long, "missing": filepath.Join(deep, "missing")} {
		t.Setenv("TMPDIR", tmp)
		socket := Path(filepath.Join(deep, name+".db"))
		serve(t, socket, &fakeBot{})
		if _, err := Resume(t.Context(), socket, "operator ann", "x"); err != nil {
			t.Errorf("with a folder for temporary files that is %s: got %v, want no error", name, err)
		}
	}
}

// A link to a ledger leads to the same bot as the ledger itself.
func TestPath_Symlink(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	ledger, link := filepath.Join(dir, "ledger.db"), filepath.Join(other, "link.db")
	if err := os.WriteFile(ledger, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(ledger, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, name := range []string{ledger, link, "ledger.db", "./ledger.db"} {
		if got := Path(name); got != ledger+".sock" {
			t.Errorf("Path(%s): got %s, want %s", name, got, ledger+".sock")
		}
	}
}
