package purchase_test

import (
	"context"
	"errors"
	"testing"

	"licensebot/purchase/orders"

	"licensebot/purchase"
)

// One person with two ids in an organization: U… in the workspace, W… in the organization.
var (
	ursula = purchase.Actor{ID: "UURSULA", Org: "WURSULA", Name: "ursula"}
	wilma  = purchase.Actor{ID: "WURSULA", Name: "ursula"}
)

// buys asks for a license as someone and confirms it.
func (s *shop) buys(who purchase.Actor) (purchase.OrderID, error) {
	s.t.Helper()
	p, err := s.desk.Propose(context.Background(), purchase.Request{
		Requester: who, Channel: math, Spec: spec(),
		Reason: "winter school",
	})
	if err != nil {
		return "", err
	}
	_, err = s.desk.Decide(context.Background(), purchase.Action{Actor: who, Channel: math}, p.Order.ID,
		orders.Decision{Kind: orders.Confirm})
	return p.Order.ID, err
}

// Two ids of one person have one budget and one number of orders a day.
func TestTwoIDsHaveOneBudget(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second purchase.Actor
		set           func(*purchase.Policy)
		code          purchase.RefusalCode
	}{
		{"the workspace's id first", ursula, wilma, func(p *purchase.Policy) {
			p.PersonBudget = 10000
		}, purchase.OverPersonBudget},
		{"the organization's id first", wilma, ursula, func(p *purchase.Policy) {
			p.PersonBudget = 10000
		}, purchase.OverPersonBudget},
		{"orders of a day", ursula, wilma, func(p *purchase.Policy) { p.PersonOrders = 1 }, purchase.TooMany},
		{"Slack does not tell of the organization again", ursula, purchase.Actor{ID: ursula.ID}, func(p *purchase.Policy) {
			p.PersonOrders = 1
		}, purchase.TooMany},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 100000, func(s *shop) {
				id, err := s.buys(c.first)
				if err != nil {
					t.Fatal(err)
				}
				s.until(id, purchase.Purchased)
				_, err = s.buys(c.second)
				s.refusedAs(err, c.code)
				report, err := s.desk.Budgets(context.Background(), 1)
				if err != nil || len(report.Persons) != 1 || report.Share(ursula).Spent != 6375 ||
					report.Share(wilma).Spent != 6375 {
					t.Errorf("the report has %+v, %v", report.Persons, err)
				}
			}, func(s *shop) { c.set(&s.policy) })
		})
	}
}

// A ledger of a version that counted each id by itself counts them together from the next start on, and its books
// agree.
func TestBudgetsWithOldKeysKeepCounting(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		id, err := s.buys(ursula)
		if err != nil {
			t.Fatal(err)
		}
		s.until(id, purchase.Purchased)
		month := s.order(id).Month
		err = s.ledger.Update(context.Background(), func(w purchase.Writer) error { // as that version kept it
			account, err := w.Account()
			account.Twins = nil
			b, err2 := w.Budget(month)
			b.People = map[string]purchase.Share{ursula.ID: b.People[ursula.Org]}
			return errors.Join(err, err2, w.PutAccount(account), w.PutBudget(b))
		})
		if err != nil {
			t.Fatal(err)
		}
		if findings := s.books(); len(findings) > 0 {
			t.Errorf("the old books: %v", findings)
		}
		s.restart()
		_, err = s.buys(wilma)
		s.refusedAs(err, purchase.OverPersonBudget)
		b := s.month(month)
		if share := b.People[ursula.Org]; len(b.People) != 1 || share.Spent != 6375 || len(share.Days) != 1 {
			t.Errorf("the month has %+v", b.People)
		}
	}, func(s *shop) { s.policy.PersonBudget = 10000 })
}

// Whoever asked under one id can call the order off under the other, and rights that are given to one id hold for both.
func TestOneKeyPerPerson(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		p, err := s.desk.Propose(context.Background(), purchase.Request{Requester: ursula, Channel: math, Spec: spec()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.desk.Decide(context.Background(), purchase.Action{
			Actor:   wilma,
			Channel: math,
		}, p.Order.ID, orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Error(err)
		}
		if !ursula.Rights(s.desk.Rules().Policy).Administer || !wilma.Rights(s.desk.Rules().Policy).Administer {
			t.Error("an admin by the organization's id is none by the workspace's")
		}
	}, func(s *shop) {
		s.policy.Everyone, s.policy.Buyers, s.policy.Admins = false, map[string]bool{wilma.ID: true},
			map[string]bool{wilma.ID: true}
	})
}
