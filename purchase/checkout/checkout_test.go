package checkout_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// The ledger records each change at CoCalc before its request is sent: the add, the uncheck of a foreign item and the
// checkout.
func TestWorker_Checkout_RecordedBeforeSent(t *testing.T) {
	sent := map[string]int{}
	var order func() purchase.Order
	interceptor := &purchasetest.Interceptor{Hook: func(request string) {
		if request != "add" && request != "checkout" {
			return
		}
		sent[request]++
		o := order()
		if request == "add" && (o.State != purchase.Adding || o.AddSent.IsZero() || len(o.Sent) == 0) {
			t.Errorf("order at the add: got %s, add sent %s, sent %q; want %s with both", o.State, o.AddSent, o.Sent,
				purchase.Adding)
		}
		if request == "checkout" && (o.State != purchase.Paying || o.CheckoutSent.IsZero() || o.Amount != 6375) {
			t.Errorf("order at the checkout: got %s, checkout sent %s, amount %s; want %s, a time and %s", o.State,
				o.CheckoutSent, o.Amount, purchase.Paying, purchase.Cents(6375))
		}
	}}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		purchasetest.AddForeignItem(env)
		o := env.Propose(purchasetest.Spec())
		order = func() purchase.Order { return env.Order(o.ID) }
		if err := env.Confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		env.Until(o.ID, purchase.Purchased)
		env.Check(1, 6375, 0)
	}, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			interceptor.Shop = shop
			return l, holdObserver{interceptor, func(item int64) {
				sent["uncheck"]++
				if o := order(); !slices.Contains(o.HeldItems, item) {
					t.Errorf("held items at the uncheck: got %v, want %d among them", o.HeldItems, item)
				}
			}}
		}
	})
	for _, request := range []string{"add", "uncheck", "checkout"} {
		if sent[request] != 1 {
			t.Errorf("%s requests: got %d, want 1", request, sent[request])
		}
	}
}

// After a restart, checkout is not sent for an order that records a checkout as sent.
func TestWorker_Checkout_SentBeforeRestart(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.BuyUntilCarted()
		env.Inconsistent = true // a carted order must have no checkout
		env.EditOrder(id, func(o *purchase.Order) { o.CheckoutSent = time.Now() })
		env.Open()
		<-time.After(time.Hour)
		if n := env.Server.Count(purchasetest.CheckoutEndpoint); n != 0 {
			t.Errorf("checkout requests: got %d, want 0", n)
		}
	})
}

// Checkout is not sent if the ledger records it as sent, even in a state that precedes the checkout.
func TestWorker_Checkout_SentByOther(t *testing.T) {
	interceptor := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		var id purchase.OrderID
		// an older version of the program or an edit of the ledger might leave this
		interceptor.Before(purchasetest.Once("params", func() {
			if _, err := env.Desk.Outbox.UpdateMessages(context.Background(), id, func(o *purchase.Order) {
				o.CheckoutSent = time.Now()
			}); err != nil {
				t.Error(err)
			}
		}))
		o := env.Propose(purchasetest.Spec())
		id = o.ID
		if err := env.Confirm(id); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Minute)
		if n := env.Server.Count("purchases/shopping-cart-checkout"); n != 0 {
			t.Errorf("checkout requests: got %d, want 0", n)
		}
		if got := env.Order(id).State; got != purchase.Adding { // neither is its item stored in such a transaction
			t.Errorf("state: got %s, want %s", got, purchase.Adding)
		}
		// An admin would have to settle the order; the test removes the record of the checkout instead.
		if _, err := env.Desk.Outbox.UpdateMessages(context.Background(), id, func(o *purchase.Order) {
			o.CheckoutSent = time.Time{}
		}); err != nil {
			t.Fatal(err)
		}
		env.Until(id, purchase.Purchased)
		env.Check(1, 6375, 0)
	}, interceptor.Install)
}

// An order fails without a checkout if an admin pauses buying between the last check and the checkout.
func TestWorker_Checkout_PausedJustBefore(t *testing.T) {
	interceptor := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		interceptor.Before(purchasetest.Once("params", func() {
			if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, true, "wait"); err != nil {
				t.Error(err)
			}
		}))
		o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || !strings.Contains(o.Failure.String(), `(paused by="UDANA" name="dana"`) {
			t.Errorf("got %s (failure %v), want %s (paused by UDANA)", o.State, o.Failure, purchase.Failed)
		}
		env.Check(0, 0, 0)
	}, interceptor.Install)
}

// No checkout is sent if a pause is stored just before the transaction that records the checkout.
func TestWorker_Checkout_PausedAtLastInstant(t *testing.T) {
	asked, paused := new(atomic.Bool), new(atomic.Bool)
	interceptor := &purchasetest.Interceptor{Hook: purchasetest.Once("params", func() { asked.Store(true) })}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		o := env.Until(id, purchase.Purchased, purchase.Failed)
		if n := env.Server.Count(purchasetest.CheckoutEndpoint); n != 0 || o.State != purchase.Failed || !paused.Load() {
			t.Errorf("got %d checkouts, %s, paused %v; want 0, %s, true", n, o.State, paused.Load(), purchase.Failed)
		}
		<-time.After(time.Hour)
		env.Check(0, 0, 0)
	}, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			interceptor.Shop = shop
			return pausingLedger{l, asked, paused}, interceptor
		}
	})
}

// No checkout is sent while the file of the ledger is away, if it was moved between the last check and the checkout.
func TestWorker_Checkout_LedgerAway(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		o := env.Propose(purchasetest.Spec())
		if err := env.Confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if o := env.Order(o.ID); o.State != purchase.Carted || env.Server.Count(purchasetest.CheckoutEndpoint) != 0 {
			t.Errorf("got %s and %d checkouts, want %s and 0", o.State, env.Server.Count(purchasetest.CheckoutEndpoint),
				purchase.Carted)
		}
		if err := os.Rename(env.Path+".aside", env.Path); err != nil {
			t.Fatal(err)
		}
		env.Until(o.ID, purchase.Purchased)
	}, purchasetest.WithChannel, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, ledgerMover{shop, env.Path, new(bool)}
		}
	})
}

// The credit has to cover the price and the configured minimum. The three dollars by which the server allows an
// overdraft do not count.
func TestWorker_Checkout_CreditNearlyEnough(t *testing.T) {
	for name, c := range map[string]struct {
		credit, least int64
		ends          purchase.State
	}{
		"exactly the price":             {6375, 0, purchase.Purchased},
		"one cent less":                 {6374, 0, purchase.Failed},
		"exactly the price and minimum": {6375 + 1000, 1000, purchase.Purchased},
		"one cent less than both":       {6375 + 999, 1000, purchase.Failed},
		"the price without the minimum": {6375, 1000, purchase.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, c.credit, func(env *purchasetest.Env) {
				if o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed); o.State != c.ends ||
					o.State == purchase.Failed &&
						o.Failure.Code != purchase.FailNoCredit {
					t.Errorf("got %s (failure %+v), want %s; a failure is %s", o.State, o.Failure, c.ends, purchase.FailNoCredit)
				}
			}, func(env *purchasetest.Env) { env.Policy.LeastCredit = purchase.Cents(c.least) })
		})
	}
}

// With a minimum credit in the policy, an order fails on a server that does not report the credit.
func TestWorker_Checkout_CreditUnknown(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailNoCredit || o.Failure.Args["told"] != "yes" {
			t.Errorf("got %s (failure %+v), want %s (%s, told yes)", o.State, o.Failure, purchase.Failed, purchase.FailNoCredit)
		}
		if got := env.Notifications(purchasetest.Dana.ID, purchase.NotificationTrouble); len(got) != 1 ||
			!strings.Contains(got[0], `why="credit-unknown"`) {
			t.Errorf("notifications of the admin: got %q, want one with credit-unknown", got)
		}
		env.Check(0, 0, 0)
	}, func(env *purchasetest.Env) {
		env.Policy.LeastCredit = 100
		env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
	})
}

// An order fails if its item is edited into a more expensive one, and the price of that item is not offered as CoCalc's
// new price.
func TestWorker_Checkout_ItemEdited(t *testing.T) {
	for _, c := range []struct {
		name, endpoint string
		when           cocalctest.Moment
		why            string
	}{
		{"after the add", "shopping/cart/add", cocalctest.After, "different"},
		{"before the checkout", purchasetest.ParamsEndpoint, cocalctest.Before, "edited"},
	} {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
				<-time.After(time.Second) // after the start, when the bot uses the same endpoint to find the kind of the store
				env.Server.Inject(cocalctest.Fault{
					Endpoint: c.endpoint, When: c.when, Effect: cocalctest.Call, Times: 1,
					Do: env.MakeItemDearer,
				})
				o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
				if o.State != purchase.Failed || o.Failure.Code != purchase.FailCart || o.Failure.NewPrice != 0 ||
					o.Failure.Args["why"] != c.why {
					t.Errorf("got %s (failure %+v), want %s (%s, %s, no new price)", o.State, o.Failure, purchase.Failed,
						purchase.FailCart, c.why)
				}
				env.Check(0, 0, 0)
			})
		})
	}
}

// If the item of an order is copied with its tag just before the checkout, one of the two is bought, and the next order
// can be bought.
func TestWorker_Checkout_ItemCopied(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		<-time.After(time.Second)
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.ParamsEndpoint, When: cocalctest.Before, Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) {
				a.AddToCart("site-license", string(a.Cart()[0].Description))
			},
		})
		id := env.Buy()
		o := env.Until(id, purchase.Purchased, purchase.Failed)
		if o.State != purchase.Purchased {
			t.Errorf("state: got %s (failure %+v), want %s", o.State, o.Failure, purchase.Purchased)
		}
		<-time.After(2 * time.Hour)
		env.Check(1, 6375, 0)
		env.Until(env.Buy(), purchase.Purchased)
	})
}

// holdObserver calls unchecking before each request that unchecks an item.
type holdObserver struct {
	*purchasetest.Interceptor
	unchecking func(item int64)
}

func (s holdObserver) SetChecked(ctx context.Context, id int64, checked bool) (bool, error) {
	if !checked {
		s.unchecking(id)
	}
	return s.Shop.SetChecked(ctx, id, checked)
}

// pausingLedger stores a pause of an admin just before the transaction after the price was asked: the one that records
// the checkout.
type pausingLedger struct {
	purchase.Ledger
	asked, paused *atomic.Bool
}

func (l pausingLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if !l.asked.Load() || l.paused.Swap(true) {
		return l.Ledger.Update(ctx, change)
	}
	err := l.Ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil {
			return err
		}
		account.Pause = &purchase.Pause{
			Since: time.Now(), By: purchasetest.Dana.ID, Name: "dana",
			Incidents: []purchase.Incident{
				{
					Cause: purchase.Cause{Code: purchase.IncidentSaid, Args: purchase.Args{"reason": "stop"}},
					By:    purchasetest.Dana.ID,
				},
			},
		}
		if err := w.PutAccount(account); err != nil {
			return err
		}
		return w.AppendEvent(purchase.Event{Time: time.Now(), Kind: "paused", By: purchasetest.Dana.ID})
	})
	if err != nil {
		return err
	}
	return l.Ledger.Update(ctx, change)
}

// ledgerMover moves the file of the ledger at the first preview of a checkout.
type ledgerMover struct {
	purchase.Shop
	path string
	done *bool
}

func (s ledgerMover) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	if !*s.done {
		*s.done = true
		if err := os.Rename(s.path, s.path+".aside"); err != nil {
			return cocalc.CheckoutParams{}, err
		}
	}
	return s.Shop.CheckoutParams(ctx)
}
