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
	// StoreCurrent charges the credit of the account, in one transaction per checkout, and tells prices beforehand.
	StoreCurrent
	// StoreOlder (until November 2024) charges the card on file, item after item; it knows no checkout-params, no balance
	// and no subscriptions.
	StoreOlder
)

func (s Store) String() string {
	switch s {
	case StoreCurrent:
		return "current"
	case StoreOlder:
		return "older"
	}
	return "unknown"
}

// Store finds out by reading which store the server has, and remembers it. A server without licenses to sell is an error
// of kind NotSoldHere.
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

// missing decides what a store endpoint that is not there means. An older store sells licenses and never had the endpoints
// for money. Where the store is unknown or had the endpoint before, the server may have changed: Store looks again next time.
func (c *Client) missing(endpoint string) Kind {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store == StoreOlder && strings.HasPrefix(endpoint, "purchases/") {
		return Other
	}
	c.store = storeUnknown
	return NotSoldHere
}

// CheckoutParams asks what a checkout would buy and charge now: every checked item of the account's cart. It changes
// nothing, except that the server moves the start of a fixed term that lies in the past. What an older store answers is
// an error of kind NotSoldHere.
func (c *Client) CheckoutParams(ctx context.Context) (CheckoutParams, error) {
	body, err := c.call(ctx, reads, checkoutParams, struct{}{})
	if err != nil {
		return CheckoutParams{}, err
	}
	var j checkoutParamsJSON
	if err := json.Unmarshal(body, &j); err != nil {
		return CheckoutParams{}, c.misread(checkoutParams, body, err)
	}
	params, err := j.params()
	if err != nil {
		return CheckoutParams{}, c.misread(checkoutParams, body, err)
	}
	return params, nil
}

// Checkout buys everything that is checked in the account's cart and charges for it. nil means that the server said
// success, which it also says when there was nothing to buy: read the item back.
//
// It is sent exactly once, on a connection of its own, and the client runs one checkout at a time, since two that overlap
// buy twice. A checkout goes on when the caller's context ends, and the answer is lost then: give it a context of its own.
//
// The outcome of the error decides what may follow. Transient: no byte of it was sent. Rejected: the server refused, and
// bought nothing. Unknown: it may have bought, or still be buying; never call again before reading has shown otherwise.
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
	case c.paying <- struct{}{}:
		defer func() { <-c.paying }()
	case <-ctx.Done():
		return &Error{Op: endpoint, Outcome: Transient, Err: fmt.Errorf("wait for another checkout: %w", ctx.Err())}
	}
	body, err := c.call(ctx, spends, endpoint, struct{}{})
	if err != nil {
		return err
	}
	var answer struct {
		Success any `json:"success"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Success != true {
		return &Error{Op: endpoint, Outcome: Unknown, Status: 200, Text: "the answer is neither a success nor an error: " + c.excerpt(body)}
	}
	return nil
}
