package reconcile

import (
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// Kind says whose a purchase of the CoCalc account is.
type Kind string

// The kinds of purchases. Ours are the bot's: a record of the ledger, or of the ledger that a restore has replaced,
// shows that the bot bought them.
const (
	// KindAccounted: ours, and the order's receipt names it.
	KindAccounted Kind = "accounted"
	// KindUnderWay: it has the tag or the cart item of an order that the worker still works on or watches. The worker
	// finds the purchases of such an order by itself.
	KindUnderWay Kind = "under-way"
	// KindAwaited: ours, of an order that counts as bought although CoCalc had not shown this purchase.
	KindAwaited Kind = "awaited"
	// KindBoughtLate: ours, of an order that had failed.
	KindBoughtLate Kind = "bought-late"
	// KindDuplicate: ours, and one more than the order's own.
	KindDuplicate Kind = "duplicate"
	// KindEndedByRestore: ours, of an order that the restore of a backup has ended.
	KindEndedByRestore Kind = "ended-by-restore"
	// KindLost: ours, of an order that only the replaced ledger has.
	KindLost Kind = "lost"
	// KindUnattributed: ours, of an order that is newer than the restored backup, when the replaced ledger can't be read.
	KindUnattributed Kind = "unattributed"

	// KindNeverSent: it has the tag of an order that was never sent to CoCalc, as far as the ledger knows.
	KindNeverSent Kind = "never-sent"
	// KindUnknownTag: it has the tag of an order that no ledger has.
	KindUnknownTag Kind = "unknown-tag"

	// KindForeign: bought outside the bot. If it has an order's tag, Mismatch says why it isn't the order's.
	KindForeign Kind = "foreign"
	// KindEarlier: without a tag, and from before the ledger began.
	KindEarlier Kind = "earlier"
	// KindMissingLedger: with a tag, of a ledger that was missing when this one began.
	KindMissingLedger Kind = "missing-ledger"
	// KindUnread: bought after the ledger was read, so the ledger may have entered it since.
	KindUnread Kind = "unread"
)

// Mismatch says why a purchase with an order's tag is not the purchase of the order's cart item.
type Mismatch string

// What contradicts a tag.
const (
	MismatchOlder  Mismatch = "older"  // older than the order's add
	MismatchCopied Mismatch = "copied" // of another cart item: a copy that a person bought
)

// Verdict answers whose a purchase is.
type Verdict struct {
	Kind  Kind
	Order purchase.OrderID // the order that the purchase belongs to or names; empty if it names none
	// Mismatch is empty if nothing contradicts the tag, or if the order's receipt names the purchase.
	Mismatch Mismatch
	// Reported is set if the purchase isn't ours and was reported before. A report says that no record explained the
	// purchase then, so it outweighs a guess (KindUnattributed), and no record.
	Reported bool
}

// LedgerView is what a ledger knows at one moment that decides whose a purchase of the CoCalc account is. The running
// bot, bot verify --online and the evidence of an order fill it from different sources.
type LedgerView struct {
	// now is CoCalc's current time, or else the machine's.
	now time.Time
	// readAt is when the ledger was read, if it was before CoCalc's purchases; zero if it was after them.
	readAt  time.Time
	account string // the id of the CoCalc account; empty: unknown
	// since is the time since which each purchase of the account has to be explained.
	since time.Time
	// earlier is the time of the newest tagged purchase of a ledger that was missing when this one began; zero if there
	// was none. isAccepted is set if an admin accepted this ledger in its place.
	earlier    time.Time
	isAccepted bool
	entries    []entry // of the purchase log, oldest first
	orders     map[purchase.OrderID]purchase.Order
	short      map[purchase.OrderID]shortOrder // further orders
	items      map[int64]purchase.OrderID      // the orders' cart items
	licenses   map[string]purchase.OrderID     // the licenses of the purchase log
	reported   reportSet
	before     *purchase.Before // the replaced ledger, for a day after a restore; nil: none
	upkeep     ledgerUpkeep
}

// newLedgerView returns a view of an empty ledger.
func newLedgerView(now time.Time) *LedgerView {
	return &LedgerView{
		now: now, orders: map[purchase.OrderID]purchase.Order{}, short: map[purchase.OrderID]shortOrder{},
		items:    map[int64]purchase.OrderID{},
		licenses: map[string]purchase.OrderID{}, reported: reportSet{},
	}
}

// setAccount takes over what the account's record says. Cart items of the replaced ledger's orders don't hide those of
// this ledger's.
func (v *LedgerView) setAccount(a purchase.AccountState) {
	v.account, v.since, v.earlier, v.before = a.CoCalc, a.Watching, a.Earlier, a.Before
	for _, u := range a.UnrecognizedPurchases {
		v.reported.add(u.PurchaseID, u.LicenseID)
	}
	if a.Before == nil {
		return
	}
	for _, o := range a.Before.Orders {
		if _, known := v.items[o.ItemID]; !known && o.ItemID != 0 {
			v.items[o.ItemID] = o.ID
		}
	}
}

// add takes over an order of the ledger.
func (v *LedgerView) add(o purchase.Order) {
	v.orders[o.ID] = o
	if o.ItemID != 0 {
		v.items[o.ItemID] = o.ID
	}
}

// shortOrder is the part of an order that classifies a purchase.
type shortOrder struct {
	state                           purchase.State
	item                            int64
	addSent, addedAfter, watchUntil time.Time
	receipt                         *purchase.Receipt
	restored                        bool
}

// addShort takes over what classifies a purchase of an order, since a ledger can have very many orders.
func (v *LedgerView) addShort(o purchase.Order) {
	v.short[o.ID] = shortOrder{o.State, o.ItemID, o.AddSent, o.AddedAfter, o.WatchUntil, o.Receipt, o.Restored}
	if o.ItemID != 0 {
		v.items[o.ItemID] = o.ID
	}
}

// order returns an order of the ledger, or as much of it as a shortOrder has. ok is false if there is no such order.
func (v *LedgerView) order(id purchase.OrderID) (o purchase.Order, ok bool) {
	if o, ok = v.orders[id]; ok {
		return o, true
	}
	s, ok := v.short[id]
	if !ok {
		return purchase.Order{}, false
	}
	return purchase.Order{
		ID: id, State: s.state, ItemID: s.item, AddSent: s.addSent, AddedAfter: s.addedAfter, WatchUntil: s.watchUntil,
		Receipt: s.receipt, Restored: s.restored,
	}, true
}

// find returns the ledger's record of an order, or else the replaced ledger's.
func (v *LedgerView) find(id purchase.OrderID) (o purchase.Order, ok bool) {
	if o, ok = v.order(id); ok {
		return o, true
	}
	return v.before.Find(id)
}

// Classify answers whose a purchase of the CoCalc account is, for the comparison of the running bot, bot verify
// --online, the evidence of an order, and the entries after a restore. It depends on its arguments alone. row is a
// purchase that CoCalc lists, or that a license proves on a server without a list (ID 0).
//
// The ledger's records count first, then the tag and the time, and earlier reports last: a purchase that a record
// explains is entered even if an older copy of the ledger, which lacked that record, reported it.
func Classify(v *LedgerView, row cocalc.PurchaseRow) Verdict {
	id := v.orderOf(row)
	verdict := Verdict{Order: id}
	o, known := v.order(id)
	then, wasKnown := v.before.Find(id)
	switch {
	case v.isUnread(id, row):
		verdict.Kind = KindUnread
	case known:
		verdict.Mismatch = v.mismatchOf(row, o, then)
		verdict.Kind = kindOf(o, row, verdict.Mismatch)
	case wasKnown: // by the replaced ledger
		verdict.Mismatch = v.mismatchOf(row, then)
		if verdict.Kind = KindLost; verdict.Mismatch != "" {
			verdict.Kind = KindForeign
		}
	case id != "":
		verdict.Kind = v.kindOfTag(id, row)
	case row.Time.Before(v.start()):
		verdict.Kind = KindEarlier
	default:
		verdict.Kind = KindForeign
	}
	switch verdict.Kind {
	case KindForeign, KindEarlier, KindMissingLedger, KindNeverSent, KindUnknownTag:
		verdict.Reported = v.reported.has(row)
	default:
	}
	return verdict
}

// orderOf returns the order that a purchase names: by its tag or else, since people can edit a tag away, by a cart item
// that the order owns, or by a license that the log has and the order's receipt names. It is empty if there is none.
func (v *LedgerView) orderOf(row cocalc.PurchaseRow) purchase.OrderID {
	if id, ok := purchase.ParseTag(row.Text); ok {
		return id
	}
	if id := v.items[row.CartItemID]; id != "" {
		o, _ := v.find(id)
		// An order that a restore ended before it was added was added by the replaced ledger.
		if then, ok := v.before.Find(id); o.Owns(row.Text, row.Time) || ok && then.Owns(row.Text, row.Time) {
			return id
		}
	}
	if id := v.licenses[row.LicenseID]; id != "" && row.LicenseID != "" {
		if o, _ := v.order(id); o.AccountsFor(row) {
			return id
		}
	}
	return ""
}

// kindOf classifies a purchase that names an order of the ledger.
func kindOf(o purchase.Order, row cocalc.PurchaseRow, mismatch Mismatch) Kind {
	switch {
	case o.IsActive():
		return KindUnderWay
	case mismatch == MismatchOlder:
		return KindForeign
	case o.AwaitsPurchase(row):
		return KindAwaited
	case o.AccountsFor(row):
		return KindAccounted
	case mismatch == MismatchCopied:
		return KindForeign
	case o.State == purchase.Failed && !o.NeverAdded():
		return KindBoughtLate
	case o.State == purchase.Purchased:
		return KindDuplicate
	case o.Restored && o.State.CanBecome(purchase.Purchased):
		return KindEndedByRestore
	}
	return KindNeverSent
}

// mismatchOf compares a purchase with the records of the order that it names: the ledger's and, after a restore, the
// replaced ledger's. A purchase of one of their cart items, or that one of their receipts names, contradicts nothing.
func (v *LedgerView) mismatchOf(row cocalc.PurchaseRow, records ...purchase.Order) Mismatch {
	var added, items, newEnough bool
	for _, o := range records {
		if o.AccountsFor(row) || o.ItemID != 0 && o.ItemID == row.CartItemID {
			return ""
		}
		added = added || !o.NeverAdded()
		items = items || o.ItemID != 0
		newEnough = newEnough || isNewEnough(o, row.Time, v.now)
	}
	switch {
	case added && !newEnough:
		return MismatchOlder
	case items && row.CartItemID != 0:
		return MismatchCopied
	}
	return ""
}

// isNewEnough reports whether something with the order's tag is new enough to be the order's. If only the machine's
// clock dates the add, and that clock was ahead of now, nothing is too old.
func isNewEnough(o purchase.Order, made, now time.Time) bool {
	return o.CreatedAfterAdd(made, overlap) || o.AddedAfter.IsZero() && o.AddSent.After(now.Add(time.Hour))
}

// kindOfTag classifies a purchase with the tag of an order that no ledger has.
func (v *LedgerView) kindOfTag(id purchase.OrderID, row cocalc.PurchaseRow) Kind {
	switch {
	case row.Time.Before(v.start()), !v.earlier.IsZero() && !row.Time.After(v.earlier):
		return KindMissingLedger
	// Without a list of purchases, the cost is unknown too. What this ledger reported, it lacked already then.
	case v.before.MayLack(id, time.Hour) && row.ID != 0 && !v.reported.has(row):
		return KindUnattributed
	}
	return KindUnknownTag
}

// start is the time since which purchases have to be explained, in the milliseconds of CoCalc's times.
func (v *LedgerView) start() time.Time { return v.since.Truncate(time.Millisecond) }

// isUnread reports whether the purchase was made after the ledger was read. Clocks may differ by an hour, within which
// the order's id shows that it is newer.
func (v *LedgerView) isUnread(id purchase.OrderID, row cocalc.PurchaseRow) bool {
	return !v.readAt.IsZero() && (row.Time.After(v.readAt) ||
		row.Time.After(v.readAt.Add(-time.Hour)) && createdAfter(id, v.readAt))
}

// createdAfter reports whether an order was proposed after a moment, which its id shows.
func createdAfter(id purchase.OrderID, than time.Time) bool {
	parsed, err := ulid.ParseStrict(string(id))
	return err == nil && ulid.Time(parsed.Time()).After(than)
}

// reportSet holds the purchases that were reported as not the ledger's: by license, CoCalc's numbers of its purchases.
type reportSet map[string][]int64

// add adds a report. The number is 0 on a server that doesn't number purchases, and in some records of older versions.
func (s reportSet) add(number int64, license string) {
	if !slices.Contains(s[license], number) {
		s[license] = append(s[license], number)
	}
}

// has reports whether the purchase was reported: its license, under the same number if both the report and the purchase
// have one. Another number is another charge, which the report didn't name.
func (s reportSet) has(row cocalc.PurchaseRow) bool {
	return slices.ContainsFunc(s[row.LicenseID], func(number int64) bool {
		return number == row.ID || row.LicenseID != "" && (number == 0 || row.ID == 0)
	})
}
