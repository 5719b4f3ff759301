package checkout

import (
	"context"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// watchRemaining returns the rest of an order's watch.
func (wk *Worker) watchRemaining(o purchase.Order) time.Duration {
	return wk.spans.Remains(o.ID, wk.watchSpan(o))
}

// watch looks after an order that has failed: an add whose answer was lost may be carried out late, and another
// checkout that had begun before the item was taken out buys it anyway. A late item is taken out; a purchase is
// entered, since the money is spent.
func (wk *Worker) watch(ctx context.Context, o purchase.Order) (time.Duration, error) {
	over := wk.watchRemaining(o) <= 0
	item, rows, err := wk.checkItem(ctx, o, over)
	switch {
	case err != nil:
		wk.log.Debug().Err(err).Str("order", string(o.ID)).Msg("put off watching a failed order: CoCalc cannot be read")
		return wk.retryDelay(o.ID), nil
	case item.Purchased != nil:
		return wk.adoptPurchase(ctx, o, item)
	case len(rows) > 0:
		r := purchase.NewReceipt(o, item, rows)
		r.Adopted = o.CheckoutSent.IsZero()
		return 0, wk.CompleteOrder(ctx, o, r)
	case item.ID != 0 && item.Removed.IsZero():
		wk.log.Warn().Int64("item", item.ID).Str("order", string(o.ID)).Msg("take a failed order's item out of the cart")
		if _, err := wk.shop.RemoveFromCart(ctx, item.ID); err != nil {
			return wk.retryDelay(o.ID), nil
		}
		_, err := wk.edit(ctx, o, false, func(o *purchase.Order) {
			o.ItemID = item.ID
			o.WatchUntil = wk.reg.WatchUntil() // a checkout may have begun while it was there
		})
		return wk.retryDelay(o.ID), err
	case !over:
		return min(wk.retryDelay(o.ID), max(wk.watchRemaining(o), time.Millisecond)), nil
	}
	_, err = wk.edit(ctx, o, false, func(o *purchase.Order) { o.WatchUntil = time.Time{} })
	return 0, err
}

// checkItem is one look of a watch: at the item alone, and at its end at everything that could show a purchase.
func (wk *Worker) checkItem(ctx context.Context, o purchase.Order,
	last bool) (item cocalc.CartItem, rows []cocalc.PurchaseRow,
	err error,
) {
	switch {
	case last:
		return wk.rec.FindPurchase(ctx, o)
	case o.ItemID == 0:
		item, _, err = wk.rec.FindItem(ctx, o, cocalc.InCart, cocalc.Purchased)
		return item, nil, err
	}
	item, err = wk.rec.Item(ctx, o)
	if purchase.KindOf(err) == cocalc.NotFound {
		err = nil // deleted: only the last look can tell
	}
	return item, nil, err
}

// mostCounts is how many looks at the list of purchases may miss a purchase before the ledger records that.
const mostCounts = 20

// recount counts the purchases of a bought item: those that could not be counted when it was bought, and all of them
// once more when the watch is over, since another checkout of the same cart may have taken longer than ours.
func (wk *Worker) recount(ctx context.Context, o purchase.Order) (time.Duration, error) {
	late := !o.Receipt.Unchecked
	if left := wk.watchRemaining(o); late && left > 0 {
		return left, nil
	}
	if o.Receipt.Settled != nil && o.Receipt.PurchaseID == 0 && !wk.isOutOfCart(ctx, o) {
		return wk.retryDelay(o.ID), nil
	}
	rows := o.PurchasesIn(wk.rec.Count.Rows)
	if !late || wk.rec.Count.At < wk.spans.Ends(o.ID, wk.watchSpan(o)) || len(rows) == 0 {
		var err error
		if rows, err = wk.rec.PurchasesOf(ctx, o); err != nil || len(rows) == 0 {
			if late && !wk.rec.Counts(ctx) {
				_, err := wk.edit(ctx, o, false, func(o *purchase.Order) { o.WatchUntil = time.Time{} })
				return 0, err
			}
			// what may still come holds others up as long as this is open
			if wk.tries[o.ID] < mostCounts || wk.checkoutInFlight(o) > 0 {
				return wk.retryDelay(o.ID), nil
			}
			// The purchase itself is proven; what is left is told in the ledger.
			_, err := wk.reg.Change(ctx, o.ID, func(w purchase.Writer, live *purchase.Order) error {
				live.Receipt.Unchecked, live.WatchUntil = false, time.Time{}
				live.Updated = wk.now()
				if err := w.PutOrder(*live); err != nil {
					return err
				}
				return w.AppendEvent(purchase.Event{
					Time: wk.now(), Kind: "uncounted", Order: o.ID, By: purchase.BotName,
					Note: "the list of purchases did not show this purchase",
				})
			})
			return 0, err
		}
	}
	delete(wk.tries, o.ID)
	_, err := wk.reg.Change(ctx, o.ID, func(w purchase.Writer, live *purchase.Order) error {
		return wk.rec.Correct(w, live,
			rows, late)
	})
	return 0, err
}

// isOutOfCart takes the item of an order that an admin settled as bought out of the cart, where another checkout would
// buy it after all. It reports whether the item is certainly no longer for sale there.
func (wk *Worker) isOutOfCart(ctx context.Context, o purchase.Order) bool {
	item, err := wk.rec.Item(ctx, o)
	if err == nil && item.Purchased == nil && item.Removed.IsZero() {
		_, err = wk.shop.RemoveFromCart(ctx, o.ItemID)
	}
	return err == nil || purchase.KindOf(err) == cocalc.NotFound
}

// watchSpan returns the span for which an ended order is watched.
func (wk *Worker) watchSpan(o purchase.Order) register.Span {
	return register.Span{What: "watch", Until: o.WatchUntil, Length: wk.timing.Settle + wk.reg.WatchStep(), Careful: true}
}

// patience returns the span for which a trouble that began at since is waited out.
func (wk *Worker) patience(what string, since time.Time) register.Span {
	return register.Span{What: what, Until: since.Add(wk.timing.Patience), Length: wk.timing.Patience}
}
