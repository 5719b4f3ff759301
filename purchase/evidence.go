package purchase

import (
	"cmp"
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
			r.Extra = append(r.Extra, Extra{PurchaseID: row.ID, LicenseID: row.LicenseID, Charged: row.Cost})
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
