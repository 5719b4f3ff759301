package purchase_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

func TestACleanPurchase(t *testing.T) {
	inShop(t, 10000, func(s *shop) {
		if _, err := s.client.Store(context.Background()); err != nil { // the bot asks once, at start
			t.Fatal(err)
		}
		<-time.After(time.Second) // after the comparison at start
		before := len(s.server.Requests())
		id := s.buy()
		o := s.until(id, purchase.Purchased)
		requests := s.server.Requests()[before:]
		s.check(1, 6375, 0)
		if len(requests) != 8 {
			t.Errorf("it took %d requests, want 8:", len(requests))
			for _, r := range requests {
				t.Errorf("  %s %s", r.Endpoint, r.Body)
			}
		}
		r := o.Receipt
		if l := s.account.Licenses()[0]; r.LicenseID != l.ID || !strings.HasSuffix(l.Description, id.Tag()) {
			t.Errorf("the receipt names %s, CoCalc sold %s with %q", r.LicenseID, l.ID, l.Description)
		}
		if r.Charged != 6375 || r.PurchaseID == 0 || r.Expires.IsZero() || r.Unchecked || r.Adopted {
			t.Errorf("receipt %+v", r)
		}
		if m := o.Message(purchase.MessageLine); m == nil || m.Channel != math.ID {
			t.Error("the channel is not told")
		}
		s.checkAudit("proposed", "approved", "adding", "carted", "paying", "purchased")
	})
}

// checkAudit compares the kinds of the audit records with what happened to orders.
func (s *shop) checkAudit(kinds ...string) {
	s.t.Helper()
	var got []string
	err := s.ledger.View(context.Background(), func(r purchase.Reader) error {
		events, err := r.Events(1, 1000)
		for _, e := range events {
			if e.Kind == "account" { // the ledger's beginning
				continue
			}
			got = append(got, e.Kind)
		}
		return err
	})
	if err != nil || strings.Join(got, " ") != strings.Join(kinds, " ") {
		s.t.Errorf("audit: %v (%v), want %v", got, err, kinds)
	}
}

// Every fault that CoCalc can have, with what the person then reads, what the ledger says, and how the cart is left.
func TestEveryFaultOfCoCalc(t *testing.T) {
	cases := []struct {
		fault    string
		ends     purchase.State
		licenses int
		spent    purchase.Cents
		code     purchase.FailureCode // when it failed
		says     string               // in the failure's arguments
	}{
		{"lost-answer", purchase.Purchased, 1, 6375, "", ""},
		{"late-checkout", purchase.Purchased, 1, 6375, "", ""},
		{"server-error", purchase.Failed, 0, 0, purchase.FailSettled, `(answer-lost)`},
		{"error-after-buying", purchase.Purchased, 1, 6375, "", ""},
		{"refused", purchase.Failed, 0, 0, purchase.FailRefused, `told="yes"`},
		{"throttled", purchase.Purchased, 1, 6375, "", ""},
		{"lost-add", purchase.Purchased, 1, 6375, "", ""},
		{"cart-stranger", purchase.Purchased, 1, 6375, "", ""},
		{"price-moved", purchase.Failed, 0, 0, purchase.FailPriceMoved, `now="7013" was="6375"`},
		{"no-credit", purchase.Failed, 0, 0, purchase.FailNoCredit, `missing="6375"`},
		{"key-revoked", purchase.Failed, 0, 0, purchase.FailKey, `told="yes"`},
		{"outage", purchase.Failed, 0, 0, purchase.FailKey, ""},
		{"slow", purchase.Purchased, 1, 6375, "", ""},
	}
	for _, c := range cases {
		t.Run(c.fault, func(t *testing.T) {
			inShop(t, 10000, func(s *shop) {
				s.fault(c.fault)
				id := s.buy()
				o := s.until(id, purchase.Purchased, purchase.Failed)
				s.server.SwitchOff(c.fault)
				if o.State != c.ends {
					t.Fatalf("the order is %s: %+v", o.State, o.Failure)
				}
				if c.code != "" && (o.Failure.Code != c.code || !strings.Contains(o.Failure.String(), c.says)) {
					t.Errorf("it says %s, want %s %s", o.Failure, c.code, c.says)
				}
				s.check(c.licenses, c.spent, 0)
				if c.fault == "cart-stranger" {
					items := s.cart()
					if len(items) != 1 || !items[0].Checked {
						t.Errorf("the stranger's item is not as it was: %+v", items)
					}
				}
			})
		})
	}
}

// An item that makes the cart unreadable is named and never touched. The order waits, gives up, and leaves nothing.
func TestABrokenCart(t *testing.T) {
	inShop(t, 10000, func(s *shop) {
		s.fault("cart-broken")
		id := s.buy()
		<-time.After(10 * time.Minute)
		if o := s.order(id); o.State.Final() {
			t.Fatalf("with its item still in a cart that nobody can read the order is %s", o.State)
		}
		if got := len(s.account.Licenses()); got != 0 {
			t.Fatalf("%d licenses were bought", got)
		}
		s.account.Remove(s.brokenItem())
		o := s.until(id, purchase.Failed)
		if o.Failure.Code != purchase.FailCart || o.Failure.Args["why"] != "blocked" {
			t.Errorf("it says %s", o.Failure)
		}
		s.check(0, 0, 0)
	})
}

func (s *shop) brokenItem() int64 {
	s.t.Helper()
	item, err := s.client.FindBrokenItem(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return item.ID
}

// Somebody else checks out at the same moment: CoCalc sells twice. It is found, logged with both amounts, and
// buying is paused.
func TestADoubleBuyIsFound(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.fault("double-checkout")
		id := s.buy()
		o := s.until(id, purchase.Purchased)
		if len(o.Receipt.Duplicates) != 1 || o.Receipt.Duplicates[0].Charged != 6375 ||
			o.Receipt.Duplicates[0].LicenseID == o.Receipt.LicenseID {
			t.Fatalf("receipt %+v", o.Receipt)
		}
		s.check(2, 2*6375, 0)
		_, err := s.desk.Propose(context.Background(), purchase.Request{Requester: alice, Channel: math, Spec: spec()})
		var no *purchase.Refusal
		if !errors.As(err, &no) || no.Code != purchase.Paused {
			t.Errorf("the next order got %v", err)
		}
		if err := s.desk.SetPaused(context.Background(), byAdmin, false, "money is back"); err != nil {
			t.Fatal(err)
		}
		if s.propose(spec()); t.Failed() {
			t.Error("still paused")
		}
	})
}

// While the outcome is unknown nothing else is bought, the money stays reserved, and checkout is not sent again.
func TestAnUnknownOutcomeHoldsTheAccount(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.fault("server-error")
		first := s.buy()
		second := s.buy()
		o := s.until(first, purchase.Unknown)
		if o.Unresolved == nil || o.Unresolved.Until.Before(o.CheckoutSent.Add(9*time.Minute)) {
			t.Errorf("hold %+v", o.Unresolved)
		}
		<-time.After(5 * time.Minute)
		if got := s.order(second).State; got != purchase.Approved {
			t.Errorf("the second order is %s meanwhile", got)
		}
		s.check2Reserved(2 * 6375)
		s.until(second, purchase.Purchased)
		if o := s.order(first); o.State != purchase.Failed || o.CheckoutSent.Add(20*time.Minute).After(o.Updated) {
			t.Errorf("the first is %s after %s", o.State, o.Updated.Sub(o.CheckoutSent))
		}
		if n := s.server.Count("purchases/shopping-cart-checkout"); n != 2 {
			t.Errorf("checkout was sent %d times for two orders", n)
		}
		s.check(1, 6375, 0)
	})
}

func (s *shop) check2Reserved(want purchase.Cents) {
	s.t.Helper()
	h, err := s.desk.History(context.Background(), 1, 10)
	if err != nil || h.Months[0].Reserved != want {
		s.t.Errorf("reserved %s (%v), want %s", h.Months[0].Reserved, err, want)
	}
}

// A checkout that commits only after the item was taken out of the cart is still found.
func TestALateCheckoutAfterTheItemWasTakenOut(t *testing.T) {
	inShop(t, 10000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{
			Endpoint: "purchases/shopping-cart-checkout", When: cocalctest.After,
			Effect: cocalctest.LoseAnswer, Times: 1,
		})
		s.server.SetCheckoutTakes(15*time.Minute, time.Second)
		id := s.buy()
		o := s.until(id, purchase.Purchased, purchase.Failed)
		if o.State != purchase.Purchased {
			t.Fatalf("the order is %s: %+v", o.State, o.Failure)
		}
		s.check(1, 6375, 0)
	})
}

func TestAStopInTheMiddle(t *testing.T) {
	t.Run("while waiting for its turn", func(t *testing.T) {
		inShop(t, 10000, func(s *shop) {
			s.fault("outage")
			id := s.buy()
			<-time.After(10 * time.Second)
			s.restart()
			s.server.SwitchOff("outage")
			s.until(id, purchase.Purchased)
			s.check(1, 6375, 0)
		})
	})
	t.Run("while the outcome is unknown", func(t *testing.T) {
		inShop(t, 10000, func(s *shop) {
			s.fault("lost-answer")
			s.server.Inject(cocalctest.Fault{Endpoint: "shopping/cart/get", Effect: cocalctest.Fail, Times: 8})
			id := s.buy()
			s.until(id, purchase.Unknown, purchase.Purchased)
			s.restart()
			s.until(id, purchase.Purchased)
			s.check(1, 6375, 0)
			if n := s.server.Count("purchases/shopping-cart-checkout"); n != 1 {
				t.Errorf("checkout was sent %d times", n)
			}
		})
	})
	t.Run("no more orders are taken", func(t *testing.T) {
		inShop(t, 10000, func(s *shop) {
			o := s.propose(spec())
			desk := s.desk
			s.restart()
			_, err := desk.Decide(context.Background(), purchase.Action{Actor: alice, Channel: math}, o.ID,
				orders.Decision{Kind: orders.Confirm})
			var no *purchase.Refusal
			if !errors.As(err, &no) || no.Code != purchase.ShuttingDown {
				t.Errorf("got %v", err)
			}
			if err := s.confirm(o.ID); err != nil {
				t.Errorf("after the restart: %v", err)
			}
			s.until(o.ID, purchase.Purchased)
		})
	})
}

func TestClicks(t *testing.T) {
	refused := func(t *testing.T, err error, code purchase.RefusalCode) {
		t.Helper()
		var no *purchase.Refusal
		if !errors.As(err, &no) || no.Code != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	ctx := context.Background()
	t.Run("clicked twice it buys once and says so", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			refused(t, s.confirm(id), purchase.AlreadyDone)
			s.until(id, purchase.Purchased)
			refused(t, s.confirm(id), purchase.AlreadyDone)
			s.check(1, 6375, 0)
		})
	})
	t.Run("only the requester's click counts", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			o := s.propose(spec())
			_, err := s.desk.Decide(ctx, purchase.Action{Actor: bob, Channel: math}, o.ID, orders.Decision{Kind: orders.Confirm})
			refused(t, err, purchase.NotYours)
			_, err = s.desk.Decide(ctx, purchase.Action{Actor: bob, Channel: math}, o.ID, orders.Decision{Kind: orders.Cancel})
			refused(t, err, purchase.NotYours)
			other := alice
			other.Team = "T2"
			_, err = s.desk.Decide(ctx, purchase.Action{Actor: other, Channel: math}, o.ID,
				orders.Decision{Kind: orders.Confirm})
			refused(t, err, purchase.NotYours)
			s.check(0, 0, 0)
			s.checkAudit("proposed", "refused", "refused", "refused")
		})
	})
	t.Run("an unknown order", func(t *testing.T) {
		inShop(t, 0, func(s *shop) { refused(t, s.confirm("01JD8Z3V5TQ4X6B7N8M9P0RSTW"), purchase.NoSuchOrder) })
	})
	t.Run("a late click", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			o := s.propose(spec())
			<-time.After(31 * time.Minute)
			refused(t, s.confirm(o.ID), purchase.TooLate)
			if got := s.order(o.ID).State; got != purchase.Expired {
				t.Errorf("the proposal is %s", got)
			}
			s.check(0, 0, 0)
		})
	})
	t.Run("cancelled before its turn", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			s.fault("outage")
			id := s.buy()
			<-time.After(5 * time.Second)
			if _, err := s.desk.Decide(ctx, purchase.Action{Actor: alice, Channel: math}, id,
				orders.Decision{Kind: orders.Cancel}); err != nil {
				t.Fatal(err)
			}
			s.server.SwitchOff("outage")
			<-time.After(5 * time.Minute)
			refused(t, s.confirm(id), purchase.TooLate)
			s.check(0, 0, 0)
		})
	})
	t.Run("an edited card replaces the old one", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			old := s.propose(spec())
			bigger := spec()
			bigger.RunLimit = 2
			p, err := s.desk.Propose(ctx, purchase.Request{Replaces: old.ID, Requester: alice, Channel: math, Spec: bigger})
			if err != nil || p.Order.Price != 2*6375 {
				t.Fatalf("%v, %v", p.Order.Price, err)
			}
			refused(t, s.confirm(old.ID), purchase.TooLate)
			if err := s.confirm(p.Order.ID); err != nil {
				t.Fatal(err)
			}
			s.until(p.Order.ID, purchase.Purchased)
			s.check(1, 2*6375, 0)
		})
	})
}

// The yes to a new price is a yes to that price only, and counts once.
func TestANewPriceIsConfirmedAnew(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.fault("price-moved")
		o := s.until(s.buy(), purchase.Failed)
		next, err := s.desk.Decide(context.Background(), purchase.Action{Actor: alice, Channel: math}, o.ID,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		if err != nil || next.Price != o.Failure.NewPrice {
			t.Fatalf("%v, %v", next.Price, err)
		}
		var no *purchase.Refusal
		if _, err := s.desk.Decide(context.Background(), purchase.Action{
			Actor:   alice,
			Channel: math,
		}, o.ID, orders.Decision{Kind: orders.ConfirmNewPrice}); !errors.As(err,
			&no) || no.Code != purchase.AlreadyDone {
			t.Errorf("a second yes got %v", err)
		}
		s.until(next.ID, purchase.Purchased)
		s.check(1, o.Failure.NewPrice, 0)
	})
}

// Two yeses at the same moment, and money for one of them.
func TestTheBudgetHoldsUnderConcurrency(t *testing.T) {
	inShop(t, 1000000, func(s *shop) {
		var ids []purchase.OrderID
		for range 20 { // 20 × $63.75, with $500 in the month: 7 fit
			ids = append(ids, s.propose(spec()).ID)
		}
		yes := make(chan bool, len(ids))
		for _, id := range ids {
			go func() { yes <- s.confirm(id) == nil }()
		}
		confirmed := 0
		for range ids {
			if <-yes {
				confirmed++
			}
		}
		if confirmed != 7 {
			t.Errorf("%d orders were promised", confirmed)
		}
		<-time.After(10 * time.Minute) // adding is throttled to 15 a minute
		s.check(7, 7*6375, 0)
	})
}

// A fixed term that begins now costs less with every minute it waits, never more, and ends when the card said.
func TestAFixedTermThatBeginsNow(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		sp := spec()
		sp.Period, sp.End = cocalc.PeriodRange, time.Now().Add(30*24*time.Hour)
		o := s.propose(sp)
		<-time.After(20 * time.Minute)
		if err := s.confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		o = s.until(o.ID, purchase.Purchased)
		if o.Receipt.Charged > o.Price || o.Renews != 0 {
			t.Errorf("shown %s, charged %s, renews at %s", o.Price, o.Receipt.Charged, o.Renews)
		}
		if d := o.Receipt.Expires.Sub(sp.End).Abs(); d > time.Second {
			t.Errorf("it expires %s, the card said %s", o.Receipt.Expires, sp.End)
		}
		s.check(1, o.Receipt.Charged, 0)
	})
}
