package checkout_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// While the outcome of an order is unknown, its money stays reserved, its checkout is not sent again, and no other
// order begins.
func TestWorker_Resolve_BlocksOtherOrders(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("server-error")
		first := env.Buy()
		second := env.Buy()
		o := env.Until(first, purchase.Unknown)
		if o.Unresolved == nil || o.Unresolved.Until.Before(o.CheckoutSent.Add(9*time.Minute)) {
			t.Errorf("unresolved: got %+v, want a watch of at least 9 minutes from %s", o.Unresolved, o.CheckoutSent)
		}
		<-time.After(5 * time.Minute)
		if got := env.Order(second).State; got != purchase.Approved {
			t.Errorf("second order: got %s, want %s", got, purchase.Approved)
		}
		env.CheckReserved(2 * 6375)
		env.Until(second, purchase.Purchased)
		if o := env.Order(first); o.State != purchase.Failed || o.CheckoutSent.Add(20*time.Minute).After(o.Updated) {
			t.Errorf("first order: got %s after %s, want %s after at least 20m", o.State, o.Updated.Sub(o.CheckoutSent),
				purchase.Failed)
		}
		if n := env.Server.Count("purchases/shopping-cart-checkout"); n != 2 {
			t.Errorf("checkout requests of two orders: got %d, want 2", n)
		}
		env.Check(1, 6375, 0)
	}, purchasetest.MidMonth)
}

// A successful response to the checkout proves no purchase, because the server also sends it when it bought nothing.
func TestWorker_Resolve_SuccessBoughtNothing(t *testing.T) {
	interceptor := &purchasetest.Interceptor{ReplaceCheckout: func() error { return nil }}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		if o := env.Until(id, purchase.Unknown, purchase.Purchased); o.State != purchase.Unknown {
			t.Fatalf("state: got %s (receipt %+v), want %s", o.State, o.Receipt, purchase.Unknown)
		}
		env.Until(id, purchase.Failed)
		env.Check(0, 0, 0)
	}, interceptor.Install)
}

// If another checkout buys the item of an order before the worker does, the order is purchased and its receipt is
// marked as adopted.
func TestWorker_Resolve_BoughtByOther(t *testing.T) {
	for at, audit := range map[string][]string{
		"params": {"proposed", "approved", "adding", "carted", "purchased"},
		"cart":   {"proposed", "approved", "adding", "purchased"},
	} {
		t.Run("before the "+at, func(t *testing.T) {
			interceptor := &purchasetest.Interceptor{}
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				bought := false
				interceptor.Before(func(request string) {
					if request == at && !bought && env.OrderItem().ID != 0 {
						bought = true
						if err := env.Account.Checkout(); err != nil {
							t.Error(err)
						}
					}
				})
				o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
				if o.State != purchase.Purchased || !o.Receipt.Adopted {
					t.Errorf("got %s (failure %+v, receipt %+v), want %s with an adopted receipt", o.State, o.Failure, o.Receipt,
						purchase.Purchased)
				}
				if n := env.Server.Count("purchases/shopping-cart-checkout"); n != 0 {
					t.Errorf("checkout requests: got %d, want 0", n)
				}
				env.CheckAudit(audit...) // without a failure in between
				env.Check(1, 6375, 0)
			}, interceptor.Install)
		})
	}
}

// A checkout that commits after the item was removed from the cart is found.
func TestWorker_Resolve_ItemTakenOut(t *testing.T) {
	purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: "purchases/shopping-cart-checkout", When: cocalctest.After,
			Effect: cocalctest.LoseAnswer, Times: 1,
		})
		env.Server.SetCheckoutTakes(15*time.Minute, time.Second)
		id := env.Buy()
		o := env.Until(id, purchase.Purchased, purchase.Failed)
		if o.State != purchase.Purchased {
			t.Fatalf("state: got %s (failure %+v), want %s", o.State, o.Failure, purchase.Purchased)
		}
		env.Check(1, 6375, 0)
	})
}

// The checkout of an order is carried out minutes after its response was lost, while another checkout has bought the
// item. The late checkout buys each checked item, so until then no foreign item is checked again and no other order
// begins.
func TestWorker_Resolve_CheckoutInFlight(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		purchasetest.AddForeignItem(env)
		checkout := "purchases/shopping-cart-checkout"
		env.Server.Inject(cocalctest.Fault{
			Endpoint: checkout, Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) { a.StartCheckout() },
		})
		env.Server.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.ActLate, Wait: 3 * time.Minute, Times: 1})
		first := env.Buy()
		env.Until(first, purchase.Purchased)
		second := env.Buy()
		<-time.After(time.Minute)
		if o := env.Order(second); o.State != purchase.Approved || o.Blocked == nil {
			t.Errorf("second order: got %s, blocked %+v; want %s, blocked", o.State, o.Blocked, purchase.Approved)
		}
		if o := env.Order(first); len(o.HeldItems) != 1 {
			t.Errorf("held items of the first order: got %v, want one", o.HeldItems)
		}
		env.Until(second, purchase.Purchased)
		<-time.After(time.Hour)
		env.Check(2, 2*6375, 0)
		if items := env.Cart(); len(items) != 1 || !items[0].Checked {
			t.Errorf("cart: got %s, want one checked item", purchasetest.FormatCart(items...))
		}
	})
}

// On an older server, a lost checkout also delays other orders when another checkout has bought its item.
func TestWorker_Resolve_CheckoutInFlightOlder(t *testing.T) {
	purchasetest.Run(t, 0, func(env *purchasetest.Env) {
		const checkout = "shopping/cart/checkout"
		env.Server.Inject(cocalctest.Fault{
			Endpoint: checkout, Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) { a.StartCheckout() },
		})
		env.Server.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.ActLate, Wait: 3 * time.Minute, Times: 1})
		first := env.Buy()
		sent := env.Until(first, purchase.Purchased).CheckoutSent
		second := env.Buy()
		<-time.After(time.Minute)
		if o := env.Order(second); o.State != purchase.Approved || sent.IsZero() {
			t.Errorf("got second order %s, first checkout sent %s; want %s and a time", o.State, sent, purchase.Approved)
		}
		env.Until(second, purchase.Purchased)
		<-time.After(time.Hour)
		if e, o := env.Events("uncounted"), env.Order(first); len(e) > 0 || o.Open() {
			t.Errorf("got uncounted records %+v, open %v; want none and a closed order", e, o.Open())
		}
		if n := len(env.Account.Licenses()); n != 2 {
			t.Errorf("licenses: got %d, want 2", n)
		}
	}, func(env *purchasetest.Env) {
		env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
	})
}

// A missing purchase is no proof while the key cannot be verified, so the order stays unknown.
func TestWorker_Resolve_KeyNotProven(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		purchasetest.AddForeignItem(env)
		if err := env.Account.Checkout(); err != nil { // makes the list of licenses non-empty
			t.Fatal(err)
		}
		o := env.BuyUnresolved()
		env.Server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.KeyRevoked})
		<-time.After(2 * time.Hour)
		if got := env.Order(o.ID).State; got != purchase.Unknown {
			t.Errorf("state without a verified key: got %s, want %s", got, purchase.Unknown)
		}
		env.Server.ClearFaults()
		env.Until(o.ID, purchase.Failed)
	})
}

// An order fails because its price moved, and another checkout that began before the removal buys its item. The order
// becomes purchased.
func TestWorker_Watch_FailedOrderBought(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.ParamsEndpoint, Effect: cocalctest.PriceMoved,
			Percent: 110,
		})
		env.Server.SetCheckoutTakes(30 * time.Second)
		env.Server.Inject(cocalctest.Fault{
			Endpoint: "shopping/cart/remove", Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) { a.StartCheckout() },
		})
		id := env.Buy()
		env.Until(id, purchase.Failed)
		o := env.Until(id, purchase.Purchased)
		if !o.Receipt.Adopted || o.Message(purchase.MessageNote) == nil {
			t.Errorf("got receipt %+v, messages %+v; want an adopted receipt and a note", o.Receipt, o.Messages)
		}
		<-time.After(time.Hour)
		env.Check(1, o.Receipt.Charged, 0)
	})
}

// A foreign item that makes the cart unreadable is not changed. The order waits until its owner removes it, then fails
// without an item in the cart.
func TestWorker_Blocked_BrokenCart(t *testing.T) {
	purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
		env.SwitchOn("cart-broken")
		id := env.Buy()
		<-time.After(10 * time.Minute)
		if o := env.Order(id); o.State.Final() {
			t.Fatalf("state with an unreadable cart: got %s, want one that is not final", o.State)
		}
		if got := len(env.Account.Licenses()); got != 0 {
			t.Fatalf("licenses: got %d, want 0", got)
		}
		env.Account.Remove(env.BrokenItem())
		o := env.Until(id, purchase.Failed)
		if o.Failure.Code != purchase.FailCart || o.Failure.Args["why"] != "blocked" {
			t.Errorf("failure: got %s, want %s (blocked)", o.Failure, purchase.FailCart)
		}
		env.Check(0, 0, 0)
	})
}

// An order's own item that breaks the cart is removed, and no broken item is reported.
func TestWorker_Blocked_OwnItem(t *testing.T) {
	at := new(atomic.Int64)
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.ParamsEndpoint, Effect: cocalctest.Refuse,
			Text: "bug cost must not be null",
		})
		at.Store(1)
		id := env.Buy()
		o := env.Until(id, purchase.Failed)
		if e := env.Events("broken-item"); len(e) > 0 || o.ItemID != 1 {
			t.Errorf("got item %d and broken-item records %+v, want item 1 and none", o.ItemID, e)
		}
		<-time.After(time.Hour)
		env.Check(0, 0, 0)
	}, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, brokenItemShop{shop, at}
		}
	})
}

// brokenItemShop returns the item with the id at as the one that breaks the cart.
type brokenItemShop struct {
	purchase.Shop
	at *atomic.Int64
}

func (s brokenItemShop) FindBrokenItem(ctx context.Context) (cocalc.CartItem, error) {
	return s.Shop.CartItem(ctx, s.at.Load())
}
