package register

import (
	"cmp"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// DatePromise sets when an order was reserved, if no ledger says so: when it was bought.
func (reg *Register) DatePromise(o *purchase.Order, row cocalc.PurchaseRow) {
	if row.CartItemID != 0 {
		o.ItemID = row.CartItemID
	}
	if o.Confirmed.IsZero() {
		o.Confirmed = cmp.Or(row.Time, reg.now())
	}
	if o.Month == "" {
		o.Month, o.Day = reg.policy.Month(o.Confirmed), reg.policy.Day(o.Confirmed)
	}
}
