package reconcile

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// account is a CoCalc that sold what it lists.
type account struct {
	purchase.Shop // nil: the tests call no other method
	rows          []cocalc.PurchaseRow
}

func (a account) Time() (time.Time, bool) { return added.AddDate(0, 0, 1), true }
func (a account) WhoAmI(context.Context) (cocalc.Account, error) {
	return cocalc.Account{ID: "account"}, nil
}

func (a account) Store(context.Context) (cocalc.Store, error)        { return cocalc.StoreCurrent, nil }
func (a account) Licenses(context.Context) ([]cocalc.License, error) { return nil, nil }
func (a account) Purchases(context.Context, cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	return a.rows, nil
}

func (a account) CartItem(context.Context, int64) (cocalc.CartItem, error) {
	return cocalc.CartItem{ID: 7, Added: added, Description: []byte(`{"description":"` + exampleOrder.Tag() + `"}`)}, nil
}

// reconciler returns a Reconciler on a new ledger with the orders and the account's record.
func reconciler(t *testing.T, rows []cocalc.PurchaseRow, state purchase.AccountState,
	orders ...purchase.Order,
) *Reconciler {
	t.Helper()
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	err = ledger.Update(t.Context(), func(w purchase.Writer) error {
		for _, o := range orders {
			if err := w.PutOrder(o); err != nil {
				return err
			}
		}
		return w.PutAccount(state)
	})
	if err != nil {
		t.Fatal(err)
	}
	reg := register.New(register.Options{
		Ledger: ledger, Shop: account{rows: rows}, Now: func() time.Time { return added.AddDate(0, 0, 1) },
		Changed: func(purchase.OrderID) {},
	})
	return New(reg, register.NewSpans(reg), nil)
}

// The running bot's actions on purchases about which it used to differ from bot verify --online.
func TestReconciler_Compare_WhatWasAnsweredDifferently(t *testing.T) {
	since := added.AddDate(-2, -1, 0)
	report := []purchase.UnrecognizedPurchase{{PurchaseID: 80, LicenseID: "second", Time: added, Cost: 6375}}
	restored := &purchase.Before{At: added, Last: added.Add(-time.Hour), IsKnown: true, Orders: []purchase.Order{
		example(func(o *purchase.Order) { o.Price, o.Requester = 6375, purchase.Actor{ID: "UALICE"} }),
	}}
	// As many orders as in a year follow the failed one, so it is far outside of the days that are read again.
	old := []purchase.Order{example(in(purchase.Failed), func(o *purchase.Order) { o.Created = added.AddDate(-1, 0, 0) })}
	for _, id := range []purchase.OrderID{otherOrder, "01JX0000000000000000000000", "01K00000000000000000000000"} {
		old = append(old, purchase.Order{ID: id, State: purchase.Expired, Created: added})
	}
	for _, c := range []struct {
		name   string
		row    cocalc.PurchaseRow
		state  purchase.AccountState
		orders []purchase.Order
		late   int            // purchases of orders that had failed
		events map[string]int // audit records by kind
		paused bool
	}{
		{
			name: "the restore brings the order of a purchase that the backup had reported", row: row(),
			state:  purchase.AccountState{Watching: since, Before: restored, UnrecognizedPurchases: report},
			events: map[string]int{"purchased": 1},
		},
		{
			name: "the item of an old order, without its tag", row: row(untagged), orders: old,
			state: purchase.AccountState{Watching: since}, late: 1,
		},
		{
			name: "one more charge for the license of the receipt", row: row(license("license")),
			orders: []purchase.Order{example()}, state: purchase.AccountState{Watching: since},
			events: map[string]int{"double-buy": 1}, paused: true,
		},
		{
			name: "the license of the log, without its tag and item", row: row(license("license"), number(70), untagged,
				item(0)),
			orders: []purchase.Order{example()}, state: purchase.AccountState{Watching: since},
		},
		{
			name: "an item of the replaced ledger, without its tag", row: row(untagged),
			orders: []purchase.Order{example(in(purchase.Expired), ended, neverAdded, func(o *purchase.Order) {
				o.Price = 6375
			})},
			state:  purchase.AccountState{Watching: since, Before: restored},
			events: map[string]int{"purchased": 1},
		},
		{
			name: "reported by an older server", row: row(untagged),
			state: purchase.AccountState{
				Watching: since, UnrecognizedPurchases: []purchase.UnrecognizedPurchase{{LicenseID: "second", Time: added}},
			},
		},
		{
			name: "one more charge for a reported license", row: row(untagged, number(81)),
			state:  purchase.AccountState{Watching: since, UnrecognizedPurchases: report},
			events: map[string]int{"foreign-purchase": 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			rc := reconciler(t, nil, c.state, c.orders...)
			err := rc.ledger.Update(t.Context(), func(w purchase.Writer) error {
				_, err := w.AddPurchase(purchase.Purchase{Order: exampleOrder, LicenseID: "license", Month: "2026-11"})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time, everything is known
				late, err := rc.compare(t.Context(), Account{Rows: []cocalc.PurchaseRow{c.row}}, added.AddDate(0, 0, 1), false)
				if err != nil {
					t.Fatal(err)
				}
				if got := len(late[exampleOrder]); got != c.late {
					t.Errorf("got %d purchases of a failed order, want %d", got, c.late)
				}
			}
			err = rc.ledger.View(t.Context(), func(r purchase.Reader) error {
				got := map[string]int{}
				for e, err := range purchase.AllEvents(r) {
					if err != nil {
						return err
					}
					got[e.Kind]++
				}
				for _, kind := range []string{"purchased", "double-buy", "foreign-purchase", "unexplained-purchase"} {
					if got[kind] != c.events[kind] {
						t.Errorf("got %d records of the kind %q, want %d; all are %v", got[kind], kind, c.events[kind], got)
					}
				}
				a, err := r.Account()
				if (a.Pause != nil) != c.paused {
					t.Errorf("got the pause %+v, want one: %t", a.Pause, c.paused)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// The evidence shows an admin each purchase with the order's tag, and which of them are not the order's.
func TestReconciler_Evidence_PurchasesWithTheTag(t *testing.T) {
	rows := []cocalc.PurchaseRow{
		row(), row(onlyTagged, number(81)), row(item(0), number(82), at(-2*time.Hour)), row(untagged, number(83)),
		row(text(otherOrder.Tag()), number(84)), row(untagged, item(9), number(85)),
	}
	want := map[string]string{"80": "", "81": "copied", "82": "older", "83": ""}
	for _, state := range []purchase.State{purchase.Unknown, purchase.Failed} {
		o := example(in(state))
		rc := reconciler(t, rows, purchase.AccountState{}, o)
		got := map[string]string{}
		for _, line := range rc.Evidence(t.Context(), o).Lines {
			if line.Code == purchase.ShowsPurchase {
				got[line.Args["purchase"]] = line.Args["but"]
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", state, got, want)
		}
		for number, but := range want {
			if shown, ok := got[number]; !ok || shown != but {
				t.Errorf("%s: got purchase %s with %q (%t), want %q", state, number, shown, ok, but)
			}
		}
	}
}
