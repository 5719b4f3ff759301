package cocalc

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

const (
	checkoutParams  = "purchases/get-shopping-cart-checkout-params"
	currentCheckout = "purchases/shopping-cart-checkout"
	olderCheckout   = "shopping/cart/checkout"
)

func isCheckout(endpoint string) bool {
	return endpoint == currentCheckout || endpoint == olderCheckout
}

// Store is the generation of a server's license store.
type Store int

const (
	storeUnknown Store = iota
	// StoreCurrent charges the account's credit, in one transaction per checkout, and has a preview of prices.
	StoreCurrent
	// StoreOlder (until November 2024) charges the card on file, item by item. It has no checkout-params, balance or
	// subscriptions.
	StoreOlder
)

func (s Store) String() string {
	switch s {
	case StoreCurrent:
		return "current"
	case StoreOlder:
		return "older"
	default:
		return "unknown"
	}
}

// Store returns the generation of the server's store. The first call finds it out by reading; later ones return the
// same. The error's kind is NotSoldHere for a server that sells no licenses.
func (c *Client) Store(ctx context.Context) (Store, error) {
	c.mu.Lock()
	known := c.store
	c.mu.Unlock()
	if known != storeUnknown {
		return known, nil
	}
	found, err := c.findStore(ctx)
	if err != nil {
		return storeUnknown, err
	}
	c.mu.Lock()
	c.store = found
	c.mu.Unlock()
	return found, nil
}

// missing returns the kind of error for a store endpoint that the server lacks. An older store sells licenses and never
// had the endpoints below purchases/. In other cases the server may have changed, so the next Store finds it out again.
func (c *Client) missing(endpoint string) Kind {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store == StoreOlder && strings.HasPrefix(endpoint, "purchases/") {
		return Other
	}
	c.store = storeUnknown
	return NotSoldHere
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
