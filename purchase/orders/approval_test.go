package orders_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
	"licensebot/storage"
)

func TestService_Approve_RequestToEnd(t *testing.T) {
	ctx := context.Background()
	t.Run("an approver agrees, and it is bought", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			<-time.After(time.Hour)
			o := env.Order(id)
			if o.State != purchase.AwaitingApproval || o.Message(purchase.MessageAsk) == nil {
				t.Fatalf("order: got %s, messages %+v; want %s, with a request to the approvers", o.State, o.Messages,
					purchase.AwaitingApproval)
			}
			env.Check(0, 0, 6375)
			env.WantRefusal(env.Approve(id, purchasetest.Alice), purchase.OwnOrder)
			env.WantRefusal(env.Approve(id, purchasetest.Bob), purchase.NotAnApprover)
			_, err := env.Desk.Decide(ctx, purchase.Action{
				Actor:   purchasetest.Erin,
				Channel: purchase.Channel{ID: "CELSEWHERE"},
			}, id,
				orders.Decision{Kind: orders.Approve})
			env.WantRefusal(err, purchase.Elsewhere)
			if err := env.Approve(id, purchasetest.Frank); err != nil {
				t.Fatal(err)
			}
			env.Until(id, purchase.Purchased)
			err = env.Deny(id, purchasetest.Erin, "too much")
			env.WantRefusal(err, purchase.TooLate)
			if !strings.Contains(err.Error(), `by="UFRANK" decided="2000-01-0`) {
				t.Errorf("refusal of the late denial: got %q, want who decided and when", err)
			}
			env.Check(1, 6375, 0)
		}, purchasetest.WithApprovers)
	})
	t.Run("below the limit nobody is asked", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) { env.Until(env.Buy(), purchase.Purchased) },
			purchasetest.WithApprovers, func(env *purchasetest.Env) {
				env.Policy.AutoApprove = 6375
			})
	})
	t.Run("renewing ones are asked about in any case", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			<-time.After(time.Second)
			if o := env.Order(env.Buy()); o.State != purchase.AwaitingApproval {
				t.Errorf("state: got %s, want %s", o.State, purchase.AwaitingApproval)
			}
		}, purchasetest.WithApprovers, func(env *purchasetest.Env) {
			env.Policy.AutoApprove, env.Policy.AskRenewing = 6375,
				true
		})
	})
	t.Run("a no ends it", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			env.WantRefusal(env.Deny(id, purchasetest.Erin, " "), purchase.NoReason)
			if err := env.Deny(id, purchasetest.Erin, "there is one already"); err != nil {
				t.Fatal(err)
			}
			env.WantRefusal(env.Approve(id, purchasetest.Frank), purchase.TooLate)
			if o := env.Order(id); o.State != purchase.Denied || o.Approvals[0].Reason != "there is one already" {
				t.Errorf("got %s, approvals %+v; want %s, with the reason", o.State, o.Approvals, purchase.Denied)
			}
			<-time.After(time.Hour)
			env.Check(0, 0, 0)
		}, purchasetest.WithApprovers)
	})
	t.Run("two have to agree", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			if err := env.Approve(id, purchasetest.Erin); err != nil {
				t.Fatal(err)
			}
			env.WantRefusal(env.Approve(id, purchasetest.Erin), purchase.AlreadyDone)
			<-time.After(time.Hour)
			if o := env.Order(id); o.State != purchase.AwaitingApproval {
				t.Fatalf("state after one approval: got %s, want %s", o.State, purchase.AwaitingApproval)
			}
			if err := env.Approve(id, purchasetest.Frank); err != nil {
				t.Fatal(err)
			}
			env.Until(id, purchase.Purchased)
		}, purchasetest.WithApprovers, func(env *purchasetest.Env) { env.Policy.Approvals = 2 })
	})
	t.Run("on a card that the ledger doesn't know yet", func(t *testing.T) {
		// Slack shows a message before the bot has its timestamp
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			click := func(on string) error {
				_, err := env.Desk.Decide(ctx, purchase.Action{
					Actor: purchasetest.Erin, Channel: purchasetest.ApprovalsChannel,
					MessageTS: on,
				}, id,
					orders.Decision{Kind: orders.Approve})
				return err
			}
			if err := env.Desk.Outbox.SetMessage(ctx, id, purchase.Message{
				Kind: purchase.MessageAsk, Channel: purchasetest.ApprovalsChannel.ID,
				TS: "1700000000.000200",
			}); err != nil {
				t.Fatal(err)
			}
			env.WantRefusal(click("1700000000.000100"), purchase.StaleCard)
			env.WantRefusal(click("999999999.000300"), purchase.StaleCard)
			if err := click("1700000000.000300"); err != nil {
				t.Errorf("click on the newer card: got error %v, want none", err)
			}
			env.Until(id, purchase.Purchased)
		}, purchasetest.WithApprovers)
	})
	t.Run("the requester withdraws it", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			if _, err := env.Desk.Decide(ctx, purchasetest.AliceAction, id, orders.Decision{Kind: orders.Cancel}); err != nil {
				t.Fatal(err)
			}
			env.WantRefusal(env.Approve(id, purchasetest.Erin), purchase.TooLate)
			env.Check(0, 0, 0)
		}, purchasetest.WithApprovers)
	})
	t.Run("nobody decides: one reminder, then it expires", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			<-time.After(35 * time.Hour)
			if texts := env.Notifications(purchasetest.ApprovalsChannel.ID, purchase.NotificationReminder); len(texts) > 0 {
				t.Errorf("reminders before their time: got %q, want none", texts)
			}
			<-time.After(2 * time.Hour)
			env.Restart()
			if texts := env.Notifications(purchasetest.ApprovalsChannel.ID, purchase.NotificationReminder); len(texts) != 1 ||
				!strings.Contains(texts[0], `price="6375"`) {
				t.Errorf("reminders: got %q, want one with the price", texts)
			}
			<-time.After(36 * time.Hour)
			if o := env.Order(id); o.State != purchase.Expired || len(env.Notifications(purchasetest.ApprovalsChannel.ID,
				purchase.NotificationReminder)) > 0 {
				t.Errorf("got %s, want %s and no further reminder", o.State, purchase.Expired)
			}
			env.Check(0, 0, 0)
		}, purchasetest.WithApprovers)
	})
	t.Run("approvers have less time than the card had", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			<-time.After(6 * time.Minute)
			if texts := env.Notifications(purchasetest.ApprovalsChannel.ID, purchase.NotificationReminder); len(texts) != 1 {
				t.Errorf("reminders: got %q, want 1", texts)
			}
			<-time.After(5 * time.Minute)
			if o := env.Order(id); o.State != purchase.Expired {
				t.Errorf("state: got %s, want %s", o.State, purchase.Expired)
			}
			env.Check(0, 0, 0)
		}, purchasetest.WithApprovers, func(env *purchasetest.Env) { env.Timing.Approval = 10 * time.Minute })
	})
	t.Run("without a reason it is asked for", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			p, err := env.Desk.Propose(ctx, purchase.Request{
				Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
				Spec: purchasetest.Spec(),
			})
			if err != nil {
				t.Fatal(err)
			}
			env.WantRefusal(env.Confirm(p.Order.ID), purchase.NoReason)
			if _, err := env.Desk.Decide(ctx, purchasetest.AliceAction, p.Order.ID,
				orders.Decision{Kind: orders.Confirm, Reason: "winter school"}); err != nil {
				t.Fatal(err)
			}
			if o := env.Order(p.Order.ID); o.State != purchase.AwaitingApproval || o.Reason != "winter school" {
				t.Errorf("got %s, reason %q; want %s, reason %q", o.State, o.Reason, purchase.AwaitingApproval, "winter school")
			}
		}, purchasetest.WithApprovers)
	})
	t.Run("without a reason a new price is not proposed either", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			env.Policy.AutoApprove = 6375
			env.Restart()
			env.SwitchOn("price-moved")
			p, err := env.Desk.Propose(ctx, purchase.Request{
				Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
				Spec: purchasetest.Spec(),
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := env.Confirm(p.Order.ID); err != nil {
				t.Fatal(err)
			}
			env.Until(p.Order.ID, purchase.Failed)
			o, err := env.Desk.Decide(ctx, purchasetest.AliceAction, p.Order.ID, orders.Decision{Kind: orders.ConfirmNewPrice})
			env.WantRefusal(err, purchase.NoReason)
			if o.ID != p.Order.ID || len(env.Events("proposed")) != 1 {
				t.Errorf("got order %s, %d proposals in the audit; want order %s, 1 proposal", o.ID, len(env.Events("proposed")),
					p.Order.ID)
			}
			again := orders.Decision{Kind: orders.ConfirmNewPrice, Reason: "winter school"}
			if o, err = env.Desk.Decide(ctx, purchasetest.AliceAction, p.Order.ID, again); err != nil ||
				o.State != purchase.AwaitingApproval ||
				o.Reason != "winter school" {
				t.Errorf("got %s, reason %q (error %v); want %s, reason %q", o.State, o.Reason, err, purchase.AwaitingApproval,
					"winter school")
			}
		}, purchasetest.WithApprovers)
	})
	t.Run("the approvers cannot be reached", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			if _, err := env.Desk.Decide(ctx, purchase.Action{}, id, orders.Decision{
				Kind:   orders.FailUnreachableApprovers,
				Reason: "not_in_channel",
			}); err != nil {
				t.Fatal(err)
			}
			if o := env.Order(id); o.State != purchase.Failed ||
				!strings.Contains(o.Failure.String(), `nobody-to-ask lacks="access" problem="not_in_channel"`) {
				t.Errorf("got %s, failure %+v; want %s, since the bot is not in the approvers' channel", o.State, o.Failure,
					purchase.Failed)
			}
			env.Check(0, 0, 0)
		}, purchasetest.WithApprovers)
	})
	t.Run("the requester has lost the right meanwhile", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			env.LookUp = func(p purchase.Actor) purchase.Actor { p.Membership = purchase.Deactivated; return p }
			if err := env.Approve(id, purchasetest.Erin); err != nil {
				t.Fatal(err)
			}
			if o := env.Order(id); o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy {
				t.Errorf("got %s, failure %+v; want %s, %s", o.State, o.Failure, purchase.Failed, purchase.FailPolicy)
			}
			env.Check(0, 0, 0)
		}, purchasetest.WithApprovers)
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
				purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
					id := env.Buy()
					env.Policy.Everyone, env.Policy.Buyers = false, map[string]bool{"SBUYERS": true}
					env.LookUp = silent
					env.Restart()
					err := env.Approve(id, purchasetest.Erin)
					env.WantRefusal(err, purchase.Outsider)
					if o := env.Order(id); o.State != purchase.AwaitingApproval || len(o.Approvals) > 0 ||
						!strings.Contains(err.Error(), `outsider unknown="requester"`) {
						t.Errorf("got %s, approvals %+v, refusal %q; want %s, no approvals, and a requester who can't be looked up",
							o.State, o.Approvals, err, purchase.AwaitingApproval)
					}
					env.LookUp = func(p purchase.Actor) purchase.Actor { p.Groups = []string{"SBUYERS"}; return p }
					if err := env.Approve(id, purchasetest.Erin); err != nil {
						t.Fatal(err)
					}
					env.Until(id, purchase.Purchased)
				}, purchasetest.WithApprovers)
			})
		}
	})
	t.Run("a limit was lowered meanwhile", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			env.Policy.OrderLimit = purchase.Limit{Max: 6000}
			env.Restart()
			if err := env.Approve(id, purchasetest.Erin); err != nil {
				t.Fatal(err)
			}
			if o := env.Order(id); o.State != purchase.Failed || !strings.Contains(o.Failure.String(), `"6000"`) {
				t.Errorf("got %s, failure %+v; want %s, with the approved price 6000", o.State, o.Failure, purchase.Failed)
			}
			env.Check(0, 0, 0)
		}, purchasetest.WithApprovers)
	})
	t.Run("a price that moved needs a new yes of both", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			env.SwitchOn("price-moved")
			id := env.Buy()
			if err := env.Approve(id, purchasetest.Erin); err != nil {
				t.Fatal(err)
			}
			env.Until(id, purchase.Failed)
			o, err := env.Desk.Decide(ctx, purchasetest.AliceAction, id, orders.Decision{Kind: orders.ConfirmNewPrice})
			if err != nil || o.State != purchase.AwaitingApproval || o.Price != 7013 || len(o.Approvals) > 0 {
				t.Fatalf("got %s at %s, approvals %+v (error %v); want %s at 7013 cents, no approvals", o.State, o.Price,
					o.Approvals, err, purchase.AwaitingApproval)
			}
			if err := env.Approve(o.ID, purchasetest.Erin); err != nil {
				t.Fatal(err)
			}
			env.Until(o.ID, purchase.Purchased)
			env.Check(1, 7013, 0)
		}, purchasetest.WithApprovers)
	})
}

// The deadline on the card is exclusive: an approval at that instant is late, also after an earlier one.
func TestService_Approve_AtDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		before time.Duration
		late   bool
	}{"a moment before": {time.Nanosecond, false}, "at that moment": {0, true}} {
		t.Run(name, func(t *testing.T) {
			ctx, now := context.Background(), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer ledger.Close()
			d := desk.New(desk.Options{
				Ledger: ledger, ApprovalsChannel: purchasetest.ApprovalsChannel.ID,
				Now: func() time.Time {
					return now
				}, Policy: purchase.Policy{
					Everyone: true, Approvals: 2,
					Approvers:     map[string]bool{purchasetest.Erin.ID: true, purchasetest.Bob.ID: true},
					OrderLimit:    purchase.Limit{None: true},
					MonthlyBudget: purchase.Limit{None: true},
				},
			})
			p, err := d.Propose(ctx, purchase.Request{
				Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
				Spec: purchasetest.Spec(), Reason: "winter school",
			})
			if err != nil {
				t.Fatal(err)
			}
			o, err := d.Decide(ctx, purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel}, p.Order.ID,
				orders.Decision{Kind: orders.Confirm})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Decide(ctx, purchase.Action{Actor: purchasetest.Erin, Channel: purchasetest.ApprovalsChannel}, o.ID,
				orders.Decision{Kind: orders.Approve}); err != nil {
				t.Fatal(err)
			}
			now = o.ApproveBy.Add(-c.before)
			o, err = d.Decide(ctx, purchase.Action{Actor: purchasetest.Bob, Channel: purchasetest.ApprovalsChannel}, o.ID,
				orders.Decision{Kind: orders.Approve})
			var no *purchase.Refusal
			switch {
			case !c.late && (err != nil || o.State != purchase.Approved):
				t.Errorf("got %s (error %v), want %s", o.State, err, purchase.Approved)
			case c.late && (!errors.As(err, &no) || no.Code != purchase.TooLate ||
				!strings.Contains(no.Error(), `state="awaiting_approval"`)):
				t.Errorf("bob's refusal: got %v, want %s, with state awaiting_approval", err, purchase.TooLate)
			}
		})
	}
}

// The bot was stopped for the whole time in which approvers could decide: the order expires without a reminder.
func TestService_Approve_NoReminderAfterDeadline(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Close()
		<-time.After(80 * time.Hour)
		env.Open()
		<-time.After(time.Second)
		if o := env.Order(id); o.State != purchase.Expired || len(env.Notifications(purchasetest.ApprovalsChannel.ID,
			purchase.NotificationReminder)) > 0 {
			t.Errorf("got %s, want %s and no reminder", o.State, purchase.Expired)
		}
	}, purchasetest.WithApprovers)
}
