package purchase

import (
	"context"
	"time"
)

// settle looks for evidence about a checkout whose outcome is unknown, and never sends it again. The item stays in
// the cart for one settle window after the checkout, since a slow checkout may still be at work; then it is taken
// out and watched for another window, since a checkout that is at work buys it all the same. Only a look that proved
// the key in the same breath counts as one that found nothing.
func (b *buyer) settle(ctx context.Context, o Order) (time.Duration, error) {
	item, rows, err := b.evidence(ctx, o)
	switch {
	case err != nil:
		b.log.Debug().Err(err).Str("order", string(o.ID)).Msg("keep the outcome unknown: CoCalc cannot be read")
		return b.pause(o.ID), nil
	case item.Purchased != nil:
		return b.bought(ctx, o, item, false)
	case len(rows) > 0: // bought, and its item is gone from the cart
		return 0, b.finish(ctx, o, receipt(o, item, rows))
	}
	window := span{what: "settle", until: o.Hold.Until, length: b.timing.Settle, careful: true}
	window.there = after(o.Hold.RemovedThere, b.timing.Settle)
	if first := o.Hold.Removed.IsZero(); first {
		window.there = after(o.PaidAfter, b.timing.Settle)
	}
	if left := b.remains(o.ID, window); left > 0 {
		return min(b.pause(o.ID), left), nil
	}
	if o.Hold.Removed.IsZero() {
		if _, err := b.shop.RemoveFromCart(ctx, o.ItemID); err != nil {
			return b.pause(o.ID), nil
		}
		delete(b.tries, o.ID)
		_, err := b.edit(ctx, o, true, func(o *Order) {
			o.Hold.Removed, o.Hold.RemovedThere = b.now(), b.there()
			o.Hold.Until = b.now().Add(b.timing.Settle)
		})
		return 0, err
	}
	f := failed(FailSettled, "seconds", seconds(b.now().Sub(o.CheckoutSent)))
	f.Causes = []Cause{o.Hold.Cause}
	return 0, b.fail(ctx, o, *f)
}
