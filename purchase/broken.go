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

// nameBroken tells the admins once about a cart item that blocks the cart. It is somebody's: the bot never touches it
// by itself.
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
		what := b.policy.itemWords(item)
		if err := w.AppendEvent(Event{Time: b.now(), Kind: string(NoticeBrokenItem), Order: o.ID, By: botName, Note: what}); err != nil {
			return err
		}
		n := b.notice(NoticeBrokenItem, fmt.Sprintf("broken-%d", item.ID), what+" blocks every purchase of the CoCalc account, and may block its whole cart. "+
			"Nothing was bought meanwhile. It is not mine, so I do not touch it unless an admin says so; it can also be mended at "+b.site.Cart()+".", o, "")
		n.Item = item.ID
		told = true
		return addNotice(w, n)
	})
	if told {
		b.changed("")
	}
	return err
}

// itemWords say what a cart item is: "Item 77 of the cart, “Statistics”, in the cart since 3 November (Invalid time value)".
func (p Policy) itemWords(item cocalc.CartItem) string {
	var d struct {
		Title  string          `json:"title"`
		Type   json.RawMessage `json:"type"`
		Period json.RawMessage `json:"period"`
	}
	_ = json.Unmarshal(item.Description, &d) // what is broken may be anything; then it has no title
	words := fmt.Sprintf("Item %d of the cart", item.ID)
	if item.Product != "site-license" {
		words += fmt.Sprintf(" (a %q)", item.Product)
	}
	if title := strings.TrimSpace(d.Title); title != "" {
		words += ", " + quoted(cutRunes(title, 60)) + ","
	}
	if !item.Added.IsZero() {
		words += " which was added on " + p.moment(item.Added)
	}
	return words
}

func cutRunes(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// TakeOut takes a broken item out of the cart, by the word of an admin, and answers what was done. Only an item that
// blocks the cart is taken out. A *Refusal says why not.
func (d *Desk) TakeOut(ctx context.Context, id int64, click Click) (string, error) {
	no := d.policy.mayAdminister(click.Who)
	if no != nil {
		return "", d.refused(ctx, no, "", click.Who, click.At)
	}
	item, err := d.shop.CartItem(ctx, id)
	switch {
	case err == nil && item.Purchased != nil:
		return fmt.Sprintf("Item %d is not in the cart any more, since somebody has bought it: there was nothing to take out. Nothing was bought by this.", id), nil
	case kindOf(err) == cocalc.NotFound, err == nil && !item.Removed.IsZero():
		return fmt.Sprintf("Item %d is not in the cart any more: there was nothing to take out. Nothing was bought.", id), nil
	case err != nil:
		return "", fmt.Errorf("look at item %d: %w", id, err)
	}
	if now := d.now(); !item.BreaksCart(now) && item.Problem(now) == "" {
		return "", d.refused(ctx, &Refusal{Code: NotBroken, Sentence: fmt.Sprintf("Item %d does not block the cart (any more), so I left it where it is. Nothing was bought.", id)}, "", click.Who, click.At)
	}
	// Written before it is done: who said so is known also when the answer is lost.
	err = d.ledger.Update(ctx, func(w Writer) error {
		return w.AppendEvent(Event{Time: d.now(), Kind: "item-taken-out", By: click.Who.ID, Place: click.At.Channel, Note: d.policy.itemWords(item)})
	})
	if err != nil {
		return "", fmt.Errorf("record that item %d is taken out: %w", id, err)
	}
	if _, err := d.shop.RemoveFromCart(ctx, id); err != nil {
		return "", fmt.Errorf("take item %d out of the cart: %w", id, err)
	}
	nudge(d.wake)
	return fmt.Sprintf("Item %d was taken out of the cart. Nothing was bought by that; orders that waited for it go on within a minute. "+
		"Who misses it can put it back at %s.", id, d.site.Cart()), nil
}

// blocked finds out which item breaks the cart, and names it to the admins.
func (b *buyer) blocked(ctx context.Context, o Order, e *cocalc.Error) error {
	item, err := b.shop.FindBrokenItem(ctx)
	if err != nil {
		return nil // it stays unnamed, and the order waits all the same
	}
	if carries(item, o.ID) || item.ID == o.ItemID {
		return nil // the order's own, which somebody edited: it is taken out when the order is given up
	}
	e.ItemID = item.ID
	if err := b.nameBroken(ctx, o, item); err != nil {
		return fmt.Errorf("name item %d: %w", item.ID, err)
	}
	return nil
}
