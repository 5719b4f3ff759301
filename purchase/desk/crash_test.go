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

// The program is killed before and after each request and each transaction, and started again. In every case the order
// ends, is bought at most once, the ledger agrees with CoCalc, and the cart is unchanged. Each change of the ledger
// runs twice, which bbolt may do as well.
func TestDesk_Run_KilledAtEveryMoment(t *testing.T) {
	scenarios := []struct {
		name  string
		older bool
		begin func(*purchasetest.Env)
	}{
		{"a clean purchase", false, func(*purchasetest.Env) {}},
		{"a foreign item is in the cart", false, purchasetest.AddForeignItem},
		{"on an older server", true, purchasetest.AddForeignItem},
		{"the checkout is refused", false, func(env *purchasetest.Env) {
			purchasetest.AddForeignItem(env)
			env.SwitchOn("refused")
		}},
		{"the price has moved", false, func(env *purchasetest.Env) {
			purchasetest.AddForeignItem(env)
			env.SwitchOn("price-moved")
		}},
		{"the answer of the add is lost", false, func(env *purchasetest.Env) { env.SwitchOn("lost-add") }},
		{"the answer of the checkout is lost", false, func(env *purchasetest.Env) {
			purchasetest.AddForeignItem(env)
			env.SwitchOn("lost-answer")
		}},
		{"the checkout gets a 502 and buys nothing", false, func(env *purchasetest.Env) { env.SwitchOn("server-error") }},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			// An order of unknown outcome is watched for twenty minutes by the same requests, so later moments are
			// sampled.
			for at := 1; ; at += 1 + at/40*40 {
				kill := newKillSwitch(at)
				t.Run(fmt.Sprint("moment ", at), func(t *testing.T) { checkKilledAt(t, kill, sc.older, sc.begin) })
				if kill.where == "" { // the purchase ended before that moment
					if at < 30 {
						t.Errorf("moments: got %d, want at least 30", at)
					}
					return
				}
				if t.Failed() {
					t.Logf("moment %d is %s", at, kill.where)
					return
				}
			}
		})
	}
}

var errKilled = errors.New("the program is killed")

// killSwitch counts the moments at which the program can be killed, and kills it at one of them: from then on each call
// of the ledger and of CoCalc fails.
type killSwitch struct {
	mu     sync.Mutex
	passed int
	at     int // the moment of the kill, from 1
	armed  bool
	killed bool
	done   chan struct{} // closed at the kill
	where  string
}

func newKillSwitch(at int) *killSwitch { return &killSwitch{at: at} }

func (k *killSwitch) pass(where string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.killed {
		return errKilled
	}
	if k.armed {
		k.passed++
	}
	if k.passed != k.at || !k.armed {
		return nil
	}
	k.killed, k.where = true, where
	close(k.done)
	return errKilled
}

// killableLedger is a ledger with moments before and after each transaction.
type killableLedger struct {
	purchase.Ledger
	kill *killSwitch
}

func (l killableLedger) View(ctx context.Context, read func(purchase.Reader) error) error {
	return l.Ledger.View(ctx, read)
}

func (l killableLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if err := l.kill.pass("before a transaction"); err != nil {
		return err
	}
	// The change runs twice, which bbolt may do as well; the first transaction is rolled back.
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
	return l.kill.pass("after a transaction")
}

// killableShop is a CoCalc with moments before and after each request.
type killableShop struct {
	purchase.Shop
	kill *killSwitch
}

func callKillable[T any](kill *killSwitch, where string, call func() (T, error)) (T, error) {
	var none T
	if err := kill.pass("before " + where); err != nil {
		return none, err
	}
	v, err := call()
	if err := kill.pass("after " + where); err != nil {
		return none, err
	}
	return v, err
}

func withoutResult(call func() error) func() (struct{}, error) {
	return func() (struct{}, error) { return struct{}{}, call() }
}

func (s killableShop) AddToCart(ctx context.Context, description []byte, project string) error {
	_, err := callKillable(s.kill, "add", withoutResult(func() error {
		return s.Shop.AddToCart(ctx, description, project)
	}))
	return err
}

func (s killableShop) Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error) {
	return callKillable(s.kill, "cart", func() ([]cocalc.CartItem, error) { return s.Shop.Cart(ctx, which) })
}

func (s killableShop) CartItem(ctx context.Context, id int64) (cocalc.CartItem, error) {
	return callKillable(s.kill, "cart item", func() (cocalc.CartItem, error) { return s.Shop.CartItem(ctx, id) })
}

func (s killableShop) SetChecked(ctx context.Context, id int64, checked bool) (bool, error) {
	return callKillable(s.kill, "set checked", func() (bool, error) { return s.Shop.SetChecked(ctx, id, checked) })
}

func (s killableShop) RemoveFromCart(ctx context.Context, id int64) (bool, error) {
	return callKillable(s.kill, "remove", func() (bool, error) { return s.Shop.RemoveFromCart(ctx, id) })
}

func (s killableShop) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	return callKillable(s.kill, "params", func() (cocalc.CheckoutParams, error) { return s.Shop.CheckoutParams(ctx) })
}

func (s killableShop) Checkout(ctx context.Context) error {
	_, err := callKillable(s.kill, "checkout", withoutResult(func() error { return s.Shop.Checkout(ctx) }))
	return err
}

func (s killableShop) Purchases(ctx context.Context, filter cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	return callKillable(s.kill, "purchases", func() ([]cocalc.PurchaseRow, error) { return s.Shop.Purchases(ctx, filter) })
}

func (s killableShop) WhoAmI(ctx context.Context) (cocalc.Account, error) {
	return callKillable(s.kill, "who am I", func() (cocalc.Account, error) { return s.Shop.WhoAmI(ctx) })
}

func checkKilledAt(t *testing.T, kill *killSwitch, older bool, begin func(*purchasetest.Env)) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		begin(env)
		foreign := len(env.Cart())
		o := env.Propose(purchasetest.Spec())
		kill.mu.Lock()
		kill.armed, kill.done = true, make(chan struct{}) // a channel of the synctest bubble
		kill.mu.Unlock()
		err := env.Confirm(o.ID)
		ended := time.After(time.Hour)
		select {
		case <-kill.done:
			env.Wrap = nil
			env.Restart()
			if err != nil { // the click got no response, so the person clicks again
				if err := env.Confirm(o.ID); err != nil {
					var refusal *purchase.Refusal
					if !errors.As(err, &refusal) || refusal.Code != purchase.AlreadyDone {
						t.Fatalf("second click: got %v, want none or a refusal %s", err, purchase.AlreadyDone)
					}
				}
			}
			<-time.After(time.Hour)
		case <-ended:
		}
		env.Server.ClearFaults()
		env.CheckEnded(o.ID)
		items := env.Cart()
		if len(items) != foreign || (foreign == 1 && !items[0].Checked) {
			t.Errorf("cart: got %s, want %d checked items", purchasetest.FormatCart(items...), foreign)
		}
	}, func(env *purchasetest.Env) {
		if older {
			env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
		}
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return killableLedger{l, kill}, killableShop{shop, kill}
		}
	})
}
