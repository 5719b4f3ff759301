package purchase_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

var errDead = errors.New("the program was killed here")

// fate counts the moments at which the buyer could be killed, and kills it at one of them: from then on nothing reaches
// the ledger or the shop any more, until the next life.
type fate struct {
	mu     sync.Mutex
	passed int
	at     int // 0: lives
	armed  bool
	dead   bool
	died   chan struct{}
	where  string
}

func newFate(at int) *fate { return &fate{at: at} }

func (f *fate) meet(where string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errDead
	}
	if f.armed {
		f.passed++
	}
	if f.passed != f.at || !f.armed {
		return nil
	}
	f.dead, f.where = true, where
	close(f.died)
	return errDead
}

// mortalLedger dies before a transaction, or after it and before anybody hears so.
type mortalLedger struct {
	purchase.Ledger
	fate *fate
}

func (l mortalLedger) View(ctx context.Context, read func(purchase.Reader) error) error {
	return l.Ledger.View(ctx, read)
}

func (l mortalLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if err := l.fate.meet("before a transaction"); err != nil {
		return err
	}
	// The closure is run twice, as bbolt may: the first time in a transaction that is undone.
	undone := errors.New("undone")
	err := l.Ledger.Update(ctx, func(w purchase.Writer) error {
		if err := change(w); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) {
		return err
	}
	if err := l.Ledger.Update(ctx, change); err != nil {
		return err
	}
	return l.fate.meet("after a transaction")
}

// mortalShop dies before a request, or after the server acted on it.
type mortalShop struct {
	purchase.Shop
	fate *fate
}

func mortal[T any](f *fate, where string, call func() (T, error)) (T, error) {
	var none T
	if err := f.meet("before " + where); err != nil {
		return none, err
	}
	v, err := call()
	if death := f.meet("after " + where); death != nil {
		return none, death
	}
	return v, err
}

func only(call func() error) func() (struct{}, error) {
	return func() (struct{}, error) { return struct{}{}, call() }
}

func (m mortalShop) AddToCart(ctx context.Context, description []byte, project string) error {
	_, err := mortal(m.fate, "add", only(func() error { return m.Shop.AddToCart(ctx, description, project) }))
	return err
}

func (m mortalShop) Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error) {
	return mortal(m.fate, "cart", func() ([]cocalc.CartItem, error) { return m.Shop.Cart(ctx, which) })
}

func (m mortalShop) CartItem(ctx context.Context, id int64) (cocalc.CartItem, error) {
	return mortal(m.fate, "cart item", func() (cocalc.CartItem, error) { return m.Shop.CartItem(ctx, id) })
}

func (m mortalShop) SetChecked(ctx context.Context, id int64, checked bool) (bool, error) {
	return mortal(m.fate, "set checked", func() (bool, error) { return m.Shop.SetChecked(ctx, id, checked) })
}

func (m mortalShop) RemoveFromCart(ctx context.Context, id int64) (bool, error) {
	return mortal(m.fate, "remove", func() (bool, error) { return m.Shop.RemoveFromCart(ctx, id) })
}

func (m mortalShop) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	return mortal(m.fate, "params", func() (cocalc.CheckoutParams, error) { return m.Shop.CheckoutParams(ctx) })
}

func (m mortalShop) Checkout(ctx context.Context) error {
	_, err := mortal(m.fate, "checkout", only(func() error { return m.Shop.Checkout(ctx) }))
	return err
}

func (m mortalShop) Purchases(ctx context.Context, filter cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	return mortal(m.fate, "purchases", func() ([]cocalc.PurchaseRow, error) { return m.Shop.Purchases(ctx, filter) })
}

func (m mortalShop) WhoAmI(ctx context.Context) (cocalc.Account, error) {
	return mortal(m.fate, "who am I", func() (cocalc.Account, error) { return m.Shop.WhoAmI(ctx) })
}

// The program is killed at every request, before the server acts and after it, and at every transaction, before it is
// durable and after it, and started again. Whatever moment it is: the order ends, is bought at most once, the ledger
// says what CoCalc says, and the cart is left as it was. Every closure runs twice besides, as the ledger may.
func TestKilledAtEveryMoment(t *testing.T) {
	scenarios := []struct {
		name  string
		older bool
		begin func(*shop)
	}{
		{"a clean purchase", false, func(*shop) {}},
		{"somebody else's item is in the cart", false, strangersItem},
		{"on a server of the older kind", true, strangersItem},
		{"the checkout is refused", false, func(s *shop) { strangersItem(s); s.fault("refused") }},
		{"the price has moved", false, func(s *shop) { strangersItem(s); s.fault("price-moved") }},
		{"the answer of the add is lost", false, func(s *shop) { s.fault("lost-add") }},
		{"the answer of the checkout is lost", false, func(s *shop) { strangersItem(s); s.fault("lost-answer") }},
		{"the checkout gets a 502 and buys nothing", false, func(s *shop) { s.fault("server-error") }},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			// Orders whose outcome is unknown are looked at for twenty minutes: of those looks, which are all alike, some
			// are enough.
			for at := 1; ; at += 1 + at/40*40 {
				f := newFate(at)
				t.Run(fmt.Sprint("moment ", at), func(t *testing.T) { killedAt(t, f, sc.older, sc.begin) })
				if f.where == "" { // it lived through everything
					if at < 30 {
						t.Errorf("there are only %d moments", at)
					}
					return
				}
				if t.Failed() {
					t.Logf("moment %d was %s", at, f.where)
					return
				}
			}
		})
	}
}

func strangersItem(s *shop) {
	s.account.AddToCart("site-license",
		`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
			`"boost":false,"period":"monthly","run_limit":1,"title":"of somebody else"}`)
}

func killedAt(t *testing.T, f *fate, older bool, begin func(*shop)) {
	inShop(t, 20000, func(s *shop) {
		begin(s)
		strangers := len(s.cart())
		o := s.propose(spec())
		f.mu.Lock()
		f.armed, f.died = true, make(chan struct{}) // made here, so that the bubble's clock knows who waits for it
		f.mu.Unlock()
		err := s.confirm(o.ID)
		ended := time.After(time.Hour)
		select {
		case <-f.died:
			s.wrap = nil
			s.restart()
			if err != nil { // the click got no answer, so the person clicks again
				if err := s.confirm(o.ID); err != nil {
					var no *purchase.Refusal
					if !errors.As(err, &no) || no.Code != purchase.AlreadyDone {
						t.Fatal(err)
					}
				}
			}
			<-time.After(time.Hour)
		case <-ended:
		}
		s.server.ClearFaults()
		s.ends(o.ID)
		items := s.cart()
		if len(items) != strangers || (strangers == 1 && !items[0].Checked) {
			t.Errorf("the cart is not as it was: %+v", items)
		}
	}, func(s *shop) {
		if older {
			s.server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
		}
		s.wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return mortalLedger{l, f}, mortalShop{shop, f}
		}
	})
}

// ends checks an order that must be over by now, with everything that follows from how it ended.
func (s *shop) ends(id purchase.OrderID) purchase.Order {
	s.t.Helper()
	o := s.order(id)
	if n := s.server.Count("purchases/shopping-cart-checkout") + s.server.Count("shopping/cart/checkout"); n > 1 {
		s.t.Errorf("checkout was sent %d times", n)
	}
	switch o.State {
	case purchase.Purchased:
		if o.Receipt == nil || len(s.account.Licenses()) > 0 && o.Receipt.LicenseID != s.account.Licenses()[0].ID {
			s.t.Errorf("receipt %+v", o.Receipt)
		}
		s.check(1, 6375, 0)
	case purchase.Failed:
		if o.Failure == nil || o.Failure.Code == "" {
			s.t.Error("nobody is told why it failed")
		}
		s.check(0, 0, 0)
	default:
		s.t.Errorf("the order is %s: wait %+v, hold %+v", o.State, o.Blocked, o.Unresolved)
	}
	if o.Open() {
		s.t.Errorf("something is left to do: %+v", o)
	}
	return o
}

// Every endpoint fails in every way, briefly or for a while, before the server acts or after it.
func TestEveryEndpointFails(t *testing.T) {
	endpoints := []string{
		"shopping/cart/get", "shopping/cart/add", "shopping/cart/checked", "shopping/cart/remove",
		"purchases/get-shopping-cart-checkout-params", "purchases/shopping-cart-checkout", "purchases/get-purchases",
		"user-query", "licenses/get-managed",
	}
	effects := []cocalctest.Fault{
		{Effect: cocalctest.LoseAnswer, When: cocalctest.Before},
		{Effect: cocalctest.LoseAnswer, When: cocalctest.After},
		{Effect: cocalctest.Fail, Status: 500, When: cocalctest.Before},
		{Effect: cocalctest.Fail, Status: 500, When: cocalctest.After},
		{Effect: cocalctest.KeyRevoked},
		{Effect: cocalctest.ActLate, Wait: 90 * time.Second},
		{Effect: cocalctest.ThrottleNow, Wait: 40 * time.Second},
	}
	for _, endpoint := range endpoints {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			for _, fault := range effects {
				if endpoint == "shopping/cart/checked" && fault.Effect == cocalctest.ActLate {
					continue // an uncheck that strikes after the item was checked again is like a person's own click
				}
				for _, times := range []int{1, 12} {
					fault.Endpoint, fault.Times = endpoint, times
					t.Run(fmt.Sprint(fault.Effect, " ", fault.When, " ", times), func(t *testing.T) {
						inShop(t, 20000, func(s *shop) {
							strangersItem(s)
							s.server.Inject(fault)
							id := s.buy()
							<-time.After(time.Hour)
							s.server.ClearFaults()
							s.ends(id)
							if items := s.cart(); len(items) != 1 || !items[0].Checked {
								t.Errorf("the cart is not as it was: %+v", items)
							}
						})
					})
				}
			}
		})
	}
}
