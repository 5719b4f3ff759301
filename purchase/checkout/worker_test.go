package checkout_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

func TestWorker_Run_CleanPurchase(t *testing.T) {
	purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
		if _, err := env.Client.Store(context.Background()); err != nil { // the bot asks once, at start
			t.Fatal(err)
		}
		<-time.After(time.Second) // after the comparison at start
		before := len(env.Server.Requests())
		id := env.Buy()
		o := env.Until(id, purchase.Purchased)
		requests := env.Server.Requests()[before:]
		env.Check(1, 6375, 0)
		if len(requests) != 8 {
			t.Errorf("it took %d requests, want 8:", len(requests))
			for _, r := range requests {
				t.Errorf("  %s %s", r.Endpoint, r.Body)
			}
		}
		r := o.Receipt
		if l := env.Account.Licenses()[0]; r.LicenseID != l.ID || !strings.HasSuffix(l.Description, id.Tag()) {
			t.Errorf("the receipt names %s, CoCalc sold %s with %q", r.LicenseID, l.ID, l.Description)
		}
		if r.Charged != 6375 || r.PurchaseID == 0 || r.Expires.IsZero() || r.Unchecked || r.Adopted {
			t.Errorf("receipt %+v", r)
		}
		if m := o.Message(purchase.MessageLine); m == nil || m.Channel != purchasetest.MathChannel.ID {
			t.Error("the channel is not told")
		}
		env.CheckAudit("proposed", "approved", "adding", "carted", "paying", "purchased")
	})
}

// Two that work on one desk take turns: nobody does anything with the account while another does. (Not on the clock of
// a bubble, which stands still as long as somebody waits for a lock.)
func TestWorker_Run_TwoTakeTurns(t *testing.T) {
	env := &purchasetest.Env{
		T: t, Path: filepath.Join(t.TempDir(), "ledger.db"), Policy: purchase.Policy{Everyone: true},
		Server: cocalctest.New(cocalctest.Config{Seed: 1}),
	}
	defer env.Server.Close()
	env.Account = env.Server.Add(cocalctest.NewAccount{Partner: true})
	var inside, most atomic.Int32
	company, looked := make(chan struct{}), make(chan struct{}, 10)
	m := &purchasetest.Interceptor{Hook: func(request string) {
		n := inside.Add(1)
		defer inside.Add(-1)
		most.Store(max(most.Load(), n))
		if request != "who am I" { // each compares the account with the ledger, and that ends with it
			return
		}
		select { // time for the other to come in as well
		case company <- struct{}{}:
		case <-company:
		case <-time.After(200 * time.Millisecond):
		}
		looked <- struct{}{}
	}}
	m.Install(env)
	env.Open()
	defer env.Close()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- env.Desk.Run(ctx) }()
	<-looked
	<-looked
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if most.Load() != 1 {
		t.Errorf("%d worked on the account at once", most.Load())
	}
}

func TestWorker_Run_Restart(t *testing.T) {
	t.Run("while waiting for its turn", func(t *testing.T) {
		purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
			env.SwitchOn("outage")
			id := env.Buy()
			<-time.After(10 * time.Second)
			env.Restart()
			env.Server.SwitchOff("outage")
			env.Until(id, purchase.Purchased)
			env.Check(1, 6375, 0)
		})
	})
	t.Run("while the outcome is unknown", func(t *testing.T) {
		purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
			env.SwitchOn("lost-answer")
			env.Server.Inject(cocalctest.Fault{Endpoint: "shopping/cart/get", Effect: cocalctest.Fail, Times: 8})
			id := env.Buy()
			env.Until(id, purchase.Unknown, purchase.Purchased)
			env.Restart()
			env.Until(id, purchase.Purchased)
			env.Check(1, 6375, 0)
			if n := env.Server.Count("purchases/shopping-cart-checkout"); n != 1 {
				t.Errorf("checkout was sent %d times", n)
			}
		})
	})
	t.Run("no more orders are taken", func(t *testing.T) {
		purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
			o := env.Propose(purchasetest.Spec())
			desk := env.Desk
			env.Restart()
			_, err := desk.Decide(context.Background(), purchase.Action{
				Actor:   purchasetest.Alice,
				Channel: purchasetest.MathChannel,
			}, o.ID,
				orders.Decision{Kind: orders.Confirm})
			var no *purchase.Refusal
			if !errors.As(err, &no) || no.Code != purchase.ShuttingDown {
				t.Errorf("got %v", err)
			}
			if err := env.Confirm(o.ID); err != nil {
				t.Errorf("after the restart: %v", err)
			}
			env.Until(o.ID, purchase.Purchased)
		})
	})
}

// An order that waits for its turn is begun when access is back; one that is being bought is finished.
func TestWorker_Run_SlackAccessLost(t *testing.T) {
	t.Run("one that waits", func(t *testing.T) {
		purchasetest.RunWithLostAccess(t, func(env *purchasetest.Env, lost *atomic.Bool) {
			id := env.BuyThenPause()
			lost.Store(true)
			env.Resume()
			<-time.After(2 * time.Hour)
			if o := env.Order(id); o.State != purchase.Approved || o.Blocked == nil {
				t.Fatalf("the order is %s and says %+v", o.State, o.Blocked)
			}
			lost.Store(false)
			env.Desk.AccessChanged()
			env.Until(id, purchase.Purchased)
			env.Check(1, 6375, 0)
		})
	})
	t.Run("one that is being paid", func(t *testing.T) {
		purchasetest.RunWithLostAccess(t, func(env *purchasetest.Env, lost *atomic.Bool) {
			env.Server.Inject(cocalctest.Fault{
				Endpoint: purchasetest.ParamsEndpoint, Effect: cocalctest.Delay,
				Wait: 3 * time.Second,
			})
			id := env.Buy()
			env.Until(id, purchase.Carted)
			lost.Store(true)
			env.Until(id, purchase.Purchased)
			env.Check(1, 6375, 0)
		})
	})
}

// While buying is paused every waiting card says so; afterwards all are bought, and a hiccup of CoCalc gets patience.
func TestWorker_Run_WaitsForResume(t *testing.T) {
	purchasetest.Run(t, 30000, func(env *purchasetest.Env) {
		ctx := context.Background()
		<-time.After(time.Minute) // it is known whose the key is
		env.SwitchOn("outage")
		first, second := env.Buy(), env.Buy()
		if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, true, "a look"); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		before := env.Server.Count("shopping/cart/get")
		<-time.After(time.Hour)
		if n := env.Server.Count("shopping/cart/get") - before; n > 0 {
			t.Errorf("the cart was asked for %d times while nothing may be bought", n)
		}
		for _, id := range []purchase.OrderID{first, second} {
			if o := env.Order(id); o.State != purchase.Approved || o.Blocked == nil ||
				o.Blocked.Code != purchase.WaitsForResume {
				t.Errorf("order %s: %+v", o.State, o.Blocked)
			}
		}
		if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, false, "all is well"); err != nil {
			t.Fatal(err)
		}
		<-time.After(20 * time.Second)
		if o := env.Order(second); o.Blocked != nil && o.Blocked.Code == purchase.WaitsForResume {
			t.Errorf("buying goes on, and the card says %q", o.Blocked.Cause)
		}
		env.Server.SwitchOff("outage")
		env.Until(first, purchase.Purchased)
		env.Until(second, purchase.Purchased)
		env.Check(2, 2*6375, 0)
	})
}

// A pause that comes while the buyer looks at the cart for an order keeps it from being begun: it waits for the end of
// the pause, the cart is as it was meanwhile, and then it is bought.
func TestWorker_Run_PausedDuringCartRead(t *testing.T) {
	ctx := context.Background()
	for at, request := range map[string]int{ // the looks at the cart, and at what was bought from it, are two requests
		"at the first look":                    1,
		"at the look before the order's begin": 4, // when the stranger's item is parked already
	} {
		t.Run(at, func(t *testing.T) {
			m := &purchasetest.Interceptor{}
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				purchasetest.AddForeignItem(env)
				looks := 0
				m.Before(func(r string) {
					if r != "cart" {
						return
					}
					if looks++; looks == request {
						if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, true, "a look"); err != nil {
							t.Error(err)
						}
					}
				})
				id := env.Buy()
				<-time.After(time.Hour)
				if o := env.Order(id); o.State != purchase.Approved || o.Blocked == nil ||
					o.Blocked.Code != purchase.WaitsForResume ||
					len(o.HeldItems) > 0 {
					t.Errorf("the order is %s, says %+v, and has parked %v", o.State, o.Blocked, o.HeldItems)
				}
				if items := env.Cart(); len(items) != 1 || !items[0].Checked {
					t.Errorf("the cart is not as it was: %+v", items)
				}
				if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, false, "all is well"); err != nil {
					t.Fatal(err)
				}
				env.Until(id, purchase.Purchased)
				env.Check(1, 6375, 0)
			}, m.Install)
		})
	}
}

// Other people's cards expire on time while an order waits, and being woken does not make it ask CoCalc before its
// time.
func TestWorker_Run_WokenTooEarly(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		card := env.Propose(purchasetest.Spec())
		<-time.After(25 * time.Minute)
		env.Server.Inject(cocalctest.Fault{
			Endpoint: "shopping/cart/add", Effect: cocalctest.ThrottleNow, Wait: 9 * time.Minute,
			Times: 2,
		})
		id := env.Buy()
		<-time.After(time.Second)
		before := env.Server.Count("")
		for range 50 {
			if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, false, "wakes the buyer"); err == nil {
				t.Fatal("buying was paused")
			}
			<-time.After(time.Second)
		}
		if n := env.Server.Count("") - before; n > 0 {
			t.Errorf("woken 50 times, it made %d requests before its time", n)
		}
		<-time.After(4*time.Minute + 30*time.Second)
		if o := env.Order(card.ID); o.State != purchase.Expired {
			t.Errorf("after 30 minutes the card is %s", o.State)
		}
		env.Until(id, purchase.Purchased)
	})
}

// A bot that starts while CoCalc does not say whose the key is takes orders, and begins none of them.
func TestWorker_Run_KeyNotProven(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.Close()
		env.Server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 1000})
		env.Open()
		id := env.Buy()
		<-time.After(20 * time.Second)
		if o := env.Order(id); o.State != purchase.Approved || o.Blocked == nil || env.Server.Count("shopping/cart/add") > 0 {
			t.Errorf("the order is %s, and waits for %+v", o.State, o.Blocked)
		}
		env.Server.ClearFaults()
		env.Until(id, purchase.Purchased)
	})
}

// The order keeps CoCalc's own time of what was sent.
func TestWorker_Run_KeepsServerTime(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		if _, err := env.Client.WhoAmI(context.Background()); err != nil {
			t.Fatal(err)
		}
		id := env.Buy()
		o := env.Until(id, purchase.Purchased)
		if o.AddedAfter.IsZero() || o.PaidAfter.Before(o.AddedAfter) || time.Until(o.AddedAfter).Abs() > 5*time.Second {
			t.Errorf("added after %v, paid after %v", o.AddedAfter, o.PaidAfter)
		}
	})
}
