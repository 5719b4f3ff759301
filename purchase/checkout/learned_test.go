package checkout_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// The ledger has an order as a kill, or an older version, leaves it between two steps of its purchase. The next run
// finishes it with what CoCalc shows, and never adds the item or checks out again. Without CoCalc's answer, the
// checkout may still run: until that is over, other orders wait, and what others had checked stays unchecked.
func TestWorker_Run_LeftBetweenSteps(t *testing.T) {
	for _, c := range []struct {
		name      string
		sold      bool                    // the checkout was sent, and CoCalc has sold the item
		answer    purchase.CheckoutAnswer // that is stored
		checkouts int                     // of the next run, for this order
		waits     bool                    // other orders wait for the end of the checkout
	}{
		{"the item is known, and the checkout was not sent", false, purchase.AnswerNone, 1, false},
		{"the answer is known, as older versions stored it", true, purchase.AnswerSuccess, 0, false},
		{"the answer was not stored", true, purchase.AnswerNone, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				purchasetest.AddForeignItem(env)
				id := env.BuyUntilCarted()
				if c.sold {
					if err := env.Account.Checkout(); err != nil {
						t.Fatal(err)
					}
					storePaying(env, id, c.answer)
				}
				adds, sent := env.Server.Count("shopping/cart/add"), time.Now()
				env.Open()
				o := env.Until(id, purchase.Purchased)
				if o.Receipt.LicenseID == "" || o.Receipt.Adopted || len(o.Receipt.Duplicates) > 0 {
					t.Errorf("receipt: got %+v, want the license of the order's own checkout", o.Receipt)
				}
				second := env.Buy()
				<-time.After(9 * time.Minute) // the settle window is ten
				wantState, wantHeld := purchase.Purchased, 0
				if c.waits {
					wantState, wantHeld = purchase.Approved, 1
				}
				if o, first := env.Order(second), env.Order(id); o.State != wantState || len(first.HeldItems) != wantHeld {
					t.Errorf("after 9 minutes: got the second order %s and the held items %v, want %s and %d", o.State,
						first.HeldItems, wantState, wantHeld)
				}
				env.Until(second, purchase.Purchased)
				if took := time.Since(sent); took > 11*time.Minute {
					t.Errorf("second order: got it after %s, want at most the settle window", took)
				}
				<-time.After(time.Hour)
				if n := env.Server.Count(purchasetest.CheckoutEndpoint); n != c.checkouts+1 {
					t.Errorf("checkout requests: got %d, want %d", n, c.checkouts+1)
				}
				if n := env.Server.Count("shopping/cart/add") - adds; n != 1 {
					t.Errorf("add requests of both orders: got %d, want 1 of the second", n)
				}
				if items := env.Cart(); len(items) != 1 || !items[0].Checked {
					t.Errorf("cart: got %s, want one checked item", purchasetest.FormatCart(items...))
				}
				env.Check(2, 2*6375, 0)
			})
		})
	}
}

// storePaying stores that the checkout of an order in a closed Env was sent, with its answer.
func storePaying(env *purchasetest.Env, id purchase.OrderID, answer purchase.CheckoutAnswer) {
	env.T.Helper()
	ledger := env.OpenLedger()
	err := ledger.Update(context.Background(), func(w purchase.Writer) error {
		o, err := w.Order(id)
		if err != nil {
			return err
		}
		e := purchase.OrderEvent{
			Kind: purchase.BeginCheckout, Time: time.Now(), There: time.Now(), By: purchase.BotName, Amount: o.Price,
		}
		if o, _, err = purchase.Apply(o, e); err != nil {
			return err
		}
		o.Answer = answer
		if err := w.PutOrder(o); err != nil {
			return err
		}
		return w.AppendEvent(purchase.Event{
			Time: e.Time, Kind: string(o.State), Order: id, By: e.By, Amount: o.Price,
		})
	})
	if err != nil {
		env.T.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		env.T.Fatal(err)
	}
}

// What CoCalc shows during a purchase is stored with the next change of the order: the item with the intent to check
// out, before the request, and the answer of the checkout with the proof.
func TestWorker_Run_StoresWithNextChange(t *testing.T) {
	interceptor := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		id := env.Propose(purchasetest.Spec()).ID
		seen := map[string]purchase.Order{}
		interceptor.Before(func(request string) { seen[request] = env.Order(id) })
		if err := env.Confirm(id); err != nil {
			t.Fatal(err)
		}
		o := env.Until(id, purchase.Purchased)
		if o := seen["params"]; o.State != purchase.Adding || o.ItemID != 0 {
			t.Errorf("before the price is asked: got %s with the item %d, want %s with none", o.State, o.ItemID,
				purchase.Adding)
		}
		if o := seen["checkout"]; o.State != purchase.Paying || o.ItemID == 0 || o.CheckoutSent.IsZero() {
			t.Errorf("before the checkout: got %s with the item %d, sent %s; want %s with both", o.State, o.ItemID,
				o.CheckoutSent, purchase.Paying)
		}
		if o := seen["item"]; o.State != purchase.Paying || o.Answer != purchase.AnswerNone {
			t.Errorf("after the answer: got %s with the answer %q, want %s with none", o.State, o.Answer, purchase.Paying)
		}
		if o.Answer != purchase.AnswerSuccess || o.ItemID == 0 {
			t.Errorf("in the end: got the answer %q and the item %d, want %q and an item", o.Answer, o.ItemID,
				purchase.AnswerSuccess)
		}
		var kinds []string
		for _, e := range env.Events("carted", "paying", "purchased") {
			kinds = append(kinds, e.Kind)
		}
		if want := []string{"carted", "paying", "purchased"}; !slices.Equal(kinds, want) {
			t.Errorf("audit records: got %q, want %q", kinds, want)
		}
	}, interceptor.Install)
}

// What CoCalc has shown is stored when the order has to wait, also if the next request fails.
func TestWorker_Run_StoresBeforeWait(t *testing.T) {
	t.Run("the item", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.ConfirmWithFault(cocalctest.Fault{Endpoint: purchasetest.ParamsEndpoint, Effect: cocalctest.Fail})
			<-time.After(10 * time.Second)
			if o := env.Order(id); o.State != purchase.Carted || o.ItemID == 0 || o.Blocked == nil {
				t.Errorf("while the order waits: got %s, item %d, blocked %+v; want %s, an item and a wait", o.State, o.ItemID,
					o.Blocked, purchase.Carted)
			}
			env.Server.ClearFaults()
			env.Until(id, purchase.Purchased)
			env.Check(1, 6375, 0)
		})
	})
	t.Run("the answer", func(t *testing.T) {
		interceptor := &purchasetest.Interceptor{}
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			<-time.After(time.Minute)
			interceptor.Before(purchasetest.Once("checkout", func() { interceptor.HideCart.Store(true) }))
			id := env.Buy()
			<-time.After(time.Second) // between two reads of the item
			if o := env.Order(id); o.State != purchase.Paying || o.Answer != purchase.AnswerSuccess {
				t.Errorf("while the item is not shown: got %s with the answer %q, want %s with %q", o.State, o.Answer,
					purchase.Paying, purchase.AnswerSuccess)
			}
			interceptor.HideCart.Store(false)
			if o := env.Until(id, purchase.Purchased, purchase.Unknown); o.State != purchase.Purchased {
				t.Errorf("state: got %s, want %s", o.State, purchase.Purchased)
			}
			env.Check(1, 6375, 0)
		}, interceptor.Install)
	})
}

// What CoCalc has shown isn't forgotten if the ledger can't store it: it is stored once there is room.
func TestWorker_Run_StoresAfterFullDisk(t *testing.T) {
	for _, request := range []string{"params", "checkout"} {
		t.Run("after the "+request, func(t *testing.T) {
			var full atomic.Int32
			interceptor := &purchasetest.Interceptor{Hook: purchasetest.Once(request, func() { full.Store(3) })}
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				o := env.Until(env.Buy(), purchase.Purchased)
				if o.Answer != purchase.AnswerSuccess || o.ItemID == 0 || full.Load() != 0 {
					t.Errorf("got the answer %q and the item %d after %d refused transactions, want %q, an item and 3", o.Answer,
						o.ItemID, 3-full.Load(), purchase.AnswerSuccess)
				}
				env.Until(env.Buy(), purchase.Purchased) // it waits for no checkout
				env.Check(2, 2*6375, 0)
				if n := env.Server.Count(purchasetest.CheckoutEndpoint); n != 2 {
					t.Errorf("checkout requests: got %d, want 2", n)
				}
			}, func(env *purchasetest.Env) {
				env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
					interceptor.Shop = shop
					return fullLedger{l, &full}, interceptor
				}
			})
		})
	}
}

// fullLedger is a ledger whose disk is full for the next transactions, as many as are left.
type fullLedger struct {
	purchase.Ledger
	left *atomic.Int32
}

func (l fullLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if l.left.Load() > 0 && l.left.Add(-1) >= 0 {
		return purchase.ErrFull
	}
	return l.Ledger.Update(ctx, change)
}
