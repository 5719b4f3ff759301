package checkout

import (
	"context"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// resolve looks for evidence about a checkout whose outcome is unknown, and never sends it again. The item stays in
// the cart for one settle window after the checkout, since a slow checkout may still be at work; then it is taken
// out and watched for another window, since a checkout that is at work buys it all the same. Only a look that proved
// the key in the same breath counts as one that found nothing.
func (wk *Worker) resolve(ctx context.Context, o purchase.Order) (time.Duration, error) {
	item, rows, err := wk.rec.FindPurchase(ctx, o)
	switch {
	case err != nil:
		wk.log.Debug().Err(err).Str("order", string(o.ID)).Msg("keep the outcome unknown: CoCalc cannot be read")
		return wk.retryDelay(o.ID), nil
	case item.Purchased != nil:
		return wk.recordPurchase(ctx, o, item, false)
	case len(rows) > 0: // bought, and its item is gone from the cart
		return 0, wk.CompleteOrder(ctx, o, purchase.NewReceipt(o, item, rows))
	}
	window := register.Span{What: "settle", Until: o.Unresolved.Until, Length: wk.timing.Settle, Careful: true}
	window.There = register.After(o.Unresolved.RemovedThere, wk.timing.Settle)
	if first := o.Unresolved.Removed.IsZero(); first {
		window.There = register.After(o.PaidAfter, wk.timing.Settle)
	}
	if left := wk.spans.Remains(o.ID, window); left > 0 {
		return min(wk.retryDelay(o.ID), left), nil
	}
	if o.Unresolved.Removed.IsZero() {
		if _, err := wk.shop.RemoveFromCart(ctx, o.ItemID); err != nil {
			return wk.retryDelay(o.ID), nil
		}
		delete(wk.tries, o.ID)
		_, err := wk.edit(ctx, o, true, func(o *purchase.Order) {
			o.Unresolved.Removed, o.Unresolved.RemovedThere = wk.now(), wk.reg.ServerTime()
			o.Unresolved.Until = wk.now().Add(wk.timing.Settle)
		})
		return 0, err
	}
	f := purchase.NewFailure(purchase.FailSettled, "seconds", purchase.ArgSeconds(wk.now().Sub(o.CheckoutSent)))
	f.Causes = []purchase.Cause{o.Unresolved.Cause}
	return 0, wk.fail(ctx, o, *f)
}
