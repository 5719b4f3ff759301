package purchase_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// Two that work on one desk take turns: nobody does anything with the account while another does. (Not on the clock of
// a bubble, which stands still as long as somebody waits for a lock.)
func TestTwoBuyersTakeTurns(t *testing.T) {
	s := &shop{
		t: t, path: filepath.Join(t.TempDir(), "ledger.db"), policy: purchase.Policy{Everyone: true},
		server: cocalctest.New(cocalctest.Config{Seed: 1}),
	}
	defer s.server.Close()
	s.account = s.server.Add(cocalctest.NewAccount{Partner: true})
	var inside, most atomic.Int32
	company, looked := make(chan struct{}), make(chan struct{}, 10)
	m := &meddler{before: func(request string) {
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
	m.with(s)
	s.open()
	defer s.close()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.desk.Run(ctx) }()
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

// Rights and limits count as they are at the yes, whatever they were when the card was made.
func TestRightsAndLimitsCountAtTheYes(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*purchase.Policy)
		code   purchase.RefusalCode
	}{
		{"they may not buy any more", func(p *purchase.Policy) { p.Everyone = false }, purchase.NotABuyer},
		{
			"an order may not cost so much any more", func(p *purchase.Policy) { p.OrderLimit = purchase.Limit{Max: 6374} },
			purchase.OverOrderLimit,
		},
		{
			"the budget was lowered", func(p *purchase.Policy) { p.MonthlyBudget = purchase.Limit{Max: 6374} },
			purchase.OverBudget,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				o := s.propose(spec())
				c.change(&s.policy)
				s.restart()
				s.refusedAs(s.confirm(o.ID), c.code)
				s.check(0, 0, 0)
			})
		})
	}
}

// An item with another order's tag is not this order's, whoever put it there.
func TestATagOfAnotherOrder(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.account.AddToCart("site-license",
			`{"ram":1,"cpu":1,"disk":1,"member":true,"uptime":"short","type":"quota","user":"academic","boost":false,`+
				`"period":"monthly","run_limit":1,"description":"order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"}`)
		id := s.buy()
		o := s.until(id, purchase.Purchased, purchase.Failed)
		if o.State != purchase.Purchased || len(s.account.Licenses()) != 1 || s.account.Purchases()[0].Cents != 6375 {
			t.Errorf("the order is %s (%+v), and CoCalc sold %+v", o.State, o.Failure, s.account.Purchases())
		}
		if items := s.cart(); len(items) != 1 || !items[0].Checked {
			t.Errorf("the other's item is not as it was: %+v", items)
		}
	})
}

// What came into the cart is not what was sent: it is taken out, and nothing is paid.
func TestTheCartHoldsSomethingElse(t *testing.T) {
	m := &meddler{item: func(i cocalc.CartItem) cocalc.CartItem {
		i.Description = json.RawMessage(strings.Replace(string(i.Description), `"ram":16`, `"ram":1`, 1))
		return i
	}}
	inShop(t, 20000, func(s *shop) {
		o := s.until(s.buy(), purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailCart || !o.CheckoutSent.IsZero() {
			t.Errorf("the order is %s: %+v", o.State, o.Failure)
		}
		s.check(0, 0, 0)
	}, m.with)
}

// Somebody checks another item between our look at the cart and the payment: it is parked, and not bought.
func TestSomebodyAddsBeforeThePayment(t *testing.T) {
	m := &meddler{}
	inShop(t, 20000, func(s *shop) {
		strangersItem(s)
		theirs := s.account.Cart()[0].ID
		for name, meddle := range map[string]func(){
			"adds another":           func() { strangersItem(s) },
			"checks the parked item": func() { s.account.SetChecked(theirs, true) },
		} {
			before, bought := len(s.cart()), len(s.account.Licenses())
			m.meddle(once("params", func() { meddle(); before = len(s.cart()) - 1 }))
			s.until(s.buy(), purchase.Purchased)
			m.meddle(nil)
			<-time.After(time.Minute)
			if n := len(s.account.Licenses()) - bought; n != 1 || len(s.cart()) != before {
				t.Errorf("somebody %s: %d licenses were bought, and %d items are in the cart, not %d", name, n, len(s.cart()),
					before)
			}
			for _, item := range s.cart() {
				if !item.Checked {
					t.Errorf("somebody %s: item %d is not checked any more", name, item.ID)
				}
			}
		}
		s.check(2, 2*6375, 0)
	}, m.with)
}

// Somebody takes out what is parked: it stays out.
func TestWhatIsParkedIsSomebodyElses(t *testing.T) {
	m := &meddler{}
	inShop(t, 20000, func(s *shop) {
		strangersItem(s)
		theirs := s.account.Cart()[0].ID
		m.meddle(once("checkout", func() { s.account.Remove(theirs) }))
		o := s.until(s.buy(), purchase.Purchased)
		<-time.After(time.Minute)
		s.check(1, 6375, 0)
		if o = s.order(o.ID); len(o.HeldItems) != 0 {
			t.Errorf("still parked: %v", o.HeldItems)
		}
		if item := s.account.Cart()[0]; item.Removed.IsZero() || item.Checked {
			t.Errorf("the stranger's item is %+v", item)
		}
	}, m.with)
}

// Credit has to suffice without the three dollars that the server would let pass, and with what has to stay.
func TestCreditThatNearlySuffices(t *testing.T) {
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
			inShop(t, c.credit, func(s *shop) {
				if o := s.until(s.buy(), purchase.Purchased, purchase.Failed); o.State != c.ends || o.State == purchase.Failed &&
					o.Failure.Code != purchase.FailNoCredit {
					t.Errorf("the order is %s: %+v", o.State, o.Failure)
				}
			}, func(s *shop) { s.policy.LeastCredit = purchase.Cents(c.least) })
		})
	}
}

// An admin pauses buying after the last look and before the payment: nothing is paid.
func TestAPauseJustBeforeThePayment(t *testing.T) {
	m := &meddler{}
	inShop(t, 20000, func(s *shop) {
		m.meddle(once("params", func() {
			if err := s.desk.SetPaused(context.Background(), byAdmin, true, "wait"); err != nil {
				t.Error(err)
			}
		}))
		o := s.until(s.buy(), purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || !strings.Contains(o.Failure.String(), `(paused by="UDANA" name="dana"`) {
			t.Errorf("the order is %s: %+v", o.State, o.Failure)
		}
		s.check(0, 0, 0)
	}, m.with)
}

// Whatever the state says: where the ledger has it that checkout was sent, it is not sent again.
func TestCheckoutIsNeverSentAgain(t *testing.T) {
	m := &meddler{}
	inShop(t, 20000, func(s *shop) {
		var id purchase.OrderID
		m.meddle(once("params", func() { // as an older version of the program, or somebody with an editor, might leave it
			if _, err := s.desk.Outbox.UpdateMessages(context.Background(), id, func(o *purchase.Order) {
				o.CheckoutSent = time.Now()
			}); err != nil {
				t.Error(err)
			}
		}))
		o := s.propose(spec())
		id = o.ID
		if err := s.confirm(id); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Minute)
		if n := s.server.Count("purchases/shopping-cart-checkout"); n != 0 {
			t.Errorf("checkout was sent %d times", n)
		}
		if got := s.order(id).State; got != purchase.Carted {
			t.Errorf("the order is %s", got)
		}
		// It is for people to settle; here the mark is taken away again.
		if _, err := s.desk.Outbox.UpdateMessages(context.Background(), id, func(o *purchase.Order) {
			o.CheckoutSent = time.Time{}
		}); err != nil {
			t.Fatal(err)
		}
		s.until(id, purchase.Purchased)
		s.check(1, 6375, 0)
	}, m.with)
}

// The server says success, which it also says when it bought nothing: only the item proves a purchase.
func TestSuccessThatBoughtNothing(t *testing.T) {
	m := &meddler{checkout: func() error { return nil }}
	inShop(t, 20000, func(s *shop) {
		id := s.buy()
		if o := s.until(id, purchase.Unknown, purchase.Purchased); o.State != purchase.Unknown {
			t.Fatalf("the order is %s: %+v", o.State, o.Receipt)
		}
		s.until(id, purchase.Failed)
		s.check(0, 0, 0)
	}, m.with)
}

// Our checkout's answer was lost, it bought, and the item cannot be read any more: the purchases, and on an older
// server the licenses, tell.
func TestAnItemThatWasDeletedAfterItWasBought(t *testing.T) {
	for _, older := range []bool{false, true} {
		m := &meddler{}
		inShop(t, 20000, func(s *shop) {
			m.checkout = func() error {
				if err := s.account.Checkout(); err != nil {
					t.Error(err)
				}
				m.blind.Store(true)
				return &cocalc.Error{Op: "checkout", Outcome: cocalc.Unknown}
			}
			id := s.buy()
			o := s.until(id, purchase.Purchased, purchase.Failed)
			if o.State != purchase.Purchased || o.Receipt.LicenseID != s.account.Licenses()[0].ID {
				t.Errorf("older %v: the order is %s: %+v", older, o.State, o.Failure)
			}
			m.blind.Store(false)
			s.check(1, 6375, 0)
		}, m.with, func(s *shop) {
			if older {
				s.server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
			}
		})
	}
}

// An add whose answer was lost is carried out after the order was given up: its item is taken out.
func TestAnAddThatComesLate(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{
			Endpoint: "shopping/cart/add", Effect: cocalctest.ActLate, Wait: 4 * time.Minute,
			Times: 1,
		})
		id := s.buy()
		if o := s.until(id, purchase.Purchased, purchase.Failed); o.State != purchase.Failed {
			t.Fatalf("the order is %s", o.State)
		}
		<-time.After(10 * time.Minute)
		if item := s.ours(); item.ID == 0 || item.Removed.IsZero() {
			t.Errorf("the late item is %+v", item)
		}
		s.check(0, 0, 0)
	})
}

// Somebody in the store buys what is checked, our item with it, before we do: it is bought, and the order says by whom.
func TestSomebodyBuysOurItem(t *testing.T) {
	for at, audit := range map[string][]string{
		"params": {"proposed", "approved", "adding", "carted", "purchased"},
		"cart":   {"proposed", "approved", "adding", "purchased"},
	} {
		t.Run("before the "+at, func(t *testing.T) {
			m := &meddler{}
			inShop(t, 20000, func(s *shop) {
				bought := false
				m.meddle(func(request string) {
					if request == at && !bought && s.ours().ID != 0 {
						bought = true
						if err := s.account.Checkout(); err != nil {
							t.Error(err)
						}
					}
				})
				o := s.until(s.buy(), purchase.Purchased, purchase.Failed)
				if o.State != purchase.Purchased || !o.Receipt.Adopted {
					t.Errorf("the order is %s: %+v %+v", o.State, o.Failure, o.Receipt)
				}
				if n := s.server.Count("purchases/shopping-cart-checkout"); n != 0 {
					t.Errorf("our own checkout was sent %d times", n)
				}
				s.checkAudit(audit...) // nobody was told meanwhile that it had failed
				s.check(1, 6375, 0)
			}, m.with)
		})
	}
}

// An account that cannot be proven was not compared with the ledger, however empty its list of purchases looks.
func TestTheComparisonProvesTheKey(t *testing.T) {
	m := &meddler{}
	inShop(t, 20000, func(s *shop) {
		compared := func() (at time.Time) {
			err := s.ledger.View(context.Background(), func(r purchase.Reader) error {
				account, err := r.Account()
				at = account.Reconciled
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		<-time.After(time.Minute) // the key was proven once
		m.nobody.Store(true)
		began := time.Now()
		<-time.After(3 * time.Hour)
		if at := compared(); at.After(began) {
			t.Errorf("compared at %s, with a key of nobody's", at)
		}
		m.nobody.Store(false)
		<-time.After(3 * time.Hour)
		if at := compared(); !at.After(began) {
			t.Error("never compared again")
		}
	}, m.with)
}
