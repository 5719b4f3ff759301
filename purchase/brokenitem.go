package purchase

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"licensebot/cocalc"
)

// mostBroken is how many broken items are remembered as named.
const mostBroken = 20

// nameBroken tells the admins once about a cart item that blocks the cart. The item belongs to a person: the bot never
// removes it by itself.
func (b *buyer) nameBroken(ctx context.Context, o Order, item cocalc.CartItem) error {
	told := false
	err := b.ledger.Update(ctx, func(w Writer) error {
		told = false
		account, err := w.Account()
		if err != nil || slices.Contains(account.Broken, item.ID) {
			return err
		}
		account.Broken = append(slices.Clone(account.Broken), item.ID)
		account.Broken = account.Broken[max(0, len(account.Broken)-mostBroken):]
		if err := w.PutAccount(account); err != nil {
			return err
		}
		what := itemCause(CartItem, item)
		if err := w.AppendEvent(Event{
			Time: b.now(), Kind: string(NoticeBrokenItem), Order: o.ID, By: BotName,
			Cause: what,
		}); err != nil {
			return err
		}
		n := b.notice(NoticeBrokenItem, fmt.Sprintf("broken-%d", item.ID),
			itemCause(NoticeBrokenItem, item).With("cart", b.site.Cart()), o, "")
		n.Item = item.ID
		told = true
		return addNotice(w, n)
	})
	if told {
		b.changed("")
	}
	return err
}

// itemCause returns a cause about a cart item: item, product (if it is no license), title, added.
func itemCause(code CauseCode, item cocalc.CartItem) Cause {
	var d struct {
		Title  string          `json:"title"`
		Type   json.RawMessage `json:"type"`
		Period json.RawMessage `json:"period"`
	}
	_ = json.Unmarshal(item.Description, &d) // what is broken may be anything; then it has no title
	product := item.Product
	if product == "site-license" {
		product = ""
	}
	return because(code, "item", someID(item.ID), "product", product, "title", cutRunes(strings.TrimSpace(d.Title), 60),
		"added", stamp(item.Added))
}

func cutRunes(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// What became of an item that an admin wanted out of the cart: item.
const (
	ItemTakenOut CauseCode = "item-taken-out" // cart: its address
	ItemGone     CauseCode = "item-gone"      // it was no longer in the cart
	ItemBought   CauseCode = "item-bought"    // it was no longer in the cart, since a person had bought it
)

// TakeOut takes a broken item out of the cart, by the word of an admin, and returns what was done. Only an item that
// blocks the cart is taken out. A *Refusal says why not.
func (d *Desk) TakeOut(ctx context.Context, id int64, click Click) (Cause, error) {
	no := d.policy.mayAdminister(click.Who)
	if no != nil {
		return Cause{}, d.refused(ctx, no, "", click.Who, click.At)
	}
	item, err := d.shop.CartItem(ctx, id)
	switch {
	case err == nil && item.Purchased != nil:
		return because(ItemBought, "item", someID(id)), nil
	case kindOf(err) == cocalc.NotFound, err == nil && !item.Removed.IsZero():
		return because(ItemGone, "item", someID(id)), nil
	case err != nil:
		return Cause{}, fmt.Errorf("look at item %d: %w", id, err)
	}
	if now := d.now(); !item.BreaksCart(now) && item.Problem(now) == "" {
		return Cause{}, d.refused(ctx, refuse(NotBroken, "item", someID(id)), "", click.Who, click.At)
	}
	// Written before it is done: who said so is known also when the answer is lost.
	err = d.ledger.Update(ctx, func(w Writer) error {
		return w.AppendEvent(Event{
			Time: d.now(), Kind: "item-taken-out", By: click.Who.ID, Place: click.At.Channel,
			Cause: itemCause(CartItem, item),
		})
	})
	if err != nil {
		return Cause{}, fmt.Errorf("record that item %d is taken out: %w", id, err)
	}
	if _, err := d.shop.RemoveFromCart(ctx, id); err != nil {
		return Cause{}, fmt.Errorf("take item %d out of the cart: %w", id, err)
	}
	nudge(d.wake)
	return because(ItemTakenOut, "item", someID(id), "cart", d.site.Cart()), nil
}

// blocked finds out which item breaks the cart, and names it to the admins.
func (b *buyer) blocked(ctx context.Context, o Order, e *cocalc.Error) error {
	item, err := b.shop.FindBrokenItem(ctx)
	if err != nil {
		return nil // it stays unnamed, and the order waits all the same
	}
	if carries(item, o.ID) || item.ID == o.ItemID {
		return nil // the order's own, which a person edited: it is taken out when the order is given up
	}
	e.ItemID = item.ID
	if err := b.nameBroken(ctx, o, item); err != nil {
		return fmt.Errorf("name item %d: %w", item.ID, err)
	}
	return nil
}
