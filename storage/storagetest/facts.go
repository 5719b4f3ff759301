package storagetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"licensebot/purchase"
)

// orderFacts checks that the facts of orders are those of the orders, oldest first, also over a restart.
func orderFacts(l ledger) {
	bought := order(2, purchase.Purchased)
	bought.Requester.ID, bought.Month, bought.CheckoutSent = `U"é<`, "2026-11", at
	bought.Receipt = &purchase.Receipt{LicenseID: "l", Charged: 6375}
	twice := bought
	twice.ID, twice.Receipt = orderID(3), &purchase.Receipt{
		LicenseID: "m", Charged: -1, Duplicates: []purchase.DuplicatePurchase{{Charged: 5}, {LicenseID: "n", Charged: 7}},
	}
	released := order(4, purchase.Unknown)
	released.Released, released.Month = at, "2026-10"
	orders := []purchase.Order{order(1, purchase.Approved), bought, twice, released}
	l.update(putOrders(released, bought, twice, orders[0]))
	var want []purchase.OrderFacts
	for _, o := range orders {
		want = append(want, o.Facts())
	}
	check := func(r purchase.Reader) error {
		first, err := r.OrderFacts("", 3)
		l.wantFacts("the first page", first, want[:3])
		rest, err2 := r.OrderFacts(orders[2].ID, 10)
		l.wantFacts("the rest", rest, want[3:])
		between, err3 := r.OrderFacts(orders[0].ID[:25], 1)
		l.wantFacts("those after no order's id", between, want[:1])
		none, err4 := r.OrderFacts(released.ID, 10)
		l.wantFacts("those after the last", none, want[4:])
		return errors.Join(err, err2, err3, err4)
	}
	l.view(check)
	l.viewReopened(check)
}

// wantFacts compares facts; no facts are equal to none.
func (l ledger) wantFacts(what string, got, want any) {
	l.Helper()
	if fmt.Sprint(got) == "[]" && fmt.Sprint(want) == "[]" {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		l.Errorf("%s: got other facts (-want +got):\n%s", what, diff)
	}
}

// entryFacts checks that the facts of log entries are those of the entries, oldest first, also over a restart.
func entryFacts(l ledger) {
	l.update(func(w purchase.Writer) error {
		for n, p := range []purchase.Purchase{
			{Order: orderID(1), Month: "2026-11", Charged: 6375, PurchaseID: 17, LicenseID: "license-1"},
			{Order: orderID(1), Month: "2026-11", Charged: -5, Correction: true},
			{Order: orderID(2), Month: "2026-12", Charged: 1, LicenseID: `a\b&c`, Duplicate: true},
			{Order: orderID(1), Month: "2027-01", Charged: 6375, PurchaseID: 18, LicenseID: "license-1", Kind: "renewal"},
		} {
			p.Requester, p.Time = purchase.Actor{ID: fmt.Sprint("U", n), Org: "E", Name: "alice"}, at
			if _, err := w.AddPurchase(p); err != nil {
				return err
			}
		}
		return nil
	})
	check := func(r purchase.Reader) error {
		entries, err := r.Purchases(0, 10)
		slices.Reverse(entries)
		var want []purchase.EntryFacts
		for _, p := range entries {
			want = append(want, p.Facts())
		}
		all, err2 := r.EntryFacts(1, 10)
		l.wantFacts("all", all, want)
		second, err3 := r.EntryFacts(2, 1)
		l.wantFacts("the second", second, want[1:2])
		none, err4 := r.EntryFacts(5, 10)
		l.wantFacts("those after the last", none, want[4:])
		return errors.Join(err, err2, err3, err4)
	}
	l.view(check)
	l.viewReopened(check)
}

// eventFacts checks that the facts of audit records are those of the records, oldest first, also over a restart.
func eventFacts(l ledger) {
	l.update(func(w purchase.Writer) error {
		return errors.Join(
			w.AppendEvent(purchase.Event{Time: at, Kind: "proposed", Order: orderID(1), By: "U1", Amount: 6375}),
			w.AppendEvent(purchase.Event{
				Time: at, Kind: "refused", Order: "\xff <&>", By: "U1", Note: `{"kind":"paused"}`, Amount: -1,
				Cause: purchase.NewCause("a-code", "order", "another"),
			}),
			w.AppendEvent(purchase.Event{Time: at, Kind: "paused", By: "U2"}))
	})
	check := func(r purchase.Reader) error {
		events, err := r.Events(1, 10)
		var want []purchase.EventFacts
		for _, e := range events {
			want = append(want, e.Facts())
		}
		all, err2 := r.EventFacts(0, 10)
		l.wantFacts("all", all, want)
		second, err3 := r.EventFacts(2, 1)
		l.wantFacts("the second", second, want[1:2])
		none, err4 := r.EventFacts(4, 10)
		l.wantFacts("those after the last", none, want[3:])
		return errors.Join(err, err2, err3, err4)
	}
	l.view(check)
	l.viewReopened(check)
}
