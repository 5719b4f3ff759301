package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// testMonth is the month of the budgets of these tests.
const testMonth = "2026-11"

// budgetOf returns a budget with shares of some people.
func budgetOf(people int) purchase.Budget {
	b := purchase.Budget{Month: testMonth, Spent: 6375, Reserved: 6375, People: map[string]purchase.Share{}}
	for n := range people {
		b.People[fmt.Sprintf("U%07d", n)] = purchase.Share{
			Reserved: 6375, Days: map[string]int{"2026-11-29": 1}, Auto: map[string]purchase.Cents{"2026-11-29": 6375},
		}
	}
	return b
}

// ledgerWithBudget returns a new ledger that has a budget.
func ledgerWithBudget(t testing.TB, b purchase.Budget) *Ledger {
	t.Helper()
	ledger, err := Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ledger.Close() })
	putBudget(t, ledger, b)
	return ledger
}

func putBudget(t testing.TB, ledger *Ledger, b purchase.Budget) {
	t.Helper()
	err := ledger.Update(context.Background(), func(w purchase.Writer) error { return w.PutBudget(b) })
	if err != nil {
		t.Fatal(err)
	}
}

func readBudget(t testing.TB, ledger *Ledger) (b purchase.Budget) {
	t.Helper()
	err := ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		b, err = r.Budget(testMonth)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantSpent compares what a budget of the test month has spent in the state of a transaction.
func wantSpent(t *testing.T, r purchase.Reader, when string, want purchase.Cents) {
	t.Helper()
	if got, err := r.Budget(testMonth); err != nil || got.Spent != want {
		t.Errorf("%s: got %v spent and error %v, want %v", when, got.Spent, err, want)
	}
}

// What a caller does with a budget that it read changes no later read, whether that is decoded or cached.
func TestLedger_Budget_BelongsToTheCaller(t *testing.T) {
	want := budgetOf(3)
	ledger := ledgerWithBudget(t, want)
	for _, read := range []string{"decoded", "cached", "cached again"} {
		got := readBudget(t, ledger)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s budget (-want +got):\n%s", read, diff)
		}
		got.Spent = 1
		got.People["U0000001"] = purchase.Share{Spent: 2}
		got.People["UNEW"] = purchase.Share{Spent: 1}
	}
}

// Every transaction reads the budget of its own state: one that is still reading while others commit, one that changed
// the budget itself, and those after a change that failed.
func TestLedger_Budget_OfTheTransaction(t *testing.T) {
	ctx := context.Background()
	ledger := ledgerWithBudget(t, budgetOf(3))
	spent := func(amount purchase.Cents) purchase.Budget {
		b := budgetOf(3)
		b.Spent = amount
		return b
	}
	refused := errors.New("refused")
	err := ledger.View(ctx, func(older purchase.Reader) error {
		wantSpent(t, older, "before any change", 6375)
		for _, amount := range []purchase.Cents{9000, 9001, 9002} { // more budgets than are cached
			err := ledger.Update(ctx, func(w purchase.Writer) error {
				if err := w.PutBudget(spent(amount)); err != nil {
					return err
				}
				wantSpent(t, w, "in the transaction that changed it", amount)
				return nil
			})
			if err != nil {
				return err
			}
			wantSpent(t, older, "in the older state", 6375)
		}
		err := ledger.Update(ctx, func(w purchase.Writer) error {
			if err := w.PutBudget(spent(1)); err != nil {
				return err
			}
			wantSpent(t, w, "in the transaction that fails", 1)
			return refused
		})
		if !errors.Is(err, refused) {
			t.Errorf("the failing change: got error %v, want its own", err)
		}
		wantSpent(t, older, "in the older state", 6375)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := readBudget(t, ledger); got.Spent != 9002 {
		t.Errorf("after a failed change: got %v spent, want $90.02", got.Spent)
	}
}

// A cached budget does not hide that its record was damaged or edited since.
func TestLedger_Budget_ChangedRecord(t *testing.T) {
	ledger := ledgerWithBudget(t, budgetOf(3))
	readBudget(t, ledger)
	replaceRecord := func(record []byte) {
		t.Helper()
		err := ledger.write(func(tx *bbolt.Tx) error { return tx.Bucket(bucketBudgets).Put([]byte(testMonth), record) })
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := json.Marshal(budgetOf(3))
	if err != nil {
		t.Fatal(err)
	}
	replaceRecord(append([]byte{1, 2, 3, 4}, data...))
	err = ledger.View(context.Background(), func(r purchase.Reader) error {
		_, err := r.Budget(testMonth)
		return err
	})
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("a record with another checksum: got error %v, want ErrDamaged", err)
	}
	edited := budgetOf(3)
	edited.Reserved = 0
	putBudget(t, ledger, edited)
	if diff := cmp.Diff(edited, readBudget(t, ledger)); diff != "" {
		t.Errorf("the budget after its repair (-want +got):\n%s", diff)
	}
}

// BenchmarkLedger_Budget reads a month's budget with shares of 500 people, decoded each time and from the cache.
func BenchmarkLedger_Budget(b *testing.B) {
	ledger := ledgerWithBudget(b, budgetOf(500))
	for _, c := range []struct {
		name   string
		cached bool
	}{{"decoded", false}, {"cached", true}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !c.cached {
					ledger.budgets.recent = nil
				}
				readBudget(b, ledger)
			}
		})
	}
}
