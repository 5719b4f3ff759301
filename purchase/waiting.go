package purchase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"licensebot/cocalc"
)

// longestWait is after how long an order that was told to wait asks again all the same.
const longestWait = 10 * time.Minute

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
	if e.Kind == cocalc.CartBroken && !o.State.Final() {
		if err := b.blocked(ctx, o, e); err != nil {
			return 0, err
		}
	}
	b.log.Warn().Err(err).Str("order", string(o.ID)).Str("state", string(o.State)).Msg("CoCalc is in the way")
	f := explain(e, b.keyName)
	now := b.now()
	if e.Kind == cocalc.Throttled && e.Wait > 0 {
		pause := min(e.Wait, longestWait)
		return b.waitFor(ctx, o, Wait{Why: fmt.Sprintf("CoCalc asks to wait %s before the next item is added. Nothing was bought yet; the order goes on then.", people(e.Wait)), Until: now.Add(pause)}, pause)
	}
	// Not signed in may be a database outage, 5xx pass, and an admin can take a broken item out: these get patience. What
	// is certain does not.
	passing := e.Outcome != cocalc.Rejected || e.Kind == cocalc.NotSignedIn || e.Kind == cocalc.Throttled || e.Kind == cocalc.CartBroken
	if e.Kind == cocalc.NotSoldHere { // or the server was changed to one with another store while the bot ran
		_, err := b.shop.Store(ctx)
		passing = err == nil
	}
	since := now
	if o.Wait != nil && !o.Wait.Troubled.IsZero() && o.Wait.Troubled.Before(now) {
		since = o.Wait.Troubled
	}
	over := !passing || now.Sub(since) >= b.timing.Patience
	switch {
	case over && o.State == Approved, over && o.State == Adding && o.AddSent.IsZero():
		return 0, b.fail(ctx, o, f)
	case over && o.Failure == nil && (o.State == Adding || o.State == Carted):
		return b.abandon(ctx, o, &f)
	}
	return b.waitFor(ctx, o, Wait{Why: waiting(e, b.keyName), Troubled: since}, b.pause(o.ID))
}

// waitFor keeps with the order why it does not move, so that its card can say so. An order that waits for the end of a pause
// goes on saying that, and its patience with CoCalc does not run meanwhile.
func (b *buyer) waitFor(ctx context.Context, o Order, w Wait, d wait) (wait, error) {
	if waitsForPause(o) {
		return d, nil
	}
	w.Since = b.now()
	if o.Wait != nil {
		if o.Wait.Why == w.Why && o.Wait.Troubled.Equal(w.Troubled) {
			return d, nil
		}
		w.Since = o.Wait.Since
	}
	_, err := b.edit(ctx, o, true, func(o *Order) { o.Wait = &w })
	return d, err
}

// relieved forgets the trouble of an order that CoCalc answers again, so that the next trouble gets patience anew.
func (b *buyer) relieved(ctx context.Context, o Order) error {
	if o.Wait == nil || o.Wait.Troubled.IsZero() {
		return nil
	}
	_, err := b.edit(ctx, o, true, func(o *Order) { o.Wait = nil })
	return err
}

// What the card of an order says that waits for buying to be resumed, or for another order's checkout.
const (
	whyPaused  = "Buying is paused. Nothing was bought yet; the order is bought when buying is resumed."
	whyLingers = "CoCalc's answer to the checkout of another order was lost, so it may still be at work. Nothing was bought yet; the order is bought when that is certainly over, within minutes."
)

// waitsForPause says that the order waits until orders are begun again, whatever CoCalc says.
func waitsForPause(o Order) bool {
	return o.Wait != nil && (o.Wait.Why == whyPaused || o.Wait.Why == whyLingers)
}

// tellStopped finds out whether orders that wait for their turn may be begun, and has the cards of all of them say why not.
func (b *buyer) tellStopped(ctx context.Context, open []Order) (stopped bool, err error) {
	no, err := b.pausedNow(ctx)
	if err != nil {
		return false, err
	}
	why := ""
	switch {
	case no != nil:
		why = whyPaused
	case b.lingering(open) > 0:
		why = whyLingers
	}
	for _, o := range open {
		said := ""
		if waitsForPause(o) {
			said = o.Wait.Why
		}
		if o.State != Approved || said == why {
			continue
		}
		var w *Wait
		if why != "" {
			w = &Wait{Why: why, Since: b.now()}
		}
		if _, err := b.edit(ctx, o, true, func(o *Order) { o.Wait = w }); err != nil && !errors.Is(err, errMoved) {
			return false, err
		}
		delete(b.due, o.ID)
	}
	return why != "", nil
}

// lingers is for how long the order's checkout may still be carried out: nothing was heard of it, and that somebody bought
// the item does not say that it was this checkout. Whatever is checked meanwhile, it would buy.
func (b *buyer) lingers(o Order) time.Duration {
	if o.CheckoutSent.IsZero() || o.Answer == AnswerSuccess || o.Answer == AnswerRefused {
		return 0
	}
	left := o.CheckoutSent.Add(b.timing.Settle).Sub(b.now())
	if left > b.timing.Settle {
		return 0 // the clock was set back since: nobody knows
	}
	return max(left, 0)
}

// lingering is the longest of lingers among the orders.
func (b *buyer) lingering(open []Order) (left time.Duration) {
	for _, o := range open {
		left = max(left, b.lingers(o))
	}
	return left
}

// pausedNow reads whether buying is paused.
func (d *Desk) pausedNow(ctx context.Context) (no *Refusal, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		account, err := r.Account()
		no = d.policy.closed(account)
		return err
	})
	return no, err
}
