package reconcile

import (
	"errors"
	"slices"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// enterSettled enters, at the first comparison after a restore, what the previous ledger had as bought by the word of
// an admin alone and the backup lacks: CoCalc doesn't show it, so nothing else would bring it back. late are the orders
// of which CoCalc has just shown a purchase.
func (rc *Reconciler) enterSettled(w purchase.Writer, r *reports, account purchase.AccountState,
	late map[purchase.OrderID][]cocalc.PurchaseRow,
) error {
	if account.Restored == nil || account.Before == nil {
		return nil
	}
	for _, then := range account.Before.Orders {
		if !then.ByWord() || late[then.ID] != nil {
			continue
		}
		said := *then.Receipt
		said.Unchecked = true // should CoCalc show it later, the entry follows that
		said.Extra = slices.Clone(said.Extra)
		row := cocalc.PurchaseRow{LicenseID: said.LicenseID, Time: said.Time, Cost: said.Charged, CartItemID: then.ItemID}
		o, err := w.Order(then.ID)
		switch {
		case errors.Is(err, purchase.ErrNoOrder):
			err = rc.enterWith(w, then, row, func(purchase.Order) *purchase.Receipt { return &said })
		case err != nil:
		case o.State == purchase.Purchased, !o.State.CanBecome(purchase.Purchased):
			continue
		default:
			if o.State == purchase.Expired || o.State == purchase.Cancelled { // by a copy that ran by itself
				o.Restored = true
			}
			o.Confirmed, o.Month, o.Day = then.Confirmed, then.Month, then.Day
			o.Approvals, o.ItemID = then.Approvals, then.ItemID
			err = rc.reg.Complete(w, &o, &said, true, account.Restored.By)
		}
		if err != nil {
			return err
		}
		r.enter(then, row)
		r.byWord++
		r.byWordSum += said.Charged
	}
	return nil
}
