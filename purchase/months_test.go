package purchase_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/purchase"
)

// month is what the ledger has of a month.
func (s *shop) month(name string) (b purchase.Budget) {
	s.t.Helper()
	err := s.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		b, err = r.Budget(name)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// yearsEnd lets the bubble begin an hour before the new year, where the team is.
func yearsEnd(s *shop) {
	withApprovers(s)
	s.policy.Location = time.FixedZone("an hour behind", -3600)
}

// Money counts in the month and on the day of the requester's yes, wherever the year ends in between: with the
// approvers' yes, with the purchase, with the withdrawal. What was withdrawn after approvers were asked stays one of
// the day's orders.
func TestOrdersThatWaitOverTheEndOfTheYear(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		<-time.After(50 * time.Minute)
		agreed, withdrawn, denied := s.buy(), s.buy(), s.buy()
		if b := s.month("1999-12"); b.Reserved != 3*6375 || b.People[alice.ID].Days["1999-12-31"] != 3 {
			t.Fatalf("in the old year: %+v", b)
		}
		<-time.After(time.Hour)
		if err := s.approve(agreed, erin); err != nil {
			t.Fatal(err)
		}
		if _, err := s.desk.Decide(context.Background(), byAlice, withdrawn,
			orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		if err := s.deny(denied, erin, "too late"); err != nil {
			t.Fatal(err)
		}
		s.until(agreed, purchase.Purchased)
		<-time.After(time.Hour)
		old, now := s.month("1999-12"), s.month("2000-01")
		if old.Spent != 6375 || old.Reserved != 0 || old.People[alice.ID].Days["1999-12-31"] != 2 || now.Spent != 0 ||
			now.Reserved != 0 {
			t.Errorf("in the old year %+v, in the new one %+v", old, now)
		}
		s.buy() // the new year has its own money and its own orders
		if b := s.month("2000-01"); b.Reserved != 6375 || b.People[alice.ID].Days["2000-01-01"] != 1 {
			t.Errorf("in the new year %+v", b)
		}
	}, yearsEnd, func(s *shop) { s.policy.MonthlyBudget, s.policy.PersonOrders = purchase.Limit{Max: 3 * 6375}, 3 })
}

// A budget that is lowered in the new year applies to what was promised in the old one, by the old month's money, and
// says so.
func TestABudgetThatIsLoweredOverTheEndOfTheYear(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		<-time.After(50 * time.Minute)
		id := s.buy()
		<-time.After(time.Hour)
		s.policy.MonthlyBudget = purchase.Limit{Max: 6374}
		s.restart()
		if err := s.approve(id, erin); err != nil {
			t.Fatal(err)
		}
		o := s.order(id)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy ||
			!strings.Contains(o.Failure.String(), `resets="2000-01-01T01:00:00Z"`) {
			t.Errorf("it is %s: %+v", o.State, o.Failure)
		}
		if b := s.month("1999-12"); b.Reserved != 0 || b.Spent != 0 {
			t.Errorf("of the old year is left %+v", b)
		}
	}, yearsEnd)
}
