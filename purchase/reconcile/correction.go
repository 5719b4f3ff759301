package reconcile

import (
	"fmt"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Correct brings receipt and ledger of a purchase in line with the list of purchases.
func (rc *Reconciler) Correct(w purchase.Writer, o *purchase.Order, rows []cocalc.PurchaseRow, late bool) error {
	had := *o.Receipt
	full := purchase.NewReceipt(*o, cocalc.CartItem{Purchased: &cocalc.CartPurchase{
		LicenseID: had.LicenseID,
		Time:      had.Time,
	}}, rows)
	known := map[int64]bool{}
	for _, x := range had.Duplicates {
		known[x.PurchaseID] = true
	}
	var extra []purchase.DuplicatePurchase
	for _, x := range full.Duplicates {
		if !known[x.PurchaseID] {
			extra = append(extra, x)
		}
	}
	r := o.Receipt
	r.Unchecked, r.Duplicates = false, append(r.Duplicates, extra...)
	r.PurchaseID, r.LicenseID, r.Charged, r.Expires = full.PurchaseID, full.LicenseID, full.Charged, full.Expires
	if late {
		o.WatchUntil = time.Time{}
	}
	if had.Unchecked || len(extra) > 0 || r.LicenseID != had.LicenseID || r.Charged != had.Charged {
		o.Rev++
	}
	o.Updated = rc.now()
	if err := w.PutOrder(*o); err != nil {
		return err
	}
	if diff := full.Charged - had.Charged; diff != 0 || full.LicenseID != had.LicenseID {
		// What is in the log is never changed: the difference is an entry of its own, which also names a license that was
		// not known before.
		e := register.NewEntry(*o, *r)
		e.Charged, e.Correction = diff, true
		if _, err := w.AddPurchase(e); err != nil {
			return err
		}
		if err := register.Spend(w, *o, diff, 0); err != nil {
			return err
		}
		if err := w.AppendEvent(purchase.Event{
			Time: rc.now(), Kind: "corrected", Order: o.ID, By: purchase.BotName, Amount: diff,
			Note: fmt.Sprintf("charged %s instead of %s for license %s", full.Charged, had.Charged, full.LicenseID),
		}); err != nil {
			return err
		}
	}
	if full.Charged != had.Charged { // otherwise it was told before
		if err := rc.reg.CheckCharge(w, *o, *r); err != nil {
			return err
		}
	}
	return rc.reg.RecordDuplicates(w, *o, extra)
}
