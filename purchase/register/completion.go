package register

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// Complete ends an order as bought, in the caller's transaction. With count its purchases are counted again later.
func (reg *Register) Complete(w purchase.Writer, o *purchase.Order, r *purchase.Receipt, count bool, by string) error {
	e := purchase.OrderEvent{
		Kind: purchase.ProvePurchase, By: by, Note: "license " + r.LicenseID, Receipt: r,
		Channel: reg.announcementChannel(*o),
	}
	if count {
		e.WatchUntil = reg.WatchUntil()
	}
	change, err := reg.Happen(o, &e)
	if err != nil {
		return err
	}
	if err := reg.RecordPurchase(w, *o, *r); err != nil {
		return err
	}
	if err := reg.RecordDuplicates(w, *o, r.Duplicates); err != nil {
		return err
	}
	if err := reg.CheckCharge(w, *o, *r); err != nil {
		return err
	}
	if by == purchase.BotName { // CoCalc sells again: the next failure is a new incident
		if err := ClearTroubles(w); err != nil {
			return err
		}
	}
	return reg.Keep(w, *o, e, change)
}

// announcementChannel is where the line about a purchase goes; empty: nowhere, since it was asked for in a direct
// message.
func (reg *Register) announcementChannel(o purchase.Order) string {
	if reg.purchasesChannel != "" {
		return reg.purchasesChannel
	}
	if o.Channel.Direct {
		return ""
	}
	return o.Channel.ID
}

// RecordPurchase logs the purchase and counts it as spent. The reservation is released by the move that goes with it.
func (reg *Register) RecordPurchase(w purchase.Writer, o purchase.Order, r purchase.Receipt) error {
	if _, err := w.AddPurchase(NewEntry(o, r)); err != nil {
		return err
	}
	return Spend(w, o, r.Charged, 1)
}

// RecordDuplicates logs purchases beyond the order's own, and pauses buying: a person has to look before more money
// moves.
func (reg *Register) RecordDuplicates(w purchase.Writer, o purchase.Order, extra []purchase.DuplicatePurchase) error {
	if len(extra) == 0 {
		return nil
	}
	var sum purchase.Cents
	times := len(o.Receipt.Duplicates) + 1 // with those that were found before
	for _, x := range extra {
		e := NewEntry(o, purchase.Receipt{
			LicenseID: x.LicenseID, PurchaseID: x.PurchaseID, Charged: x.Charged, Time: o.Receipt.Time,
			Expires: o.Receipt.Expires,
		})
		e.Duplicate = true
		if _, err := w.AddPurchase(e); err != nil {
			return err
		}
		if err := Spend(w, o, x.Charged, 1); err != nil {
			return err
		}
		sum += x.Charged
	}
	reg.log.Error().Str("order", string(o.ID)).Int64("item", o.ItemID).Int("extra", len(extra)).
		Msg("pause buying: CoCalc sold an item twice")
	if err := w.AppendEvent(purchase.Event{
		Time: reg.now(), Kind: "double-buy", Order: o.ID, By: purchase.BotName, Amount: sum,
		Note: fmt.Sprintf("cart item %d was bought %d times", o.ItemID, times),
	}); err != nil {
		return err
	}
	var all purchase.Cents
	licenses := []string{o.Receipt.LicenseID}
	for _, x := range o.Receipt.Duplicates {
		all += x.Charged
		licenses = append(licenses, x.LicenseID)
	}
	cause := purchase.Cause{Code: purchase.IncidentDoubleBuy, Args: purchase.Args{
		"order": string(o.ID), "item": strconv.FormatInt(o.ItemID, 10),
		"times": strconv.Itoa(times), "amount": purchase.ArgCents(all),
	}}
	if _, err := PauseBuying(w, BotPause(reg.now(), cause), ""); err != nil {
		return err
	}
	told := cause.With("licenses", strings.Join(licenses, " "))
	return AddNotification(w, reg.NewNotification(purchase.NotificationDoubleBuy, fmt.Sprintf("double-buy-%s-%s", o.ID,
		extra[0].LicenseID),
		told, o, ""))
}

// NewEntry returns the entry of the purchase log for a bought order; it has no number yet.
func NewEntry(o purchase.Order, r purchase.Receipt) purchase.Purchase {
	return purchase.Purchase{
		Time: r.Time, Month: o.Month, Order: o.ID, Requester: o.Requester, Place: o.Channel, Spec: o.Spec, Reason: o.Reason,
		Shown: o.Price, Charged: r.Charged, Renews: o.Renews, ItemID: o.ItemID, PurchaseID: r.PurchaseID,
		LicenseID: r.LicenseID, Expires: r.Expires,
	}
}

// Spend counts an amount, which may be negative, and a number of licenses in the month of the order.
func Spend(w purchase.Writer, o purchase.Order, amount purchase.Cents, licenses int) error {
	key, err := purchase.BudgetKey(w, o.Requester)
	if err != nil {
		return err
	}
	budget, err := w.Budget(o.Month)
	if err != nil {
		return err
	}
	budget.Spend(key, amount, licenses)
	return w.PutBudget(budget)
}

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

// CheckCharge pauses buying when CoCalc charged something else than was agreed to and announced. Only a fixed term may
// cost less: it has begun meanwhile.
func (reg *Register) CheckCharge(w purchase.Writer, o purchase.Order, r purchase.Receipt) error {
	agreed, kind := o.AnnouncedPrice(), "overcharged"
	switch {
	case r.Charged > o.Price:
		agreed = o.Price
	case r.Charged == agreed, o.Spec.Period == cocalc.PeriodRange:
		return nil
	case r.Charged < agreed:
		kind = "undercharged"
	}
	cause := purchase.Cause{Code: purchase.IncidentCharged, Args: purchase.Args{
		"order": string(o.ID), "charged": purchase.ArgCents(r.Charged),
		"agreed": purchase.ArgCents(agreed),
	}}
	if err := w.AppendEvent(purchase.Event{
		Time: reg.now(), Kind: kind, Order: o.ID, By: purchase.BotName, Amount: r.Charged,
		Cause: cause,
	}); err != nil {
		return err
	}
	_, err := reg.RaiseAlarm(w, o, cause)
	return err
}
