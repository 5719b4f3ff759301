package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/purchase"
)

// orderKept checks that an order is kept with all its fields, also over a restart.
func orderKept(l ledger) {
	want := order(1, purchase.Unknown)
	want.Spec = purchase.Spec{RAM: 16, CPU: 2, Disk: 10, Title: "Büro & <x>", Period: "range", End: at.AddDate(0, 1, 0)}
	want.HeldItems, want.Sent = []int64{3, 4}, []byte(`{"ram":16}`)
	want.Unresolved = &purchase.Unresolved{
		Cause: purchase.Cause{Code: purchase.HeldAnswerLost}, Since: at, Until: at.Add(time.Minute),
	}
	want.Messages = []purchase.Message{{Kind: purchase.MessageCard, ResponseURL: "https://x", Uses: 4, Expires: at}}
	l.update(putOrders(want))
	check := func(r purchase.Reader) error {
		got, err := r.Order(want.ID)
		if diff := cmp.Diff(want, got); diff != "" {
			l.Errorf("got another order than was put (-want +got):\n%s", diff)
		}
		return err
	}
	l.view(check)
	l.viewReopened(check)
}

// orderUnknown checks that an ID without an order is ErrNoOrder.
func orderUnknown(l ledger) {
	err := l.View(context.Background(), func(r purchase.Reader) error { _, err := r.Order("nope"); return err })
	if !errors.Is(err, purchase.ErrNoOrder) {
		l.Errorf("got %v, want ErrNoOrder", err)
	}
}

// orderCopies checks that neither the order that was put nor one that was read shares memory with the ledger.
func orderCopies(l ledger) {
	o, want := order(1, purchase.Adding), []int64{3, 4}
	o.HeldItems = slices.Clone(want)
	l.update(putOrders(o))
	o.HeldItems[0] = 99
	for range 2 {
		l.view(func(r purchase.Reader) error {
			got, err := r.Order(o.ID)
			if err != nil {
				return err
			}
			if !slices.Equal(got.HeldItems, want) {
				l.Errorf("got the held items %v, want %v", got.HeldItems, want)
			}
			got.HeldItems[1] = 99
			return nil
		})
	}
}

// ordersPaged checks that orders are listed in pages, newest first.
func ordersPaged(l ledger) {
	l.update(putFiveOrders)
	l.view(func(r purchase.Reader) error {
		first, err := r.Orders("", 2)
		l.wantIDs("the first page", ids(first), 5, 4)
		rest, err2 := r.Orders(orderID(4), 10)
		l.wantIDs("the rest", ids(rest), 3, 2, 1)
		return errors.Join(err, err2)
	})
}

// ordersNamed checks that orders are found by the beginning and by the end of their IDs, newest first.
func ordersNamed(l ledger) {
	l.update(putFiveOrders)
	l.view(func(r purchase.Reader) error {
		beginning, err := r.OrdersNamed(string(orderID(1)[:8]), 3)
		l.wantIDs("the orders with a beginning", beginning, 5, 4, 3)
		end, err2 := r.OrdersNamed(string(orderID(2)[20:]), 3)
		l.wantIDs("the orders with an end", end, 2)
		none, err3 := r.OrdersNamed("NONE", 3)
		l.wantIDs("the orders with neither", none)
		return errors.Join(err, err2, err3)
	})
}

// ordersOfItem checks that orders are found by their cart item as it is now, newest first.
func ordersOfItem(l ledger) {
	items := []int64{1 << 12, 7, 1<<40 + 7, 1 << 12, 0, 7 + 1<<12}
	for n, item := range items { // one after the other, so that some are bundled before others
		o := order(n+1, purchase.Expired)
		o.ItemID = item
		l.update(putOrders(o))
	}
	l.wantOfItem(1<<12, 4, 1)
	l.wantOfItem(7, 2)
	l.wantOfItem(1<<40+7, 3)
	l.wantOfItem(7+1<<12, 6)
	l.wantOfItem(8)
	l.wantOfItem(0)

	changed := order(1, purchase.Expired)
	changed.ItemID = 7
	l.update(putOrders(changed))
	l.wantOfItem(1<<12, 4)
	l.wantOfItem(7, 2, 1)
	changed.ItemID = 0
	l.update(putOrders(changed, order(7, purchase.Expired), order(8, purchase.Expired)))
	l.wantOfItem(7, 2)
}

func (l ledger) wantOfItem(item int64, want ...int) {
	l.Helper()
	l.view(func(r purchase.Reader) error {
		got, err := r.OrdersOfItem(item)
		l.wantIDs(fmt.Sprint("the orders of item ", item), got, want...)
		return err
	})
}

func putFiveOrders(w purchase.Writer) error {
	for n := range 5 {
		if err := w.PutOrder(order(n+1, purchase.Proposed)); err != nil {
			return err
		}
	}
	return nil
}

// openOrders checks that open orders and those with unpublished changes are listed, oldest first, until they are done.
func openOrders(l ledger) {
	done := order(2, purchase.Purchased)
	done.Receipt = &purchase.Receipt{LicenseID: "l"}
	waiting := order(3, purchase.Approved)
	waiting.Confirmed = time.Date(2026, time.November, 22, 12, 0, 0, 123_456_789, time.UTC)
	waiting.Messages = []purchase.Message{{Kind: purchase.MessageCard}}
	l.update(putOrders(waiting, done, order(1, purchase.Proposed)))
	l.wantOpen([]int{1, 3}, []int{3})

	waiting.State, waiting.Messages[0].PublishedRev = purchase.Failed, waiting.Rev
	l.update(putOrders(waiting))
	l.wantOpen([]int{1}, nil)
}

// wantOpen checks which orders are open and unpublished, by number, and that the queue has the open ones.
func (l ledger) wantOpen(open, unpublished []int) {
	l.Helper()
	l.view(func(r purchase.Reader) error {
		got, err := r.OpenOrders()
		l.wantIDs("the open orders", ids(got), open...)
		stale, err2 := r.Unpublished()
		l.wantIDs("the unpublished orders", stale, unpublished...)
		queue, err3 := r.Queue()
		var want []purchase.QueueEntry
		for _, o := range got {
			want = append(want, purchase.QueueEntry{ID: o.ID, State: o.State, Confirmed: o.Confirmed})
		}
		if diff := cmp.Diff(want, queue); diff != "" { // compares times with Equal
			l.Errorf("got another queue than the open orders (-want +got):\n%s", diff)
		}
		return errors.Join(err, err2, err3)
	})
}

// wantIDs checks a list of IDs against the numbers of orders.
func (l ledger) wantIDs(what string, got []purchase.OrderID, numbers ...int) {
	l.Helper()
	var want []purchase.OrderID
	for _, n := range numbers {
		want = append(want, orderID(n))
	}
	if !slices.Equal(got, want) {
		l.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func ids(orders []purchase.Order) (ids []purchase.OrderID) {
	for _, o := range orders {
		ids = append(ids, o.ID)
	}
	return ids
}
