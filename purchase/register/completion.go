package register

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// Complete records that an order was bought, in the caller's transaction: its state, the entry of the purchase log, the
// budget, and an audit record. It pauses buying if the item was bought twice or the charge is unexpected. With count,
// the order is watched, and its purchases are counted again at the end of the watch. by is a person's Slack id or
// BotName.
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
	if by == purchase.BotName { // CoCalc sells, so the next failure is a new incident
		if err := ClearTroubles(w); err != nil {
			return err
		}
	}
	return reg.Keep(w, *o, e, change)
}

// announcementChannel returns the channel in which the purchase is announced; empty if the order was requested in a
// direct message and the settings name no purchases channel.
func (reg *Register) announcementChannel(o purchase.Order) string {
	if reg.purchasesChannel != "" {
		return reg.purchasesChannel
	}
	if o.Channel.Direct {
		return ""
	}
	return o.Channel.ID
}

// RecordPurchase adds the purchase to the log and to the amount spent. The order's event releases the reservation.
func (reg *Register) RecordPurchase(w purchase.Writer, o purchase.Order, r purchase.Receipt) error {
	if err := reg.addEntry(w, NewEntry(o, r)); err != nil {
		return err
	}
	return Spend(w, o, r.Charged, 1)
}

// addEntry adds the entry of a bought license to the log, and what CoCalc will charge for its renewals to what budgets
// deduct.
func (reg *Register) addEntry(w purchase.Writer, e purchase.Purchase) error {
	if _, err := w.AddPurchase(e); err != nil || e.Renews == 0 {
		return err
	}
	account, err := w.Account()
	if err != nil || account.Followed == nil {
		return err
	}
	account.Committed = account.Committed.With(reg.policy, account.Key(e.Requester), e, reg.now())
	return w.PutAccount(account)
}

// RecordDuplicates adds duplicate purchases to the log and to the amount spent, pauses buying and notifies the admins.
// It does nothing if extra is empty.
func (reg *Register) RecordDuplicates(w purchase.Writer, o purchase.Order, extra []purchase.DuplicatePurchase) error {
	if len(extra) == 0 {
		return nil
	}
	var sum purchase.Cents
	times := len(o.Receipt.Duplicates) + 1 // including duplicates found earlier
	for _, x := range extra {
		e := NewEntry(o, purchase.Receipt{
			LicenseID: x.LicenseID, PurchaseID: x.PurchaseID, Charged: x.Charged, Time: o.Receipt.Time,
			Expires: o.Receipt.Expires,
		})
		e.Duplicate = true
		if err := reg.addEntry(w, e); err != nil {
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
	detail := cause.With("licenses", strings.Join(licenses, " "))
	return AddNotification(w, reg.NewNotification(purchase.NotificationDoubleBuy, fmt.Sprintf("double-buy-%s-%s", o.ID,
		extra[0].LicenseID),
		detail, o, ""))
}

// NewEntry returns the entry of the purchase log for a bought order, without its number.
func NewEntry(o purchase.Order, r purchase.Receipt) purchase.Purchase {
	return purchase.Purchase{
		Time: r.Time, Month: o.Month, Order: o.ID, Requester: o.Requester, Place: o.Channel, Spec: o.Spec, Reason: o.Reason,
		Shown: o.Price, Charged: r.Charged, Renews: o.Renews, ItemID: o.ItemID, PurchaseID: r.PurchaseID,
		LicenseID: r.LicenseID, Expires: r.Expires,
	}
}

// Spend adds an amount, which may be negative, and a number of licenses to the budget of the order's month.
func Spend(w purchase.Writer, o purchase.Order, amount purchase.Cents, licenses int) error {
	key, err := purchase.BudgetKey(w, o.Requester)
	if err != nil {
		return err
	}
	return purchase.ChangeBudget(w, o.Month, func(budget *purchase.Budget) { budget.Spend(key, amount, licenses) })
}

// DatePromise sets the reservation date and the cart item of an order that no ledger contains, from its purchase.
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

// CheckCharge pauses buying if CoCalc charged more than the confirmed price, or another amount than it announced. A
// lower charge is allowed for a fixed term, which may have begun in the meantime.
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
