package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
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

// A change of a budget changes nothing that was read before it, whether that was decoded or cached.
func TestLedger_Budget_EarlierReads(t *testing.T) {
	ledger := ledgerWithBudget(t, budgetOf(3))
	ledger.budgets.recent = nil
	for _, read := range []string{"decoded", "cached"} {
		before, copied := readBudget(t, ledger), readBudget(t, ledger)
		copied.People = maps.Clone(copied.People)
		err := ledger.Update(context.Background(), func(w purchase.Writer) error {
			return purchase.ChangeBudget(w, testMonth, func(b *purchase.Budget) {
				b.Spend("U0000001", 100, 1)
				b.Spend("UNEW", 100, 1)
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(copied, before); diff != "" {
			t.Errorf("the %s budget after a change (-want +got):\n%s", read, diff)
		}
		want := copied
		want.Spent, want.Bought = want.Spent+200, want.Bought+2
		want.People = maps.Clone(want.People)
		for _, id := range []string{"U0000001", "UNEW"} {
			share := want.People[id]
			share.Spent += 100
			want.People[id] = share
		}
		got := readBudget(t, ledger)
		ledger.budgets.recent = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the changed budget (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(got, readBudget(t, ledger)); diff != "" {
			t.Errorf("the changed budget, decoded (-cached +decoded):\n%s", diff)
		}
	}
}

// Changes that share a commit each see the budget as the one before has left it, also in the list of all months, and
// those that fail leave nothing in it.
func TestLedger_Budget_SharedCommit(t *testing.T) {
	const many = 20
	ctx := context.Background()
	ledger := ledgerWithBudget(t, purchase.Budget{Month: testMonth})
	refused := errors.New("refused")
	ledger.writing.Lock() // a commit is under way
	var changing sync.WaitGroup
	for n := range many {
		changing.Go(func() {
			err := ledger.Update(ctx, func(w purchase.Writer) error {
				err := purchase.ChangeBudget(w, testMonth, func(b *purchase.Budget) { b.Spend("UALICE", 1, 1) })
				if err != nil {
					return err
				}
				one, err := w.Budget(testMonth)
				all, err2 := w.Budgets(1)
				if err := errors.Join(err, err2); err != nil {
					return err
				}
				if diff := cmp.Diff([]purchase.Budget{one}, all); diff != "" {
					t.Errorf("the budget in the list of months (-want +got):\n%s", diff)
				}
				if n%4 == 0 {
					return refused
				}
				if n%4 == 1 { // PutBudget stores a map of the caller's
					one.People = maps.Clone(one.People)
					return w.PutBudget(one)
				}
				return nil
			})
			if (n%4 == 0) != errors.Is(err, refused) {
				t.Errorf("change %d: got error %v", n, err)
			}
		})
	}
	ledger.awaitChanges(many)
	ledger.writing.Unlock()
	changing.Wait()
	want := purchase.Budget{
		Month: testMonth, Spent: many * 3 / 4, Bought: many * 3 / 4,
		People: map[string]purchase.Share{"UALICE": {Spent: many * 3 / 4}},
	}
	ledger.budgets.recent = nil
	if diff := cmp.Diff(want, readBudget(t, ledger)); diff != "" {
		t.Errorf("the budget after all changes (-want +got):\n%s", diff)
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

// What was read before a transaction never changes, also while it changes its own copy several times; and a map that a
// caller stored is its own.
func TestLedger_Budget_ChangesInPlace(t *testing.T) {
	ledger := ledgerWithBudget(t, budgetOf(3))
	before := readBudget(t, ledger)
	callers := budgetOf(2)
	err := ledger.Update(context.Background(), func(w purchase.Writer) error {
		spend := func(b *purchase.Budget) { b.Spend("U0000001", 100, 1) }
		err := errors.Join(purchase.ChangeBudget(w, testMonth, spend), purchase.ChangeBudget(w, testMonth, spend))
		wantSpent(t, w, "after two changes", 6575)
		err = errors.Join(err, w.PutBudget(callers), purchase.ChangeBudget(w, testMonth, spend))
		wantSpent(t, w, "after another budget was put and changed", 6475)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(budgetOf(3), before); diff != "" {
		t.Errorf("what was read before (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(budgetOf(2), callers); diff != "" {
		t.Errorf("what the caller has put (-want +got):\n%s", diff)
	}
	want := budgetOf(2)
	want.Spend("U0000001", 100, 1)
	if diff := cmp.Diff(want, readBudget(t, ledger)); diff != "" {
		t.Errorf("the budget afterwards (-want +got):\n%s", diff)
	}
}
