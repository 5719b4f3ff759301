package purchase

import (
	"cmp"
	"slices"
	"time"

	"licensebot/cocalc"
)

// Owns reports whether something at CoCalc with the number of the order's cart item is the order's: it has its tag, or
// a person removed the tag. Something with another order's tag, or older than the order, comes from another server that
// this ledger has met.
func (o *Order) Owns(text string, at time.Time) bool {
	if id, ok := ParseTag(text); ok {
		return id == o.ID
	}
	return o.CreatedAfterAdd(at, cocalc.RangeTolerance)
}

// ClocksApart is how much the clocks of CoCalc's machines may differ.
const ClocksApart = time.Minute

// CreatedAfterAdd reports whether something at CoCalc was created after the order's add was sent: by CoCalc's clock if
// the order stores it, or else by the machine's, which may differ by slack.
func (o *Order) CreatedAfterAdd(at time.Time, slack time.Duration) bool {
	if !o.AddedAfter.IsZero() {
		return at.After(o.AddedAfter.Add(-ClocksApart))
	}
	return !o.AddSent.IsZero() && at.After(o.AddSent.Add(-slack))
}

// PurchasesIn picks the purchases of the order's cart item.
func (o *Order) PurchasesIn(rows []cocalc.PurchaseRow) (ours []cocalc.PurchaseRow) {
	for _, row := range rows {
		if o.ItemID != 0 && row.CartItemID == o.ItemID && row.Cost > 0 && o.Owns(row.Text, row.Time) {
			ours = append(ours, row)
		}
	}
	return ours
}

// NewReceipt puts together what proves the purchase. The item names one of the licenses; with a double buy the other
// rows are extra.
func NewReceipt(o Order, item cocalc.CartItem, rows []cocalc.PurchaseRow) *Receipt {
	r := &Receipt{Charged: o.AnnouncedPrice(), Expires: o.Spec.End}
	if item.Purchased != nil {
		r.LicenseID, r.Time = item.Purchased.LicenseID, item.Purchased.Time
	}
	own := 0
	for i, row := range rows {
		if row.LicenseID == r.LicenseID {
			own = i
		}
	}
	for i, row := range rows {
		if i != own {
			r.Duplicates = append(r.Duplicates, DuplicatePurchase{
				PurchaseID: row.ID, LicenseID: row.LicenseID,
				Charged: row.Cost,
			})
			continue
		}
		r.LicenseID, r.PurchaseID, r.Charged = row.LicenseID, row.ID, row.Cost
		if r.Time.IsZero() {
			r.Time = row.Time
		}
		if !row.PeriodEnd.IsZero() {
			r.Expires = row.PeriodEnd
		}
	}
	r.Time = cmp.Or(r.Time, o.CheckoutSent, o.Updated) // CoCalc's own time may be unreadable
	return r
}

// AccountsFor reports whether the order's receipt names the purchase.
func (o *Order) AccountsFor(row cocalc.PurchaseRow) bool {
	r := o.Receipt
	if r == nil {
		return false
	}
	return (r.PurchaseID != 0 && r.PurchaseID == row.ID) || (r.LicenseID != "" && r.LicenseID == row.LicenseID) ||
		slices.ContainsFunc(r.Duplicates, func(x DuplicatePurchase) bool { return x.LicenseID == row.LicenseID })
}

// AwaitsPurchase reports whether the purchase is the one that was not found when the order was bought. If CoCalc
// numbers its purchases, an admin may have named the wrong license.
func (o *Order) AwaitsPurchase(row cocalc.PurchaseRow) bool {
	r := o.Receipt
	if o.State != Purchased || r.PurchaseID != 0 || o.ItemID != 0 && row.CartItemID != 0 && o.ItemID != row.CartItemID {
		return false
	}
	return r.LicenseID == "" || row.ID != 0 && (r.LicenseID == row.LicenseID || r.Settled != nil)
}

// IsActive reports whether the worker still works on the order, and finds its purchases by itself.
func (o *Order) IsActive() bool {
	return o.State == Approved || o.State.UnderWay() || !o.WatchUntil.IsZero() || (o.Receipt != nil && o.Receipt.Unchecked)
}

// HasReported tells whether the purchase was reported before.
func (a AccountState) HasReported(row cocalc.PurchaseRow) bool {
	return slices.ContainsFunc(a.UnrecognizedPurchases, func(s UnrecognizedPurchase) bool {
		return s.PurchaseID == row.ID && s.LicenseID == row.LicenseID
	})
}

// ByWord reports whether the order counts as bought by the word of an admin alone: CoCalc has shown no purchase of it.
func (o *Order) ByWord() bool {
	return o.State == Purchased && o.Receipt != nil && o.Receipt.Settled != nil && o.Receipt.PurchaseID == 0
}
