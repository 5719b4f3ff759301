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
	ReplaceCheckout func() error // runs instead of the request, if set
	EditItem        func(cocalc.CartItem) cocalc.CartItem
	HideCart        atomic.Bool // the cart appears empty
	RejectKey       atomic.Bool // WhoAmI rejects the key, while lists can still be read
}

// Before sets the hook for the following requests. The worker may be in the middle of one.
func (i *Interceptor) Before(before func(request string)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.Hook = before
}

func (i *Interceptor) intercept(request string) {
	i.mu.Lock()
	before := i.Hook
	i.mu.Unlock()
	if before != nil {
		before(request)
	}
}

// AddToCart runs the hook with "add".
func (i *Interceptor) AddToCart(ctx context.Context, description []byte, project string) error {
	i.intercept("add")
	return i.Shop.AddToCart(ctx, description, project)
}

// Cart runs the hook with "cart".
func (i *Interceptor) Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error) {
	i.intercept("cart")
	items, err := i.Shop.Cart(ctx, which)
	if i.HideCart.Load() {
		return nil, err
	}
	for n := range items {
		if i.EditItem != nil {
			items[n] = i.EditItem(items[n])
		}
	}
	return items, err
}

// CheckoutParams runs the hook with "params".
func (i *Interceptor) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	i.intercept("params")
	return i.Shop.CheckoutParams(ctx)
}

// Checkout runs the hook with "checkout".
func (i *Interceptor) Checkout(ctx context.Context) error {
	i.intercept("checkout")
	if i.ReplaceCheckout != nil {
		return i.ReplaceCheckout()
	}
	return i.Shop.Checkout(ctx)
}

// CartItem runs the hook with "item".
func (i *Interceptor) CartItem(ctx context.Context, id int64) (cocalc.CartItem, error) {
	i.intercept("item")
	if i.HideCart.Load() {
		return cocalc.CartItem{}, &cocalc.Error{Op: "shopping/cart/get", Outcome: cocalc.Rejected, Kind: cocalc.NotFound}
	}
	return i.Shop.CartItem(ctx, id)
}

// WhoAmI runs the hook with "who am I".
func (i *Interceptor) WhoAmI(ctx context.Context) (cocalc.Account, error) {
	i.intercept("who am I")
	if i.RejectKey.Load() {
		return cocalc.Account{}, &cocalc.Error{Op: "user-query", Outcome: cocalc.Rejected, Kind: cocalc.NotSignedIn}
	}
	return i.Shop.WhoAmI(ctx)
}

// Install puts the interceptor between the Desk and CoCalc.
func (i *Interceptor) Install(env *Env) {
	env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
		i.Shop = shop
		return l, i
	}
}

// Once returns a hook that runs do at the first request of that kind.
func Once(request string, do func()) func(string) {
	done := false
	return func(r string) {
		if r == request && !done {
			done = true
			do()
		}
	}
}
