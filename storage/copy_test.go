package storage

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"licensebot/purchase"
)

// Two records that are always written together are always read together, however busy the bot is while its ledger is
// copied.
func TestReadCopy_WhileWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path)
	add := func(n int) error {
		return l.Update(context.Background(), func(w purchase.Writer) error {
			p, err := w.AddPurchase(purchase.Purchase{Month: "2026-11", Charged: 100, Reason: strings.Repeat("why ", 37*n%200)})
			if err != nil {
				return err
			}
			return w.PutBudget(purchase.Budget{Month: "2026-11", Spent: purchase.Cents(100 * p.Number), Bought: int(p.Number)})
		})
	}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				stopped <- nil
				return
			case <-tick.C:
			}
			if err := add(n); err != nil {
				stopped <- err
				return
			}
		}
	}()
	seen := 0
	for round := 0; seen < 500; round++ {
		err := ReadCopy(context.Background(), path, func(r purchase.Reader) error {
			budget, err := r.Budget("2026-11")
			if err != nil {
				return err
			}
			newest, err := r.Purchases(0, 1)
			if err != nil || len(newest) == 0 {
				return err
			}
			n := int(newest[0].Number)
			if n != budget.Bought || budget.Spent != purchase.Cents(100*n) || n < seen {
				t.Errorf("round %d: got %d purchases after %d, %d in the budget for %s, want the same at $1 each", round, n, seen,
					budget.Bought, budget.Spent)
			}
			seen = n
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}

// writingReader is a file that is written to once its reader has read half of it.
type writingReader struct {
	io.ReaderAt
	write func()
}

func (i *writingReader) ReadAt(b []byte, at int64) (int, error) {
	if at >= 32<<10 && i.write != nil {
		i.write()
		i.write = nil
	}
	return i.ReaderAt.ReadAt(b, at)
}

func TestCopyOnce_Changed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path)
	order := func() {
		err := l.Update(context.Background(), func(w purchase.Writer) error {
			return w.PutOrder(purchase.Order{ID: purchase.OrderID(ulid.Make().String()), Reason: strings.Repeat("why ", 1000)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 30 {
		order()
	}
	source, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	for writes, want := range []error{nil, errChanged, errChanged, errChanged} {
		temp, err := os.Create(filepath.Join(t.TempDir(), "copy.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer temp.Close()
		met := false
		err = copyOnce(temp, &writingReader{source, func() {
			met = true
			for range writes {
				order()
			}
		}})
		if !met || !errors.Is(err, want) {
			t.Errorf("got %v after %d transactions during the copy (%t), want %v", err, writes, met, want)
		}
	}
}

func TestReadCopy_RemovesCopy(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	path := filepath.Join(t.TempDir(), "ledger.db")
	openTest(t, path)
	err := ReadCopy(context.Background(), path, func(r purchase.Reader) error {
		entries, err := os.ReadDir(temp)
		if err != nil || len(entries) != 1 {
			t.Errorf("got the copies %v while it is read, want one; error %v", entries, err)
		} else if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got mode %v of the copy, want 0600; error %v", info.Mode(), err)
		}
		_, err = r.Account()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(temp); err != nil || len(entries) != 0 {
		t.Errorf("got the files %v, want none left behind; error %v", entries, err)
	}
}

func TestReadCopy_OtherFiles(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "diary.txt")
	if err := os.WriteFile(text, []byte("dear diary"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a text": text, "nothing": filepath.Join(dir, "none.db"),
		"a directory": dir,
	} {
		err := ReadCopy(context.Background(), path, func(purchase.Reader) error { return nil })
		if err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}
