package storagetest

import (
	"context"
	"errors"
	"sync"

	"licensebot/purchase"
)

// updateUndone checks that an update that fails leaves nothing behind, and returns its error.
func updateUndone(l ledger) {
	boom := errors.New("boom")
	err := l.Update(context.Background(), func(w purchase.Writer) error {
		return errors.Join(writeAll(w), boom)
	})
	if !errors.Is(err, boom) {
		l.Fatalf("got the error %v, want %v", err, boom)
	}
	l.wantEmpty()
}

// updatePanics checks that an update that panics leaves nothing behind, and that its caller gets the panic.
func updatePanics(l ledger) {
	func() {
		defer func() {
			if r := recover(); r != "a bug" {
				l.Errorf("got the panic %v, want that of the change", r)
			}
		}()
		_ = l.Update(context.Background(), func(w purchase.Writer) error {
			if err := writeAll(w); err != nil {
				l.Error(err)
			}
			panic("a bug")
		})
	}()
	l.wantEmpty()
}

// writeAll writes a record of each kind.
func writeAll(w purchase.Writer) error {
	_, err := w.AddPurchase(purchase.Purchase{LicenseID: "l", Charged: 100})
	return errors.Join(err, w.PutOrder(order(1, purchase.Proposed)), w.PutAccount(purchase.AccountState{Watching: at}),
		w.PutBudget(purchase.Budget{Month: "2026-11", Spent: 1}), w.AppendEvent(purchase.Event{Kind: "proposed"}))
}

// wantEmpty checks that an update finds a ledger without records.
func (l ledger) wantEmpty() {
	l.Helper()
	l.update(func(w purchase.Writer) error {
		orders, err := w.Orders("", 10)
		open, err2 := w.OpenOrders()
		purchases, err3 := w.Purchases(0, 10)
		_, sold, err4 := w.PurchaseOf("l")
		budgets, err5 := w.Budgets(10)
		account, err6 := w.Account()
		head, err7 := w.Head()
		if len(orders) != 0 || len(open) != 0 || len(purchases) != 0 || sold || len(budgets) != 0 ||
			!account.Watching.IsZero() || head.Number != 0 {
			l.Errorf("got orders %v, open orders %v, purchases %v, a purchase found %t, budgets %v, the account %+v and "+
				"the head %+v, want none", orders, open, purchases, sold, budgets, account, head)
		}
		return errors.Join(err, err2, err3, err4, err5, err6, err7)
	})
}

// contextDone checks that nothing runs with a context that is done.
func contextDone(l ledger) {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	err := l.Update(done, func(purchase.Writer) error { l.Error("got a change, want none"); return nil })
	err2 := l.View(done, func(purchase.Reader) error { l.Error("got a read, want none"); return nil })
	if !errors.Is(err, context.Canceled) || !errors.Is(err2, context.Canceled) {
		l.Errorf("got %v and %v, want context.Canceled", err, err2)
	}
}

// updateConfirmations checks that of forty people who confirm at once, with a budget for ten, ten get a reservation.
func updateConfirmations(l ledger) { confirmAtOnce(l.T, l.Ledger, 40, 10) }

// updateCounts checks that updates at the same time don't lose each other's changes.
func updateCounts(l ledger) {
	const want = 200
	var wg sync.WaitGroup
	for range want {
		wg.Go(func() {
			err := l.Update(context.Background(), func(w purchase.Writer) error {
				b, err := w.Budget("2026-11")
				if err != nil {
					return err
				}
				b.Reserved++
				return w.PutBudget(b)
			})
			if err != nil {
				l.Error(err)
			}
		})
	}
	wg.Wait()
	l.view(func(r purchase.Reader) error {
		b, err := r.Budget("2026-11")
		if b.Reserved != want {
			l.Errorf("got %d counted, want %d", b.Reserved, want)
		}
		return err
	})
}

// roomEmpty checks that an empty ledger has room for an order.
func roomEmpty(l ledger) {
	if err := l.Room(context.Background()); err != nil {
		l.Errorf("got %v, want room", err)
	}
}

// hereOpen checks that an open ledger is where the next start looks for it.
func hereOpen(l ledger) {
	if err := l.Here(context.Background()); err != nil {
		l.Errorf("got %v, want no error", err)
	}
}
