package storagetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"licensebot/purchase"
)

// purchasesPaged checks that entries of the purchase log are numbered from 1 and listed in pages, newest first.
func purchasesPaged(l ledger) {
	l.update(addFivePurchases)
	l.view(func(r purchase.Reader) error {
		first, err := r.Purchases(0, 2)
		l.wantNumbers("the first page", first, 5, 4)
		rest, err2 := r.Purchases(4, 10)
		l.wantNumbers("the rest", rest, 3, 2, 1)
		return errors.Join(err, err2)
	})
}

// addFivePurchases adds entries for license-1 to license-5.
func addFivePurchases(w purchase.Writer) error {
	for n := 1; n <= 5; n++ {
		p, err := w.AddPurchase(purchase.Purchase{LicenseID: fmt.Sprint("license-", n), Month: "2026-11", Charged: 100})
		if err != nil || p.Number != uint64(n) {
			return fmt.Errorf("got the number %d, want %d: %w", p.Number, n, err)
		}
	}
	return nil
}

func (l ledger) wantNumbers(what string, got []purchase.Purchase, want ...uint64) {
	l.Helper()
	var numbers []uint64
	for _, p := range got {
		numbers = append(numbers, p.Number)
	}
	if !slices.Equal(numbers, want) {
		l.Errorf("%s: got the entries %v, want %v", what, numbers, want)
	}
}

// purchaseOf checks that the entry of a license is found by the license's ID.
func purchaseOf(l ledger) {
	l.update(addFivePurchases)
	l.view(func(r purchase.Reader) error {
		p, ok, err := r.PurchaseOf("license-2")
		if !ok || p.Number != 2 {
			l.Errorf("license-2: got the entry %d, found %t, want 2", p.Number, ok)
		}
		p, ok, err2 := r.PurchaseOf("license-unknown")
		if ok {
			l.Errorf("an unknown license: got the entry %+v, want none", p)
		}
		return errors.Join(err, err2)
	})
}

// purchaseOfCorrected checks that a license is found by its first entry, also if others correct it, and that entries
// without a license are not found.
func purchaseOfCorrected(l ledger) {
	l.update(func(w purchase.Writer) error {
		_, err := w.AddPurchase(purchase.Purchase{LicenseID: "l", Charged: 100})
		_, err2 := w.AddPurchase(purchase.Purchase{LicenseID: "l", Charged: -5, Correction: true})
		_, err3 := w.AddPurchase(purchase.Purchase{Charged: 7}) // its license is not known
		p, ok, err4 := w.PurchaseOf("l")
		if !ok || p.Charged != 100 || p.Number != 1 {
			l.Errorf("got the entry %+v, found %t, want number 1 of 100 cents", p, ok)
		}
		p, ok, err5 := w.PurchaseOf("")
		if ok {
			l.Errorf("no license: got the entry %+v, want none", p)
		}
		return errors.Join(err, err2, err3, err4, err5)
	})
}

// budgetEmpty checks that a month without a record has an empty budget.
func budgetEmpty(l ledger) {
	l.view(func(r purchase.Reader) error {
		got, err := r.Budget("2026-10")
		if diff := cmp.Diff(purchase.Budget{Month: "2026-10"}, got); diff != "" {
			l.Errorf("got another budget of a new month (-want +got):\n%s", diff)
		}
		return err
	})
}

// budgetsListed checks that budgets are kept with all their fields and listed newest first.
func budgetsListed(l ledger) {
	want := []purchase.Budget{{Month: "2026-11"}, {Month: "2026-10", Spent: 5, Reserved: 7, Bought: 1}}
	l.update(func(w purchase.Writer) error {
		return errors.Join(w.PutBudget(want[1]), w.PutBudget(want[0]))
	})
	l.view(func(r purchase.Reader) error {
		got, err := r.Budgets(5)
		if diff := cmp.Diff(want, got); diff != "" {
			l.Errorf("got other budgets than were put (-want +got):\n%s", diff)
		}
		return err
	})
}

// accountKept checks that the account's state is kept with all its fields, also over a restart.
func accountKept(l ledger) {
	want := purchase.AccountState{
		Pause: &purchase.Pause{Since: at, By: "U1", Incidents: []purchase.Incident{{
			Cause: purchase.Cause{Code: purchase.IncidentSaid, Args: purchase.Args{"reason": "so"}}, Time: at, By: "U1",
		}}},
		Notifications: []purchase.Notification{{
			ID: "n", Kind: purchase.NotificationPaused, Time: at, Pending: []string{"U1", "C1"},
			Cause: purchase.Cause{Code: purchase.NotificationSettled, Args: purchase.Args{"reason": "a & b"}},
		}},
		Broken: []int64{1, 2}, Watching: at,
		UnrecognizedPurchases: []purchase.UnrecognizedPurchase{{PurchaseID: 7, Cost: 5, Time: at}},
	}
	l.update(func(w purchase.Writer) error { return w.PutAccount(want) })
	l.viewReopened(func(r purchase.Reader) error {
		got, err := r.Account()
		if diff := cmp.Diff(want, got); diff != "" {
			l.Errorf("got another account than was put (-want +got):\n%s", diff)
		}
		return err
	})
}

// eventsChained checks that audit records are numbered from 1, that each names the hash of the one before, and that
// Head is the last.
func eventsChained(l ledger) {
	for n := range 3 {
		l.update(func(w purchase.Writer) error {
			return w.AppendEvent(purchase.Event{Time: at, Kind: "proposed", By: "U1", Note: fmt.Sprint(n)})
		})
	}
	l.view(func(r purchase.Reader) error {
		events, err := r.Events(1, 10)
		if len(events) != 3 {
			l.Errorf("got %d records, want 3", len(events))
		}
		prev := ""
		for i, e := range events {
			l.wantLink(e, uint64(i+1), prev)
			prev = e.Hash
		}
		head, err2 := r.Head()
		if head.Hash != prev {
			l.Errorf("got the head %+v, want the hash %s", head, prev)
		}
		last, err3 := r.Events(3, 10)
		if len(last) != 1 {
			l.Errorf("got %d records from the third on, want 1", len(last))
		}
		return errors.Join(err, err2, err3)
	})
}

// wantLink checks the number and hashes of an audit record.
func (l ledger) wantLink(e purchase.Event, number uint64, prev string) {
	l.Helper()
	hash, err := Hash(e)
	if err != nil {
		l.Error(err)
	}
	if e.Number != number || e.Prev != prev || e.Hash != hash {
		l.Errorf("got the record %+v, want number %d, the hash before %q and its hash %s", e, number, prev, hash)
	}
}

// eventsInvalidText checks that an audit record whose text is not valid UTF-8 has the hash of the record as it is read.
func eventsInvalidText(l ledger) {
	l.update(func(w purchase.Writer) error {
		return w.AppendEvent(purchase.Event{
			Time: at, Kind: "refused", Order: "\xff\xfe", By: "U\xc3", Place: "C\x00", Note: "cut in the middl\xe2\x82",
		})
	})
	l.viewReopened(func(r purchase.Reader) error {
		head, err := r.Head()
		l.wantLink(head, 1, "")
		return err
	})
}

// headEmpty checks that an empty ledger has no last audit record.
func headEmpty(l ledger) {
	l.view(func(r purchase.Reader) error {
		head, err := r.Head()
		if head.Number != 0 || head.Hash != "" {
			l.Errorf("got the head %+v, want none", head)
		}
		return err
	})
}
