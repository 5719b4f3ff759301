package purchase_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// meddler is somebody who does something with the account, or to what it answers, in the moment before a request.
type meddler struct {
	purchase.Shop
	mu       sync.Mutex
	before   func(request string)
	checkout func() error // in place of the server's, if set
	item     func(cocalc.CartItem) cocalc.CartItem
	blind    atomic.Bool // the cart shows nothing
	nobody   atomic.Bool // the key is not known, though the lists are there
}

// meddle is what happens before each request from now on; the desk may be in the middle of one.
func (m *meddler) meddle(before func(request string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = before
}

func (m *meddler) meet(request string) {
	m.mu.Lock()
	before := m.before
	m.mu.Unlock()
	if before != nil {
		before(request)
	}
}

func (m *meddler) AddToCart(ctx context.Context, description []byte, project string) error {
	m.meet("add")
	return m.Shop.AddToCart(ctx, description, project)
}

func (m *meddler) Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error) {
	m.meet("cart")
	items, err := m.Shop.Cart(ctx, which)
	if m.blind.Load() {
		return nil, err
	}
	for i := range items {
		if m.item != nil {
			items[i] = m.item(items[i])
		}
	}
	return items, err
}

func (m *meddler) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	m.meet("params")
	return m.Shop.CheckoutParams(ctx)
}

func (m *meddler) Checkout(ctx context.Context) error {
	m.meet("checkout")
	if m.checkout != nil {
		return m.checkout()
	}
	return m.Shop.Checkout(ctx)
}

func (m *meddler) CartItem(ctx context.Context, id int64) (cocalc.CartItem, error) {
	m.meet("item")
	if m.blind.Load() {
		return cocalc.CartItem{}, &cocalc.Error{Op: "shopping/cart/get", Outcome: cocalc.Rejected, Kind: cocalc.NotFound}
	}
	return m.Shop.CartItem(ctx, id)
}

func (m *meddler) WhoAmI(ctx context.Context) (cocalc.Account, error) {
	m.meet("who am I")
	if m.nobody.Load() {
		return cocalc.Account{}, &cocalc.Error{Op: "user-query", Outcome: cocalc.Rejected, Kind: cocalc.NotSignedIn}
	}
	return m.Shop.WhoAmI(ctx)
}

// with lets the meddler stand between the desk and CoCalc.
func (m *meddler) with(s *shop) {
	s.wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
		m.Shop = over
		return l, m
	}
}

// once does something at the first such request alone.
func once(request string, do func()) func(string) {
	done := false
	return func(r string) {
		if r == request && !done {
			done = true
			do()
		}
	}
}

// ours is the cart item of an order.
func (s *shop) ours() (item cocalctest.CartItem) {
	for _, i := range s.account.Cart() {
		if strings.Contains(string(i.Description), "order ") {
			item = i
		}
	}
	return item
}
