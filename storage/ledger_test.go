package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"licensebot/purchase"
	"licensebot/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLedger_Conformance(t *testing.T) {
	storagetest.Ledger(t, func(t *testing.T) (purchase.Ledger, func() purchase.Ledger) {
		path := filepath.Join(t.TempDir(), "ledger.db")
		l := openTest(t, path)
		return l, func() purchase.Ledger {
			l.Close()
			return openTest(t, path)
		}
	})
}

func openTest(t *testing.T, path string) *Ledger {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestOpen_CreatesPrivateFile(t *testing.T) {
	dir := t.TempDir()
	openTest(t, filepath.Join(dir, "ledger.db"))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("got the files %v, want the ledger alone; error %v", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600; error %v", info.Mode(), err)
	}
}

func TestOpen_Locked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	openTest(t, path)
	if _, err := Open(path); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
}

// Files that are not a ledger of this program are refused with the right reason, and not one byte of them changes.
func TestOpen_OtherFiles(t *testing.T) {
	meta := func(change func(*bbolt.Bucket) error) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			l := openTest(t, path)
			if err := l.db.Update(func(tx *bbolt.Tx) error { return change(tx.Bucket(bucketMeta)) }); err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
	}
	text := func(content string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := []struct {
		name string
		make func(t *testing.T, path string)
		want error
	}{
		{"a newer ledger", meta(func(b *bbolt.Bucket) error { return b.Put(keySchema, []byte("99")) }), ErrNewer},
		{"a bbolt file of another program", func(t *testing.T, path string) {
			db, err := bbolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
		}, ErrForeign},
		{
			"a ledger of another name", meta(func(b *bbolt.Bucket) error { return b.Put(keyApplication, []byte("shop")) }),
			ErrForeign,
		},
		{"a text file", text("dear diary, this is no database at all\n"), ErrDamaged},
		{"an empty file", text(""), ErrDamaged},
		{"an unreadable version", meta(func(b *bbolt.Bucket) error { return b.Put(keySchema, []byte("x")) }), ErrDamaged},
		{"a ledger cut in half", func(t *testing.T, path string) {
			openTest(t, path).Close()
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, info.Size()/4); err != nil {
				t.Fatal(err)
			}
		}, ErrDamaged},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			c.make(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if l, err := Open(path); err == nil {
				l.Close()
				t.Error("got no error, want the file refused")
			} else if !errors.Is(err, c.want) && !(errors.Is(c.want, ErrDamaged) && errors.Is(err, ErrForeign)) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(before) {
				t.Errorf("got a changed file, want it unchanged; error %v", err)
			}
		})
	}
}

func TestOpen_Directory(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrForeign) {
		t.Errorf("got %v, want ErrForeign", err)
	}
}

func TestOpenReadOnly_MissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	if _, err := OpenReadOnly(path); err == nil {
		t.Error("got no error for a missing ledger, want one")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("got a new file, want none")
	}
}

// A record that is changed behind the program's back no longer fits its hash.
func TestHash_ChangedRecord(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	var e purchase.Event
	err := l.Update(context.Background(), func(w purchase.Writer) error {
		if err := w.AppendEvent(purchase.Event{Kind: "approved", By: "U1", Amount: 6375}); err != nil {
			return err
		}
		events, err := w.Events(1, 1)
		e = events[0]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if hash, _ := Hash(e); hash != e.Hash {
		t.Errorf("got the hash %s, want %s", hash, e.Hash)
	}
	e.Amount++
	if hash, _ := Hash(e); hash == e.Hash {
		t.Error("got the same hash for another amount, want a different one")
	}
}

// A file that was read before is opened again without a check, unless something was written to it, or another file has
// its name: then it is checked like any file.
func TestLedger_Reopen_ChangedFile(t *testing.T) {
	for _, c := range []struct {
		name     string
		meantime func(t *testing.T, path string) error
		records  uint64 // of the audit; 0: ErrDamaged
	}{
		{"Unchanged", func(*testing.T, string) error { return nil }, 8},
		{"Written", func(t *testing.T, path string) error {
			l := openTest(t, path)
			return errors.Join(l.Update(t.Context(), appendEvent("resumed")), l.Close())
		}, 9},
		{"Replaced", func(t *testing.T, path string) error {
			other := openTest(t, path+".other")
			fill(t, other, 3)
			return errors.Join(other.Close(), os.Rename(path+".other", path))
		}, 3},
		{"CutShort", func(_ *testing.T, path string) error {
			return os.Truncate(path, 3*4096)
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			l := openTest(t, path)
			fill(t, l, 8)
			err := l.Close()
			first, err2 := OpenReadOnly(path)
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(first.Close(), c.meantime(t, path)); err != nil {
				t.Fatal(err)
			}
			again, err := first.Reopen()
			if c.records == 0 {
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("got %v, want ErrDamaged", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			var head purchase.Event
			err = again.View(t.Context(), func(r purchase.Reader) (err error) { head, err = r.Head(); return err })
			if err != nil || head.Number != c.records {
				t.Errorf("got the last record %d and %v, want %d", head.Number, err, c.records)
			}
		})
	}
}
