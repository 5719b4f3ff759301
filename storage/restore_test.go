package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

var restoredAt = time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)

// markChange changes a restored ledger before it can be used.
func markChange(w purchase.Writer) error {
	return w.AppendEvent(purchase.Event{Time: restoredAt, Kind: "restored", By: "ops"})
}

// isMarked reports whether the ledger's last record is the mark.
func isMarked(t *testing.T, path string) bool {
	t.Helper()
	var head purchase.Event
	err := ReadCopy(context.Background(), path, func(r purchase.Reader) (err error) {
		head, err = r.Head()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return head.Kind == "restored"
}

// newBackup creates a ledger with 8 orders in dir, a backup of it elsewhere, and 4 more orders in the ledger.
func newBackup(t *testing.T, dir string) (ledger, backup string) {
	t.Helper()
	ledger, backup = filepath.Join(dir, "ledger.db"), filepath.Join(t.TempDir(), "backup.db")
	l := openTest(t, ledger)
	fill(t, l, 8)
	if _, err := l.Backup(context.Background(), backup); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 12)
	l.Close()
	return ledger, backup
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// At no moment does the name of the ledger lead to a restored one without its mark, or to none.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	ledger, backup := newBackup(t, dir)
	before, copied := readFile(t, ledger), readFile(t, backup)
	done, err := Replace(context.Background(), ledger, backup, restoredAt, func(w purchase.Writer) error {
		if isMarked(t, ledger) || readFile(t, ledger) != before {
			t.Error("got another ledger before its copy was prepared, want the previous one")
		}
		if _, err := Open(ledger); !errors.Is(err, ErrLocked) {
			t.Errorf("a bot that starts now: got %v, want ErrLocked", err)
		}
		return markChange(w)
	})
	if err != nil {
		t.Fatal(err)
	}
	if done.Restored.Orders != 8 || done.Restored.Head.Number != 8 ||
		filepath.Base(done.Aside) != "ledger.db.before-restore-20261123T083000Z" {
		t.Errorf("got %+v, want the restored file and the place of the previous one", done)
	}
	if !isMarked(t, ledger) || readFile(t, done.Aside) != before || readFile(t, backup) != copied {
		t.Error("got an unprepared ledger, or a changed previous ledger or backup, want a prepared one and both unchanged")
	}
	wantFiles(t, dir, "ledger.db", "ledger.db.before-restore-20261123T083000Z")
	if info, err := os.Stat(ledger); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600; error %v", info, err)
	}
	again, err := Replace(context.Background(), ledger, backup, restoredAt, markChange) // in the same second
	if err != nil || again.Aside != done.Aside+"-2" || readFile(t, done.Aside) != before {
		t.Errorf("got %+v and the error %v, want another name for the previous ledger", again, err)
	}
}

// The present ledger need not be in order, nor be there.
func TestReplace_DamagedLedger(t *testing.T) {
	for name, ruin := range map[string]func(path string) error{
		"a torn meta page": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(make([]byte, 100), 20)
			return errors.Join(err, f.Close())
		},
		"cut short": func(path string) error { return os.Truncate(path, 5000) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"a text":    func(path string) error { return os.WriteFile(path, []byte("dear diary"), 0o600) },
		"missing":   os.Remove,
		"behind a link": func(path string) error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ledger, backup := newBackup(t, t.TempDir())
			if err := ruin(ledger); err != nil {
				t.Fatal(err)
			}
			was, _ := os.ReadFile(ledger)
			done, err := Replace(context.Background(), ledger, backup, restoredAt, markChange)
			if err != nil {
				t.Fatal(err)
			}
			if !isMarked(t, ledger) {
				t.Error("got an unprepared ledger, want a prepared one")
			}
			if (done.Aside == "") != (name == "missing") {
				t.Errorf("got %q as the place of the previous ledger, want none only if there was none", done.Aside)
			} else if done.Aside != "" && readFile(t, done.Aside) != string(was) {
				t.Error("got another file kept aside, want the previous ledger")
			}
			if info, err := os.Lstat(ledger); err != nil || (info.Mode()&os.ModeSymlink != 0) != (name == "behind a link") {
				t.Errorf("got mode %v at the path of the ledger, want a link only where one was; error %v", info.Mode(), err)
			}
			openTest(t, ledger)
		})
	}
}

// When it cannot be restored, everything is as before.
func TestReplace_Errors(t *testing.T) {
	no := errors.New("no")
	cases := []struct {
		name    string
		before  func(t *testing.T, ledger, backup string)
		prepare func(purchase.Writer) error
		want    error
	}{
		{"a damaged backup", func(t *testing.T, _, backup string) {
			data := []byte(readFile(t, backup))
			data[len(data)/2] ^= 4
			data[4096+20] ^= 4
			if err := os.WriteFile(backup, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}, markChange, ErrDamaged},
		{"a backup that was cut short", func(t *testing.T, _, backup string) {
			if err := os.Truncate(backup, 3*4096); err != nil {
				t.Fatal(err)
			}
		}, markChange, ErrDamaged},
		{"a newer backup", func(t *testing.T, _, backup string) {
			l := openTest(t, backup)
			defer l.Close()
			err := l.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keySchema, []byte("99")) })
			if err != nil {
				t.Fatal(err)
			}
		}, markChange, ErrNewer},
		{"another program's file", func(t *testing.T, _, backup string) {
			if err := os.WriteFile(backup, []byte("dear diary"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, markChange, ErrForeign},
		{"no backup", func(t *testing.T, _, backup string) {
			if err := os.Remove(backup); err != nil {
				t.Fatal(err)
			}
		}, markChange, os.ErrNotExist},
		{"a bot that runs", func(t *testing.T, ledger, _ string) { openTest(t, ledger) }, markChange, ErrLocked},
		{"a copy that cannot be prepared", func(*testing.T, string, string) {}, func(purchase.Writer) error {
			return no
		}, no},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			ledger, backup := newBackup(t, dir)
			c.before(t, ledger, backup)
			before := readFile(t, ledger)
			copied, _ := os.ReadFile(backup)
			if _, err := Replace(context.Background(), ledger, backup, restoredAt, c.prepare); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			still, _ := os.ReadFile(backup)
			if readFile(t, ledger) != before || string(still) != string(copied) {
				t.Error("got a changed file, want all unchanged")
			}
			wantFiles(t, dir, "ledger.db")
		})
	}
	t.Run("the ledger itself", func(t *testing.T) {
		ledger, _ := newBackup(t, t.TempDir())
		before := readFile(t, ledger)
		if _, err := Replace(context.Background(), ledger, ledger, restoredAt, markChange); err == nil ||
			readFile(t, ledger) != before {
			t.Errorf("got %v, want an error and the ledger unchanged", err)
		}
	})
}

// A bot that waits for the lock of the ledger while that is replaced does not go on with the one that was kept aside.
func TestOpen_ReplacedWhileWaiting(t *testing.T) {
	ledger, backup := newBackup(t, t.TempDir())
	before, err := os.Stat(ledger) // where a bot begins
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Replace(context.Background(), ledger, backup, restoredAt, markChange); err != nil {
		t.Fatal(err)
	}
	if _, err := checkPages(ledger, before, nil); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v from checking its pages, want ErrLocked", err)
	}
	if _, _, err := openFile(ledger, false, before); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v from opening it, want ErrLocked", err)
	}
}
