package purchasetest

import (
	"context"
	"sync"
	"sync/atomic"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// Interceptor is a Shop that runs a hook before each request, or changes the answer.
type Interceptor struct {
	purchase.Shop
	mu              sync.Mutex
	Hook            func(request string)
	ReplaceCheckout func() error // in place of the server's, if set
	EditItem        func(cocalc.CartItem) cocalc.CartItem
	HideCart        atomic.Bool // the cart shows nothing
	RejectKey       atomic.Bool // the key is not known, though the lists are there
}

// Before sets the hook for the following requests. The worker may be in the middle of one.
func (m *Interceptor) Before(before func(request string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Hook = before
}

func (m *Interceptor) intercept(request string) {
	m.mu.Lock()
	before := m.Hook
	m.mu.Unlock()
	if before != nil {
		before(request)
	}
}

// AddToCart runs the hook with "add".
func (m *Interceptor) AddToCart(ctx context.Context, description []byte, project string) error {
	m.intercept("add")
	return m.Shop.AddToCart(ctx, description, project)
}

// Cart runs the hook with "cart".
func (m *Interceptor) Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error) {
	m.intercept("cart")
	items, err := m.Shop.Cart(ctx, which)
	if m.HideCart.Load() {
		return nil, err
	}
	for i := range items {
		if m.EditItem != nil {
			items[i] = m.EditItem(items[i])
		}
	}
	return items, err
}

// CheckoutParams runs the hook with "params".
func (m *Interceptor) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	m.intercept("params")
	return m.Shop.CheckoutParams(ctx)
}

// Checkout runs the hook with "checkout".
func (m *Interceptor) Checkout(ctx context.Context) error {
	m.intercept("checkout")
	if m.ReplaceCheckout != nil {
		return m.ReplaceCheckout()
	}
	return m.Shop.Checkout(ctx)
}

// CartItem runs the hook with "item".
func (m *Interceptor) CartItem(ctx context.Context, id int64) (cocalc.CartItem, error) {
	m.intercept("item")
	if m.HideCart.Load() {
		return cocalc.CartItem{}, &cocalc.Error{Op: "shopping/cart/get", Outcome: cocalc.Rejected, Kind: cocalc.NotFound}
	}
	return m.Shop.CartItem(ctx, id)
}

// WhoAmI runs the hook with "who am I".
func (m *Interceptor) WhoAmI(ctx context.Context) (cocalc.Account, error) {
	m.intercept("who am I")
	if m.RejectKey.Load() {
		return cocalc.Account{}, &cocalc.Error{Op: "user-query", Outcome: cocalc.Rejected, Kind: cocalc.NotSignedIn}
	}
	return m.Shop.WhoAmI(ctx)
}

// Install puts the interceptor between the Desk and CoCalc.
func (m *Interceptor) Install(env *Env) {
	env.Wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
		m.Shop = over
		return l, m
	}
}

// Once returns a hook that runs do at the first such request.
func Once(request string, do func()) func(string) {
	done := false
	return func(r string) {
		if r == request && !done {
			done = true
			do()
		}
	}
}
