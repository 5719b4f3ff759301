package purchase

import (
	"cmp"
	"context"
	"errors"
	"time"

	"licensebot/cocalc"
)

// longestWait is after how long an order that was told to wait asks again all the same.
const longestWait = 10 * time.Minute

// troubled decides what a failed request means for an order of which no checkout was sent: it waits and tells why,
// or, when patience is over, gives up. An order with something in the cart is given up by taking that out.
func (b *buyer) troubled(ctx context.Context, o Order, err error) (time.Duration, error) {
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
	since := b.now()
	if o.Wait != nil && !o.Wait.Troubled.IsZero() {
		since = o.Wait.Troubled
	}
	over := b.remains(o.ID, b.patience("patience", since)) <= 0
	if speaksOfServer(e) || over && isDown(e) { // before an order ends, it must be known that the server is well
		if held, err := b.unserved(ctx); held || err != nil {
			return 0, cmp.Or(err, errMoved)
		}
	}
	b.log.Debug().Err(err).Str("order", string(o.ID)).Str("state", string(o.State)).Msg("wait for CoCalc")
	f := explain(e, b.policy.told(), b.site)
	b.meets(ctx, o, f.Code, trouble(e, b.keyName, b.site))
	now := b.now()
	if e.Kind == cocalc.Throttled && e.Wait > 0 {
		pause := min(e.Wait, longestWait)
		return b.waitFor(ctx, o, Wait{Cause: because(WaitsForTurn, "seconds", seconds(e.Wait)), Until: now.Add(pause)}, pause)
	}
	// Not signed in may be a database outage, 5xx pass, and an admin can take a broken item out: these get patience. What
	// is certain does not.
	passing := e.Outcome != cocalc.Rejected || e.Kind == cocalc.NotSignedIn || e.Kind == cocalc.Throttled ||
		e.Kind == cocalc.CartBroken
	if e.Kind == cocalc.NotSoldHere { // or the server was changed to one with another store while the bot ran
		_, err := b.shop.Store(ctx)
		passing = err == nil
	}
	over = over || !passing
	switch {
	case over && o.State == Approved, over && o.State == Adding && o.AddSent.IsZero():
		return 0, b.fail(ctx, o, f)
	case over && o.Failure == nil && (o.State == Adding || o.State == Carted):
		return b.abandon(ctx, o, &f)
	}
	return b.waitFor(ctx, o, Wait{Cause: waiting(e, b.keyName, b.policy.told()), Troubled: since}, b.pause(o.ID))
}

// waitFor keeps with the order why it does not move, so that its card can say so. An order that waits for the end of a
// pause goes on saying that, and its patience with CoCalc does not run meanwhile.
func (b *buyer) waitFor(ctx context.Context, o Order, w Wait, d time.Duration) (time.Duration, error) {
	if waitsForPause(o) {
		return d, nil
	}
	w.Since = b.now()
	if o.Wait != nil {
		if o.Wait.cause().Is(w.Cause) && o.Wait.Troubled.Equal(w.Troubled) {
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
	_, err := b.change(ctx, o.ID, func(w Writer, live *Order) error {
		if live.State != o.State {
			return errMoved
		}
		live.Wait = nil
		live.Rev++
		live.Updated = b.now()
		if err := w.PutOrder(*live); err != nil {
			return err
		}
		return overcome(w, FailKey, FailUnreachable)
	})
	return err
}

// waitsForPause says that the order waits until orders are begun again, whatever CoCalc says.
func waitsForPause(o Order) bool {
	code := o.Wait.cause().Code
	return code == WaitsForResume || code == WaitsForCheckout || code == WaitsForLedger || code == WaitsForServer &&
		o.State == Approved
}

// tellStopped finds out whether orders that wait for their turn may be begun, and has the cards of all of them say why
// not.
func (b *buyer) tellStopped(ctx context.Context, open []Order) (stopped bool, err error) {
	no, err := b.pausedNow(ctx)
	if err != nil {
		return false, err
	}
	var why Cause
	server := b.Server()
	switch {
	case b.away(ctx):
		why.Code = WaitsForLedger
	case no != nil:
		why.Code = WaitsForResume
	case !server.SellsLicenses():
		why = b.serverCause(server, Order{})
	case b.lingering(open) > 0:
		why.Code = WaitsForCheckout
	}
	for _, o := range open {
		var said Cause
		if waitsForPause(o) {
			said = o.Wait.cause()
		}
		if o.State != Approved || said.Is(why) {
			continue
		}
		var w *Wait
		if why.Code != "" {
			w = &Wait{Cause: why, Since: b.now()}
		}
		if why.Code == WaitsForServer {
			*w = b.serverWait(server, o, why)
		}
		if _, err := b.edit(ctx, o, true, func(o *Order) { o.Wait = w }); err != nil && !errors.Is(err, errMoved) {
			return false, err
		}
		delete(b.due, o.ID)
	}
	return why.Code != "", nil
}

// lingers returns how long the order's checkout may still run: its answer was lost, and that the item is bought does
// not prove that this checkout bought it. It would buy whatever is checked meanwhile.
func (b *buyer) lingers(o Order) time.Duration {
	if o.CheckoutSent.IsZero() || !o.Released.IsZero() || o.Answer == AnswerSuccess || o.Answer == AnswerRefused {
		return 0
	}
	return b.remains(o.ID, span{
		what: "checkout", until: o.CheckoutSent.Add(b.timing.Settle),
		there: after(o.PaidAfter, b.timing.Settle), length: b.timing.Settle, careful: true,
	})
}

// lingering is the longest of lingers among the orders.
func (b *buyer) lingering(open []Order) (left time.Duration) {
	for _, o := range open {
		left = max(left, b.lingers(o))
	}
	return left
}

// pausedNow reads whether buying is stopped, other than by the server.
func (d *Desk) pausedNow(ctx context.Context) (no *Refusal, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		account, err := r.Account()
		no = d.stopped(account)
		return err
	})
	return no, err
}
