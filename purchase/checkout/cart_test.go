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

// An item with the order's tag that is in the cart already is gone on with: nothing is added beside it.
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
			t.Errorf("it was added %d times more", n)
		}
		env.Check(1, 6375, 0)
	})
}

// After a lost answer the item is looked for, and not added once more.
func TestWorker_Add_AnswerLost(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("lost-add")
		env.Until(env.Buy(), purchase.Purchased)
		if n := env.Server.Count("shopping/cart/add"); n != 1 {
			t.Errorf("it was added %d times", n)
		}
		env.Check(1, 6375, 0)
	})
}

// An add whose answer was lost is carried out after the order was given up: its item is taken out.
func TestWorker_Add_ComesLate(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: "shopping/cart/add", Effect: cocalctest.ActLate, Wait: 4 * time.Minute,
			Times: 1,
		})
		id := env.Buy()
		if o := env.Until(id, purchase.Purchased, purchase.Failed); o.State != purchase.Failed {
			t.Fatalf("the order is %s", o.State)
		}
		<-time.After(10 * time.Minute)
		if item := env.OrderItem(); item.ID == 0 || item.Removed.IsZero() {
			t.Errorf("the late item is %+v", item)
		}
		env.Check(0, 0, 0)
	})
}

// An item with another order's tag is not this order's, whoever put it there.
func TestWorker_FindItem_TagOfOtherOrder(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Account.AddToCart("site-license",
			`{"ram":1,"cpu":1,"disk":1,"member":true,"uptime":"short","type":"quota","user":"academic","boost":false,`+
				`"period":"monthly","run_limit":1,"description":"order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"}`)
		id := env.Buy()
		o := env.Until(id, purchase.Purchased, purchase.Failed)
		if o.State != purchase.Purchased || len(env.Account.Licenses()) != 1 || env.Account.Purchases()[0].Cents != 6375 {
			t.Errorf("the order is %s (%+v), and CoCalc sold %+v", o.State, o.Failure, env.Account.Purchases())
		}
		if items := env.Cart(); len(items) != 1 || !items[0].Checked {
			t.Errorf("the other's item is not as it was: %+v", items)
		}
	})
}

// What came into the cart is not what was sent: it is taken out, and nothing is paid.
func TestWorker_FindItem_DiffersFromSent(t *testing.T) {
	m := &purchasetest.Interceptor{EditItem: func(i cocalc.CartItem) cocalc.CartItem {
		i.Description = json.RawMessage(strings.Replace(string(i.Description), `"ram":16`, `"ram":1`, 1))
		return i
	}}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailCart || !o.CheckoutSent.IsZero() {
			t.Errorf("the order is %s: %+v", o.State, o.Failure)
		}
		env.Check(0, 0, 0)
	}, m.Install)
}

// Somebody checks another item between our look at the cart and the payment: it is parked, and not bought.
func TestWorker_HoldItems_CheckedBeforePayment(t *testing.T) {
	m := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		purchasetest.AddForeignItem(env)
		theirs := env.Account.Cart()[0].ID
		for name, meddle := range map[string]func(){
			"adds another":           func() { purchasetest.AddForeignItem(env) },
			"checks the parked item": func() { env.Account.SetChecked(theirs, true) },
		} {
			before, bought := len(env.Cart()), len(env.Account.Licenses())
			m.Before(purchasetest.Once("params", func() { meddle(); before = len(env.Cart()) - 1 }))
			env.Until(env.Buy(), purchase.Purchased)
			m.Before(nil)
			<-time.After(time.Minute)
			if n := len(env.Account.Licenses()) - bought; n != 1 || len(env.Cart()) != before {
				t.Errorf("somebody %s: %d licenses were bought, and %d items are in the cart, not %d", name, n, len(env.Cart()),
					before)
			}
			for _, item := range env.Cart() {
				if !item.Checked {
					t.Errorf("somebody %s: item %d is not checked any more", name, item.ID)
				}
			}
		}
		env.Check(2, 2*6375, 0)
	}, m.Install)
}

// Somebody takes out what is parked: it stays out.
func TestWorker_HoldItems_RemovedByOwner(t *testing.T) {
	m := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		purchasetest.AddForeignItem(env)
		theirs := env.Account.Cart()[0].ID
		m.Before(purchasetest.Once("checkout", func() { env.Account.Remove(theirs) }))
		o := env.Until(env.Buy(), purchase.Purchased)
		<-time.After(time.Minute)
		env.Check(1, 6375, 0)
		if o = env.Order(o.ID); len(o.HeldItems) != 0 {
			t.Errorf("still parked: %v", o.HeldItems)
		}
		if item := env.Account.Cart()[0]; item.Removed.IsZero() || item.Checked {
			t.Errorf("the stranger's item is %+v", item)
		}
	}, m.Install)
}

// An order has taken somebody's item out of the way, and then CoCalc falls silent and an admin pauses buying: their
// item is checked again as soon as CoCalc answers, not only when buying goes on; also after a restart.
func TestWorker_ReleaseItems_DuringPause(t *testing.T) {
	m := &purchasetest.Interceptor{}
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		theirs := env.Account.AddToCart("site-license", string(env.CartDescription()))
		looks, proofs := 0, 0
		m.Before(func(request string) {
			if request == "who am I" {
				if proofs++; proofs == 200 {
					t.Error("a silent CoCalc is asked without a rest")
					env.Server.SwitchOff("outage")
				}
			}
			if request != "cart" {
				return
			}
			if looks++; looks == 3 { // in the cart and bought; then in the cart again, with what was found there parked
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
				is = is || item.ID == theirs && item.Checked
			}
			return is
		}
		if o := env.Order(id); o.State != purchase.Approved || len(o.HeldItems) != 1 || checked() {
			t.Fatalf("the order is %s, and has %v out of the way", o.State, o.HeldItems)
		}
		env.Restart() // and has to find out again whose the key is
		<-time.After(10 * time.Minute)
		env.Server.SwitchOff("outage")
		<-time.After(5 * time.Minute)
		if o := env.Order(id); o.State != purchase.Approved || len(o.HeldItems) != 0 || !checked() {
			t.Errorf("the order is %s, has %v out of the way, and their item is checked: %v", o.State, o.HeldItems, checked())
		}
		env.Resume()
		env.Until(id, purchase.Purchased)
		<-time.After(time.Minute)
		if !checked() {
			t.Error("their item is not checked at the end")
		}
	}, m.Install)
}

// An approved order that has another's item out of the way rests while buying is stopped and the server is down: the
// ledger isn't written without end, the account is free for others, and the order goes on when both are over.
func TestWorker_ReleaseItems_RestsWhileStopped(t *testing.T) {
	for _, by := range []string{"a pause", "lost access to Slack"} {
		t.Run(by, func(t *testing.T) {
			var updates atomic.Int64
			purchasetest.RunWithLostAccess(t, func(env *purchasetest.Env, lost *atomic.Bool) {
				theirs := env.Account.AddToCart("site-license", string(env.CartDescription()))
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
				env.EditOrder(id, func(o *purchase.Order) { o.HeldItems = []int64{theirs} })
				env.Open()
				updates.Store(0)
				<-time.After(30 * time.Minute)
				if n := updates.Load(); n > 150 {
					t.Errorf("%d changes of the ledger in half an hour", n)
				}
				o := env.Order(id)
				if o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForResume {
					t.Errorf("it is %s and says %+v", o.State, o.Blocked)
				}
				updates.Store(0)
				env.Server.ClearFaults()
				<-time.After(10 * time.Minute)
				if o = env.Order(id); len(o.HeldItems) > 0 {
					t.Errorf("CoCalc is back, and it has parked %v", o.HeldItems)
				}
				lost.Store(false)
				if by == "a pause" {
					env.Resume()
				}
				<-time.After(10 * time.Minute)
				if o = env.Order(id); o.State != purchase.Purchased {
					t.Errorf("it is %s and says %+v", o.State, o.Blocked)
				}
			}, func(env *purchasetest.Env) {
				env.Wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
					return boundedLedger{l, &updates}, over
				}
			})
		})
	}
}

// A fixed term that waits in the cart begins later with every look at it. That is nobody's doing, and it costs less.
func TestWorker_FixedTerm_WaitsInCart(t *testing.T) {
	wait := func(t *testing.T, length, stopped time.Duration, ends purchase.State) purchase.Order {
		var o purchase.Order
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			<-time.After(time.Minute) // it is known that the server sells licenses
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
	t.Run("over an hour's stop", func(t *testing.T) {
		o := wait(t, 30*24*time.Hour, time.Hour, purchase.Purchased)
		if o.Receipt.Charged >= o.Price || o.Receipt.Expires.Sub(o.Spec.End).Abs() > time.Second {
			t.Errorf("shown %s until %s, receipt %+v", o.Price, o.Spec.End, o.Receipt)
		}
	})
	t.Run("until it is over", func(t *testing.T) {
		if o := wait(t, 3*time.Hour, 150*time.Minute, purchase.Failed); o.Failure.Code != purchase.FailTermOver {
			t.Errorf("it says %+v", o.Failure)
		}
	})
}

// A fixed term that begins now costs less with every minute it waits, never more, and ends when the card said.
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
			t.Errorf("shown %s, charged %s, renews at %s", o.Price, o.Receipt.Charged, o.Renews)
		}
		if d := o.Receipt.Expires.Sub(sp.End).Abs(); d > time.Second {
			t.Errorf("it expires %s, the card said %s", o.Receipt.Expires, sp.End)
		}
		env.Check(1, o.Receipt.Charged, 0)
	})
}

// bounded is a ledger that refuses changes beyond what a quiet bot makes, so that a loop without a rest ends.
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
