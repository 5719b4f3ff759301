package reconcile_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

// What buying reads is compared at each start: reservations of all months, and what was spent in the newest.
func TestCheckCurrent_Findings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	writeLedger(t, path)
	const month = "2000-01"
	budget := func(change func(*purchase.Budget)) func(purchase.Writer) error {
		return func(w purchase.Writer) error {
			b, err := w.BudgetForChange(month)
			change(&b)
			return errors.Join(err, w.PutBudget(b))
		}
	}
	// checkpoint stores one, and adds a purchase of $1 after it.
	checkpoint := func(spent purchase.Cents) func(purchase.Writer) error {
		return func(w purchase.Writer) error {
			account, err := w.Account()
			last, err2 := w.Purchases(0, 1)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			b, err := w.Budget(month)
			account.Checkpoint = &purchase.Checkpoint{
				Number: 1, Record: 2, Entries: last[0].Number, Month: month, Spent: b.Spent + spent,
			}
			b.Spent += 100
			_, err2 = w.AddPurchase(purchase.Purchase{Month: month, Charged: 100})
			return errors.Join(err, err2, w.PutAccount(account), w.PutBudget(b))
		}
	}
	for _, c := range []struct {
		name   string
		change func(purchase.Writer) error
		want   []purchase.FindingCode
	}{
		{"Consistent", func(purchase.Writer) error { return nil }, nil},
		{
			"TooMuchReserved", budget(func(b *purchase.Budget) { b.Reserved++ }),
			[]purchase.FindingCode{purchase.FoundBudgetReserved},
		},
		{"ReservedForAnotherPerson", budget(func(b *purchase.Budget) {
			b.People["U0BOB"] = purchase.Share{Reserved: 5}
		}), []purchase.FindingCode{purchase.FoundBudgetPerson}},
		{
			"TooLittleSpent", budget(func(b *purchase.Budget) { b.Spent-- }),
			[]purchase.FindingCode{purchase.FoundBudgetSpent},
		},
		{"EntryInAnotherMonth", func(w purchase.Writer) error {
			_, err := w.AddPurchase(purchase.Purchase{Month: "1999-12", Charged: 100})
			return err
		}, nil},
		{"EntryInNoBudget", func(w purchase.Writer) error {
			_, err := w.AddPurchase(purchase.Purchase{Month: month, Charged: 100})
			return err
		}, []purchase.FindingCode{purchase.FoundBudgetSpent}},
		{"OlderMonth", func(w purchase.Writer) error {
			return w.PutBudget(purchase.Budget{Month: "1999-12", Spent: 5}) // CheckConsistency finds it
		}, nil},
		{"NewerMonth", func(w purchase.Writer) error {
			return w.PutBudget(purchase.Budget{Month: "2000-02", Spent: 5})
		}, []purchase.FindingCode{purchase.FoundBudgetSpent}},
		{"SinceCheckpoint", checkpoint(0), nil},
		{"OtherThanCheckpoint", checkpoint(7), []purchase.FindingCode{purchase.FoundBudgetSpent}},
		{"NewerMonthThanCheckpoint", func(w purchase.Writer) error {
			_, err := w.AddPurchase(purchase.Purchase{Month: "2000-02", Charged: 30})
			return errors.Join(checkpoint(7)(w), err, w.PutBudget(purchase.Budget{Month: "2000-02", Spent: 30}))
		}, []purchase.FindingCode{purchase.FoundBudgetSpent}}, // the entry came before the checkpoint
	} {
		t.Run(c.name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "ledger.db")
			if err := purchasetest.CopyFile(path, copied); err != nil {
				t.Fatal(err)
			}
			ledger, err := storage.Open(copied)
			if err != nil {
				t.Fatal(err)
			}
			defer ledger.Close()
			if err := ledger.Update(t.Context(), c.change); err != nil {
				t.Fatal(err)
			}
			if got := findCurrent(t, ledger); !slices.Equal(got, c.want) {
				t.Errorf("got the findings %v, want %v", got, c.want)
			}
		})
	}
}

// findCurrent returns the codes of CheckCurrent's findings.
func findCurrent(t *testing.T, l purchase.Ledger) (codes []purchase.FindingCode) {
	t.Helper()
	err := l.View(t.Context(), func(r purchase.Reader) error {
		findings, err := reconcile.CheckCurrent(r)
		for _, f := range findings {
			codes = append(codes, f.Code)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

// Without a checkpoint, a start doesn't read a long purchase log; with one, it reads what came after.
func TestCheckCurrent_LongLog(t *testing.T) {
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	const month = "2026-11"
	add := func(w purchase.Writer, n int) (err error) {
		for i := 0; i < n && err == nil; i++ {
			_, err = w.AddPurchase(purchase.Purchase{
				Month: month, Charged: 1, LicenseID: fmt.Sprint("license-", n, "-", i), Time: time.Unix(0, 0),
			})
		}
		return err
	}
	for _, c := range []struct {
		name       string
		checkpoint *purchase.Checkpoint
		want       []purchase.FindingCode
	}{
		{"WithoutCheckpoint", nil, nil},
		{"Checkpoint", &purchase.Checkpoint{Number: 1, Record: 2, Entries: 1600, Month: month, Spent: 1600}, nil},
		{
			"CheckpointOfOtherSum", &purchase.Checkpoint{Number: 1, Record: 2, Entries: 1600, Month: month, Spent: 1},
			[]purchase.FindingCode{purchase.FoundBudgetSpent},
		},
		{"CheckpointAtEnd", &purchase.Checkpoint{Number: 1, Record: 2, Entries: 1700, Month: month, Spent: 1700}, nil},
		{"CheckpointOfEarlierMonth", &purchase.Checkpoint{Number: 1, Record: 2, Month: "2026-10", Spent: 9}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := ledger.Update(t.Context(), func(w purchase.Writer) error {
				there, err := w.Purchases(0, 1)
				if err == nil && len(there) == 0 {
					err = add(w, 1700)
				}
				account, err2 := w.Account()
				account.Checkpoint = c.checkpoint
				spent := purchase.Cents(1700)
				if c.checkpoint == nil {
					spent = 3 // wrong, but a start doesn't find it
				}
				return errors.Join(err, err2, w.PutAccount(account),
					w.PutBudget(purchase.Budget{Month: month, Spent: spent}))
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := findCurrent(t, ledger); !slices.Equal(got, c.want) {
				t.Errorf("got the findings %v, want %v", got, c.want)
			}
		})
	}
}
