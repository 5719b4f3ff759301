package purchase

import (
	"errors"
	"slices"

	"licensebot/cocalc"
)

// byWord reports whether the order counts as bought by the word of an admin alone: CoCalc has shown no purchase of it.
func (o *Order) byWord() bool {
	return o.State == Purchased && o.Receipt != nil && o.Receipt.Settled != nil && o.Receipt.PurchaseID == 0
}

// enterSettled enters, at the first comparison after a restore, what the previous ledger had as bought by the word of
// an admin alone and the backup lacks: CoCalc doesn't show it, so nothing else would bring it back. late are the orders
// of which CoCalc has just shown a purchase.
func (b *buyer) enterSettled(w Writer, r *reports, account AccountState, late map[OrderID][]cocalc.PurchaseRow) error {
	if account.Restored == nil || account.Before == nil {
		return nil
	}
	for _, then := range account.Before.Orders {
		if !then.byWord() || late[then.ID] != nil {
			continue
		}
		said := *then.Receipt
		said.Unchecked = true // should CoCalc show it later, the entry follows that
		said.Extra = slices.Clone(said.Extra)
		row := cocalc.PurchaseRow{LicenseID: said.LicenseID, Time: said.Time, Cost: said.Charged, CartItemID: then.ItemID}
		o, err := w.Order(then.ID)
		switch {
		case errors.Is(err, ErrNoOrder):
			err = b.enterWith(w, then, row, func(Order) *Receipt { return &said })
		case err != nil:
		case o.State == Purchased, !o.State.CanBecome(Purchased):
			continue
		default:
			if o.State == Expired || o.State == Cancelled { // by a copy that ran by itself
				o.Restored = true
			}
			o.Confirmed, o.Month, o.Day = then.Confirmed, then.Month, then.Day
			o.Approvals, o.ItemID = then.Approvals, then.ItemID
			err = b.sold(w, &o, &said, true, account.Restored.By)
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
