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

// A purchase without faults takes seven requests, and the receipt names the license that CoCalc sold.
func TestWorker_Run_CleanPurchase(t *testing.T) {
	purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
		if _, err := env.Client.Store(context.Background()); err != nil { // the bot requests it once, at start
			t.Fatal(err)
		}
		<-time.After(time.Second) // after the comparison at start
		before := len(env.Server.Requests())
		id := env.Buy()
		o := env.Until(id, purchase.Purchased)
		requests := env.Server.Requests()[before:]
		env.Check(1, 6375, 0)
		if len(requests) != 7 {
			t.Errorf("requests: got %d, want 7: %+v", len(requests), requests)
		}
		r := o.Receipt
		if l := env.Account.Licenses()[0]; r.LicenseID != l.ID || !strings.HasSuffix(l.Description, id.Tag()) {
			t.Errorf("receipt: got license %s, want %s, whose description %q ends with %q", r.LicenseID, l.ID, l.Description,
				id.Tag())
		}
		if r.Charged != 6375 || r.PurchaseID == 0 || r.Expires.IsZero() || r.Unchecked || r.Adopted {
			t.Errorf("receipt: got %+v, want 6375 cents, a purchase id, an expiry, checked and not adopted", r)
		}
		if m := o.Message(purchase.MessageLine); m == nil || m.Channel != purchasetest.MathChannel.ID {
			t.Errorf("line in the channel: got %+v, want one in %s", m, purchasetest.MathChannel.ID)
		}
		env.CheckAudit("proposed", "approved", "adding", "carted", "paying", "purchased")
	})
}

// Two workers of one desk use the account in turn. The test runs on the real clock, because the clock of a synctest
// bubble stands still while a goroutine waits for a lock.
func TestWorker_Run_TwoTakeTurns(t *testing.T) {
	env := &purchasetest.Env{
		T: t, Path: filepath.Join(t.TempDir(), "ledger.db"), Policy: purchase.Policy{Everyone: true},
		Server: cocalctest.New(cocalctest.Config{Seed: 1}),
	}
	defer env.Server.Close()
	env.Account = env.Server.Add(cocalctest.NewAccount{Partner: true})
	var inside, most atomic.Int32
	entered, verified := make(chan struct{}), make(chan struct{}, 10)
	interceptor := &purchasetest.Interceptor{Hook: func(request string) {
		n := inside.Add(1)
		defer inside.Add(-1)
		most.Store(max(most.Load(), n))
		if request != "who am I" { // each compares the account with the ledger first, which ends with this request
			return
		}
		select { // time for the other worker to enter as well
		case entered <- struct{}{}:
		case <-entered:
		case <-time.After(200 * time.Millisecond):
		}
		verified <- struct{}{}
	}}
	interceptor.Install(env)
	env.Open()
	defer env.Close()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- env.Desk.Run(ctx) }()
	<-verified
	<-verified
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := most.Load(); got != 1 {
		t.Errorf("requests at the same time: got %d, want 1", got)
	}
}

// An order survives a restart, and a stopped desk takes no more orders.
func TestWorker_Run_Restart(t *testing.T) {
	t.Run("while the order waits", func(t *testing.T) {
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
				t.Errorf("checkout requests: got %d, want 1", n)
			}
		})
	})
	t.Run("at the stopped desk", func(t *testing.T) {
		purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
			o := env.Propose(purchasetest.Spec())
			desk := env.Desk
			env.Restart()
			_, err := desk.Decide(context.Background(), purchase.Action{
				Actor:   purchasetest.Alice,
				Channel: purchasetest.MathChannel,
			}, o.ID,
				orders.Decision{Kind: orders.Confirm})
			var refusal *purchase.Refusal
			if !errors.As(err, &refusal) || refusal.Code != purchase.ShuttingDown {
				t.Errorf("confirmation at the stopped desk: got %v, want a refusal %s", err, purchase.ShuttingDown)
			}
			if err := env.Confirm(o.ID); err != nil {
				t.Errorf("confirmation after the restart: got %v, want none", err)
			}
			env.Until(o.ID, purchase.Purchased)
		})
	})
}

// Without access to Slack an approved order waits until access is back, and one that is being bought is finished.
func TestWorker_Run_SlackAccessLost(t *testing.T) {
	t.Run("an approved order", func(t *testing.T) {
		purchasetest.RunWithLostAccess(t, func(env *purchasetest.Env, lost *atomic.Bool) {
			id := env.BuyThenPause()
			lost.Store(true)
			env.Resume()
			<-time.After(2 * time.Hour)
			if o := env.Order(id); o.State != purchase.Approved || o.Blocked == nil {
				t.Fatalf("got %s, blocked %+v; want %s, blocked", o.State, o.Blocked, purchase.Approved)
			}
			lost.Store(false)
			env.Desk.AccessChanged()
			env.Until(id, purchase.Purchased)
			env.Check(1, 6375, 0)
		})
	})
	t.Run("an order being paid", func(t *testing.T) {
		purchasetest.RunWithLostAccess(t, func(env *purchasetest.Env, lost *atomic.Bool) {
			env.Server.Inject(cocalctest.Fault{
				Endpoint: purchasetest.ParamsEndpoint, Effect: cocalctest.Delay,
				Wait: 3 * time.Second,
			})
			id := env.Buy()
			env.Until(id, purchase.Adding)
			lost.Store(true)
			env.Until(id, purchase.Purchased)
			env.Check(1, 6375, 0)
		})
	})
}

// While buying is paused, each waiting order shows that and sends no request. Afterwards the orders wait for the end of
// the outage and are bought.
func TestWorker_Run_WaitsForResume(t *testing.T) {
	purchasetest.Run(t, 30000, func(env *purchasetest.Env) {
		ctx := context.Background()
		<-time.After(time.Minute) // the key has been verified
		env.SwitchOn("outage")
		first, second := env.Buy(), env.Buy()
		if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, true, "a look"); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		before := env.Server.Count("shopping/cart/get")
		<-time.After(time.Hour)
		if n := env.Server.Count("shopping/cart/get") - before; n > 0 {
			t.Errorf("reads of the cart during the pause: got %d, want 0", n)
		}
		for _, id := range []purchase.OrderID{first, second} {
			if o := env.Order(id); o.State != purchase.Approved || o.Blocked == nil ||
				o.Blocked.Code != purchase.WaitsForResume {
				t.Errorf("got %s, blocked %+v; want %s, %s", o.State, o.Blocked, purchase.Approved, purchase.WaitsForResume)
			}
		}
		if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, false, "all is well"); err != nil {
			t.Fatal(err)
		}
		<-time.After(20 * time.Second)
		if o := env.Order(second); o.Blocked != nil && o.Blocked.Code == purchase.WaitsForResume {
			t.Errorf("blocked after the resume: got %q, want another code than %s", o.Blocked.Cause, purchase.WaitsForResume)
		}
		env.Server.SwitchOff("outage")
		env.Until(first, purchase.Purchased)
		env.Until(second, purchase.Purchased)
		env.Check(2, 2*6375, 0)
	})
}

// A pause during a read of the cart keeps the order from beginning. The cart is unchanged during the pause, and the
// order is bought after it.
func TestWorker_Run_PausedDuringCartRead(t *testing.T) {
	ctx := context.Background()
	for at, request := range map[string]int{
		"at the first read":                   1,
		"at the read before the order begins": 2, // when the foreign item is unchecked already
	} {
		t.Run(at, func(t *testing.T) {
			interceptor := &purchasetest.Interceptor{}
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				purchasetest.AddForeignItem(env)
				reads := 0
				interceptor.Before(func(r string) {
					if r != "cart" {
						return
					}
					if reads++; reads == request {
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
					t.Errorf("got %s, blocked %+v, held items %v; want %s, %s, none", o.State, o.Blocked, o.HeldItems,
						purchase.Approved, purchase.WaitsForResume)
				}
				if items := env.Cart(); len(items) != 1 || !items[0].Checked {
					t.Errorf("cart: got %s, want one checked item", purchasetest.FormatCart(items...))
				}
				if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, false, "all is well"); err != nil {
					t.Fatal(err)
				}
				env.Until(id, purchase.Purchased)
				env.Check(1, 6375, 0)
			}, interceptor.Install)
		})
	}
}

// While an order waits for a retry, other cards expire on time, and waking the worker sends no request before the retry
// is due.
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
			if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, false, "wakes the worker"); err == nil {
				t.Fatalf("resume: got error %v, want one, because buying is not paused", err)
			}
			<-time.After(time.Second)
		}
		if n := env.Server.Count("") - before; n > 0 {
			t.Errorf("requests of a worker that was woken 50 times: got %d, want 0", n)
		}
		<-time.After(4*time.Minute + 30*time.Second)
		if o := env.Order(card.ID); o.State != purchase.Expired {
			t.Errorf("card after 30 minutes: got %s, want %s", o.State, purchase.Expired)
		}
		env.Until(id, purchase.Purchased)
	})
}

// A bot that starts while the key cannot be verified takes orders and begins none of them.
func TestWorker_Run_KeyNotProven(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.Close()
		env.Server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 1000})
		env.Open()
		id := env.Buy()
		<-time.After(20 * time.Second)
		if o := env.Order(id); o.State != purchase.Approved || o.Blocked == nil || env.Server.Count("shopping/cart/add") > 0 {
			t.Errorf("got %s, blocked %+v, %d add requests; want %s, blocked, 0", o.State, o.Blocked,
				env.Server.Count("shopping/cart/add"), purchase.Approved)
		}
		env.Server.ClearFaults()
		env.Until(id, purchase.Purchased)
	})
}

// An order records the add and the checkout with the time of CoCalc's clock.
func TestWorker_Run_KeepsServerTime(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		if _, err := env.Client.WhoAmI(context.Background()); err != nil {
			t.Fatal(err)
		}
		id := env.Buy()
		o := env.Until(id, purchase.Purchased)
		if o.AddedAfter.IsZero() || o.PaidAfter.Before(o.AddedAfter) || time.Until(o.AddedAfter).Abs() > 5*time.Second {
			t.Errorf("got added after %v, paid after %v; want them in this order within 5s of %v", o.AddedAfter, o.PaidAfter,
				time.Now())
		}
	})
}
