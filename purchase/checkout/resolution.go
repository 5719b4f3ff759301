package checkout

import (
	"context"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// settle looks for evidence about a checkout whose outcome is unknown, and never sends it again. The item stays in
// the cart for one settle window after the checkout, since a slow checkout may still be at work; then it is taken
// out and watched for another window, since a checkout that is at work buys it all the same. Only a look that proved
// the key in the same breath counts as one that found nothing.
func (wk *Worker) settle(ctx context.Context, o purchase.Order) (time.Duration, error) {
	item, rows, err := wk.rec.FindPurchase(ctx, o)
	switch {
	case err != nil:
		wk.log.Debug().Err(err).Str("order", string(o.ID)).Msg("keep the outcome unknown: CoCalc cannot be read")
		return wk.pause(o.ID), nil
	case item.Purchased != nil:
		return wk.bought(ctx, o, item, false)
	case len(rows) > 0: // bought, and its item is gone from the cart
		return 0, wk.Finish(ctx, o, purchase.NewReceipt(o, item, rows))
	}
	window := register.Span{What: "settle", Until: o.Hold.Until, Length: wk.timing.Settle, Careful: true}
	window.There = register.After(o.Hold.RemovedThere, wk.timing.Settle)
	if first := o.Hold.Removed.IsZero(); first {
		window.There = register.After(o.PaidAfter, wk.timing.Settle)
	}
	if left := wk.spans.Remains(o.ID, window); left > 0 {
		return min(wk.pause(o.ID), left), nil
	}
	if o.Hold.Removed.IsZero() {
		if _, err := wk.shop.RemoveFromCart(ctx, o.ItemID); err != nil {
			return wk.pause(o.ID), nil
		}
		delete(wk.tries, o.ID)
		_, err := wk.edit(ctx, o, true, func(o *purchase.Order) {
			o.Hold.Removed, o.Hold.RemovedThere = wk.now(), wk.reg.ServerTime()
			o.Hold.Until = wk.now().Add(wk.timing.Settle)
		})
		return 0, err
	}
	f := purchase.NewFailure(purchase.FailSettled, "seconds", purchase.ArgSeconds(wk.now().Sub(o.CheckoutSent)))
	f.Causes = []purchase.Cause{o.Hold.Cause}
	return 0, wk.fail(ctx, o, *f)
}
