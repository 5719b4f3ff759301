package cocalc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

const (
	checkoutParams  = "purchases/get-shopping-cart-checkout-params"
	currentCheckout = "purchases/shopping-cart-checkout"
	olderCheckout   = "shopping/cart/checkout"
)

func isCheckout(endpoint string) bool {
	return endpoint == currentCheckout || endpoint == olderCheckout
}

// CheckoutParams is the server's preview of a checkout.
type CheckoutParams struct {
	Balance    Cents // credit on the account; may be negative
	MinPayment Cents
	MinBalance Cents // the lowest balance the account may have: 0, or negative where an admin extended credit
	AmountDue  Cents
	Total      Cents // can exceed the sum of the lines by a cent per item: never compare prices with it
	Items      []CheckoutItem
}

// CheckoutItem is a checked item of the cart with its price.
type CheckoutItem struct {
	CartItem
	LineItemAmount Cents // the charge for the item
}

// CheckoutParams returns what a checkout would buy and charge now: every checked item of the account's cart. It changes
// nothing, except that the server moves the start of a fixed term that is in the past. The error's kind is NotSoldHere
// for an older store.
func (c *Client) CheckoutParams(ctx context.Context) (CheckoutParams, error) {
	body, err := c.call(ctx, readOnly, checkoutParams, struct{}{})
	if err != nil {
		return CheckoutParams{}, err
	}
	var j checkoutParamsJSON
	if err := json.Unmarshal(body, &j); err != nil {
		return CheckoutParams{}, c.unexpectedAnswer(checkoutParams, body, err)
	}
	params, err := j.params()
	if err != nil {
		return CheckoutParams{}, c.unexpectedAnswer(checkoutParams, body, err)
	}
	return params, nil
}

type checkoutParamsJSON struct {
	Balance    amountJSON     `json:"balance"`
	MinPayment amountJSON     `json:"minPayment"`
	MinBalance amountJSON     `json:"minBalance"`
	AmountDue  amountJSON     `json:"amountDue"`
	Total      amountJSON     `json:"total"`
	Cart       []cartItemJSON `json:"cart"`
}

func (j checkoutParamsJSON) params() (CheckoutParams, error) {
	// Prices are compared with these amounts, so none may be missing.
	if !j.Balance.set || !j.AmountDue.set || !j.Total.set || j.Cart == nil {
		return CheckoutParams{}, errors.New("the balance, the amount due, the total or the cart is missing")
	}
	p := CheckoutParams{
		Balance: j.Balance.cents, MinPayment: j.MinPayment.cents, MinBalance: j.MinBalance.cents,
		AmountDue: j.AmountDue.cents, Total: j.Total.cents,
	}
	for _, each := range j.Cart {
		item, err := each.item()
		if err != nil {
			return CheckoutParams{}, err
		}
		if !each.LineItemAmount.set || each.LineItemAmount.cents < 0 {
			return CheckoutParams{}, fmt.Errorf("item %d has no price", item.ID)
		}
		p.Items = append(p.Items, CheckoutItem{CartItem: item, LineItemAmount: each.LineItemAmount.cents})
	}
	return p, nil
}

// Checkout buys every checked item of the account's cart and charges for it. It returns nil if the server reports
// success, which it also does if there was nothing to buy: read the item back.
//
// The request is sent exactly once, on a connection of its own, and the client runs one checkout at a time, since two
// that overlap buy twice. If ctx ends, the checkout continues on the server and its answer is lost: use a context that
// does not end with the caller.
//
// The error's outcome decides what may follow. Transient: no byte was sent. Rejected: the server refused and bought
// nothing. Unknown: the server may have bought, or may still buy; do not call Checkout again before reading has shown
// that it did not.
func (c *Client) Checkout(ctx context.Context) error {
	store, err := c.Store(ctx)
	if err != nil {
		return err
	}
	endpoint := currentCheckout
	if store == StoreOlder {
		endpoint = olderCheckout
	}
	select {
	case c.checkoutSlot <- struct{}{}:
		defer func() { <-c.checkoutSlot }()
	case <-ctx.Done():
		return &Error{Op: endpoint, Outcome: Transient, Err: fmt.Errorf("wait for another checkout: %w", ctx.Err())}
	}
	body, err := c.call(ctx, nonIdempotent, endpoint, struct{}{})
	if err != nil {
		return err
	}
	var answer struct {
		Success any `json:"success"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Success != true {
		return &Error{Op: endpoint, Outcome: Unknown, Status: 200, Text: "the answer is neither a success nor an error: " +
			c.excerpt(body)}
	}
	return nil
}
