package purchase

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"licensebot/cocalc"
)

// After a restore, CoCalc shows purchases of this bot that the backup lacks. Each is entered, so that history and
// budgets are complete: its tag names the order, and the previous ledger names the person.

// Unattributed stands in for the person of a purchase that no ledger attributes to one.
var Unattributed = Person{ID: "unattributed", Name: "unattributed"}

// order returns the previous ledger's record of an order; ok is false if there is none.
func (b *Before) order(id OrderID) (o Order, ok bool) {
	if b == nil {
		return Order{}, false
	}
	i := slices.IndexFunc(b.Orders, func(o Order) bool { return o.ID == id })
	if i < 0 {
		return Order{}, false
	}
	return b.Orders[i], true
}

// lacks reports whether only the unreadable previous ledger may have had the order: it was created after the backup.
// Clocks may differ by slack.
func (b *Before) lacks(id OrderID, slack time.Duration) bool {
	parsed, err := ulid.ParseStrict(string(id))
	return b != nil && !b.IsKnown && err == nil && ulid.Time(parsed.Time()).After(b.Last.Add(-slack))
}

// strayed explains a purchase with the tag of an order that the ledger does not have.
func (b *buyer) strayed(w Writer, r *reports, row cocalc.PurchaseRow, id OrderID, licenses map[string]License) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	o, known := account.Before.order(id)
	switch {
	case known && !o.own(row.Text, row.Time):
		return b.foreign(w, r, row)
	case known:
		if row.ID == 0 {
			row.Cost = computedOf(o, licenses[row.LicenseID])
		}
		return b.enterLost(w, r, o, row)
	case account.Before.lacks(id, time.Hour) && row.ID != 0: // without a list of purchases, its cost is unknown too
		made, _ := ulid.ParseStrict(string(id))
		o = Order{
			ID: id, Requester: Unattributed, Price: row.Cost, Created: ulid.Time(made.Time()).UTC(),
			Spec: specOf(licenses[row.LicenseID], row),
		}
		if err := b.enterLost(w, r, o, row); err != nil {
			return err
		}
		_, err := b.alarm(w, o, Cause{Code: IncidentUnattributed, Args: reportArgs(row)}.With("order", string(id)))
		return err
	}
	return b.unexplained(w, r, row, id, "unknown-order")
}

// specOf derives an order's specification from its license.
func specOf(l License, row cocalc.PurchaseRow) Spec {
	return Spec{
		RAM: int(l.Quota.RAM), CPU: int(l.Quota.CPU), Disk: int(l.Quota.Disk), Member: l.Quota.Member,
		Uptime: cocalc.Uptime(l.Quota.Uptime),
		User:   cocalc.User(l.Quota.User), Period: cocalc.PeriodRange, RunLimit: l.RunLimit, Title: l.Title, Start: row.Time,
		End: row.PeriodEnd,
	}
}

// enterLost enters an order that only the previous ledger had, with its purchase. The order passes through the usual
// states in one transaction, without requests or notices.
func (b *buyer) enterLost(w Writer, r *reports, o Order, row cocalc.PurchaseRow) error {
	r.enter(o, row)
	return b.enterWith(w, o, row, func(o Order) *Receipt {
		return receipt(o, cocalc.CartItem{}, []cocalc.PurchaseRow{row})
	})
}

// enterWith enters an order with the receipt that it gets once it is entered.
func (b *buyer) enterWith(w Writer, o Order, row cocalc.PurchaseRow, receiptOf func(Order) *Receipt) error {
	const note = "bought before the ledger was restored; recorded from CoCalc's list"
	o.Rev, o.State, o.Receipt, o.Failure, o.Messages, o.Parked, o.ReplacedBy = 0, Proposed, nil, nil, nil, nil, ""
	o.CheckoutSent, o.PaidAfter, o.Answer, o.AnswerText, o.WatchUntil = time.Time{}, time.Time{}, "", "", time.Time{}
	o.Released = time.Time{}
	b.datePromise(&o, row)
	if err := w.PutOrder(o); err != nil {
		return err
	}
	if err := w.AppendEvent(Event{
		Time: b.now(), Kind: string(Proposed), Order: o.ID, By: BotName, Place: o.Place.Channel,
		Amount: o.Price, Note: note,
	}); err != nil {
		return err
	}
	if err := b.apply(w, &o, OrderEvent{
		Kind: Confirm, By: BotName, Note: note,
		Promise: &Promise{At: o.Confirmed, Month: o.Month, Day: o.Day, Auto: o.Auto},
	}); err != nil {
		return err
	}
	r := receiptOf(o)
	e := OrderEvent{Kind: ProvePurchase, By: BotName, Note: "license " + r.LicenseID, Receipt: r}
	change, err := b.happen(&o, &e)
	if err != nil {
		return err
	}
	if err := b.enter(w, o, *r); err != nil {
		return err
	}
	if err := b.charged(w, o, *r); err != nil {
		return err
	}
	return b.keep(w, o, e, change)
}

// enterEnded enters the purchase of an order that the backup had, and that its restore has ended.
func (b *buyer) enterEnded(w Writer, r *reports, o Order, row cocalc.PurchaseRow) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	if then, known := account.Before.order(o.ID); known {
		o.Confirmed, o.Month, o.Day, o.Approvals, o.AddSent, o.AddedAfter, o.Sent, o.ItemID = then.Confirmed, then.Month,
			then.Day, then.Approvals,
			then.AddSent, then.AddedAfter, then.Sent, then.ItemID
	}
	b.datePromise(&o, row)
	r.enter(o, row)
	return b.sold(w, &o, receipt(o, cocalc.CartItem{}, []cocalc.PurchaseRow{row}), false, BotName)
}

// datePromise sets when an order was reserved, if no ledger says so: when it was bought.
func (d *Desk) datePromise(o *Order, row cocalc.PurchaseRow) {
	if row.CartItemID != 0 {
		o.ItemID = row.CartItemID
	}
	if o.Confirmed.IsZero() {
		o.Confirmed = cmp.Or(row.Time, d.now())
	}
	if o.Month == "" {
		o.Month, o.Day = d.policy.Month(o.Confirmed), d.policy.day(o.Confirmed)
	}
}

// enter counts an entered purchase.
func (r *reports) enter(o Order, row cocalc.PurchaseRow) {
	r.entered++
	r.sum += row.Cost
	if o.Requester.ID == Unattributed.ID {
		r.unattributed++
		r.unattributedSum += row.Cost
	}
}

// entries returns what was entered, as arguments: entered and sum; of these, by-word and by-word-sum were bought by an
// admin's word, and unattributed and unattributed-sum name no person.
func (r *reports) entries() []string {
	if r.entered == 0 {
		return nil
	}
	return []string{
		"entered", strconv.Itoa(r.entered), "sum", cents(r.sum),
		"by-word", someCount(r.byWord), "by-word-sum", someCents(r.byWordSum),
		"unattributed", someCount(r.unattributed), "unattributed-sum", someCents(r.unattributedSum),
	}
}

// someCount formats a number of things as an argument; empty if there are none.
func someCount(n int) string { return someID(int64(n)) }

// LeftOut returns the purchases that paused buying and count in no budget; the zero Cause if there are none. An admin
// who resumes buying needs to know their sum.
func (p *Pause) LeftOut() Cause {
	var n int
	var sum Cents
	for _, in := range p.incidents() {
		if in.Code != IncidentUnexplained {
			continue
		}
		n++
		amount, _ := strconv.ParseInt(in.Args["amount"], 10, 64) // older records do not have it
		sum += Cents(amount)
	}
	if n == 0 {
		return Cause{}
	}
	return because(LeftOut, "purchases", strconv.Itoa(n), "amount", cents(sum))
}
