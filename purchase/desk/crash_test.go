package desk_test

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
	"licensebot/purchase/purchasetest"
)

// The program is killed at every request, before the server acts and after it, and at every transaction, before it is
// durable and after it, and started again. Whatever moment it is: the order ends, is bought at most once, the ledger
// says what CoCalc says, and the cart is left as it was. Every closure runs twice besides, as the ledger may.
func TestDesk_Run_KilledAtEveryMoment(t *testing.T) {
	scenarios := []struct {
		name  string
		older bool
		begin func(*purchasetest.Env)
	}{
		{"a clean purchase", false, func(*purchasetest.Env) {}},
		{"somebody else's item is in the cart", false, purchasetest.AddForeignItem},
		{"on a server of the older kind", true, purchasetest.AddForeignItem},
		{"the checkout is refused", false, func(env *purchasetest.Env) {
			purchasetest.AddForeignItem(env)
			env.SwitchOn(
				"refused")
		}},
		{"the price has moved", false, func(env *purchasetest.Env) {
			purchasetest.AddForeignItem(env)
			env.SwitchOn(
				"price-moved")
		}},
		{"the answer of the add is lost", false, func(env *purchasetest.Env) { env.SwitchOn("lost-add") }},
		{"the answer of the checkout is lost", false, func(env *purchasetest.Env) {
			purchasetest.AddForeignItem(
				env)
			env.SwitchOn("lost-answer")
		}},
		{"the checkout gets a 502 and buys nothing", false, func(env *purchasetest.Env) { env.SwitchOn("server-error") }},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			// Orders whose outcome is unknown are looked at for twenty minutes: of those looks, which are all alike, some
			// are enough.
			for at := 1; ; at += 1 + at/40*40 {
				f := newKillSwitch(at)
				t.Run(fmt.Sprint("moment ", at), func(t *testing.T) { checkKilledAt(t, f, sc.older, sc.begin) })
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

var errKilled = errors.New("the program was killed here")

// fate counts the moments at which the buyer could be killed, and kills it at one of them: from then on nothing reaches
// the ledger or the shop any more, until the next life.
type killSwitch struct {
	mu     sync.Mutex
	passed int
	at     int // 0: lives
	armed  bool
	dead   bool
	died   chan struct{}
	where  string
}

func newKillSwitch(at int) *killSwitch { return &killSwitch{at: at} }

func (f *killSwitch) pass(where string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errKilled
	}
	if f.armed {
		f.passed++
	}
	if f.passed != f.at || !f.armed {
		return nil
	}
	f.dead, f.where = true, where
	close(f.died)
	return errKilled
}

// mortalLedger dies before a transaction, or after it and before anybody hears so.
type killableLedger struct {
	purchase.Ledger
	fate *killSwitch
}

func (l killableLedger) View(ctx context.Context, read func(purchase.Reader) error) error {
	return l.Ledger.View(ctx, read)
}

func (l killableLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if err := l.fate.pass("before a transaction"); err != nil {
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
	return l.fate.pass("after a transaction")
}

// mortalShop dies before a request, or after the server acted on it.
type killableShop struct {
	purchase.Shop
	fate *killSwitch
}

func callKillable[T any](f *killSwitch, where string, call func() (T, error)) (T, error) {
	var none T
	if err := f.pass("before " + where); err != nil {
		return none, err
	}
	v, err := call()
	if death := f.pass("after " + where); death != nil {
		return none, death
	}
	return v, err
}

func withoutResult(call func() error) func() (struct{}, error) {
	return func() (struct{}, error) { return struct{}{}, call() }
}

func (m killableShop) AddToCart(ctx context.Context, description []byte, project string) error {
	_, err := callKillable(m.fate, "add", withoutResult(func() error {
		return m.Shop.AddToCart(ctx, description,
			project)
	}))
	return err
}

func (m killableShop) Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error) {
	return callKillable(m.fate, "cart", func() ([]cocalc.CartItem, error) { return m.Shop.Cart(ctx, which) })
}

func (m killableShop) CartItem(ctx context.Context, id int64) (cocalc.CartItem, error) {
	return callKillable(m.fate, "cart item", func() (cocalc.CartItem, error) { return m.Shop.CartItem(ctx, id) })
}

func (m killableShop) SetChecked(ctx context.Context, id int64, checked bool) (bool, error) {
	return callKillable(m.fate, "set checked", func() (bool, error) { return m.Shop.SetChecked(ctx, id, checked) })
}

func (m killableShop) RemoveFromCart(ctx context.Context, id int64) (bool, error) {
	return callKillable(m.fate, "remove", func() (bool, error) { return m.Shop.RemoveFromCart(ctx, id) })
}

func (m killableShop) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	return callKillable(m.fate, "params", func() (cocalc.CheckoutParams, error) { return m.Shop.CheckoutParams(ctx) })
}

func (m killableShop) Checkout(ctx context.Context) error {
	_, err := callKillable(m.fate, "checkout", withoutResult(func() error { return m.Shop.Checkout(ctx) }))
	return err
}

func (m killableShop) Purchases(ctx context.Context, filter cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	return callKillable(m.fate, "purchases", func() ([]cocalc.PurchaseRow, error) { return m.Shop.Purchases(ctx, filter) })
}

func (m killableShop) WhoAmI(ctx context.Context) (cocalc.Account, error) {
	return callKillable(m.fate, "who am I", func() (cocalc.Account, error) { return m.Shop.WhoAmI(ctx) })
}

func checkKilledAt(t *testing.T, f *killSwitch, older bool, begin func(*purchasetest.Env)) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		begin(env)
		strangers := len(env.Cart())
		o := env.Propose(purchasetest.Spec())
		f.mu.Lock()
		f.armed, f.died = true, make(chan struct{}) // made here, so that the bubble's clock knows who waits for it
		f.mu.Unlock()
		err := env.Confirm(o.ID)
		ended := time.After(time.Hour)
		select {
		case <-f.died:
			env.Wrap = nil
			env.Restart()
			if err != nil { // the click got no answer, so the person clicks again
				if err := env.Confirm(o.ID); err != nil {
					var no *purchase.Refusal
					if !errors.As(err, &no) || no.Code != purchase.AlreadyDone {
						t.Fatal(err)
					}
				}
			}
			<-time.After(time.Hour)
		case <-ended:
		}
		env.Server.ClearFaults()
		env.CheckEnded(o.ID)
		items := env.Cart()
		if len(items) != strangers || (strangers == 1 && !items[0].Checked) {
			t.Errorf("the cart is not as it was: %+v", items)
		}
	}, func(env *purchasetest.Env) {
		if older {
			env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
		}
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return killableLedger{l, f}, killableShop{shop, f}
		}
	})
}
