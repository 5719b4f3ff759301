package storage

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"licensebot/purchase"
)

// wantFiles fails unless a folder holds exactly the named files.
func wantFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if err != nil || strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("got the files %v (%v), want %v", got, err, names)
	}
}

// A backup that is made while the bot writes is one state of the ledger: it has all or nothing of each transaction.
func TestLedger_Backup_WhileWriting(t *testing.T) {
	ctx := context.Background()
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	fill(t, l, 20)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			err := l.Update(ctx, func(w purchase.Writer) error {
				account, err := w.Account()
				account.Broken = append(account.Broken, int64(n))
				return errors.Join(err, w.PutAccount(account), w.AppendEvent(purchase.Event{Kind: "paused", By: "U1"}))
			})
			if err != nil {
				stopped <- err
				return
			}
		}
	}()
	dir := t.TempDir()
	var last uint64
	for _, name := range []string{"a.db", "b.db", "c.db"} {
		to := filepath.Join(dir, name)
		report, err := l.Backup(ctx, to)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 || info.Size() != report.Size {
			t.Errorf("got the file %v, error %v, want the %d bytes that are reported", info, err, report.Size)
		}
		copied, err := OpenReadOnly(to)
		if err != nil {
			t.Fatal(err)
		}
		err = copied.View(ctx, func(r purchase.Reader) error {
			account, err := r.Account()
			head, err2 := r.Head()
			if head.Hash != report.Head.Hash || int(head.Number) != 20+len(account.Broken) || head.Number < last {
				t.Errorf("got record %d with %d changes after record %d, want as many, and that of the report, %d", head.Number,
					len(account.Broken), last, report.Head.Number)
			}
			last = head.Number
			return errors.Join(err, err2)
		})
		if err := errors.Join(err, copied.Close()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, "a.db", "b.db", "c.db")
}

func TestLedger_Backup_ExistingFile(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	dir := t.TempDir()
	to := filepath.Join(dir, "monday.db")
	if err := os.WriteFile(to, []byte("the only copy of something"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Backup(context.Background(), to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	if kept, err := os.ReadFile(to); err != nil || string(kept) != "the only copy of something" {
		t.Errorf("got the file %q, want it unchanged; error %v", kept, err)
	}
	wantFiles(t, dir, "monday.db")
}

// What does not verify is not kept: neither its name nor its temporary file.
func TestLedger_Backup_Damaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path)
	fill(t, l, 8)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(data, []byte("6375"), []byte("6376")), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var f *RecordError
	if _, err := l.Backup(context.Background(), filepath.Join(dir, "a.db")); !errors.As(err, &f) {
		t.Errorf("got %v, want a RecordError", err)
	}
	wantFiles(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Backup(ctx, filepath.Join(dir, "a.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v, want context.Canceled", err)
	}
	wantFiles(t, dir)
}

func TestBackup_ClosedLedger(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path)
	fill(t, l, 8)
	want, err := readAll(l)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "a.db")
	if _, err := Backup(ctx, path, to); !errors.Is(err, ErrLocked) {
		t.Errorf("while a bot has it: got %v, want ErrLocked", err)
	}
	l.Close()
	if report, err := Backup(ctx, path, to); err != nil || report.Head.Number != 8 {
		t.Fatalf("got the report %+v and the error %v, want 8 records and none", report, err)
	}
	if got, err := readAll(openTest(t, to)); err != nil || got != want {
		t.Errorf("got other records in the backup, want those of the ledger; error %v", err)
	}
}
