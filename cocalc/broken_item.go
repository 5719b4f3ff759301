package cocalc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// maxProbes is the largest number of items that FindBrokenItem reads one by one. The server does not throttle that.
const maxProbes = 120

// Problem returns why a checkout cannot buy the item; "" if a checkout can buy it or ignores it. A checked item with a
// problem makes every checkout of the account fail; an unchecked one does not, unless it breaks the cart (see
// [CartItem.BreaksCart]). now is the time to which dates are compared.
func (i CartItem) Problem(now time.Time) string {
	switch {
	case i.Product == "cash-voucher":
		return "vouchers are not sold"
	case i.Product != "site-license":
		return "" // ignored by checkout
	case i.BreaksCart(now):
		return "Invalid time value"
	}
	item, err := decodeItem(i.Description)
	if err != nil {
		return err.Error()
	}
	for _, size := range []*float64{item.ram, item.cpu, item.disk} {
		if size == nil || *size < 0 {
			return "ram, cpu and disk must be numbers of 0 or more"
		}
	}
	if item.member == nil {
		return "member must be true or false"
	}
	switch Uptime(item.uptime) {
	case UptimeShort, UptimeMedium, UptimeDay, UptimeAlways:
	default:
		return "uptime must be short, medium, day or always_running"
	}
	if item.kind != nil && item.kind != "quota" {
		return fmt.Sprintf("type %s is not sold", shortJSON(item.kind))
	}
	input, err := item.priceInput(now)
	if err != nil {
		return err.Error()
	}
	cost, err := input.cost()
	if err != nil {
		return err.Error()
	}
	if input.quantity <= 0 || input.quantity != math.Trunc(input.quantity) || cost.LineItemAmount <= 0 {
		return fmt.Sprintf("%v projects for %s are not sold", input.quantity, cost.LineItemAmount)
	}
	return ""
}

// BreaksCart reports whether the server fails to list the cart, even if the item is unchecked, until the item is
// removed. A range with a single date in the past has that effect.
func (i CartItem) BreaksCart(now time.Time) bool {
	var fields map[string]json.RawMessage
	var item itemJSON
	if json.Unmarshal(i.Description, &fields) != nil || json.Unmarshal(fields["range"], &item.dates) != nil {
		return false
	}
	start, end := item.term()
	begins, isDate := parseDate(start)
	return isDate && !isEmpty(start) && isEmpty(end) && begins.Before(now)
}

// FindBrokenItem finds the item that blocks the account's cart, by reading only. It returns an error of kind NotFound
// if it finds none.
//
// If the cart can be listed, it is the newest checked item with a [CartItem.Problem]. If not, no endpoint names the
// item, but single items can still be read: first those that were in the cart when it was last listed, then IDs around
// the newest known one. All accounts of a server share these IDs, so on a large server an item that was never listed
// may not be found.
func (c *Client) FindBrokenItem(ctx context.Context) (CartItem, error) {
	now := c.options.Now()
	items, err := c.Cart(ctx, InCart)
	if err == nil {
		for _, item := range items {
			if item.Checked && item.Problem(now) != "" {
				return item, nil
			}
		}
		return CartItem{}, &Error{
			Op: cartGet, Outcome: Rejected, Kind: NotFound,
			Text: "no checked item of the cart has a problem",
		}
	}
	var e *Error
	if !errors.As(err, &e) || e.Kind != CartBroken {
		return CartItem{}, err
	}
	ids, err := c.candidateIDs(ctx)
	if err != nil {
		return CartItem{}, err
	}
	for _, id := range ids {
		item, err := c.CartItem(ctx, id)
		switch {
		case errors.As(err, &e) && e.Kind == NotFound:
			continue
		case err != nil:
			return CartItem{}, err
		case item.Purchased == nil && item.Removed.IsZero() && item.BreaksCart(now):
			return item, nil
		}
	}
	return CartItem{}, &Error{
		Op: cartGet, Outcome: Rejected, Kind: NotFound,
		Text: "the item that breaks the cart was not found",
	}
}

// candidateIDs returns the IDs that FindBrokenItem reads, the most likely first.
func (c *Client) candidateIDs(ctx context.Context) ([]int64, error) {
	known := map[int64]bool{} // items that were bought or removed do not break the cart
	for _, which := range []CartFilter{Purchased, Removed, PurchasedAndRemoved} {
		items, err := c.Cart(ctx, which)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			known[item.ID] = true
		}
	}
	c.mu.Lock()
	ids, newest := slices.Clone(c.inCart), c.newestID
	c.mu.Unlock()
	for _, id := range ids {
		known[id] = true
	}
	add := func(id int64) {
		if id > 0 && !known[id] {
			known[id] = true
			ids = append(ids, id)
		}
	}
	for step := int64(1); len(ids) < maxProbes && step <= maxProbes; step++ {
		add(newest + step)
		if step%2 == 0 {
			add(newest - step/2)
		}
	}
	return ids[:min(len(ids), maxProbes)], nil
}
