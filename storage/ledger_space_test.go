package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// limitFiles lets files of this process grow to size and no further, until the test ends or the limit is moved. What
// the kernel then answers (EFBIG) meets the ledger where a full disk would: growing the file, or writing a page.
func limitFiles(t *testing.T, size uint64) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
}

// limited is set in the child process that meets the full disk: a limit on file sizes affects every file of a process,
// also those of the tests.
const limited = "LICENSEBOT_TEST_FULL_DISK"

// Without room nothing is written and everything can be read; once there is room, the same ledger continues.
func TestLedger_Update_FullDisk(t *testing.T) {
	if os.Getenv(limited) == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestLedger_Update_FullDisk$", "-test.v")
		child.Env = append(os.Environ(), limited+"=yes")
		if out, err := child.CombinedOutput(); err != nil ||
			!strings.Contains(string(out), "--- PASS: TestLedger_Update_FullDisk/nothing_can_be_written/full") {
			t.Errorf("got %v, want the child to pass:\n%s", err, out)
		}
		return
	}
	ctx := context.Background()
	const before = 8
	order := func(n int) purchase.Order {
		return purchase.Order{
			ID: purchase.OrderID(fmt.Sprintf("01JD8Z3V5TQ4X6B7N8M9P0%04d", n)), State: purchase.Proposed, Rev: 1,
			Reason: strings.Repeat("why ", 12000),
		}
	}
	cases := []struct {
		name string
		room func(size int64) uint64 // how large files may be, with a ledger of that size
	}{
		{"the file cannot grow", func(size int64) uint64 { return uint64(size) + 100_000 }},
		{"pages at its end cannot be written", func(size int64) uint64 { return uint64(size) / 2 }},
		{"nothing can be written", func(int64) uint64 { return 0 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			l := openTest(t, path)
			put := func(n int) error {
				return l.Update(ctx, func(w purchase.Writer) error {
					return errors.Join(w.PutOrder(order(n)), w.AppendEvent(purchase.Event{Kind: "proposed", Order: order(n).ID}))
				})
			}
			written := 0
			for ; written < before; written++ {
				if err := put(written); err != nil {
					t.Fatal(err)
				}
			}
			var size int64
			if err := l.db.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil }); err != nil {
				t.Fatal(err)
			}
			t.Run("full", func(t *testing.T) {
				limitFiles(t, c.room(size))
				var err error
				for ; err == nil && written < 200; written++ {
					err = put(written)
				}
				written-- // the one that was refused
				for range 3 {
					if !errors.Is(err, purchase.ErrFull) {
						t.Fatalf("got %v, want ErrFull", err)
					}
					checkWhole(t, l, written)
					err = put(written)
				}
			})
			for range 8 {
				if err := put(written); err != nil {
					t.Fatalf("got %v once there is room again, want no error", err)
				}
				written++
			}
			checkWhole(t, l, written)
			l.Close()
			checkWhole(t, openTest(t, path), written)
		})
	}
}

// checkWhole has bbolt check itself, and finds exactly so many orders and audit records.
func checkWhole(t *testing.T, l *Ledger, orders int) {
	t.Helper()
	err := l.db.View(func(tx *bbolt.Tx) error {
		var all error
		for err := range tx.Check() {
			all = errors.Join(all, err)
		}
		got, err := (&transaction{bundleReader: bundleReader{tx: tx}}).Orders("", 1000)
		events, err2 := (&transaction{bundleReader: bundleReader{tx: tx}}).Events(1, 1000)
		if len(got) != orders || len(events) != orders {
			t.Errorf("got %d orders and %d audit records, want %d of each", len(got), len(events), orders)
		}
		return errors.Join(all, err, err2, checkMeta(tx))
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLedger_Room(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	if err := l.Room(context.Background()); err != nil {
		t.Fatalf("got %v on this disk, want room", err)
	}
	for free, full := range map[uint64]bool{0: true, 16<<20 - 1: true, 16 << 20: false, 1 << 40: false} {
		l.room = func(string) (uint64, error) { return free, nil }
		if err := l.Room(context.Background()); errors.Is(err, purchase.ErrFull) != full {
			t.Errorf("%d bytes free: got %v, want ErrFull %t", free, err, full)
		}
	}
	l.room = func(string) (uint64, error) { return 0, syscall.EIO }
	if err := l.Room(context.Background()); !errors.Is(err, syscall.EIO) || errors.Is(err, purchase.ErrFull) {
		t.Errorf("got %v, want EIO alone", err)
	}
}

// The ledger is in its place as long as its name leads to the file that is open.
func TestLedger_Here(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	direct := openTest(t, path)
	if err := direct.Close(); err != nil {
		t.Fatal(err)
	}
	l := openTest(t, link)
	aside := path + ".aside"
	steps := []struct {
		what string
		do   func() error
		away bool
	}{
		{"at first", func() error { return nil }, false},
		{"moved", func() error { return os.Rename(path, aside) }, true},
		{"another in its place", func() error { return os.WriteFile(path, []byte("x"), 0o600) }, true},
		{"back", func() error { return os.Rename(aside, path) }, false},
		{"with a second name", func() error { return os.Link(path, aside) }, false},
		{"deleted", func() error { return os.Remove(path) }, true},
		{"back again", func() error { return os.Rename(aside, path) }, false},
		{"the link removed", func() error { return os.Remove(link) }, true},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatal(err)
		}
		if err := l.Here(context.Background()); errors.Is(err, purchase.ErrAway) != s.away || err != nil && !s.away {
			t.Errorf("%s: got %v, want ErrAway %t", s.what, err, s.away)
		}
	}
}
