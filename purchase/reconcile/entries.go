package reconcile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Correct corrects the receipt of a bought order, the log and the budget by the purchases that CoCalc lists for it.
// late ends the order's watch.
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
	if full.Charged != had.Charged { // otherwise it was reported before
		if err := rc.reg.CheckCharge(w, *o, *r); err != nil {
			return err
		}
	}
	return rc.reg.RecordDuplicates(w, *o, extra)
}

// enterLateDuplicate enters one more purchase of an order that has its own: a double buy that showed up late.
func (rc *Reconciler) enterLateDuplicate(w purchase.Writer, o purchase.Order, row cocalc.PurchaseRow) error {
	extra := purchase.DuplicatePurchase{PurchaseID: row.ID, LicenseID: row.LicenseID, Charged: row.Cost}
	var r purchase.Receipt
	if o.Receipt != nil {
		r = *o.Receipt
	}
	r.Duplicates = append(slices.Clone(r.Duplicates), extra)
	o.Receipt = &r
	o.Rev++
	o.Updated = rc.now()
	if err := w.PutOrder(o); err != nil {
		return err
	}
	return rc.reg.RecordDuplicates(w, o, []purchase.DuplicatePurchase{extra})
}

// enterUnattributed enters a purchase of an order that no readable ledger has, under no person's name, and pauses
// buying until an admin has seen it.
func (rc *Reconciler) enterUnattributed(w purchase.Writer, r *results, id purchase.OrderID, row cocalc.PurchaseRow,
	license cocalc.License,
) error {
	made, _ := ulid.ParseStrict(string(id))
	o := purchase.Order{
		ID: id, Requester: purchase.Unattributed, Price: row.Cost, Created: ulid.Time(made.Time()).UTC(),
		Spec: specOf(license, row),
	}
	if err := rc.enterLostOrder(w, r, o, row); err != nil {
		return err
	}
	_, err := rc.reg.RaiseAlarm(w, o, purchase.Cause{
		Code: purchase.IncidentUnattributed,
		Args: reportArgs(row),
	}.With("order", string(id)))
	return err
}

// specOf derives an order's specification from its license.
func specOf(l purchase.License, row cocalc.PurchaseRow) purchase.Spec {
	return purchase.Spec{
		RAM: int(l.Quota.RAM), CPU: int(l.Quota.CPU), Disk: int(l.Quota.Disk), Member: l.Quota.Member,
		Uptime: cocalc.Uptime(l.Quota.Uptime),
		User:   cocalc.User(l.Quota.User), Period: cocalc.PeriodRange, RunLimit: l.RunLimit, Title: l.Title, Start: row.Time,
		End: row.PeriodEnd,
	}
}

// enterLostOrder enters an order that only the previous ledger had, with its purchase. The order passes through the
// usual states in one transaction, without requests or notices.
func (rc *Reconciler) enterLostOrder(w purchase.Writer, r *results, o purchase.Order, row cocalc.PurchaseRow) error {
	r.count(o, row)
	return rc.enterOrder(w, o, row, func(o purchase.Order) *purchase.Receipt {
		return purchase.NewReceipt(o, cocalc.CartItem{}, []cocalc.PurchaseRow{row})
	})
}

// enterOrder enters an order that the ledger lacks as bought, with the receipt that receiptOf returns for it.
func (rc *Reconciler) enterOrder(w purchase.Writer, o purchase.Order, row cocalc.PurchaseRow,
	receiptOf func(purchase.Order) *purchase.Receipt,
) error {
	const note = "bought before the ledger was restored; recorded from CoCalc's list"
	o.Rev, o.State, o.Receipt, o.Failure, o.Messages, o.HeldItems, o.ReplacedBy = 0, purchase.Proposed, nil, nil, nil, nil,
		""
	o.CheckoutSent, o.PaidAfter, o.Answer, o.AnswerText, o.WatchUntil = time.Time{}, time.Time{}, "", "", time.Time{}
	o.Released = time.Time{}
	rc.reg.DatePromise(&o, row)
	if err := w.PutOrder(o); err != nil {
		return err
	}
	if err := w.AppendEvent(purchase.Event{
		Time: rc.now(), Kind: string(purchase.Proposed), Order: o.ID, By: purchase.BotName, Place: o.Channel.ID,
		Amount: o.Price, Note: note,
	}); err != nil {
		return err
	}
	if err := rc.reg.Apply(w, &o, purchase.OrderEvent{
		Kind: purchase.Confirm, By: purchase.BotName, Note: note,
		Promise: &purchase.Promise{At: o.Confirmed, Month: o.Month, Day: o.Day, Auto: o.Auto},
	}); err != nil {
		return err
	}
	r := receiptOf(o)
	e := purchase.OrderEvent{
		Kind: purchase.ProvePurchase, By: purchase.BotName, Note: "license " + r.LicenseID,
		Receipt: r,
	}
	change, err := rc.reg.Happen(&o, &e)
	if err != nil {
		return err
	}
	if err := rc.reg.RecordPurchase(w, o, *r); err != nil {
		return err
	}
	if err := rc.reg.CheckCharge(w, o, *r); err != nil {
		return err
	}
	return rc.reg.Keep(w, o, e, change)
}

// enterEndedOrder enters the purchase of an order that the backup had, and that its restore has ended.
func (rc *Reconciler) enterEndedOrder(w purchase.Writer, r *results, o purchase.Order, row cocalc.PurchaseRow) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	if then, known := account.Before.Find(o.ID); known {
		o.Confirmed, o.Month, o.Day, o.Approvals, o.AddSent, o.AddedAfter, o.Sent, o.ItemID = then.Confirmed, then.Month,
			then.Day, then.Approvals,
			then.AddSent, then.AddedAfter, then.Sent, then.ItemID
	}
	rc.reg.DatePromise(&o, row)
	r.count(o, row)
	return rc.reg.Complete(w, &o, purchase.NewReceipt(o, cocalc.CartItem{}, []cocalc.PurchaseRow{row}), false,
		purchase.BotName)
}

// count counts an entered purchase.
func (r *results) count(o purchase.Order, row cocalc.PurchaseRow) {
	r.entered++
	r.sum += row.Cost
	if o.Requester.ID == purchase.Unattributed.ID {
		r.unattributed++
		r.unattributedSum += row.Cost
	}
}

// entries returns what was entered, as arguments: entered and sum; of these, by-word and by-word-sum were bought by an
// admin's word, and unattributed and unattributed-sum name no person.
func (r *results) entries() []string {
	if r.entered == 0 {
		return nil
	}
	return []string{
		"entered", strconv.Itoa(r.entered), "sum", purchase.ArgCents(r.sum),
		"by-word", ArgSomeCount(r.byWord), "by-word-sum", purchase.ArgSomeCents(r.byWordSum),
		"unattributed", ArgSomeCount(r.unattributed), "unattributed-sum", purchase.ArgSomeCents(r.unattributedSum),
	}
}

// ArgSomeCount formats a count as an argument; empty for 0.
func ArgSomeCount(n int) string { return purchase.ArgSomeID(int64(n)) }

// enterAdminPurchases enters, at the first comparison after a restore, the orders that an admin had resolved as bought
// in the previous ledger and that the backup lacks: CoCalc doesn't show their purchases, so nothing else would enter
// them. late are the orders of which CoCalc has just shown a purchase.
func (rc *Reconciler) enterAdminPurchases(w purchase.Writer, r *results, account purchase.AccountState,
	late map[purchase.OrderID][]cocalc.PurchaseRow,
) error {
	for _, then := range account.Before.Orders {
		if !then.MarkedBought() || late[then.ID] != nil {
			continue
		}
		said := *then.Receipt
		said.Unchecked = true // if CoCalc shows it later, the entry is corrected
		said.Duplicates = slices.Clone(said.Duplicates)
		row := cocalc.PurchaseRow{LicenseID: said.LicenseID, Time: said.Time, Cost: said.Charged, CartItemID: then.ItemID}
		o, err := w.Order(then.ID)
		switch {
		case errors.Is(err, purchase.ErrNoOrder):
			err = rc.enterOrder(w, then, row, func(purchase.Order) *purchase.Receipt { return &said })
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
		r.count(then, row)
		r.byWord++
		r.byWordSum += said.Charged
	}
	return nil
}
