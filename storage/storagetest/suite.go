// Package storagetest tests implementations of purchase.Ledger, whatever stores the records.
//
// Start with [Ledger], the suite that every implementation must pass; package storage runs it on a file. [Memory] is an
// implementation without a file, for tests of other packages.
package storagetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"licensebot/purchase"
)

// Ledger runs the suite: a subtest for each contract of purchase.Ledger, on a ledger of its own. open makes an empty
// ledger, which ends with the subtest; reopen closes it and opens it again.
func Ledger(t *testing.T, open func(t *testing.T) (l purchase.Ledger, reopen func() purchase.Ledger)) {
	for _, c := range contracts {
		t.Run(c.name, func(t *testing.T) {
			l, reopen := open(t)
			c.test(ledger{T: t, Ledger: l, reopen: reopen})
		})
	}
}

// contracts are what every ledger must do.
var contracts = []struct {
	name string
	test func(ledger)
}{
	{"Order_KeptWholeOverRestart", orderKept},
	{"Order_Unknown", orderUnknown},
	{"Order_CopiesOfReaders", orderCopies},
	{"Orders_PagedNewestFirst", ordersPaged},
	{"OrdersNamed_BeginningAndEnd", ordersNamed},
	{"OrdersOfItem_NewestFirst", ordersOfItem},
	{"OpenOrders_OldestFirstUntilDone", openOrders},

	{"Purchases_PagedNewestFirst", purchasesPaged},
	{"PurchasesSince_DespiteClocksSetBack", purchasesSince},
	{"PurchaseOf_ByLicense", purchaseOf},
	{"PurchaseOf_FirstEntryDespiteCorrections", purchaseOfCorrected},
	{"Budget_NewMonthEmpty", budgetEmpty},
	{"Budgets_NewestFirst", budgetsListed},
	{"Account_KeptWholeOverRestart", accountKept},
	{"Owned_KeptWholeOverRestart", ownedKept},
	{"OwnedAfter_PagedByID", ownedPaged},
	{"DropOwned_GoneAfterwards", ownedDropped},
	{"Events_NumberedAndChained", eventsChained},
	{"Events_InvalidTextKeepsHash", eventsInvalidText},
	{"EventsSince_DespiteClocksSetBack", eventsSince},
	{"Head_EmptyLedger", headEmpty},
	{"OrderFacts_OldestFirst", orderFacts},
	{"EntryFacts_OldestFirst", entryFacts},
	{"EventFacts_OldestFirst", eventFacts},

	{"Update_ErrorUndone", updateUndone},
	{"Update_PanicUndone", updatePanics},
	{"Update_ContextDone", contextDone},
	{"Update_ConcurrentConfirmations", updateConfirmations},
	{"Update_ConcurrentCounts", updateCounts},
	{"Room_EmptyLedger", roomEmpty},
	{"Here_OpenLedger", hereOpen},
}

// ledger is a ledger under test.
type ledger struct {
	*testing.T
	purchase.Ledger
	reopen func() purchase.Ledger
}

// update runs a change, and fails the test if it can't be stored.
func (l ledger) update(change func(purchase.Writer) error) {
	l.Helper()
	if err := l.Update(context.Background(), change); err != nil {
		l.Fatal(err)
	}
}

// view runs read, and fails the test if it returns an error.
func (l ledger) view(read func(purchase.Reader) error) {
	l.Helper()
	view(l.T, l.Ledger, read)
}

// viewReopened runs read after the ledger was closed and opened again.
func (l ledger) viewReopened(read func(purchase.Reader) error) {
	l.Helper()
	view(l.T, l.reopen(), read)
}

func view(t *testing.T, l purchase.Ledger, read func(purchase.Reader) error) {
	t.Helper()
	if err := l.View(context.Background(), read); err != nil {
		t.Fatal(err)
	}
}

// at is the time of all records.
var at = time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)

// order returns the n-th order, in a state.
func order(n int, state purchase.State) purchase.Order {
	return purchase.Order{
		ID: orderID(n), Rev: 1, State: state,
		Requester: purchase.Actor{ID: "U1", Team: "T1", Name: "alice"}, Price: 6375, Created: at, Updated: at,
		Expires: at.Add(time.Hour),
	}
}

// orderID returns the ID of the n-th order.
func orderID(n int) purchase.OrderID {
	return purchase.OrderID(fmt.Sprintf("01JD8Z3V5TQ4X6B7N8M9P0%04d", n))
}

// putOrders returns a change that stores orders.
func putOrders(orders ...purchase.Order) func(purchase.Writer) error {
	return func(w purchase.Writer) error {
		for _, o := range orders {
			if err := w.PutOrder(o); err != nil {
				return err
			}
		}
		return nil
	}
}
