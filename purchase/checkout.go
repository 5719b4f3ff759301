package purchase

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"licensebot/cocalc"
)

// check is the last look before paying: the server itself says that a checkout would buy exactly our item, as it was
// sent, for no more than was shown, out of credit that is there.
func (b *buyer) check(ctx context.Context, o Order) (time.Duration, error) {
	if over := termOver(o.Spec, b.now()); over != nil {
		return b.abandon(ctx, o, over)
	}
	store, err := b.storeOf(ctx)
	if err != nil {
		return b.troubled(ctx, o, err)
	}
	look, err := store.Preview(ctx, o)
	if err != nil {
		return b.troubled(ctx, o, err)
	}
	if len(look.checked) != 1 || look.checked[0].ID != o.ItemID {
		return b.cartChanged(ctx, o, look.checked)
	}
	// Before its price: a higher price of an item that a person edited is not CoCalc's price, and can't be confirmed.
	if mismatch := b.differs(o, look.checked[0]); mismatch != nil {
		b.log.Error().Err(mismatch).Str("order", string(o.ID)).Msg("find an edited item in the cart")
		return b.abandon(ctx, o, failed(FailCart, "why", "edited"))
	}
	if look.amount > o.Price {
		f := failed(FailPriceMoved, "was", cents(o.Price), "now", cents(look.amount))
		f.NewPrice = look.amount
		return b.abandon(ctx, o, f)
	}
	// The server lets a checkout pass that is up to 3 dollars short; this team's account shall not go into the red
	// because of it.
	if look.credit != nil && *look.credit < look.amount {
		return b.abandon(ctx, o,
			b.noCredit(ctx, o, look.amount-max(*look.credit, 0), because(NoticeTrouble, "why", "too-little-credit",
				"credit", cents(max(*look.credit, 0)), "price", cents(look.amount), "payments", b.site.Payments())))
	}
	least := b.policy.LeastCredit
	if least > 0 && look.credit == nil { // a limit that cannot be looked at is not one that is kept
		b.meets(ctx, o, FailNoCredit, because(NoticeTrouble, "why", "credit-unknown", "least", cents(least)))
		return b.abandon(ctx, o, failed(FailNoCredit, "unknown", flag(true), "told", b.policy.told()))
	}
	if least > 0 && *look.credit-look.amount < least {
		return b.abandon(ctx, o,
			b.noCredit(ctx, o, look.amount+least-*look.credit, because(NoticeTrouble, "why", "least-credit",
				"credit", cents(*look.credit), "price", cents(look.amount), "least", cents(least), "payments", b.site.Payments())))
	}
	return b.pay(ctx, o, look.amount)
}

// noCredit returns the failure of an order that the account has too little credit for. The admins get the amounts.
func (b *buyer) noCredit(ctx context.Context, o Order, missing Cents, detail Cause) *Failure {
	b.meets(ctx, o, FailNoCredit, detail)
	return failed(FailNoCredit, "missing", someCents(missing), "told", b.policy.told())
}

// lastLook is what a checkout would buy now.
type lastLook struct {
	checked []cocalc.CartItem
	amount  Cents  // for the order's item
	credit  *Cents // that may be spent; nil on an older server, which does not tell
}

// cartChanged handles a cart in which, at the last look, not exactly our item is checked.
func (b *buyer) cartChanged(ctx context.Context, o Order, checked []cocalc.CartItem) (time.Duration, error) {
	ours := false
	for _, item := range checked {
		ours = ours || item.ID == o.ItemID
	}
	if !ours {
		item, err := b.item(ctx, o)
		switch {
		case kindOf(err) == cocalc.NotFound || (err == nil && item.Purchased == nil && !item.Removed.IsZero()):
			return b.abandon(ctx, o, failed(FailCart, "why", "removed"))
		case err != nil:
			return b.troubled(ctx, o, err)
		case item.Purchased != nil:
			return b.adopt(ctx, o, item)
		}
		if _, err := b.shop.SetChecked(ctx, o.ItemID, true); err != nil {
			return b.troubled(ctx, o, err)
		}
		return b.another(ctx, o)
	}
	if _, _, err := b.park(ctx, o, checked); err != nil {
		return b.troubled(ctx, o, err)
	}
	return b.another(ctx, o)
}

// pay sends the checkout: once per order, ever. That it is about to be sent is durable before.
func (b *buyer) pay(ctx context.Context, seen Order, amount Cents) (time.Duration, error) {
	if b.away(ctx) {
		return b.timing.Poll, nil
	}
	o, err := b.advance(ctx, seen, OrderEvent{Kind: BeginCheckout, Amount: amount},
		func(w Writer, _ Order, e *OrderEvent) error {
			account, err := w.Account()
			if err != nil {
				return err
			}
			if no := b.policy.closed(account); no != nil { // once a pause is in the ledger no checkout is sent
				return no
			}
			if b.diagnosed(account) != nil {
				return errUnserved
			}
			e.There = b.there()
			return nil
		})
	var stopped *Refusal
	if errors.As(err, &stopped) {
		return b.abandon(ctx, seen, failure(FailRefused, stopped))
	}
	if errors.Is(err, errUnserved) {
		return b.timing.Poll, nil
	}
	if err != nil {
		return 0, err
	}
	b.lingers(o) // measures the window from here, whatever happens to the clocks meanwhile
	err = b.shop.Checkout(ctx)
	var refusal *cocalc.Error
	definite := errors.As(err, &refusal) && refusal.Outcome != cocalc.Unknown
	_, editErr := b.change(ctx, o.ID, func(w Writer, live *Order) error {
		if live.State != o.State {
			return errMoved
		}
		live.Updated = b.now()
		switch {
		case err == nil:
			live.Answer = AnswerSuccess
		case definite:
			f := explain(refusal, b.policy.told(), b.site)
			live.Answer, live.AnswerText, live.Failure = AnswerRefused, refusal.Text, &f
			// The failure says whether the admins have been told, so their notice is added in the same transaction.
			if err := b.addTrouble(w, *live, f.Code, trouble(refusal, b.keyName, b.site)); err != nil {
				return err
			}
		default:
			live.Answer, live.AnswerText = AnswerUnclear, err.Error()
		}
		return w.PutOrder(*live)
	})
	if err != nil && !definite { // a definite answer is logged as such
		b.log.Warn().Err(err).Str("order", string(o.ID)).Msg("lose CoCalc's answer to a checkout; look for the purchase")
	}
	return 0, editErr
}

// looksAfterCheckout is how often the item is read back before a paying order becomes unknown.
const looksAfterCheckout = 3

// prove is the way from Paying to Purchased, or to Unknown when reading the item back does not show a purchase.
func (b *buyer) prove(ctx context.Context, o Order) (time.Duration, error) {
	item, err := b.item(ctx, o)
	if err == nil && item.Purchased != nil {
		return b.bought(ctx, o, item, false)
	}
	// Success was answered, so reading should show it: give it a few looks. After anything else the order is held.
	if o.Answer == AnswerSuccess && b.tries[o.ID] < looksAfterCheckout {
		return b.pause(o.ID), nil
	}
	return 0, b.unclear(ctx, o, err)
}

// unclear makes the outcome of a checkout unknown. err is why the item could not be read, if it couldn't.
func (b *buyer) unclear(ctx context.Context, o Order, err error) error {
	code := HeldNotShown
	switch {
	case o.Answer == AnswerNone:
		code = HeldStopped
	case o.Answer == AnswerUnclear:
		code = HeldAnswerLost
	case err != nil:
		code = HeldUnreadable
	}
	hold := Hold{Cause: Cause{Code: code}, Since: b.now(), Until: o.CheckoutSent.Add(b.timing.Settle)}
	_, err = b.advance(ctx, o, OrderEvent{Kind: LoseOutcome, Note: string(code), Hold: &hold},
		func(w Writer, live Order, _ *OrderEvent) error {
			return b.secondUnknown(w, live)
		})
	return err
}

// adopt ends an order whose item was bought by a checkout that is not the order's own.
func (b *buyer) adopt(ctx context.Context, o Order, item cocalc.CartItem) (time.Duration, error) {
	return b.bought(ctx, o, item, o.CheckoutSent.IsZero())
}

// bought ends an order whose item is proven to be bought: it counts the purchases of the item, then writes the
// receipt. When they cannot be counted now, the receipt says so and they are counted later. A server of the older kind
// has nothing to count with: there what tells the cost is waited for a while.
func (b *buyer) bought(ctx context.Context, o Order, item cocalc.CartItem, adopted bool) (time.Duration, error) {
	o.ItemID = item.ID
	rows, err := b.purchasesOf(ctx, o)
	if err != nil {
		b.log.Warn().Err(err).Str("order", string(o.ID)).Msg("put off counting the purchases of a bought order")
	}
	r := receipt(o, item, rows)
	r.Unchecked = len(rows) == 0
	r.Adopted = adopted
	if store, err := b.storeOf(ctx); err == nil {
		if err := store.Charge(ctx, o, item, r); err != nil && b.tries[o.ID] < looksForCost {
			b.log.Warn().Err(err).Str("order", string(o.ID)).Msg("fail to read a license to tell what an edited item cost")
			return b.pause(o.ID), nil
		}
	}
	return 0, b.finish(ctx, o, r)
}

// finish writes a purchase: the order's end, the log entry, what was spent, and the audit record, in one transaction.
func (b *buyer) finish(ctx context.Context, o Order, r *Receipt) error {
	counts := b.counts(ctx)
	delete(b.tries, o.ID)
	_, err := b.change(ctx, o.ID, func(w Writer, live *Order) error {
		if live.State != o.State {
			return errMoved
		}
		live.ItemID = o.ItemID
		return b.sold(w, live, r, counts || b.lingers(*live) > 0, BotName)
	})
	return err
}

// sold ends an order as bought, in the caller's transaction. With count its purchases are counted again later.
func (d *Desk) sold(w Writer, o *Order, r *Receipt, count bool, by string) error {
	e := OrderEvent{Kind: ProvePurchase, By: by, Note: "license " + r.LicenseID, Receipt: r, Channel: d.lineChannel(*o)}
	if count {
		e.WatchUntil = d.watchUntil()
	}
	change, err := d.happen(o, &e)
	if err != nil {
		return err
	}
	if err := d.enter(w, *o, *r); err != nil {
		return err
	}
	if err := d.enterExtra(w, *o, r.Extra); err != nil {
		return err
	}
	if err := d.charged(w, *o, *r); err != nil {
		return err
	}
	if by == BotName { // CoCalc sells again: the next failure is a new incident
		if err := overcome(w); err != nil {
			return err
		}
	}
	return d.keep(w, *o, e, change)
}

// lineChannel is where the line about a purchase goes; empty: nowhere, since it was asked for in a direct message.
func (d *Desk) lineChannel(o Order) string {
	if d.purchasesChannel != "" {
		return d.purchasesChannel
	}
	if o.Place.Direct {
		return ""
	}
	return o.Place.Channel
}

// enter logs the purchase and counts it as spent. The reservation is released by the move that goes with it.
func (d *Desk) enter(w Writer, o Order, r Receipt) error {
	if _, err := w.AddPurchase(entry(o, r)); err != nil {
		return err
	}
	return spend(w, o, r.Charged, 1)
}

// enterExtra logs purchases beyond the order's own, and pauses buying: a person has to look before more money moves.
func (d *Desk) enterExtra(w Writer, o Order, extra []Extra) error {
	if len(extra) == 0 {
		return nil
	}
	var sum Cents
	times := len(o.Receipt.Extra) + 1 // with those that were found before
	for _, x := range extra {
		e := entry(o, Receipt{
			LicenseID: x.LicenseID, PurchaseID: x.PurchaseID, Charged: x.Charged, Time: o.Receipt.Time,
			Expires: o.Receipt.Expires,
		})
		e.Duplicate = true
		if _, err := w.AddPurchase(e); err != nil {
			return err
		}
		if err := spend(w, o, x.Charged, 1); err != nil {
			return err
		}
		sum += x.Charged
	}
	d.log.Error().Str("order", string(o.ID)).Int64("item", o.ItemID).Int("extra", len(extra)).
		Msg("pause buying: CoCalc sold an item twice")
	if err := w.AppendEvent(Event{
		Time: d.now(), Kind: "double-buy", Order: o.ID, By: BotName, Amount: sum,
		Note: fmt.Sprintf("cart item %d was bought %d times", o.ItemID, times),
	}); err != nil {
		return err
	}
	var all Cents
	licenses := []string{o.Receipt.LicenseID}
	for _, x := range o.Receipt.Extra {
		all += x.Charged
		licenses = append(licenses, x.LicenseID)
	}
	cause := Cause{Code: IncidentDoubleBuy, Args: Args{
		"order": string(o.ID), "item": strconv.FormatInt(o.ItemID, 10),
		"times": strconv.Itoa(times), "amount": cents(all),
	}}
	if _, err := pauseBuying(w, ownPause(d.now(), cause), ""); err != nil {
		return err
	}
	told := cause.With("licenses", strings.Join(licenses, " "))
	return addNotice(w, d.notice(NoticeDoubleBuy, fmt.Sprintf("double-buy-%s-%s", o.ID, extra[0].LicenseID), told, o, ""))
}

func entry(o Order, r Receipt) Purchase {
	return Purchase{
		Time: r.Time, Month: o.Month, Order: o.ID, Requester: o.Requester, Place: o.Place, Spec: o.Spec, Reason: o.Reason,
		Shown: o.Price, Charged: r.Charged, Renews: o.Renews, ItemID: o.ItemID, PurchaseID: r.PurchaseID,
		LicenseID: r.LicenseID, Expires: r.Expires,
	}
}

func spend(w Writer, o Order, amount Cents, licenses int) error {
	key, err := keyOf(w, o.Requester)
	if err != nil {
		return err
	}
	budget, err := w.Budget(o.Month)
	if err != nil {
		return err
	}
	budget.spend(key, amount, licenses)
	return w.PutBudget(budget)
}
