package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/purchase"
)

func appendEvent(kind string) func(purchase.Writer) error {
	return func(w purchase.Writer) error { return w.AppendEvent(purchase.Event{Kind: kind}) }
}

// After a failed commit nothing is read from the file and nothing is written to it, whether or not the transaction is
// in the file. The next start finds one or the other.
func TestLedger_Update_FailedCommit(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(commit, rollback func() error) error // of the second commit
		want string
	}{
		{"Kept", func(commit, _ func() error) error { return commit() }, "first second"},
		{"Lost", func(_, rollback func() error) error { return rollback() }, "first"},
	} {
		t.Run(c.name, func(t *testing.T) { testFailedCommit(t, c.end, c.want) })
	}
}

// testFailedCommit lets the second commit end with end and then fail, and checks that the next start finds want.
func testFailedCommit(t *testing.T, end func(commit, rollback func() error) error, want string) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "ledger.db")
	commits := 0
	l, err := Open(path, WithCommit(func(commit, rollback func() error) error {
		if commits++; commits == 2 {
			return errors.Join(syscall.EIO, end(commit, rollback))
		}
		return commit()
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Update(ctx, appendEvent("first")); err != nil {
		t.Fatal(err)
	}
	err = l.Update(ctx, appendEvent("second"))
	if !errors.Is(err, purchase.ErrUncertain) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("got %v from the second, want ErrUncertain and the disk's error", err)
	}
	select {
	case <-l.Failed():
	default:
		t.Error("got no sign of the failure, want the channel closed")
	}
	if !errors.Is(l.Failure(), syscall.EIO) {
		t.Errorf("got the cause %v, want the disk's error", l.Failure())
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	_, backup := l.Backup(ctx, copied)
	_, verify := l.Verify(ctx, nil)
	for what, err := range map[string]error{
		"a change": l.Update(ctx, appendEvent("third")),
		"a look":   l.View(ctx, func(purchase.Reader) error { t.Error("got a read of the file, want none"); return nil }),
		"room":     l.Room(ctx),
		"a backup": backup,
		"verify":   verify,
	} {
		if !errors.Is(err, purchase.ErrStopped) || errors.Is(err, purchase.ErrUncertain) {
			t.Errorf("%s: got %v, want ErrStopped alone", what, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if got := kinds(t, openTest(t, path)); got != want {
		t.Errorf("the next start finds %q, want %q", got, want)
	}
}

func kinds(t *testing.T, l *Ledger) string {
	t.Helper()
	var all []string
	err := l.View(context.Background(), func(r purchase.Reader) error {
		events, err := r.Events(1, 100)
		for _, e := range events {
			all = append(all, e.Kind)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// awaitChanges waits until n changes wait for the next commit, for ten seconds at most.
func (l *Ledger) awaitChanges(n int) {
	arrived := func() int {
		l.gathering.Lock()
		defer l.gathering.Unlock()
		if l.next == nil {
			return 0
		}
		return len(l.next.calls)
	}
	for began := time.Now(); arrived() < n && time.Since(began) < 10*time.Second; {
		time.Sleep(batchDelay)
	}
}

// However slow the disk is, changes that arrive while a commit is under way share the next one.
func TestLedger_Update_SharedCommit(t *testing.T) {
	const many = 20
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	before := l.known.Load().tx
	l.writing.Lock() // a commit is under way
	var changing sync.WaitGroup
	for range many {
		changing.Go(func() {
			if err := l.Update(context.Background(), appendEvent("one of many")); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(2 * batchDelay)
	}
	l.awaitChanges(many)
	l.writing.Unlock()
	changing.Wait()
	if n := l.known.Load().tx - before; n != 1 {
		t.Errorf("%d changes that arrived during a commit: got %d more commits, want 1", many, n)
	}
}

// bbolt shows a transaction to readers before its last fsync. What such a reader read counts once that has succeeded,
// and not at all when it fails.
func TestLedger_View_WaitsForFsync(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
			before := l.known.Load()
			if err := l.Update(t.Context(), appendEvent("first")); err != nil {
				t.Fatal(err)
			}
			after, settled := l.known.Load(), make(chan struct{})
			l.known.Store(before) // as it is during the last fsync
			l.pending = settled
			read, done := false, make(chan error, 1)
			go func() {
				done <- l.View(t.Context(), func(purchase.Reader) error { read = true; return nil })
			}()
			synctest.Wait()
			if len(done) > 0 || !read {
				t.Errorf("got that it read %t and returned %t, want a read that waits", read, len(done) > 0)
			}
			if fails {
				_ = l.fail(errors.New("no fsync"), purchase.ErrUncertain)
			} else {
				l.known.Store(after)
			}
			close(settled)
			if err := <-done; errors.Is(err, purchase.ErrStopped) != fails {
				t.Errorf("got %v, want ErrStopped %t", err, fails)
			}
		})
	}
}

// A file that is copied over the ledger of a bot that runs ends the work with it, before anything of it is read or
// changed.
func TestLedger_Update_Overwritten(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	older := filepath.Join(dir, "older.db")
	for name, over := range map[string]func(path string) error{
		"an older copy": func(path string) error {
			data, err := os.ReadFile(older)
			if err != nil {
				return err
			}
			return os.WriteFile(path, data, 0o600)
		},
		"a text":        func(path string) error { return os.WriteFile(path, []byte("hello"), 0o600) },
		"nothing":       func(path string) error { return os.Truncate(path, 0) },
		"half a ledger": func(path string) error { return os.Truncate(path, 4096) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			l := openTest(t, path)
			if err := l.Update(ctx, appendEvent("first")); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Backup(ctx, older); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(older)
			if err := l.Update(ctx, appendEvent("second")); err != nil {
				t.Fatal(err)
			}
			if err := over(path); err != nil {
				t.Fatal(err)
			}
			there, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			look := l.View(ctx, func(purchase.Reader) error { t.Error("got a read of the file, want none"); return nil })
			change := l.Update(ctx, appendEvent("third"))
			for _, err := range []error{look, change} {
				if !errors.Is(err, purchase.ErrStopped) || name == "an older copy" && !errors.Is(err, ErrOverwritten) {
					t.Errorf("got %v, want ErrStopped, and ErrOverwritten if an older copy lies there", err)
				}
			}
			<-l.Failed()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != string(there) {
				t.Errorf("got a changed file, want it unchanged; error %v", err)
			}
		})
	}
}

// An older copy is copied over the file in the moment after a commit wrote it: the commit's outcome is unknown, and the
// copy is never taken for what was written.
func TestLedger_Update_OverwrittenDuringCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	var older []byte
	l, err := Open(path, WithCommit(func(commit, _ func() error) error {
		err := commit()
		if older != nil {
			err = errors.Join(err, os.WriteFile(path, older, 0o600))
		}
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	copied := filepath.Join(t.TempDir(), "copy.db")
	for range 2 {
		_, err = l.Backup(t.Context(), copied)
		if err := errors.Join(err, l.Update(t.Context(), appendEvent("first"))); err != nil {
			t.Fatal(err)
		}
		copied += ".2"
	}
	if older, err = os.ReadFile(strings.TrimSuffix(copied, ".2")); err != nil {
		t.Fatal(err)
	}
	err = l.Update(t.Context(), appendEvent("second"))
	if !errors.Is(err, purchase.ErrUncertain) || !errors.Is(err, ErrOverwritten) {
		t.Errorf("got %v, want ErrUncertain and ErrOverwritten", err)
	}
	if err := l.View(t.Context(), func(purchase.Reader) error { return nil }); !errors.Is(err, purchase.ErrStopped) {
		t.Errorf("got %v afterwards, want ErrStopped", err)
	}
}

// A file that is cut short while a transaction reads or changes it is an error, not the end of the program.
func TestLedger_Update_Truncated(t *testing.T) {
	ctx := context.Background()
	for _, writes := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "ledger.db")
		l := openTest(t, path)
		for range 20 {
			if err := l.Update(ctx, appendEvent(strings.Repeat("x", 3000))); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if writes {
			err = l.Update(ctx, func(w purchase.Writer) error {
				first := appendEvent("first")(w)
				return errors.Join(first, os.Truncate(path, 0))
			})
		} else {
			err = l.View(ctx, func(r purchase.Reader) error {
				if err := os.Truncate(path, 0); err != nil {
					return err
				}
				_, err := r.Events(1, 100)
				return err
			})
		}
		if err == nil || l.Failure() == nil {
			t.Errorf("writes %t: got %v and the failure %v, want both", writes, err, l.Failure())
		}
	}
}

// Decisions in doubt are kept beside the ledger, in order, until they are cleared.
func TestDoubts_Keep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	d := DoubtsOf(path)
	if all, err := d.All(); err != nil || len(all) > 0 {
		t.Errorf("got the doubts %v at first, want none; error %v", all, err)
	}
	for _, who := range []string{"UALICE", "UBOB"} {
		if err := d.Keep(purchase.Doubt{Who: who, Order: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := DoubtsOf(path).All()
	if err != nil || len(all) != 2 || all[0].Who != "UALICE" || all[1].Who != "UBOB" || all[0].Order != "1" {
		t.Errorf("got the doubts %+v, want those that were kept; error %v", all, err)
	}
	wantFiles(t, filepath.Dir(path), "ledger.db.doubts")
	if err := errors.Join(d.Clear(), d.Clear()); err != nil {
		t.Error(err)
	}
	wantFiles(t, filepath.Dir(path))
	if err := os.WriteFile(path+".doubts", []byte("{\"who\": 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.All(); err == nil || d.Keep(purchase.Doubt{}) == nil {
		t.Error("got no error for a file that cannot be read, want one from All and from Keep")
	}
}
