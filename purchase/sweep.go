package purchase

import (
	"slices"

	"licensebot/cocalc"
)

// AccountsFor reports whether the order's receipt names the purchase.
func (o *Order) AccountsFor(row cocalc.PurchaseRow) bool {
	r := o.Receipt
	if r == nil {
		return false
	}
	return (r.PurchaseID != 0 && r.PurchaseID == row.ID) || (r.LicenseID != "" && r.LicenseID == row.LicenseID) ||
		slices.ContainsFunc(r.Extra, func(x Extra) bool { return x.LicenseID == row.LicenseID })
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

// IsActive reports whether the buyer still works on the order, and finds its purchases by itself.
func (o *Order) IsActive() bool {
	return o.State == Approved || o.State.UnderWay() || !o.WatchUntil.IsZero() || (o.Receipt != nil && o.Receipt.Unchecked)
}

// HasReported tells whether the purchase was reported before.
func (a AccountState) HasReported(row cocalc.PurchaseRow) bool {
	return slices.ContainsFunc(a.Strangers, func(s Stranger) bool {
		return s.PurchaseID == row.ID && s.LicenseID == row.LicenseID
	})
}
