package purchase_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

var (
	erin      = purchase.Actor{ID: "UERIN", Team: "T1", Name: "erin"} // an approver
	frank     = purchase.Actor{ID: "UFRANK", Team: "T1", Name: "frank", Groups: []string{"SBOSSES"}}
	approvals = purchase.Channel{ID: "CDESK", Name: "approvals"}
)

// withApprovers asks erin, and the members of SBOSSES, about everything above 50 dollars.
func withApprovers(s *shop) {
	s.policy.Approvers = map[string]bool{erin.ID: true, "SBOSSES": true, alice.ID: true}
	s.policy.AutoApprove = 5000
	s.approvals = approvals.ID
}

func (s *shop) approve(id purchase.OrderID, who purchase.Actor) error {
	_, err := s.desk.Decide(context.Background(), purchase.Action{Actor: who, Channel: approvals}, id,
		orders.Decision{Kind: orders.Approve})
	return err
}

func (s *shop) deny(id purchase.OrderID, who purchase.Actor, reason string) error {
	_, err := s.desk.Decide(context.Background(), purchase.Action{Actor: who, Channel: approvals}, id,
		orders.Decision{Kind: orders.Deny, Reason: reason})
	return err
}

func TestApprovals(t *testing.T) {
	ctx := context.Background()
	t.Run("an approver agrees, and it is bought", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			<-time.After(time.Hour)
			o := s.order(id)
			if o.State != purchase.AwaitingApproval || o.Message(purchase.MessageAsk) == nil {
				t.Fatalf("the order is %s", o.State)
			}
			s.check(0, 0, 6375)
			s.refusedAs(s.approve(id, alice), purchase.OwnOrder)
			s.refusedAs(s.approve(id, bob), purchase.NotAnApprover)
			_, err := s.desk.Decide(ctx, purchase.Action{Actor: erin, Channel: purchase.Channel{ID: "CELSEWHERE"}}, id,
				orders.Decision{Kind: orders.Approve})
			s.refusedAs(err, purchase.Elsewhere)
			if err := s.approve(id, frank); err != nil {
				t.Fatal(err)
			}
			s.until(id, purchase.Purchased)
			err = s.deny(id, erin, "too much")
			s.refusedAs(err, purchase.TooLate)
			if !strings.Contains(err.Error(), `by="UFRANK" decided="2000-01-0`) {
				t.Errorf("the late approver reads %q", err)
			}
			s.check(1, 6375, 0)
		}, withApprovers)
	})
	t.Run("below the limit nobody is asked", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) { s.until(s.buy(), purchase.Purchased) }, withApprovers, func(s *shop) {
			s.policy.AutoApprove = 6375
		})
	})
	t.Run("renewing ones are asked about in any case", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			<-time.After(time.Second)
			if o := s.order(s.buy()); o.State != purchase.AwaitingApproval {
				t.Errorf("the order is %s", o.State)
			}
		}, withApprovers, func(s *shop) { s.policy.AutoApprove, s.policy.AskRenewing = 6375, true })
	})
	t.Run("a no ends it", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			s.refusedAs(s.deny(id, erin, " "), purchase.NoReason)
			if err := s.deny(id, erin, "there is one already"); err != nil {
				t.Fatal(err)
			}
			s.refusedAs(s.approve(id, frank), purchase.TooLate)
			if o := s.order(id); o.State != purchase.Denied || o.Approvals[0].Reason != "there is one already" {
				t.Errorf("%s, %+v", o.State, o.Approvals)
			}
			<-time.After(time.Hour)
			s.check(0, 0, 0)
		}, withApprovers)
	})
	t.Run("two have to agree", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			if err := s.approve(id, erin); err != nil {
				t.Fatal(err)
			}
			s.refusedAs(s.approve(id, erin), purchase.AlreadyDone)
			<-time.After(time.Hour)
			if o := s.order(id); o.State != purchase.AwaitingApproval {
				t.Fatalf("after one yes the order is %s", o.State)
			}
			if err := s.approve(id, frank); err != nil {
				t.Fatal(err)
			}
			s.until(id, purchase.Purchased)
		}, withApprovers, func(s *shop) { s.policy.Approvals = 2 })
	})
	t.Run("on a card that the ledger doesn't know yet", func(t *testing.T) {
		// Slack shows a message before the bot has its timestamp
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			click := func(on string) error {
				_, err := s.desk.Decide(ctx, purchase.Action{Actor: erin, Channel: approvals, MessageTS: on}, id,
					orders.Decision{Kind: orders.Approve})
				return err
			}
			if err := s.desk.Outbox.SetMessage(ctx, id, purchase.Message{
				Kind: purchase.MessageAsk, Channel: approvals.ID,
				TS: "1700000000.000200",
			}); err != nil {
				t.Fatal(err)
			}
			s.refusedAs(click("1700000000.000100"), purchase.StaleCard)
			s.refusedAs(click("999999999.000300"), purchase.StaleCard)
			if err := click("1700000000.000300"); err != nil {
				t.Errorf("the newer card: %v", err)
			}
			s.until(id, purchase.Purchased)
		}, withApprovers)
	})
	t.Run("the requester withdraws it", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			if _, err := s.desk.Decide(ctx, byAlice, id, orders.Decision{Kind: orders.Cancel}); err != nil {
				t.Fatal(err)
			}
			s.refusedAs(s.approve(id, erin), purchase.TooLate)
			s.check(0, 0, 0)
		}, withApprovers)
	})
	t.Run("nobody decides: one reminder, then it expires", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			<-time.After(35 * time.Hour)
			if texts := s.told(approvals.ID, purchase.NotificationReminder); len(texts) > 0 {
				t.Errorf("reminded early: %q", texts)
			}
			<-time.After(2 * time.Hour)
			s.restart()
			if texts := s.told(approvals.ID, purchase.NotificationReminder); len(texts) != 1 ||
				!strings.Contains(texts[0], `price="6375"`) {
				t.Errorf("reminded with %q", texts)
			}
			<-time.After(36 * time.Hour)
			if o := s.order(id); o.State != purchase.Expired || len(s.told(approvals.ID, purchase.NotificationReminder)) > 0 {
				t.Errorf("the order is %s", o.State)
			}
			s.check(0, 0, 0)
		}, withApprovers)
	})
	t.Run("approvers have less time than the card had", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			<-time.After(6 * time.Minute)
			if texts := s.told(approvals.ID, purchase.NotificationReminder); len(texts) != 1 {
				t.Errorf("reminded with %q", texts)
			}
			<-time.After(5 * time.Minute)
			if o := s.order(id); o.State != purchase.Expired {
				t.Errorf("the order is %s", o.State)
			}
			s.check(0, 0, 0)
		}, withApprovers, func(s *shop) { s.timing.Approval = 10 * time.Minute })
	})
	t.Run("without a reason it is asked for", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			p, err := s.desk.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec()})
			if err != nil {
				t.Fatal(err)
			}
			s.refusedAs(s.confirm(p.Order.ID), purchase.NoReason)
			if _, err := s.desk.Decide(ctx, byAlice, p.Order.ID,
				orders.Decision{Kind: orders.Confirm, Reason: "winter school"}); err != nil {
				t.Fatal(err)
			}
			if o := s.order(p.Order.ID); o.State != purchase.AwaitingApproval || o.Reason != "winter school" {
				t.Errorf("%s, %q", o.State, o.Reason)
			}
		}, withApprovers)
	})
	t.Run("without a reason a new price is not proposed either", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			s.policy.AutoApprove = 6375
			s.restart()
			s.fault("price-moved")
			p, err := s.desk.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec()})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.confirm(p.Order.ID); err != nil {
				t.Fatal(err)
			}
			s.until(p.Order.ID, purchase.Failed)
			o, err := s.desk.Decide(ctx, byAlice, p.Order.ID, orders.Decision{Kind: orders.ConfirmNewPrice})
			s.refusedAs(err, purchase.NoReason)
			if o.ID != p.Order.ID || len(s.events("proposed")) != 1 {
				t.Errorf("order %s, and %d proposals in the audit", o.ID, len(s.events("proposed")))
			}
			again := orders.Decision{Kind: orders.ConfirmNewPrice, Reason: "winter school"}
			if o, err = s.desk.Decide(ctx, byAlice, p.Order.ID, again); err != nil || o.State != purchase.AwaitingApproval ||
				o.Reason != "winter school" {
				t.Errorf("%s, %q (%v)", o.State, o.Reason, err)
			}
		}, withApprovers)
	})
	t.Run("the approvers cannot be reached", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			if _, err := s.desk.Decide(ctx, purchase.Action{}, id, orders.Decision{
				Kind:   orders.FailUnreachableApprovers,
				Reason: "not_in_channel",
			}); err != nil {
				t.Fatal(err)
			}
			if o := s.order(id); o.State != purchase.Failed ||
				!strings.Contains(o.Failure.String(), `nobody-to-ask lacks="access" problem="not_in_channel"`) {
				t.Errorf("%s, %+v", o.State, o.Failure)
			}
			s.check(0, 0, 0)
		}, withApprovers)
	})
	t.Run("the requester has lost the right meanwhile", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			s.lookUp = func(p purchase.Actor) purchase.Actor { p.Membership = purchase.Deactivated; return p }
			if err := s.approve(id, erin); err != nil {
				t.Fatal(err)
			}
			if o := s.order(id); o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy {
				t.Errorf("%s, %+v", o.State, o.Failure)
			}
			s.check(0, 0, 0)
		}, withApprovers)
	})
	t.Run("Slack does not say whether the requester may still buy", func(t *testing.T) {
		for name, silent := range map[string]func(purchase.Actor) purchase.Actor{
			"who they are": func(p purchase.Actor) purchase.Actor { p.Membership = purchase.Unverified; return p },
			"who is a buyer": func(p purchase.Actor) purchase.Actor {
				p.Groups, p.UnknownGroups = nil, []string{"SBUYERS"}
				return p
			},
		} {
			t.Run(name, func(t *testing.T) {
				inShop(t, 20000, func(s *shop) {
					id := s.buy()
					s.policy.Everyone, s.policy.Buyers = false, map[string]bool{"SBUYERS": true}
					s.lookUp = silent
					s.restart()
					err := s.approve(id, erin)
					s.refusedAs(err, purchase.Outsider)
					if o := s.order(id); o.State != purchase.AwaitingApproval || len(o.Approvals) > 0 ||
						!strings.Contains(err.Error(), `outsider unknown="requester"`) {
						t.Errorf("%s, %+v; the approver reads %q", o.State, o.Approvals, err)
					}
					s.lookUp = func(p purchase.Actor) purchase.Actor { p.Groups = []string{"SBUYERS"}; return p }
					if err := s.approve(id, erin); err != nil {
						t.Fatal(err)
					}
					s.until(id, purchase.Purchased)
				}, withApprovers)
			})
		}
	})
	t.Run("a limit was lowered meanwhile", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			s.policy.OrderLimit = purchase.Limit{Max: 6000}
			s.restart()
			if err := s.approve(id, erin); err != nil {
				t.Fatal(err)
			}
			if o := s.order(id); o.State != purchase.Failed || !strings.Contains(o.Failure.String(), `"6000"`) {
				t.Errorf("%s, %+v", o.State, o.Failure)
			}
			s.check(0, 0, 0)
		}, withApprovers)
	})
	t.Run("a price that moved needs a new yes of both", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			s.fault("price-moved")
			id := s.buy()
			if err := s.approve(id, erin); err != nil {
				t.Fatal(err)
			}
			s.until(id, purchase.Failed)
			o, err := s.desk.Decide(ctx, byAlice, id, orders.Decision{Kind: orders.ConfirmNewPrice})
			if err != nil || o.State != purchase.AwaitingApproval || o.Price != 7013 || len(o.Approvals) > 0 {
				t.Fatalf("%s at %s, %+v (%v)", o.State, o.Price, o.Approvals, err)
			}
			if err := s.approve(o.ID, erin); err != nil {
				t.Fatal(err)
			}
			s.until(o.ID, purchase.Purchased)
			s.check(1, 7013, 0)
		}, withApprovers)
	})
}

// Two hundred people approve, deny, buy and withdraw in the same second, with one budget for all of them.
func TestManyPeopleAtOnce(t *testing.T) {
	inShop(t, 100_000_00, func(s *shop) {
		ctx := context.Background()
		const people = 200
		var wanted []purchase.Order
		for i := range 40 {
			who := purchase.Actor{ID: fmt.Sprintf("UBUYER%d", i), Team: "T1"}
			p, err := s.desk.Propose(ctx, purchase.Request{Requester: who, Channel: math, Spec: spec(), Reason: "course"})
			if err != nil {
				t.Fatal(err)
			}
			wanted = append(wanted, p.Order)
		}
		var crowd sync.WaitGroup
		answers := make([]error, people)
		for i := range people {
			crowd.Go(func() {
				o := wanted[i%len(wanted)]
				approver := purchase.Action{Actor: purchase.Actor{
					ID: fmt.Sprintf("UBOSS%d", i), Team: "T1",
					Groups: []string{"SBOSSES"},
				}, Channel: approvals}
				switch i / len(wanted) {
				case 0, 1:
					_, answers[i] = s.desk.Decide(ctx, purchase.Action{Actor: o.Requester, Channel: math}, o.ID,
						orders.Decision{Kind: orders.Confirm})
				case 2:
					_, answers[i] = s.desk.Decide(ctx, approver, o.ID, orders.Decision{Kind: orders.Approve})
				case 3:
					_, answers[i] = s.desk.Decide(ctx, approver, o.ID, orders.Decision{Kind: orders.Deny, Reason: "no money"})
				default:
					_, answers[i] = s.desk.Decide(ctx, purchase.Action{Actor: o.Requester, Channel: math}, o.ID,
						orders.Decision{Kind: orders.Cancel})
				}
			})
		}
		crowd.Wait()
		for i, err := range answers {
			var no *purchase.Refusal
			if err != nil && !errors.As(err, &no) {
				t.Errorf("click %d: %v", i, err)
			}
		}
		for _, o := range wanted { // whoever is left is agreed to
			if s.order(o.ID).State == purchase.AwaitingApproval {
				if err := s.approve(o.ID, erin); err != nil {
					t.Error(err)
				}
			}
		}
		<-time.After(3 * time.Hour)
		bought := 0
		for _, o := range wanted {
			now := s.order(o.ID)
			switch {
			case !now.State.Final() && now.State != purchase.Proposed:
				t.Errorf("order %s is %s", o.ID, now.State)
			case now.State == purchase.Purchased:
				bought++
			}
			if n := len(now.Approvals); n > 1 {
				t.Errorf("order %s was decided %d times: %+v", o.ID, n, now.Approvals)
			}
		}
		if bought*6375 > 50000 {
			t.Errorf("%d licenses were bought with a budget of $500", bought)
		}
		s.check(bought, purchase.Cents(bought*6375), 0)
	}, withApprovers)
}

func TestTheBotPausesItself(t *testing.T) {
	t.Run("when the outcome of a second order is unknown", func(t *testing.T) {
		inShop(t, 40000, func(s *shop) {
			s.held()
			first := s.state().Pause
			s.server.ClearFaults()
			<-time.After(time.Hour)
			o := s.held()
			if first != nil || s.state().Pause == nil || !strings.Contains(s.state().Pause.Cause().String(), string(o.ID)) {
				t.Errorf("paused %+v, then %+v", first, s.state().Pause)
			}
			if texts := s.told(dana.ID, purchase.NotificationPaused); len(texts) != 1 {
				t.Errorf("the admin was told %q", texts)
			}
		})
	})
	t.Run("when CoCalc charges more than was agreed to", func(t *testing.T) {
		inShop(t, 40000, func(s *shop) {
			s.server.Inject(cocalctest.Fault{Endpoint: checkoutPath, Effect: cocalctest.PriceMoved, Percent: 110})
			id := s.buy()
			s.until(id, purchase.Purchased)
			if p := s.state().Pause; p == nil || !strings.Contains(p.Cause().String(), `charged="7013"`) {
				t.Errorf("paused %+v, charged %s", p, s.order(id).Receipt.Charged)
			}
			// Once: the count at the end of the watch says nothing new, and an admin may have resumed buying by then.
			if err := s.desk.SetPaused(context.Background(), byAdmin, false, "the difference was refunded"); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Hour)
			if n := len(s.events("overcharged")); n != 1 || s.state().Pause != nil {
				t.Errorf("it is recorded %d times, and buying is paused again: %+v", n, s.state().Pause)
			}
		})
	})
}

// Which settings limit what may be bought is recorded when they change, and only then.
func TestChangedSettingsAreRecorded(t *testing.T) {
	inShop(t, 0, func(s *shop) {
		note := func(values map[string]string, want int) {
			t.Helper()
			if err := s.desk.Process.NoteSettings(context.Background(), values); err != nil {
				t.Fatal(err)
			}
			if e := s.events("setting"); len(e) != want {
				t.Errorf("%d records, want %d: %+v", len(e), want, e)
			}
		}
		note(map[string]string{"ORDER_LIMIT": "$200.00", "BUYERS": "U1"}, 2)
		note(map[string]string{"ORDER_LIMIT": "$200.00", "BUYERS": "U1"}, 2)
		note(map[string]string{"ORDER_LIMIT": "$500.00", "BUYERS": "U1"}, 3)
		if e := s.events("setting"); e[2].Note != "ORDER_LIMIT changed from $200.00 to $500.00" {
			t.Errorf("recorded %q", e[2].Note)
		}
	})
}
