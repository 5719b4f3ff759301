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

// Whatever changes something at CoCalc is in the ledger before it is sent: that an item is added, that others' items
// are unchecked, that checkout is sent.
func TestWorker_Checkout_RecordedBeforeSent(t *testing.T) {
	sent := map[string]int{}
	var order func() purchase.Order
	m := &purchasetest.Interceptor{Hook: func(request string) {
		if request != "add" && request != "checkout" {
			return
		}
		sent[request]++
		o := order()
		if request == "add" && (o.State != purchase.Adding || o.AddSent.IsZero() || len(o.Sent) == 0) {
			t.Errorf("it is added, and the ledger has it %s, sent %s", o.State, o.AddSent)
		}
		if request == "checkout" && (o.State != purchase.Paying || o.CheckoutSent.IsZero() || o.Amount != 6375) {
			t.Errorf("it is checked out, and the ledger has it %s, sent %s, for %s", o.State, o.CheckoutSent, o.Amount)
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
		env.Wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			m.Shop = over
			return l, holdObserver{m, func(item int64) {
				sent["uncheck"]++
				if o := order(); !slices.Contains(o.HeldItems, item) {
					t.Errorf("item %d is unchecked, and the ledger has parked %v", item, o.HeldItems)
				}
			}}
		}
	})
	for _, request := range []string{"add", "uncheck", "checkout"} {
		if sent[request] != 1 {
			t.Errorf("%s was sent %d times", request, sent[request])
		}
	}
}

// Whatever led there: for an order that says that checkout was sent, it is never sent.
func TestWorker_Checkout_SentBeforeRestart(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.BuyUntilCarted()
		env.Inconsistent = true // the books are made wrong here
		env.EditOrder(id, func(o *purchase.Order) { o.CheckoutSent = time.Now() })
		env.Open()
		<-time.After(time.Hour)
		if n := env.Server.Count(purchasetest.CheckoutEndpoint); n != 0 {
			t.Errorf("checkout was sent %d times more", n)
		}
	})
}

// Whatever the state says: where the ledger has it that checkout was sent, it is not sent again.
func TestWorker_Checkout_SentByOther(t *testing.T) {
	m := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		var id purchase.OrderID
		// as an older version of the program, or somebody with an editor, might leave it
		m.Before(purchasetest.Once("params", func() {
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
			t.Errorf("checkout was sent %d times", n)
		}
		if got := env.Order(id).State; got != purchase.Carted {
			t.Errorf("the order is %s", got)
		}
		// It is for people to settle; here the mark is taken away again.
		if _, err := env.Desk.Outbox.UpdateMessages(context.Background(), id, func(o *purchase.Order) {
			o.CheckoutSent = time.Time{}
		}); err != nil {
			t.Fatal(err)
		}
		env.Until(id, purchase.Purchased)
		env.Check(1, 6375, 0)
	}, m.Install)
}

// An admin pauses buying after the last look and before the payment: nothing is paid.
func TestWorker_Checkout_PausedJustBefore(t *testing.T) {
	m := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		m.Before(purchasetest.Once("params", func() {
			if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, true, "wait"); err != nil {
				t.Error(err)
			}
		}))
		o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || !strings.Contains(o.Failure.String(), `(paused by="UDANA" name="dana"`) {
			t.Errorf("the order is %s: %+v", o.State, o.Failure)
		}
		env.Check(0, 0, 0)
	}, m.Install)
}

// Once a pause is in the ledger no checkout is sent, however close they were.
func TestWorker_Checkout_PausedAtLastInstant(t *testing.T) {
	paused := new(atomic.Bool)
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		o := env.Until(id, purchase.Purchased, purchase.Failed)
		if n := env.Server.Count(purchasetest.CheckoutEndpoint); n != 0 || o.State != purchase.Failed || !paused.Load() {
			t.Errorf("checkout was sent %d times, and the order is %s", n, o.State)
		}
		<-time.After(time.Hour)
		env.Check(0, 0, 0)
	}, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return pausingLedger{l, paused}, shop
		}
	})
}

// The file is taken away between the last look at an order and its checkout: no checkout is sent.
func TestWorker_Checkout_LedgerAway(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		o := env.Propose(purchasetest.Spec())
		if err := env.Confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if o := env.Order(o.ID); o.State != purchase.Carted || env.Server.Count(purchasetest.CheckoutEndpoint) != 0 {
			t.Errorf("the order is %s after %d checkouts", o.State, env.Server.Count(purchasetest.CheckoutEndpoint))
		}
		if err := os.Rename(env.Path+".aside", env.Path); err != nil {
			t.Fatal(err)
		}
		env.Until(o.ID, purchase.Purchased)
	}, purchasetest.WithChannel, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, ledgerMover{over, env.Path, new(bool)}
		}
	})
}

// Credit has to suffice without the three dollars that the server would let pass, and with what has to stay.
func TestWorker_Checkout_CreditNearlyEnough(t *testing.T) {
	for name, c := range map[string]struct {
		credit, least int64
		ends          purchase.State
	}{
		"to the cent":                     {6375, 0, purchase.Purchased},
		"a cent is missing":               {6374, 0, purchase.Failed},
		"exactly what has to stay":        {6375 + 1000, 1000, purchase.Purchased},
		"a cent less than has to stay":    {6375 + 999, 1000, purchase.Failed},
		"enough but for what has to stay": {6375, 1000, purchase.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, c.credit, func(env *purchasetest.Env) {
				if o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed); o.State != c.ends ||
					o.State == purchase.Failed &&
						o.Failure.Code != purchase.FailNoCredit {
					t.Errorf("the order is %s: %+v", o.State, o.Failure)
				}
			}, func(env *purchasetest.Env) { env.Policy.LeastCredit = purchase.Cents(c.least) })
		})
	}
}

// What has to stay on the account cannot be looked at where CoCalc does not tell what is there: then nothing is bought.
func TestWorker_Checkout_CreditUnknown(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailNoCredit || o.Failure.Args["told"] != "yes" {
			t.Errorf("it is %s: %+v", o.State, o.Failure)
		}
		if told := env.Notifications(purchasetest.Dana.ID, purchase.NotificationTrouble); len(told) != 1 ||
			!strings.Contains(told[0], `why="credit-unknown"`) {
			t.Errorf("the admin reads %q", told)
		}
		env.Check(0, 0, 0)
	}, func(env *purchasetest.Env) {
		env.Policy.LeastCredit = 100
		env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
	})
}

// An item that somebody makes dearer in the cart is theirs to explain: its price is not offered as CoCalc's new one.
func TestWorker_Checkout_ItemEdited(t *testing.T) {
	for _, c := range []struct {
		name, endpoint string
		when           cocalctest.Moment
		why            string
	}{
		{"as soon as it was added", "shopping/cart/add", cocalctest.After, "different"},
		{"just before it is paid", purchasetest.ParamsEndpoint, cocalctest.Before, "edited"},
	} {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
				<-time.After(time.Second) // after the server was asked at the same endpoint which store it has
				env.Server.Inject(cocalctest.Fault{
					Endpoint: c.endpoint, When: c.when, Effect: cocalctest.Call, Times: 1,
					Do: env.MakeItemDearer,
				})
				o := env.Until(env.Buy(), purchase.Purchased, purchase.Failed)
				if o.State != purchase.Failed || o.Failure.Code != purchase.FailCart || o.Failure.NewPrice != 0 ||
					o.Failure.Args["why"] != c.why {
					t.Errorf("the order is %s: %+v", o.State, o.Failure)
				}
				env.Check(0, 0, 0)
			})
		})
	}
}

// Somebody copies an order's item, tag and all, just before it is paid: one of the two is bought, and nothing hangs.
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
			t.Errorf("the order is %s: %+v", o.State, o.Failure)
		}
		<-time.After(2 * time.Hour)
		env.Check(1, 6375, 0)
		env.Until(env.Buy(), purchase.Purchased)
	})
}

// witness looks into the ledger in the moment in which a request goes out.
type holdObserver struct {
	*purchasetest.Interceptor
	unchecking func(item int64)
}

func (w holdObserver) SetChecked(ctx context.Context, id int64, checked bool) (bool, error) {
	if !checked {
		w.unchecking(id)
	}
	return w.Shop.SetChecked(ctx, id, checked)
}

// pausing is a ledger to which an admin's pause comes just before the buyer writes that it checks out.
type pausingLedger struct {
	purchase.Ledger
	paused *atomic.Bool
}

func (p pausingLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	err := p.Ledger.Update(ctx, func(w purchase.Writer) error {
		open, err := w.Queue()
		if err != nil || p.paused.Load() || !slices.ContainsFunc(open, func(q purchase.QueueEntry) bool {
			return q.State == purchase.Carted
		}) {
			return err
		}
		p.paused.Store(true)
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
	return p.Ledger.Update(ctx, change)
}

// taking is a shop that takes the ledger's file away at the last look before paying, once.
type ledgerMover struct {
	purchase.Shop
	path string
	done *bool
}

func (t ledgerMover) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	if !*t.done {
		*t.done = true
		if err := os.Rename(t.path, t.path+".aside"); err != nil {
			return cocalc.CheckoutParams{}, err
		}
	}
	return t.Shop.CheckoutParams(ctx)
}
