package purchase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"licensebot/cocalc"
)

// wait is how long nothing can be done for an order; 0 means go on at once.
type wait = time.Duration

// settle looks for evidence about a checkout whose outcome is unknown, and never sends it again. The item stays in
// the cart for one settle window after the checkout, since a slow checkout may still be at work; then it is taken
// out and watched for another window, since a checkout that is at work buys it all the same. Only a look that proved
// the key in the same breath counts as one that found nothing.
func (b *buyer) settle(ctx context.Context, o Order) (wait, error) {
	item, rows, err := b.evidence(ctx, o)
	switch {
	case err != nil:
		b.log.Info().Err(err).Str("order", string(o.ID)).Msg("the outcome is still unknown: CoCalc could not be read")
		return b.pause(o.ID), nil
	case item.Purchased != nil:
		return 0, b.bought(ctx, o, item, false)
	case len(rows) > 0: // bought, and its item is gone from the cart
		return 0, b.finish(ctx, o, receipt(o, item, rows))
	case b.now().Before(o.Hold.Until):
		return min(b.pause(o.ID), max(o.Hold.Until.Sub(b.now()), time.Millisecond)), nil
	}
	if o.Hold.Removed.IsZero() {
		if _, err := b.shop.RemoveFromCart(ctx, o.ItemID); err != nil {
			return b.pause(o.ID), nil
		}
		delete(b.tries, o.ID)
		_, err := b.edit(ctx, o, true, func(o *Order) {
			o.Hold.Removed = b.now()
			o.Hold.Until = b.now().Add(b.timing.Settle)
		})
		return 0, err
	}
	return 0, b.fail(ctx, o, *failure(FailSettled, fmt.Sprintf(
		"The outcome of the checkout was unknown (%s). CoCalc has been watched for %s since and shows no purchase: nothing was bought. Please try again.",
		o.Hold.Why, people(b.now().Sub(o.CheckoutSent)))))
}

// evidence reads everything that could show a purchase of the order's item. Nothing found is only worth something
// beside err == nil, which includes a proof of the key.
func (b *buyer) evidence(ctx context.Context, o Order) (cocalc.CartItem, []cocalc.PurchaseRow, error) {
	item, err := b.item(ctx, o)
	if err != nil && kindOf(err) != cocalc.NotFound {
		return item, nil, err
	}
	if item.Purchased != nil {
		return item, nil, nil
	}
	rows, err := b.purchasesOf(ctx, o)
	if err != nil || len(rows) > 0 {
		return item, rows, err
	}
	licenses, err := b.shop.Licenses(ctx)
	if err != nil {
		return item, nil, err
	}
	for _, l := range licenses {
		if id, ok := tagged(l.Description); ok && id == o.ID {
			return item, []cocalc.PurchaseRow{{LicenseID: l.ID, Time: l.Created, Cost: o.Price, CartItemID: o.ItemID, PeriodEnd: l.Expires}}, nil
		}
	}
	_, err = b.shop.WhoAmI(ctx)
	return item, nil, err
}

// troubled decides what a failed request means for an order of which no checkout was sent: it waits and tells why,
// or, when patience is over, gives up. An order with something in the cart is given up by taking that out.
func (b *buyer) troubled(ctx context.Context, o Order, err error) (wait, error) {
	if errors.Is(err, errMoved) {
		return 0, err
	}
	var e *cocalc.Error
	if !errors.As(err, &e) {
		return 0, err // the ledger failed, not CoCalc
	}
	if e.Kind == cocalc.CartBroken && e.ItemID == 0 && !o.State.Final() {
		if item, err := b.shop.FindBrokenItem(ctx); err == nil {
			e.ItemID = item.ID
		}
	}
	b.log.Warn().Err(err).Str("order", string(o.ID)).Str("state", string(o.State)).Msg("CoCalc is in the way")
	f := explain(e, b.keyName)
	if e.Kind == cocalc.Throttled && e.Wait > 0 {
		return b.waitFor(ctx, o, fmt.Sprintf("CoCalc asks to wait %s before the next item is added.", people(e.Wait)), e.Wait)
	}
	// Not signed in may be a database outage, and 5xx pass: these get patience. What is certain does not.
	passing := e.Outcome != cocalc.Rejected || e.Kind == cocalc.NotSignedIn || e.Kind == cocalc.Throttled
	since := b.now()
	if o.Wait != nil {
		since = o.Wait.Since
	}
	over := !passing || b.now().Sub(since) >= b.timing.Patience
	switch {
	case over && o.State == Approved, over && o.State == Adding && o.AddSent.IsZero():
		return 0, b.fail(ctx, o, f)
	case over && o.Failure == nil && (o.State == Adding || o.State == Carted):
		return b.abandon(ctx, o, &f)
	}
	return b.waitFor(ctx, o, waiting(e, b.keyName), b.pause(o.ID))
}

// waitFor keeps with the order why it does not move, so that its card can say so. A wait of 0 is a long one.
func (b *buyer) waitFor(ctx context.Context, o Order, why string, d wait) (wait, error) {
	if d == 0 {
		d = b.timing.PollMax
	}
	if o.Wait != nil && o.Wait.Why == why {
		return d, nil
	}
	_, err := b.edit(ctx, o, true, func(o *Order) {
		since := b.now()
		if o.Wait != nil {
			since = o.Wait.Since
		}
		o.Wait = &Wait{Why: why, Since: since}
	})
	return d, err
}

// pausedNow reads whether buying is paused.
func (d *Desk) pausedNow(ctx context.Context) (no *Refusal, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		account, err := r.Account()
		no = paused(account)
		return err
	})
	return no, err
}

func pauseBuying(w Writer, p Pause) error {
	account, err := w.Account()
	if err != nil || account.Pause != nil {
		return err
	}
	account.Pause = &p
	if err := w.PutAccount(account); err != nil {
		return err
	}
	return w.AppendEvent(Event{Time: p.Since, Kind: "paused", By: p.By, Note: p.Reason})
}

// note appends an audit record about an order that is not a move.
func (d *Desk) note(ctx context.Context, o Order, kind, text string) error {
	return d.ledger.Update(ctx, func(w Writer) error {
		return w.AppendEvent(Event{Time: d.now(), Kind: kind, Order: o.ID, By: botName, Note: text})
	})
}
