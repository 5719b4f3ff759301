package reconcile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc"
	"licensebot/purchase"
)

const (
	exampleOrder purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTW" // proposed on November 22, 2024
	otherOrder   purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0ZZZZ"
)

// added is when the example's item was added to the cart, by CoCalc's clock.
var added = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// example is an order that was bought: its item, and the purchase that its receipt names.
func example(change ...func(*purchase.Order)) purchase.Order {
	o := purchase.Order{
		ID: exampleOrder, State: purchase.Purchased, Month: "2026-11", ItemID: 7, AddSent: added, AddedAfter: added,
		Receipt: &purchase.Receipt{LicenseID: "license", PurchaseID: 70, Charged: 6375, Time: added.Add(time.Minute)},
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

// in returns the example in another state, without a receipt.
func in(state purchase.State) func(*purchase.Order) {
	return func(o *purchase.Order) { o.State, o.Receipt = state, nil }
}

func neverAdded(o *purchase.Order) { o.ItemID, o.AddSent, o.AddedAfter = 0, time.Time{}, time.Time{} }

func ended(o *purchase.Order) { o.Restored = true }

// byWord marks the example as bought by the word of an admin, who named a license or none.
func byWord(license string) func(*purchase.Order) {
	return func(o *purchase.Order) {
		o.Receipt = &purchase.Receipt{LicenseID: license, Charged: 6375, Settled: &purchase.Cause{}}
	}
}

// row is the example's second purchase, of its own cart item.
func row(change ...func(*cocalc.PurchaseRow)) cocalc.PurchaseRow {
	r := cocalc.PurchaseRow{
		ID: 80, LicenseID: "second", Time: added.Add(time.Hour), Cost: 6375, CartItemID: 7, Text: exampleOrder.Tag(),
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func number(id int64) func(*cocalc.PurchaseRow) { return func(r *cocalc.PurchaseRow) { r.ID = id } }
func license(id string) func(*cocalc.PurchaseRow) {
	return func(r *cocalc.PurchaseRow) { r.LicenseID = id }
}

func item(id int64) func(*cocalc.PurchaseRow) {
	return func(r *cocalc.PurchaseRow) { r.CartItemID = id }
}

func text(text string) func(*cocalc.PurchaseRow) {
	return func(r *cocalc.PurchaseRow) { r.Text = text }
}

func at(d time.Duration) func(*cocalc.PurchaseRow) {
	return func(r *cocalc.PurchaseRow) { r.Time = added.Add(d) }
}
func untagged(r *cocalc.PurchaseRow)    { r.Text = "a person's own words" }
func olderServer(r *cocalc.PurchaseRow) { r.ID, r.CartItemID = 0, 0 }
func onlyTagged(r *cocalc.PurchaseRow)  { r.CartItemID = 9 }
func reported(number int64, license string) viewEdit {
	return func(v *LedgerView) { v.reported.add(number, license) }
}

type viewEdit func(*LedgerView)

// has adds an order to the ledger.
func has(o purchase.Order) viewEdit { return func(v *LedgerView) { v.add(o) } }

// replaced is a restore from a backup whose last record was written at the example's add. The replaced ledger had the
// orders; it is unreadable without any.
func replaced(orders ...purchase.Order) viewEdit {
	return func(v *LedgerView) {
		v.setAccount(purchase.AccountState{
			Watching: v.since, Earlier: v.earlier,
			Before: &purchase.Before{At: added, Last: added.AddDate(-3, 0, 0), IsKnown: len(orders) > 0, Orders: orders},
		})
	}
}

// logged adds a license to the purchase log.
func logged(license string, order purchase.OrderID) viewEdit {
	return func(v *LedgerView) { v.licenses[license] = order }
}

func view(edits ...viewEdit) *LedgerView {
	v := newLedgerView(added.AddDate(0, 0, 1))
	v.since = added.AddDate(-2, -1, 0)
	for _, edit := range edits {
		edit(v)
	}
	return v
}

// Every kind of purchase, and each case in which the running bot and bot verify --online used to answer differently.
func TestClassify_EveryKind(t *testing.T) {
	failed, watched := example(in(purchase.Failed)), example(in(purchase.Failed))
	watched.WatchUntil = added.AddDate(0, 0, 2)
	cases := []struct {
		name string
		view *LedgerView
		row  cocalc.PurchaseRow
		want Verdict
	}{
		{"named by the receipt", view(has(example())), row(number(70), license("license")), Verdict{Kind: KindAccounted}},
		{
			"named by the receipt as a double buy",
			view(has(example(func(o *purchase.Order) {
				o.Receipt.Duplicates = []purchase.DuplicatePurchase{{PurchaseID: 80, LicenseID: "second"}}
			}))), row(),
			Verdict{Kind: KindAccounted},
		},
		{
			"named by the receipt, of an older server", view(has(example())), row(olderServer, license("license")),
			Verdict{Kind: KindAccounted},
		},
		{
			"named by the receipt, without the tag", view(has(example()), logged("license", exampleOrder)),
			row(number(70), license("license"), untagged, item(0)),
			Verdict{Kind: KindAccounted},
		},
		{
			"named by the receipt, by the word of an admin, and older than the order",
			view(has(example(byWord("license")))), row(olderServer, license("license"), at(-48*time.Hour)),
			Verdict{Kind: KindAccounted},
		},
		{
			"the license of the receipt, charged once more", view(has(example())), row(license("license")),
			Verdict{Kind: KindDuplicate},
		},
		{"approved", view(has(example(in(purchase.Approved)))), row(), Verdict{Kind: KindUnderWay}},
		{"unknown outcome", view(has(example(in(purchase.Unknown)))), row(), Verdict{Kind: KindUnderWay}},
		{"failed and watched", view(has(watched)), row(untagged), Verdict{Kind: KindUnderWay}},
		{
			"under way, a copy", view(has(example(in(purchase.Unknown)))), row(onlyTagged),
			Verdict{Kind: KindUnderWay, Mismatch: MismatchCopied},
		},
		{
			"under way, and reported", view(has(example(in(purchase.Unknown))), reported(80, "second")), row(),
			Verdict{Kind: KindUnderWay},
		},
		{
			"bought by the word of an admin who named no license", view(has(example(byWord("")))), row(),
			Verdict{Kind: KindAwaited},
		},
		{
			"bought by the word of an admin who named another license", view(has(example(byWord("wrong")))), row(),
			Verdict{Kind: KindAwaited},
		},
		{
			"bought by the word of an admin who named the license", view(has(example(byWord("second")))), row(),
			Verdict{Kind: KindAwaited},
		},
		{"failed", view(has(failed)), row(), Verdict{Kind: KindBoughtLate}},
		{"failed, without the tag", view(has(failed)), row(untagged), Verdict{Kind: KindBoughtLate}},
		{
			"failed, and reported by an older copy", view(has(failed), reported(80, "second")), row(),
			Verdict{Kind: KindBoughtLate},
		},
		{"a second purchase", view(has(example())), row(), Verdict{Kind: KindDuplicate}},
		{"a second purchase, without the tag", view(has(example())), row(untagged), Verdict{Kind: KindDuplicate}},
		{
			"expired by the restore", view(has(example(in(purchase.Expired), ended, neverAdded)), replaced(example())),
			row(),
			Verdict{Kind: KindEndedByRestore},
		},
		{
			"failed by the restore before it was added",
			view(has(example(in(purchase.Failed), ended, neverAdded)), replaced()), row(),
			Verdict{Kind: KindEndedByRestore},
		},
		{
			"expired by the restore, without the tag: the replaced ledger added the item",
			view(has(example(in(purchase.Expired), ended, neverAdded)), replaced(example())), row(untagged),
			Verdict{Kind: KindEndedByRestore},
		},
		{
			"expired by the restore, a copy of the replaced ledger's item",
			view(has(example(in(purchase.Expired), ended, neverAdded)), replaced(example())), row(onlyTagged),
			Verdict{Kind: KindForeign, Mismatch: MismatchCopied},
		},
		{"only the replaced ledger has the order", view(replaced(example())), row(), Verdict{Kind: KindLost}},
		{
			"only the replaced ledger has the order, without the tag", view(replaced(example())), row(untagged),
			Verdict{Kind: KindLost},
		},
		{
			"only the replaced ledger has the order, and the backup reported the purchase",
			view(replaced(example()), reported(80, "second")), row(),
			Verdict{Kind: KindLost},
		},
		{
			"a copy of an item of the replaced ledger", view(replaced(example())), row(onlyTagged),
			Verdict{Kind: KindForeign, Mismatch: MismatchCopied},
		},
		{
			"of the replaced ledger's missing ledger", view(func(v *LedgerView) { v.earlier = added.AddDate(0, 0, 1) },
				replaced(example())), row(), Verdict{Kind: KindLost},
		},
		{"the replaced ledger is unreadable", view(replaced()), row(), Verdict{Kind: KindUnattributed}},
		{
			"the replaced ledger is unreadable, and the backup reported the purchase",
			view(replaced(), reported(80, "second")), row(),
			Verdict{Kind: KindUnknownTag, Reported: true},
		},
		{
			"the replaced ledger is unreadable, without an amount", view(replaced()), row(olderServer),
			Verdict{Kind: KindUnknownTag},
		},
		{"never sent", view(has(example(in(purchase.Expired), neverAdded))), row(), Verdict{Kind: KindNeverSent}},
		{
			"never sent, and reported", view(has(example(in(purchase.Proposed), neverAdded)), reported(80, "second")), row(),
			Verdict{Kind: KindNeverSent, Reported: true},
		},
		{"a tag that no ledger has", view(), row(), Verdict{Kind: KindUnknownTag}},
		{"a tag that no ledger has, reported", view(reported(80, "second")), row(), Verdict{
			Kind:     KindUnknownTag,
			Reported: true,
		}},
		{
			"a tag older than the order", view(has(failed)), row(onlyTagged, at(-2*time.Minute)),
			Verdict{Kind: KindForeign, Mismatch: MismatchOlder},
		},
		{
			"a tag older than the order, without an item", view(has(failed)), row(item(0), at(-2*time.Minute)),
			Verdict{Kind: KindForeign, Mismatch: MismatchOlder},
		},
		{
			"a tag older than an order without an item, of an older server",
			view(has(example(in(purchase.Failed), func(o *purchase.Order) { o.ItemID = 0 }))),
			row(olderServer, at(-2*time.Minute)),
			Verdict{Kind: KindForeign, Mismatch: MismatchOlder},
		},
		{
			"a tag older than an add that only a clock ahead dates",
			view(has(example(in(purchase.Failed), func(o *purchase.Order) {
				o.AddedAfter, o.AddSent = time.Time{}, added.AddDate(0, 0, 7)
			}))), row(item(0)),
			Verdict{Kind: KindBoughtLate},
		},
		{
			"a copy of the item", view(has(example())), row(onlyTagged),
			Verdict{Kind: KindForeign, Mismatch: MismatchCopied},
		},
		{
			"a copy of the item, reported", view(has(example()), reported(80, "second")), row(onlyTagged),
			Verdict{Kind: KindForeign, Mismatch: MismatchCopied, Reported: true},
		},
		{
			"another tag on the order's item", view(has(example())), row(text(otherOrder.Tag())),
			Verdict{Kind: KindUnknownTag, Order: otherOrder},
		},
		{"without a tag", view(has(example())), row(untagged, item(9)), Verdict{Kind: KindForeign}},
		{
			"without a tag, reported", view(reported(80, "second")), row(untagged, item(9)),
			Verdict{Kind: KindForeign, Reported: true},
		},
		{
			"reported by a server without numbers", view(reported(0, "second")), row(untagged),
			Verdict{Kind: KindForeign, Reported: true},
		},
		{
			"the reported license, charged once more", view(reported(79, "second")), row(untagged),
			Verdict{Kind: KindForeign},
		},
		{
			"the reported number of another server, of another license", view(reported(80, "first")), row(untagged),
			Verdict{Kind: KindForeign},
		},
		{
			"without a tag, of an item with the same number on another server", view(has(example())),
			row(untagged, at(-time.Hour)),
			Verdict{Kind: KindForeign},
		},
		{
			"without a tag, from before the ledger", view(), row(untagged, at(-3*365*24*time.Hour)),
			Verdict{Kind: KindEarlier},
		},
		{
			"without a tag, of the millisecond in which the ledger began",
			view(func(v *LedgerView) { v.since = added.Add(time.Microsecond) }), row(untagged, at(0)),
			Verdict{Kind: KindForeign},
		},
		{"with a tag, from before the ledger", view(), row(at(-3 * 365 * 24 * time.Hour)), Verdict{Kind: KindMissingLedger}},
		{
			"the newest of a missing ledger", view(func(v *LedgerView) { v.earlier = added.Add(time.Hour) }), row(),
			Verdict{Kind: KindMissingLedger},
		},
		{
			"newer than a missing ledger", view(func(v *LedgerView) { v.earlier = added.Add(time.Hour - 1) }), row(),
			Verdict{Kind: KindUnknownTag},
		},
		{
			"after the ledger was read", view(func(v *LedgerView) { v.readAt = added.Add(time.Minute) }), row(),
			Verdict{Kind: KindUnread},
		},
		{
			"an hour before the ledger was read, of an order that is newer",
			view(func(v *LedgerView) { v.readAt = time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC) }),
			row(func(r *cocalc.PurchaseRow) { r.Time = time.Date(2024, 10, 31, 23, 30, 0, 0, time.UTC) }),
			Verdict{Kind: KindUnread},
		},
	}
	seen := map[Kind]bool{}
	for _, c := range cases {
		got := Classify(c.view, c.row)
		// Other people's purchases name no order, unless they have a tag.
		if c.want.Order == "" && (c.want.Mismatch != "" || c.want.Kind != KindForeign && c.want.Kind != KindEarlier) {
			c.want.Order = exampleOrder
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: verdict differs (-want +got):\n%s", c.name, diff)
		}
		seen[got.Kind] = true
	}
	for _, kind := range []Kind{
		KindAccounted, KindUnderWay, KindAwaited, KindBoughtLate, KindDuplicate, KindEndedByRestore, KindLost,
		KindUnattributed, KindNeverSent, KindUnknownTag, KindForeign, KindEarlier, KindMissingLedger, KindUnread,
	} {
		if !seen[kind] {
			t.Errorf("examples of %q: got none, want one", kind)
		}
	}
}

// FuzzClassify_OurPurchase: a purchase of an order's cart item after its add is never classified as another person's,
// whatever else the ledger knows, and no ledger and no purchase makes Classify panic.
func FuzzClassify_OurPurchase(f *testing.F) {
	f.Add(uint8(7), uint16(0), int64(7), int64(80), "license", "order 01JD8Z3V5TQ4X6B7N8M9P0RSTW", int64(3600))
	f.Add(uint8(8), uint16(0xffff), int64(7), int64(0), "", "", int64(-7200))
	f.Add(uint8(11), uint16(0x0ff0), int64(9), int64(70), "second", "mine", int64(59))
	f.Fuzz(func(t *testing.T, state uint8, bits uint16, itemID, rowID int64, licenseID, words string, seconds int64) {
		bit := func(n int) bool { return bits>>n&1 == 1 }
		o := example(func(o *purchase.Order) {
			o.State = purchase.States()[int(state)%len(purchase.States())]
			o.Restored = bit(0)
			if bit(1) {
				o.Receipt = nil
			} else if bit(2) {
				o.Receipt.PurchaseID = 0
			}
			if bit(3) {
				o.AddedAfter = time.Time{}
			}
			if bit(4) {
				o.WatchUntil = added
			}
		})
		var edits []viewEdit
		inLedger, inReplaced := bit(5), bit(6)
		if inLedger {
			known := o
			if inReplaced && bit(7) {
				neverAdded(&known)
			}
			edits = append(edits, has(known))
		}
		if inReplaced {
			edits = append(edits, replaced(o))
		} else if bit(8) {
			edits = append(edits, replaced())
		}
		if bit(9) {
			edits = append(edits, reported(rowID, licenseID))
		}
		if bit(10) {
			edits = append(edits, logged(licenseID, exampleOrder))
		}
		if bit(11) {
			edits = append(edits, func(v *LedgerView) { v.earlier = added.AddDate(1, 0, 0) })
		}
		v := view(edits...)
		r := row(item(itemID), number(rowID), license(licenseID), text(words))
		r.Time = added.Add(time.Duration(seconds%(1<<30)) * time.Second)
		got := Classify(v, r)
		ours := (inLedger || inReplaced) && r.CartItemID == o.ItemID && o.Owns(r.Text, r.Time) && !r.Time.Before(added)
		if !ours {
			return
		}
		switch got.Kind {
		case KindForeign, KindEarlier, KindMissingLedger, KindUnknownTag, KindUnattributed, KindUnread:
			t.Errorf("got %+v for %+v, want the verdict for a purchase of the order %+v", got, r, o)
		default:
			if got.Order != o.ID || got.Mismatch != "" || got.Reported && got.Kind != KindNeverSent {
				t.Errorf("got %+v for %+v, want the verdict for a purchase of the order %+v", got, r, o)
			}
		}
	})
}
