package reconcile

import (
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// The output of bot verify --online for a purchase that no entry of the log names.
func TestLedgerView_Compare_PurchaseOutsideTheLog(t *testing.T) {
	accepted := func(v *LedgerView) { v.isAccepted = true }
	early := at(-3 * 365 * 24 * time.Hour)
	for _, c := range []struct {
		name    string
		view    *LedgerView
		row     cocalc.PurchaseRow
		wrong   purchase.FindingCode
		note    purchase.CauseCode
		but     string // of an unrecognized purchase; "-" without a reason
		earlier int
	}{
		{name: "a second purchase", view: view(has(example())), row: row(), wrong: purchase.FoundNotLogged},
		{
			name: "bought late, and reported by an older copy", wrong: purchase.FoundNotLogged, row: row(),
			view: view(has(example(in(purchase.Failed))), reported(80, "second")),
		},
		{name: "under way", view: view(has(example(in(purchase.Paying)))), row: row(), note: purchase.NotedUnderWay},
		{name: "an unknown tag", view: view(), row: row(), wrong: purchase.FoundUnknownTag},
		{name: "an unknown tag, reported", view: view(reported(80, "second")), row: row(), but: "reported"},
		{
			name: "an item of the replaced ledger, without its tag", view: view(replaced(example())), row: row(untagged),
			wrong: purchase.FoundUnknownTag,
		},
		{name: "a copied item", view: view(has(example())), row: row(onlyTagged), but: "copied"},
		{
			name: "a tag older than the order", view: view(has(example(in(purchase.Failed)))),
			row: row(item(0), at(-2*time.Hour)), but: "older",
		},
		{name: "without a tag", view: view(), row: row(untagged), but: "-"},
		{name: "one more charge for a reported license", view: view(reported(79, "second")), row: row(untagged), but: "-"},
		{name: "without a tag, from before", view: view(), row: row(untagged, early), earlier: 1},
		{name: "of a missing ledger", view: view(), row: row(early), wrong: purchase.FoundUnknownTag},
		{name: "of a missing ledger that an admin accepted", view: view(accepted), row: row(early), earlier: 1},
		{
			name: "after the ledger was read", row: row(),
			view: view(func(v *LedgerView) { v.readAt = added.Add(time.Minute) }),
		},
	} {
		got := c.view.Compare(Account{Rows: []cocalc.PurchaseRow{c.row}})
		var wrong purchase.FindingCode
		var note purchase.CauseCode
		var but string
		if len(got.Wrong) > 0 {
			wrong = got.Wrong[0].Code
		}
		if len(got.Notes) > 0 {
			note = got.Notes[0].Code
		}
		if len(got.Unrecognized) > 0 {
			if but = got.Unrecognized[0].Args["but"]; but == "" {
				but = "-"
			}
		}
		if wrong != c.wrong || note != c.note || but != c.but || got.Earlier != c.earlier {
			t.Errorf("%s: got wrong %q, note %q, unrecognized %q, earlier %d; want %q, %q, %q, %d", c.name, wrong, note, but,
				got.Earlier, c.wrong, c.note, c.but, c.earlier)
		}
	}
}

// A store without a list of purchases proves its sales by tagged licenses, and shows no amounts.
func TestLedgerView_Compare_StoreWithoutAmounts(t *testing.T) {
	v := view(has(example()))
	v.entries = []entry{
		{number: 1, order: exampleOrder, license: "license", charged: 6375},
		{number: 2, order: otherOrder, license: "gone", charged: 6375},
	}
	got := v.Compare(Account{
		Rows:     []cocalc.PurchaseRow{row(olderServer, license("license"))},
		Licenses: []cocalc.License{{ID: "license"}}, Store: olderStore{},
	})
	if got.Agree != 1 || got.HasAmounts || len(got.Wrong) != 1 || got.Wrong[0].Code != purchase.FoundLicenseNotListed {
		t.Errorf("got %+v, want one license that agrees without an amount, and one that is not listed", got)
	}
}
