package checkout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// resolve looks for the purchase of a checkout whose outcome is unknown, and never sends it again. The item stays in
// the cart for Timing.Settle after the checkout, since a slow checkout may still be in progress. Then the item is
// removed, and resolve looks for another Timing.Settle, since a checkout in progress buys it nevertheless. A read
// without a result counts only if the key was verified together with it.
func (wk *Worker) resolve(ctx context.Context, o purchase.Order) (time.Duration, error) {
	item, rows, err := wk.rec.FindPurchase(ctx, o)
	switch {
	case err != nil:
		wk.log.Debug().Err(err).Str("order", string(o.ID)).Msg("keep the outcome unknown: CoCalc cannot be read")
		return wk.retryDelay(o.ID), nil
	case item.Purchased != nil:
		return wk.recordPurchase(ctx, o, item, false)
	case len(rows) > 0: // bought, and the item was deleted
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

// reportBrokenItem notifies the admins once of a cart item that blocks the cart. The item belongs to a person, so the
// bot does not remove it without an admin.
func (wk *Worker) reportBrokenItem(ctx context.Context, o purchase.Order, item cocalc.CartItem) error {
	notified := false
	err := wk.ledger.Update(ctx, func(w purchase.Writer) error {
		notified = false
		account, err := w.Account()
		if err != nil || slices.Contains(account.Broken, item.ID) {
			return err
		}
		account.Broken = append(slices.Clone(account.Broken), item.ID)
		account.Broken = account.Broken[max(0, len(account.Broken)-purchase.MaxBroken):]
		if err := w.PutAccount(account); err != nil {
			return err
		}
		what := purchase.ItemCause(purchase.CartItem, item)
		if err := w.AppendEvent(purchase.Event{
			Time: wk.now(), Kind: string(purchase.NotificationBrokenItem), Order: o.ID, By: purchase.BotName,
			Cause: what,
		}); err != nil {
			return err
		}
		n := wk.reg.NewNotification(purchase.NotificationBrokenItem, fmt.Sprintf("broken-%d", item.ID),
			purchase.ItemCause(purchase.NotificationBrokenItem, item).With("cart", wk.site.Cart()), o, "")
		n.Item = item.ID
		notified = true
		return register.AddNotification(w, n)
	})
	if notified {
		wk.changed("")
	}
	return err
}

// findBlocker determines which item blocks the cart, notifies the admins of it, and sets its id in e.
func (wk *Worker) findBlocker(ctx context.Context, o purchase.Order, e *cocalc.Error) error {
	item, err := wk.shop.FindBrokenItem(ctx)
	if err != nil {
		return nil // the item stays unknown, and the order waits
	}
	if reconcile.HasTag(item, o.ID) || item.ID == o.ItemID {
		return nil // the order's own, edited by a person; giving up removes it
	}
	e.ItemID = item.ID
	if err := wk.reportBrokenItem(ctx, o, item); err != nil {
		return fmt.Errorf("name item %d: %w", item.ID, err)
	}
	return nil
}

// watch watches an order that has failed. An add whose answer was lost may take effect late; its item is removed.
// Another checkout that had begun before the item was removed may buy it; the purchase is recorded, since the money is
// spent.
func (wk *Worker) watch(ctx context.Context, o purchase.Order) (time.Duration, error) {
	over := wk.watchRemaining(o) <= 0
	item, rows, err := wk.checkItem(ctx, o, over)
	switch {
	case err != nil:
		wk.log.Debug().Err(err).Str("order", string(o.ID)).Msg("retry watching a failed order: CoCalc cannot be read")
		return wk.retryDelay(o.ID), nil
	case item.Purchased != nil:
		return wk.adoptPurchase(ctx, o, item)
	case len(rows) > 0:
		r := purchase.NewReceipt(o, item, rows)
		r.Adopted = o.CheckoutSent.IsZero()
		return 0, wk.CompleteOrder(ctx, o, r)
	case item.ID != 0 && item.Removed.IsZero():
		wk.log.Warn().Int64("item", item.ID).Str("order", string(o.ID)).Msg("remove a failed order's item from the cart")
		if _, err := wk.shop.RemoveFromCart(ctx, item.ID); err != nil {
			return wk.retryDelay(o.ID), nil
		}
		_, err := wk.edit(ctx, o, false, func(o *purchase.Order) {
			o.ItemID = item.ID
			o.WatchUntil = wk.reg.WatchUntil() // a checkout may have begun while the item was in the cart
		})
		return wk.retryDelay(o.ID), err
	case !over:
		return min(wk.retryDelay(o.ID), max(wk.watchRemaining(o), time.Millisecond)), nil
	}
	_, err = wk.edit(ctx, o, false, func(o *purchase.Order) { o.WatchUntil = time.Time{} })
	return 0, err
}

// checkItem reads the order's item, and with last everything that could show a purchase.
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
		err = nil // deleted: the last read includes the list of purchases
	}
	return item, nil, err
}

// maxRecounts is how often the list of purchases may lack a purchase before the audit records that.
const maxRecounts = 20

// isOutOfCart removes the item of an order that an admin marked as bought, since another checkout could still buy it.
// It reports whether the item is certainly no longer for sale.
func (wk *Worker) isOutOfCart(ctx context.Context, o purchase.Order) bool {
	item, err := wk.rec.Item(ctx, o)
	if err == nil && item.Purchased == nil && item.Removed.IsZero() {
		_, err = wk.shop.RemoveFromCart(ctx, o.ItemID)
	}
	return err == nil || purchase.KindOf(err) == cocalc.NotFound
}

// patience returns the span for which an order waits for a trouble that began at since. what is Span.What.
func (wk *Worker) patience(what string, since time.Time) register.Span {
	return register.Span{What: what, Until: since.Add(wk.timing.Patience), Length: wk.timing.Patience}
}
