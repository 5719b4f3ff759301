package reconcile

import (
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// renewalOf is a row of a renewal of example's license, made some time after its purchase.
func renewalOf(id int64, after time.Duration, change func(*cocalc.PurchaseRow)) cocalc.PurchaseRow {
	end := added.AddDate(0, 1, 0)
	row := cocalc.PurchaseRow{
		ID: id, Time: added.Add(after), Cost: 6375, Service: cocalc.ServiceEdit, LicenseID: "license",
		Change: &cocalc.LicenseChange{
			Before: cocalc.LicenseTerms{End: end}, After: cocalc.LicenseTerms{End: end.AddDate(0, 1, 0)},
		},
	}
	if change != nil {
		change(&row)
	}
	return row
}

// The renewals, edits and refunds of the log are compared with those of the account. What the bot had no time to enter
// is no contradiction, and other people's are counted.
func TestLedgerView_Compare_Upkeep(t *testing.T) {
	const week = 7 * 24 * time.Hour
	renewal := entry{number: 2, order: exampleOrder, row: 126, license: "license", charged: 6375}
	subscription := cocalc.Subscription{ID: 44, LicenseID: "license", Status: "active", Interval: "month", Cost: 6375}
	for _, c := range []struct {
		name    string
		entries []entry
		rows    []cocalc.PurchaseRow
		status  string // of the subscription at CoCalc; empty: as in the ledger
		wrong   purchase.FindingCode
		note    purchase.CauseCode
		state   string // of a double charge
		agree   int
		others  int
	}{
		{name: "entered", entries: []entry{renewal}, rows: []cocalc.PurchaseRow{renewalOf(126, week, nil)}, agree: 1},
		{name: "not at CoCalc", entries: []entry{renewal}, wrong: purchase.FoundPurchaseMissing},
		{
			name: "another amount", entries: []entry{renewal}, wrong: purchase.FoundOtherAmount,
			rows: []cocalc.PurchaseRow{renewalOf(126, week, func(r *cocalc.PurchaseRow) { r.Cost = 7000 })},
		},
		{
			name: "another license", entries: []entry{renewal}, wrong: purchase.FoundOtherLicense,
			rows: []cocalc.PurchaseRow{renewalOf(126, week, func(r *cocalc.PurchaseRow) { r.LicenseID = "second" })},
		},
		{
			name: "not entered", rows: []cocalc.PurchaseRow{renewalOf(126, week, nil)}, wrong: purchase.FoundUpkeepNotLogged,
		},
		{
			name: "newer than the last look", rows: []cocalc.PurchaseRow{renewalOf(126, 2*week, nil)},
			note: purchase.NotedNotFollowed,
		},
		{
			name: "other people's", others: 1,
			rows: []cocalc.PurchaseRow{renewalOf(126, week, func(r *cocalc.PurchaseRow) { r.LicenseID = "theirs" })},
		},
		{
			name: "a refund of the purchase that is not entered", wrong: purchase.FoundUpkeepNotLogged,
			rows: []cocalc.PurchaseRow{{ID: 126, Time: added.Add(week), Cost: -6375, Service: "refund", RefundOf: 79}},
		},
		{
			name: "a refund of something else", others: 1,
			rows: []cocalc.PurchaseRow{{ID: 126, Time: added.Add(week), Cost: -6375, Service: "refund", RefundOf: 12}},
		},
		{
			name: "charged twice", note: purchase.NotedChargedTwice, state: "open", agree: 2,
			entries: []entry{
				renewal, {number: 3, order: exampleOrder, row: 127, license: "license", charged: 6375},
			},
			rows: []cocalc.PurchaseRow{renewalOf(127, week, nil), renewalOf(126, week, nil)},
		},
		{
			name: "charged twice, and given back", agree: 3,
			entries: []entry{
				renewal,
				{number: 3, order: exampleOrder, row: 127, license: "license", charged: 6375},
				{number: 4, order: exampleOrder, row: 128, license: "license", charged: -6375},
			},
			rows: []cocalc.PurchaseRow{
				renewalOf(127, week, nil), renewalOf(126, week, nil),
				{ID: 128, Time: added.Add(week), Cost: -6375, Service: "refund", RefundOf: 127},
			},
		},
		{name: "a subscription that was cancelled since", status: "canceled", note: purchase.NotedSubscription},
	} {
		v := view(has(example()))
		v.entries = []entry{{number: 1, order: exampleOrder, row: 79, license: "license", charged: 6375}}
		v.licenses["license"] = exampleOrder
		owned, _ := purchase.OwnedLicense{ID: "license"}.Subscribe(subscription)
		v.upkeep = ledgerUpkeep{
			entries: c.entries, followed: added.Add(2 * week),
			owned: map[string]purchase.OwnedLicense{"license": owned},
		}
		v.readAt = added.Add(3 * week)
		now := subscription
		if c.status != "" {
			now.Status = c.status
		}
		got := v.Compare(Account{
			Rows:     []cocalc.PurchaseRow{{ID: 79, LicenseID: "license", Cost: 6375, Time: added}},
			Licenses: []cocalc.License{{ID: "license"}}, Upkeep: c.rows,
			Subscriptions: []cocalc.Subscription{now},
		})
		var wrong purchase.FindingCode
		var note purchase.Cause
		if len(got.Wrong) > 0 {
			wrong = got.Wrong[0].Code
		}
		if len(got.Notes) > 0 {
			note = got.Notes[0]
		}
		if wrong != c.wrong || note.Code != c.note || note.Args["state"] != c.state || got.Upkeep != c.agree ||
			got.OtherUpkeep != c.others || len(got.Wrong) > 1 || len(got.Notes) > 1 || got.Agree != 1 {
			t.Errorf("%s: got %+v, want wrong %q, note %q %s, %d that agree, %d of others", c.name, got, c.wrong, c.note,
				c.state, c.agree, c.others)
		}
	}
}
