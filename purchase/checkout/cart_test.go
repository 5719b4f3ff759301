package checkout_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// An order whose item is already in the cart adds no second one, and is bought with that item.
func TestWorker_Add_ItemAlreadyThere(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("outage")
		id := env.Buy()
		<-time.After(10 * time.Second)
		env.Close()
		env.Server.ClearFaults()
		sp := purchasetest.Spec()
		sp.Description = id.Tag()
		env.Account.AddToCart("site-license", string(sp.CartDescription(time.Now())))
		before := env.Server.Count("shopping/cart/add")
		env.Open()
		env.Until(id, purchase.Purchased)
		if n := env.Server.Count("shopping/cart/add") - before; n != 0 {
			t.Errorf("add requests: got %d, want 0", n)
		}
		env.Check(1, 6375, 0)
	})
}

// An order that the ledger has when the bot starts may have been bought already, if the ledger is an older copy. It is
// found, and not bought again.
func TestWorker_Prepare_BoughtAlready(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("outage")
		id := env.Buy()
		<-time.After(10 * time.Second)
		env.Close()
		env.Server.ClearFaults()
		sp := purchasetest.Spec()
		sp.Description = id.Tag()
		env.Account.AddToCart("site-license", string(sp.CartDescription(time.Now())))
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		env.Open()
		if o := env.Until(id, purchase.Purchased); !o.Receipt.Adopted {
			t.Errorf("receipt: got %+v, want it adopted", o.Receipt)
		}
		<-time.After(time.Hour)
		env.Check(1, 6375, 0)
	})
}

// If the response to the add is lost, the worker finds the item in the cart and does not add it again.
func TestWorker_Add_AnswerLost(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("lost-add")
		env.Until(env.Buy(), purchase.Purchased)
		if n := env.Server.Count("shopping/cart/add"); n != 1 {
			t.Errorf("add requests: got %d, want 1", n)
		}
		env.Check(1, 6375, 0)
	})
}

// If CoCalc carries out an add only after the order has failed, the item is removed from the cart.
func TestWorker_Add_ComesLate(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: "shopping/cart/add", Effect: cocalctest.ActLate, Wait: 4 * time.Minute,
			Times: 1,
		})
		id := env.Buy()
		if o := env.Until(id, purchase.Purchased, purchase.Failed); o.State != purchase.Failed {
			t.Fatalf("state: got %s, want %s", o.State, purchase.Failed)
		}
		<-time.After(10 * time.Minute)
		if item := env.OrderItem(); item.ID == 0 || item.Removed.IsZero() {
			t.Errorf("late item: got id %d, removed %s; want an id and a time", item.ID, item.Removed)
		}
		env.Check(0, 0, 0)
	})
}

// An item with the tag of another order is neither bought nor changed.
func TestWorker_FindItem_TagOfOtherOrder(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Account.AddToCart("site-license",
			`{"ram":1,"cpu":1,"disk":1,"member":true,"uptime":"short","type":"quota","user":"academic","boost":false,`+
				`"period":"monthly","run_limit":1,"description":"order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"}`)
		id := env.Buy()
		o := env.Until(id, purchase.Purchased, purchase.Failed)
		if o.State != purchase.Purchased || len(env.Account.Licenses()) != 1 || env.Account.Purchases()[0].Cents != 6375 {
			t.Errorf("got %s (failure %+v) and purchases %+v, want %s and one of 6375 cents", o.State, o.Failure,
				env.Account.Purchases(), purchase.Purchased)
		}
		if items := env.Cart(); len(items) != 1 || !items[0].Checked {
			t.Errorf("cart: got %s, want one checked item of the other order", purchasetest.FormatCart(items...))
		}
	})
}

// An item that differs from what was sent is removed, and the order fails without a checkout.
func TestWorker_FindItem_DiffersFromSent(t *testing.T) {
	interceptor := &purchasetest.Interceptor{EditItem: func(i cocalc.CartItem) cocalc.CartItem {
		i.Description = json.RawMessage(strings.Replace(string(i.Description), `"ram":16`, `"ram":1`, 1))
		return i
	}}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailCart || !o.CheckoutSent.IsZero() {
			t.Errorf("got %s (failure %+v), checkout sent %v; want %s (%s) and no checkout", o.State, o.Failure, o.CheckoutSent,
				purchase.Failed, purchase.FailCart)
		}
		env.Check(0, 0, 0)
	}, interceptor.Install)
}

// An item that another person checks between the reading of the cart and the payment is unchecked and not bought.
func TestWorker_HoldItems_CheckedBeforePayment(t *testing.T) {
	interceptor := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		purchasetest.AddForeignItem(env)
		foreign := env.Account.Cart()[0].ID
		for name, change := range map[string]func(){
			"adds another item":    func() { purchasetest.AddForeignItem(env) },
			"checks the held item": func() { env.Account.SetChecked(foreign, true) },
		} {
			before, bought := len(env.Cart()), len(env.Account.Licenses())
			interceptor.Before(purchasetest.Once("params", func() { change(); before = len(env.Cart()) - 1 }))
			env.Until(env.Buy(), purchase.Purchased)
			interceptor.Before(nil)
			<-time.After(time.Minute)
			if n := len(env.Account.Licenses()) - bought; n != 1 || len(env.Cart()) != before {
				t.Errorf("another person %s: got %d licenses and %d items in the cart, want 1 and %d", name, n, len(env.Cart()),
					before)
			}
			for _, item := range env.Cart() {
				if !item.Checked {
					t.Errorf("another person %s: got %s, want it checked", name, purchasetest.FormatCart(item))
				}
			}
		}
		env.Check(2, 2*6375, 0)
	}, interceptor.Install)
}

// An item that its owner removes while it is unchecked stays removed.
func TestWorker_HoldItems_RemovedByOwner(t *testing.T) {
	interceptor := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		purchasetest.AddForeignItem(env)
		foreign := env.Account.Cart()[0].ID
		interceptor.Before(purchasetest.Once("checkout", func() { env.Account.Remove(foreign) }))
		o := env.Until(env.Buy(), purchase.Purchased)
		<-time.After(time.Minute)
		env.Check(1, 6375, 0)
		if o = env.Order(o.ID); len(o.HeldItems) != 0 {
			t.Errorf("held items: got %v, want none", o.HeldItems)
		}
		if item := env.Account.Cart()[0]; item.Removed.IsZero() || item.Checked {
			t.Errorf("foreign item: got removed %s, checked %v; want a time and false", item.Removed, item.Checked)
		}
	}, interceptor.Install)
}

// An order has unchecked another person's item when CoCalc stops responding and an admin pauses buying. The item is
// checked again as soon as CoCalc responds, before buying resumes, also after a restart.
func TestWorker_ReleaseItems_DuringPause(t *testing.T) {
	interceptor := &purchasetest.Interceptor{}
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		foreign := env.Account.AddToCart("site-license", string(env.CartDescription()))
		reads, verifications := 0, 0
		interceptor.Before(func(request string) {
			if request == "who am I" {
				if verifications++; verifications == 200 {
					t.Errorf("verifications of the key: got %d, want fewer than 200", verifications)
					env.Server.SwitchOff("outage")
				}
			}
			if request != "cart" {
				return
			}
			if reads++; reads == 2 { // the foreign item was unchecked after the first
				env.SwitchOn("outage")
				if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, true,
					"the books are closed"); err != nil {
					t.Error(err)
				}
			}
		})
		id := env.Buy()
		<-time.After(time.Minute)
		checked := func() (is bool) {
			for _, item := range env.Account.Cart() {
				is = is || item.ID == foreign && item.Checked
			}
			return is
		}
		if o := env.Order(id); o.State != purchase.Approved || len(o.HeldItems) != 1 || checked() {
			t.Fatalf("got %s, held items %v, foreign item checked %v; want %s, one held item, unchecked", o.State, o.HeldItems,
				checked(), purchase.Approved)
		}
		env.Restart() // so the key has to be verified again
		<-time.After(10 * time.Minute)
		env.Server.SwitchOff("outage")
		<-time.After(5 * time.Minute)
		if o := env.Order(id); o.State != purchase.Approved || len(o.HeldItems) != 0 || !checked() {
			t.Errorf("got %s, held items %v, foreign item checked %v; want %s, none, checked", o.State, o.HeldItems, checked(),
				purchase.Approved)
		}
		env.Resume()
		env.Until(id, purchase.Purchased)
		<-time.After(time.Minute)
		if got := checked(); !got {
			t.Errorf("foreign item checked after the purchase: got %v, want true", got)
		}
	}, interceptor.Install)
}

// While buying is stopped and the server is down, an approved order that holds a foreign item unchecked writes the
// ledger rarely. It releases the item when the server is back, and is bought when buying resumes.
func TestWorker_ReleaseItems_RestsWhileStopped(t *testing.T) {
	for _, by := range []string{"a pause", "lost access to Slack"} {
		t.Run(by, func(t *testing.T) {
			var updates atomic.Int64
			purchasetest.RunWithLostAccess(t, func(env *purchasetest.Env, lost *atomic.Bool) {
				foreign := env.Account.AddToCart("site-license", string(env.CartDescription()))
				id := env.ConfirmWithFault(purchasetest.MaintenancePage())
				<-time.After(time.Minute)
				if by == "a pause" {
					if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, true, "a look"); err != nil {
						t.Fatal(err)
					}
				} else {
					lost.Store(true)
				}
				env.Close()
				env.EditOrder(id, func(o *purchase.Order) { o.HeldItems = []int64{foreign} })
				env.Open()
				updates.Store(0)
				<-time.After(30 * time.Minute)
				if n := updates.Load(); n > 150 {
					t.Errorf("changes of the ledger in half an hour: got %d, want at most 150", n)
				}
				o := env.Order(id)
				if o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForResume {
					t.Errorf("got %s, blocked %+v; want %s, %s", o.State, o.Blocked, purchase.Approved, purchase.WaitsForResume)
				}
				updates.Store(0)
				env.Server.ClearFaults()
				<-time.After(10 * time.Minute)
				if o = env.Order(id); len(o.HeldItems) > 0 {
					t.Errorf("held items after the outage: got %v, want none", o.HeldItems)
				}
				lost.Store(false)
				if by == "a pause" {
					env.Resume()
				}
				<-time.After(10 * time.Minute)
				if o = env.Order(id); o.State != purchase.Purchased {
					t.Errorf("state: got %s (blocked %+v), want %s", o.State, o.Blocked, purchase.Purchased)
				}
			}, func(env *purchasetest.Env) {
				env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
					return boundedLedger{l, &updates}, shop
				}
			})
		})
	}
}

// While a fixed term waits in the cart, its start moves with each reading of the cart, so it costs less. The worker
// does not take that for an edit.
func TestWorker_FixedTerm_WaitsInCart(t *testing.T) {
	wait := func(t *testing.T, length, stopped time.Duration, ends purchase.State) purchase.Order {
		var o purchase.Order
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			<-time.After(time.Minute) // the server is known to sell licenses
			env.Server.Inject(cocalctest.Fault{Endpoint: purchasetest.ParamsEndpoint, Effect: cocalctest.Fail, Times: 1000})
			o = env.Propose(fixedTerm(length))
			if err := env.Confirm(o.ID); err != nil {
				t.Fatal(err)
			}
			env.Until(o.ID, purchase.Carted)
			env.Close()
			<-time.After(stopped)
			env.Server.ClearFaults()
			env.Open()
			o = env.Until(o.ID, ends)
			env.Cart()
		})
		return o
	}
	t.Run("for an hour", func(t *testing.T) {
		o := wait(t, 30*24*time.Hour, time.Hour, purchase.Purchased)
		if o.Receipt.Charged >= o.Price || o.Receipt.Expires.Sub(o.Spec.End).Abs() > time.Second {
			t.Errorf("receipt: got %+v, want charged less than %s and expiring at %s", o.Receipt, o.Price, o.Spec.End)
		}
	})
	t.Run("until the term is over", func(t *testing.T) {
		if o := wait(t, 3*time.Hour, 150*time.Minute, purchase.Failed); o.Failure.Code != purchase.FailTermOver {
			t.Errorf("failure: got %+v, want %s", o.Failure, purchase.FailTermOver)
		}
	})
}

// A fixed term that starts now costs at most the price on the card, and expires at the date on the card.
func TestWorker_FixedTerm_BeginsNow(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		sp := purchasetest.Spec()
		sp.Period, sp.End = cocalc.PeriodRange, time.Now().Add(30*24*time.Hour)
		o := env.Propose(sp)
		<-time.After(20 * time.Minute)
		if err := env.Confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		o = env.Until(o.ID, purchase.Purchased)
		if o.Receipt.Charged > o.Price || o.Renews != 0 {
			t.Errorf("got %s charged, renewing for %s; want at most %s and no renewal", o.Receipt.Charged, o.Renews, o.Price)
		}
		if d := o.Receipt.Expires.Sub(sp.End).Abs(); d > time.Second {
			t.Errorf("expires: got %s, want %s", o.Receipt.Expires, sp.End)
		}
		env.Check(1, o.Receipt.Charged, 0)
	})
}

// boundedLedger is a ledger that fails after 1000 changes, so that a loop without a delay ends.
type boundedLedger struct {
	purchase.Ledger
	updates *atomic.Int64
}

func (l boundedLedger) Update(ctx context.Context, fn func(purchase.Writer) error) error {
	if l.updates.Add(1) > 1000 {
		return errors.New("too many changes")
	}
	return l.Ledger.Update(ctx, fn)
}

func fixedTerm(length time.Duration) purchase.Spec {
	sp := purchasetest.Spec()
	sp.Period, sp.End = cocalc.PeriodRange, time.Now().Add(length)
	return sp
}
