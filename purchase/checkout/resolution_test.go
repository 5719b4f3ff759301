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

// While the outcome is unknown nothing else is bought, the money stays reserved, and checkout is not sent again.
func TestWorker_Resolve_BlocksOtherOrders(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("server-error")
		first := env.Buy()
		second := env.Buy()
		o := env.Until(first, purchase.Unknown)
		if o.Unresolved == nil || o.Unresolved.Until.Before(o.CheckoutSent.Add(9*time.Minute)) {
			t.Errorf("hold %+v", o.Unresolved)
		}
		<-time.After(5 * time.Minute)
		if got := env.Order(second).State; got != purchase.Approved {
			t.Errorf("the second order is %s meanwhile", got)
		}
		env.CheckReserved(2 * 6375)
		env.Until(second, purchase.Purchased)
		if o := env.Order(first); o.State != purchase.Failed || o.CheckoutSent.Add(20*time.Minute).After(o.Updated) {
			t.Errorf("the first is %s after %s", o.State, o.Updated.Sub(o.CheckoutSent))
		}
		if n := env.Server.Count("purchases/shopping-cart-checkout"); n != 2 {
			t.Errorf("checkout was sent %d times for two orders", n)
		}
		env.Check(1, 6375, 0)
	})
}

// The server says success, which it also says when it bought nothing: only the item proves a purchase.
func TestWorker_Resolve_SuccessBoughtNothing(t *testing.T) {
	m := &purchasetest.Interceptor{ReplaceCheckout: func() error { return nil }}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		if o := env.Until(id, purchase.Unknown, purchase.Purchased); o.State != purchase.Unknown {
			t.Fatalf("the order is %s: %+v", o.State, o.Receipt)
		}
		env.Until(id, purchase.Failed)
		env.Check(0, 0, 0)
	}, m.Install)
}

// Somebody in the store buys what is checked, our item with it, before we do: it is bought, and the order says by whom.
func TestWorker_Resolve_BoughtByOther(t *testing.T) {
	for at, audit := range map[string][]string{
		"params": {"proposed", "approved", "adding", "carted", "purchased"},
		"cart":   {"proposed", "approved", "adding", "purchased"},
	} {
		t.Run("before the "+at, func(t *testing.T) {
			m := &purchasetest.Interceptor{}
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				bought := false
				m.Before(func(request string) {
					if request == at && !bought && env.OrderItem().ID != 0 {
						bought = true
						if err := env.Account.Checkout(); err != nil {
							t.Error(err)
						}
					}
				})
				o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
				if o.State != purchase.Purchased || !o.Receipt.Adopted {
					t.Errorf("the order is %s: %+v %+v", o.State, o.Failure, o.Receipt)
				}
				if n := env.Server.Count("purchases/shopping-cart-checkout"); n != 0 {
					t.Errorf("our own checkout was sent %d times", n)
				}
				env.CheckAudit(audit...) // nobody was told meanwhile that it had failed
				env.Check(1, 6375, 0)
			}, m.Install)
		})
	}
}

// A checkout that commits only after the item was taken out of the cart is still found.
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
			t.Fatalf("the order is %s: %+v", o.State, o.Failure)
		}
		env.Check(1, 6375, 0)
	})
}

// Our checkout is carried out minutes after its answer was lost; meanwhile somebody else's has bought our item.
// Whatever is checked when ours comes at last, it buys: so nothing of others' is checked again before, and no other
// order begins.
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
			t.Errorf("the second order is %s and says %+v", o.State, o.Blocked)
		}
		if o := env.Order(first); len(o.HeldItems) != 1 {
			t.Errorf("parked: %v", o.HeldItems)
		}
		env.Until(second, purchase.Purchased)
		<-time.After(time.Hour)
		env.Check(2, 2*6375, 0)
		if items := env.Cart(); len(items) != 1 || !items[0].Checked {
			t.Errorf("the cart is not as it was: %+v", items)
		}
	})
}

// On a server of the older kind too, a lost checkout holds others up when somebody else's has bought its item
// meanwhile.
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
			t.Errorf("the second order is %s", o.State)
		}
		env.Until(second, purchase.Purchased)
		<-time.After(time.Hour)
		if e, o := env.Events("uncounted"), env.Order(first); len(e) > 0 || o.Open() {
			t.Errorf("%+v, open: %v", e, o.Open())
		}
		if n := len(env.Account.Licenses()); n != 2 {
			t.Errorf("%d licenses", n)
		}
	}, func(env *purchasetest.Env) {
		env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
	})
}

// That nothing is found says nothing as long as nobody knows whether the key is still good.
func TestWorker_Resolve_KeyNotProven(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		purchasetest.AddForeignItem(env)
		if err := env.Account.Checkout(); err != nil { // so that the list of licenses is not empty
			t.Fatal(err)
		}
		o := env.BuyUnresolved()
		env.Server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.KeyRevoked})
		<-time.After(2 * time.Hour)
		if got := env.Order(o.ID).State; got != purchase.Unknown {
			t.Errorf("without a proof of the key the order is %s", got)
		}
		env.Server.ClearFaults()
		env.Until(o.ID, purchase.Failed)
	})
}

// Somebody else's checkout has begun when a moved price makes us take our item out: CoCalc sells it all the same.
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
			t.Errorf("receipt %+v, messages %+v", o.Receipt, o.Messages)
		}
		<-time.After(time.Hour)
		env.Check(1, o.Receipt.Charged, 0)
	})
}

// An item that makes the cart unreadable is named and never touched. The order waits, gives up, and leaves nothing.
func TestWorker_Blocked_BrokenCart(t *testing.T) {
	purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
		env.SwitchOn("cart-broken")
		id := env.Buy()
		<-time.After(10 * time.Minute)
		if o := env.Order(id); o.State.Final() {
			t.Fatalf("with its item still in a cart that nobody can read the order is %s", o.State)
		}
		if got := len(env.Account.Licenses()); got != 0 {
			t.Fatalf("%d licenses were bought", got)
		}
		env.Account.Remove(env.BrokenItem())
		o := env.Until(id, purchase.Failed)
		if o.Failure.Code != purchase.FailCart || o.Failure.Args["why"] != "blocked" {
			t.Errorf("it says %s", o.Failure)
		}
		env.Check(0, 0, 0)
	})
}

// Somebody edited our own item so that it breaks the cart. It is ours to take out: nobody is told that it is not mine.
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
			t.Errorf("item %d of ours: %+v", o.ItemID, e)
		}
		<-time.After(time.Hour)
		env.Check(0, 0, 0)
	}, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, brokenItemShop{shop, at}
		}
	})
}

// accusing says of the order's own item that it breaks the cart.
type brokenItemShop struct {
	purchase.Shop
	at *atomic.Int64
}

func (a brokenItemShop) FindBrokenItem(ctx context.Context) (cocalc.CartItem, error) {
	return a.Shop.CartItem(ctx, a.at.Load())
}
