package checkout

import (
	"context"
	"fmt"
	"slices"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// nameBroken tells the admins once about a cart item that blocks the cart. The item belongs to a person: the bot never
// removes it by itself.
func (wk *Worker) nameBroken(ctx context.Context, o purchase.Order, item cocalc.CartItem) error {
	told := false
	err := wk.ledger.Update(ctx, func(w purchase.Writer) error {
		told = false
		account, err := w.Account()
		if err != nil || slices.Contains(account.Broken, item.ID) {
			return err
		}
		account.Broken = append(slices.Clone(account.Broken), item.ID)
		account.Broken = account.Broken[max(0, len(account.Broken)-purchase.MostBroken):]
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
		told = true
		return register.AddNotification(w, n)
	})
	if told {
		wk.changed("")
	}
	return err
}

// blocked finds out which item breaks the cart, and names it to the admins.
func (wk *Worker) blocked(ctx context.Context, o purchase.Order, e *cocalc.Error) error {
	item, err := wk.shop.FindBrokenItem(ctx)
	if err != nil {
		return nil // it stays unnamed, and the order waits all the same
	}
	if reconcile.Carries(item, o.ID) || item.ID == o.ItemID {
		return nil // the order's own, which a person edited: it is taken out when the order is given up
	}
	e.ItemID = item.ID
	if err := wk.nameBroken(ctx, o, item); err != nil {
		return fmt.Errorf("name item %d: %w", item.ID, err)
	}
	return nil
}
