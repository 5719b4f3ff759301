package orders

import (
	"context"
	"fmt"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// RemoveItem removes a broken item out of the cart, by the word of an admin, and returns what was done. Only an item
// that blocks the cart is taken out. A *Refusal says why not.
func (svc *Service) RemoveItem(ctx context.Context, action purchase.Action, id int64) (purchase.Cause, error) {
	no := svc.policy.MayAdminister(action.Actor)
	if no != nil {
		return purchase.Cause{}, svc.refused(ctx, no, "", action.Actor, action.Channel)
	}
	item, err := svc.shop.CartItem(ctx, id)
	switch {
	case err == nil && item.Purchased != nil:
		return purchase.NewCause(purchase.ItemBought, "item", purchase.ArgSomeID(id)), nil
	case purchase.KindOf(err) == cocalc.NotFound, err == nil && !item.Removed.IsZero():
		return purchase.NewCause(purchase.ItemGone, "item", purchase.ArgSomeID(id)), nil
	case err != nil:
		return purchase.Cause{}, fmt.Errorf("look at item %d: %w", id, err)
	}
	if now := svc.now(); !item.BreaksCart(now) && item.Problem(now) == "" {
		return purchase.Cause{}, svc.refused(ctx, purchase.NewRefusal(purchase.NotBroken, "item", purchase.ArgSomeID(id)), "",
			action.Actor, action.Channel)
	}
	// Written before it is done: who said so is known also when the answer is lost.
	err = svc.ledger.Update(ctx, func(w purchase.Writer) error {
		return w.AppendEvent(purchase.Event{
			Time: svc.now(), Kind: "item-taken-out", By: action.Actor.ID, Place: action.Channel.ID,
			Cause: purchase.ItemCause(purchase.CartItem, item),
		})
	})
	if err != nil {
		return purchase.Cause{}, fmt.Errorf("record that item %d is taken out: %w", id, err)
	}
	if _, err := svc.shop.RemoveFromCart(ctx, id); err != nil {
		return purchase.Cause{}, fmt.Errorf("take item %d out of the cart: %w", id, err)
	}
	register.Nudge(svc.reg.Wake)
	return purchase.NewCause(purchase.ItemTakenOut, "item", purchase.ArgSomeID(id), "cart", svc.site.Cart()), nil
}
