package purchase_test

import (
	"context"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/purchase"
)

// What needs approval as one order needs it in parts too: a person's orders of a day count together.
func TestAutomaticApprovalInParts(t *testing.T) {
	inShop(t, 1000000, func(s *shop) {
		var ids []purchase.OrderID
		for range 7 {
			id := s.buy()
			ids = append(ids, id)
			if o := s.order(id); o.State == purchase.AwaitingApproval {
				continue
			}
			s.until(id, purchase.Purchased)
		}
		for i, id := range ids {
			want := purchase.AwaitingApproval
			if i < 2 { // $127.50 of $130.00
				want = purchase.Purchased
			}
			if o := s.order(id); o.State != want {
				t.Errorf("order %d is %s, want %s", i+1, o.State, want)
			}
		}
		if err := s.approve(ids[2], erin); err != nil {
			t.Fatal(err)
		}
		s.until(ids[2], purchase.Purchased)
		p, err := s.desk.Propose(context.Background(), purchase.Request{Requester: bob, Channel: math, Spec: spec()})
		if err != nil || p.NeedsApproval {
			t.Errorf("another person's card asks: %t, %v", p.NeedsApproval, err)
		}
		<-time.After(24 * time.Hour)
		if o := s.until(s.buy(), purchase.Purchased, purchase.AwaitingApproval); o.State != purchase.Purchased {
			t.Errorf("on the next day an order is %s", o.State)
		}
	}, withApprovers, func(s *shop) { s.policy.AutoApprove, s.policy.MonthlyBudget = 13000, purchase.Limit{Max: 100000} })
}

// An order that was not bought frees what it took of the day.
func TestAutomaticApprovalAfterAFailure(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		s.fault("price-moved")
		s.until(s.buy(), purchase.Failed)
		if o := s.until(s.buy(), purchase.Purchased, purchase.AwaitingApproval, purchase.Failed); o.State ==
			purchase.AwaitingApproval {
			t.Error("nothing was bought today, and approvers are asked")
		}
	}, withApprovers, func(s *shop) { s.policy.AutoApprove = 7500 })
}

// A limit that is lowered while automatic orders wait holds for their sum too.
func TestALoweredSumWhileOrdersWait(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		if err := s.desk.SetPaused(context.Background(), purchase.Action{Actor: dana, Typed: true}, true,
			"month-end close"); err != nil {
			t.Fatal(err)
		}
		s.resume()
		first, second := s.buy(), s.buy()
		s.close()
		s.policy.AutoApprove = 6375 // enough for one
		s.open()
		a, b := s.until(first, purchase.Purchased, purchase.Failed), s.until(second, purchase.Purchased, purchase.Failed)
		if a.State == purchase.Purchased && b.State == purchase.Purchased {
			t.Errorf("%s and %s were bought without approval, with a limit of $63.75", a.Price, b.Price)
		}
	}, withApprovers, func(s *shop) { s.policy.AutoApprove = 13000 })
}

// Withdrawn requests count: approvers are not flooded by one person.
func TestAskingAndWithdrawing(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		id := s.buy()
		if _, err := s.desk.Decide(context.Background(), purchase.Action{Actor: alice, Channel: math}, id,
			orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		_, err := s.buys(alice)
		s.refusedAs(err, purchase.TooMany)
		<-time.After(24 * time.Hour)
		if o := s.order(s.buy()); o.State != purchase.AwaitingApproval {
			t.Errorf("on the next day the order is %s", o.State)
		}
	}, withApprovers, func(s *shop) { s.policy.PersonOrders = 1 })
}

// The card of a new price expires like every card: a click on it buys nothing, and it offers to ask again instead.
func TestAnOldNewPrice(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		s.fault("price-moved")
		id := s.buy()
		o := s.until(id, purchase.Failed)
		now := time.Now()
		if !o.Offers(now) || !o.Offers(now.Add(29*time.Minute)) || o.Offers(now.Add(30*time.Minute)) {
			t.Errorf("the new price is good until %s, and it is %s", o.Failure.Until, now)
		}
		rev := o.Rev
		<-time.After(31 * time.Minute)
		if o = s.order(id); o.Rev == rev || !o.Failure.Until.IsZero() {
			t.Errorf("the card is not shown anew when its offer is over: revision %d, open: %t", o.Rev, o.Open())
		}
		_, err := s.desk.Decide(context.Background(), purchase.Action{Actor: alice, Channel: math}, id,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		s.refusedAs(err, purchase.TooLate)
		s.close() // months pass faster without a desk that looks around
		<-time.After(60 * 24 * time.Hour)
		s.open()
		_, err = s.desk.Decide(context.Background(), purchase.Action{Actor: alice, Channel: math}, id,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		s.refusedAs(err, purchase.TooLate)
		s.check(0, 0, 0)
	})
}

// In time the new price is bought once, and its offer waits for nothing more.
func TestANewPriceInTime(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		s.fault("price-moved")
		id := s.buy()
		s.until(id, purchase.Failed)
		<-time.After(29 * time.Minute)
		n, err := s.desk.Decide(context.Background(), purchase.Action{Actor: alice, Channel: math}, id,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		if err != nil {
			t.Fatal(err)
		}
		s.until(n.ID, purchase.Purchased, purchase.Failed)
		if o := s.order(id); o.Open() {
			t.Errorf("the order that was replaced is open: %+v", o.Failure)
		}
	})
}

// An order counts in the month of its requester's click, also when it is approved after midnight; docs/policy.md says
// so.
func TestApprovedAfterTheEndOfTheMonth(t *testing.T) {
	inShop(t, 1000000, func(s *shop) {
		asked := s.buy()
		<-time.After(2 * time.Hour)
		if err := s.approve(asked, erin); err != nil {
			t.Fatal(err)
		}
		s.until(asked, purchase.Purchased)
		if b := s.month("2000-01"); b.Spent != 6375 {
			t.Errorf("January: %+v", b)
		}
		if b := s.month("2000-02"); b.Spent != 0 || b.Reserved != 0 {
			t.Errorf("February: %+v", b)
		}
		next := s.buy() // February has all of its own
		if err := s.approve(next, erin); err != nil {
			t.Fatal(err)
		}
		s.until(next, purchase.Purchased)
	}, withApprovers, func(s *shop) {
		s.policy.MonthlyBudget = purchase.Limit{Max: 6400}
		<-time.After(30*24*time.Hour + 23*time.Hour) // 31 January 2000, 23:00
	})
}
