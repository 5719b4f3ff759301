package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// fill writes a few orders in several states, purchases, a budget and the audit of it all.
func fill(t *testing.T, l *Ledger, orders int) {
	t.Helper()
	at := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	states := []purchase.State{purchase.Proposed, purchase.Approved, purchase.Purchased, purchase.Failed}
	for n := range orders {
		err := l.Update(context.Background(), func(w purchase.Writer) error {
			o := purchase.Order{
				ID: purchase.OrderID(fmt.Sprintf("01JD8Z3V5TQ4X6B7N8M9P0%04d", n)), Rev: 1, State: states[n%len(states)],
				Requester: purchase.Actor{ID: "U1", Team: "T1", Name: "alice"}, Price: 6375, Created: at, Updated: at,
				Reason: strings.Repeat("winter school ", 1+n%5), Month: "2026-11", Confirmed: at,
			}
			if o.State == purchase.Purchased {
				o.ItemID = int64(100 + n)
				o.Receipt = &purchase.Receipt{LicenseID: fmt.Sprint("license-", n), Time: at, Charged: 6375}
				if _, err := w.AddPurchase(purchase.Purchase{
					Order: o.ID, LicenseID: o.Receipt.LicenseID, Month: o.Month,
					Charged: 6375, Time: at,
				}); err != nil {
					return err
				}
			}
			budget, err := w.Budget(o.Month)
			budget.Spent += 100
			return errors.Join(err, w.PutOrder(o), w.PutBudget(budget),
				w.AppendEvent(purchase.Event{Time: at, Kind: string(o.State), Order: o.ID, By: "U1"}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readAll returns all records of a ledger as JSON.
func readAll(l *Ledger) (string, error) {
	var all []any
	err := l.View(context.Background(), func(r purchase.Reader) error {
		orders, err1 := r.Orders("", 1000)
		open, err2 := r.OpenOrders()
		purchases, err3 := r.Purchases(0, 1000)
		budgets, err4 := r.Budgets(10)
		account, err5 := r.Account()
		events, err6 := r.Events(1, 1000)
		owned, err7 := r.OwnedAfter("", 1000)
		all = []any{orders, open, purchases, budgets, account, events, owned}
		return errors.Join(err1, err2, err3, err4, err5, err6, err7)
	})
	data, marshal := json.Marshal(all)
	return string(data), errors.Join(err, marshal)
}

// Bytes flip anywhere in the file: it is refused as damaged, or every record reads as it was written. It is never
// written to, and the program lives.
func TestOpen_FlippedBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path)
	fill(t, l, 60)
	want, err := readAll(l)
	if err != nil {
		t.Fatal(err)
	}
	var used int64 // the rest was never written
	if err := l.db.View(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	l.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err = OpenReadOnly(path) // with all bytes as bbolt wrote them
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 120 {
		data := append([]byte(nil), whole...)
		at := random.IntN(int(used))
		if random.IntN(3) == 0 { // the heads of pages, where the numbers are
			at = at&^4095 + random.IntN(200)
		}
		data[at] ^= byte(1 << random.IntN(8))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := OpenReadOnly(path)
		if err == nil {
			var got string
			if got, err = readAll(l); err == nil && got != want {
				t.Errorf("a flip at %d: got other records without an error, want an error", at)
			}
			l.Close()
		}
		if err != nil {
			refused++
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) {
				t.Errorf("a flip at %d: got %v, want ErrDamaged, ErrForeign or ErrNewer", at, err)
			}
			if _, err := Open(path); err == nil {
				t.Errorf("a flip at %d: got it refused by OpenReadOnly alone, want it refused by Open too", at)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(data) {
				t.Errorf("a flip at %d: got a changed file, want it unchanged; error %v", at, err)
			}
		}
	}
	if refused < 20 {
		t.Errorf("got %d of 120 flips noticed, want at least 20", refused)
	}
}

func TestOpen_MissingFolder(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "none", "ledger.db"))
	if err == nil || !strings.Contains(err.Error(), "the folder") || !strings.Contains(err.Error(), "DATABASE") {
		t.Errorf("got %v, want an error that names the folder and DATABASE", err)
	}
}

func TestOpen_TightensMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	openTest(t, path).Close()
	if err := os.Chmod(path, 0o664); err != nil {
		t.Fatal(err)
	}
	openTest(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600; error %v", info.Mode(), err)
	}
}

// Of many that create the same ledger at once, one gets it, and the others learn that it is taken.
func TestOpen_ConcurrentCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	var mu sync.Mutex
	var got []*Ledger
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			l, err := Open(path)
			if err == nil {
				mu.Lock()
				got = append(got, l)
				mu.Unlock()
			} else if !errors.Is(err, ErrLocked) {
				t.Errorf("got %v, want ErrLocked", err)
			}
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Errorf("got %d that opened it, want 1", len(got))
	}
	for _, l := range got {
		l.Close()
	}
}

// A panic of a transaction's function is not damage of the ledger: its caller gets it, the transaction is undone, and
// the ledger continues.
func TestLedger_Update_Panic(t *testing.T) {
	ctx := context.Background()
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	var nobody *purchase.Order
	for name, run := range map[string]func() error{
		"view": func() error { return l.View(ctx, func(purchase.Reader) error { nobody.Rev++; return nil }) },
		"update": func() error {
			return l.Update(ctx, func(w purchase.Writer) error {
				if err := w.PutBudget(purchase.Budget{Month: "2026-11", Spent: 1}); err != nil {
					return err
				}
				nobody.Rev++
				return nil
			})
		},
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "nil pointer") {
					t.Errorf("%s: got the panic %v, want that of the nil pointer", name, r)
				}
			}()
			t.Errorf("%s: got %v, want a panic", name, run())
		}()
		err := l.Update(ctx, func(w purchase.Writer) error {
			budget, err := w.Budget("2026-11")
			if budget.Spent != 0 {
				t.Errorf("%s: got %v left behind, want nothing", name, budget)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: got %v afterwards, want no error", name, err)
		}
	}
}

// A record that is damaged while the ledger is open is refused when it is read, and the others are read as before.
func TestLedger_View_DamagedRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path)
	fill(t, l, 8)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	record := []byte(`"id":"01JD8Z3V5TQ4X6B7N8M9P00003"`)
	for at := 0; ; at += len(record) { // also where older pages have it
		next := bytes.Index(data[at:], record)
		if next < 0 {
			break
		}
		at += next
		if _, err := f.WriteAt([]byte(`"ID"`), int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[purchase.OrderID]error{
		"01JD8Z3V5TQ4X6B7N8M9P00003": ErrDamaged,
		"01JD8Z3V5TQ4X6B7N8M9P00004": nil,
	} {
		err := l.View(context.Background(), func(r purchase.Reader) error { _, err := r.Order(id); return err })
		if !errors.Is(err, want) {
			t.Errorf("order %s: got %v, want %v", id, err, want)
		}
	}
}
