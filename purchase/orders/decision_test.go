package orders_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// Decide rejects the kinds that only Allowed takes, and Allowed those that only Decide takes.
func TestService_Decide_UnknownKind(t *testing.T) {
	d := desk.New(desk.Options{Ledger: purchasetest.NewLedger(t), Policy: openPolicy})
	p, err := d.Propose(t.Context(), purchase.Request{
		Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
		Spec: purchasetest.Spec(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []orders.DecisionKind{orders.Buy, orders.Edit, orders.Repeat, orders.See, ""} {
		if _, err := d.Decide(t.Context(), purchasetest.AliceAction, p.Order.ID, orders.Decision{Kind: kind}); err == nil {
			t.Errorf("Decide(%q): got error %v, want one", kind, err)
		}
	}
	for _, kind := range []orders.DecisionKind{orders.Confirm, orders.ConfirmNewPrice, orders.Cancel, ""} {
		if _, err := d.Allowed(t.Context(), purchasetest.AliceAction, p.Order.ID, kind); err == nil {
			t.Errorf("Allowed(%q): got error %v, want one", kind, err)
		}
	}
	if v, err := d.View(t.Context(), p.Order.ID); err != nil || v.Order.State != purchase.Proposed {
		t.Errorf("got %s (%v), want a proposal", v.Order.State, err)
	}
}

func TestService_Confirm_Clicks(t *testing.T) {
	refused := func(t *testing.T, err error, code purchase.RefusalCode) {
		t.Helper()
		var no *purchase.Refusal
		if !errors.As(err, &no) || no.Code != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	ctx := context.Background()
	t.Run("clicked twice it buys once and says so", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			refused(t, env.Confirm(id), purchase.AlreadyDone)
			env.Until(id, purchase.Purchased)
			refused(t, env.Confirm(id), purchase.AlreadyDone)
			env.Check(1, 6375, 0)
		})
	})
	t.Run("only the requester's click counts", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			o := env.Propose(purchasetest.Spec())
			_, err := env.Desk.Decide(ctx, purchase.Action{Actor: purchasetest.Bob, Channel: purchasetest.MathChannel}, o.ID,
				orders.Decision{Kind: orders.Confirm})
			refused(t, err, purchase.NotYours)
			_, err = env.Desk.Decide(ctx, purchase.Action{Actor: purchasetest.Bob, Channel: purchasetest.MathChannel}, o.ID,
				orders.Decision{Kind: orders.Cancel})
			refused(t, err, purchase.NotYours)
			other := purchasetest.Alice
			other.Team = "T2"
			_, err = env.Desk.Decide(ctx, purchase.Action{Actor: other, Channel: purchasetest.MathChannel}, o.ID,
				orders.Decision{Kind: orders.Confirm})
			refused(t, err, purchase.NotYours)
			env.Check(0, 0, 0)
			env.CheckAudit("proposed", "refused", "refused", "refused")
		})
	})
	t.Run("an unknown order", func(t *testing.T) {
		purchasetest.Run(t, 0, func(env *purchasetest.Env) {
			refused(t, env.Confirm("01JD8Z3V5TQ4X6B7N8M9P0RSTW"), purchase.NoSuchOrder)
		})
	})
	t.Run("a late click", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			o := env.Propose(purchasetest.Spec())
			<-time.After(31 * time.Minute)
			refused(t, env.Confirm(o.ID), purchase.TooLate)
			if got := env.Order(o.ID).State; got != purchase.Expired {
				t.Errorf("state of the proposal: got %s, want %s", got, purchase.Expired)
			}
			env.Check(0, 0, 0)
		})
	})
	t.Run("cancelled before its turn", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			env.SwitchOn("outage")
			id := env.Buy()
			<-time.After(5 * time.Second)
			if _, err := env.Desk.Decide(ctx, purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel}, id,
				orders.Decision{Kind: orders.Cancel}); err != nil {
				t.Fatal(err)
			}
			env.Server.SwitchOff("outage")
			<-time.After(5 * time.Minute)
			refused(t, env.Confirm(id), purchase.TooLate)
			env.Check(0, 0, 0)
		})
	})
	t.Run("an edited card replaces the old one", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			old := env.Propose(purchasetest.Spec())
			bigger := purchasetest.Spec()
			bigger.RunLimit = 2
			p, err := env.Desk.Propose(ctx, purchase.Request{
				Replaces: old.ID, Requester: purchasetest.Alice,
				Channel: purchasetest.MathChannel, Spec: bigger,
			})
			if err != nil || p.Order.Price != 2*6375 {
				t.Fatalf("got price %v (error %v), want %d cents", p.Order.Price, err, 2*6375)
			}
			refused(t, env.Confirm(old.ID), purchase.TooLate)
			if err := env.Confirm(p.Order.ID); err != nil {
				t.Fatal(err)
			}
			env.Until(p.Order.ID, purchase.Purchased)
			env.Check(1, 2*6375, 0)
		})
	})
}

// Rights and limits are checked at the confirmation, whatever they were when the card was made.
func TestService_Confirm_RightsAndLimits(t *testing.T) {
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
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				o := env.Propose(purchasetest.Spec())
				c.change(&env.Policy)
				env.Restart()
				env.WantRefusal(env.Confirm(o.ID), c.code)
				env.Check(0, 0, 0)
			})
		})
	}
}

// A button names its order by an id, which proves nothing: the person and the place of the click decide, and every
// refusal is recorded.
func TestService_Allowed_WhoAndWhere(t *testing.T) {
	ctx := context.Background()
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		o := env.Propose(purchasetest.Spec())
		own := purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel}
		stranger := purchase.Action{Actor: purchase.Actor{ID: "UEVE"}, Channel: purchasetest.MathChannel}
		elsewhere := purchase.Action{Actor: purchasetest.Alice, Channel: purchase.Channel{ID: "COTHER"}}
		for _, kind := range []orders.DecisionKind{orders.Repeat, orders.Edit} {
			if got, err := env.Desk.Allowed(ctx, own, o.ID, kind); err != nil || got.ID != o.ID {
				t.Errorf("%s by the requester: got order %q (error %v), want %q", kind, got.ID, err, o.ID)
			}
			_, err := env.Desk.Allowed(ctx, stranger, o.ID, kind)
			env.WantRefusal(err, purchase.NotYours)
			_, err = env.Desk.Allowed(ctx, elsewhere, o.ID, kind)
			env.WantRefusal(err, purchase.Elsewhere)
			_, err = env.Desk.Allowed(ctx, own, "01JD8Z3V5TQ4X6B7N8M9P0RSTW", kind)
			env.WantRefusal(err, purchase.NoSuchOrder)
		}
		guest := own
		guest.Actor.Membership = purchase.Guest
		_, err := env.Desk.Allowed(ctx, guest, o.ID, orders.Edit)
		env.WantRefusal(err, purchase.Outsider)
		_, err = env.Desk.Allowed(ctx, own, o.ID, orders.Resolve)
		env.WantRefusal(err, purchase.NotAnAdmin)
		_, err = env.Desk.Allowed(ctx, purchasetest.AdminAction, o.ID, orders.Resolve)
		env.WantRefusal(err, purchase.TooLate)
		_, err = env.Desk.Allowed(ctx, purchasetest.AdminAction, "01JD8Z3V5TQ4X6B7N8M9P0RSTW", orders.Resolve)
		env.WantRefusal(err, purchase.NoSuchOrder)
		if _, err := env.Desk.Decide(ctx, own, o.ID, orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		_, err = env.Desk.Allowed(ctx, own, o.ID, orders.Edit)
		env.WantRefusal(err, purchase.TooLate)
	})
}

// Cancelling needs no confirmation by Slack: the requester can cancel an order also while Slack does not say who they
// are or which workspace they belong to. Others cannot.
func TestService_Cancel_SlackSilent(t *testing.T) {
	for _, standing := range []purchase.Membership{purchase.Member, purchase.Unverified} {
		t.Run("standing "+string(standing), func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.Buy()
				who := purchasetest.Alice
				who.Membership = standing
				if standing == purchase.Unverified {
					who.Team = "THOME" // as Slack's click names it, in an organization of several workspaces
				}
				stranger := who
				stranger.ID = purchasetest.Bob.ID
				_, err := env.Desk.Decide(context.Background(), purchase.Action{Actor: stranger, Channel: purchasetest.MathChannel},
					id,
					orders.Decision{Kind: orders.Cancel})
				env.WantRefusal(err, purchase.NotYours)
				if _, err := env.Desk.Decide(context.Background(), purchase.Action{Actor: who, Channel: purchasetest.MathChannel},
					id,
					orders.Decision{Kind: orders.Cancel}); err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Hour)
				env.Check(0, 0, 0)
			}, purchasetest.WithApprovers)
		})
	}
}

// The audit records who made a decision, why, and where: the place of the decision, not that of the request.
func TestService_Decide_RecordsPlace(t *testing.T) {
	ctx := context.Background()
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		first, second, third := env.Buy(), env.Buy(), env.Buy()
		if err := env.Approve(first, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		if err := env.Deny(second, purchasetest.Erin, "there is one"); err != nil {
			t.Fatal(err)
		}
		if _, err := env.Desk.Decide(ctx, purchase.Action{
			Actor: purchasetest.Alice, Channel: purchase.Channel{ID: "CTYPED"},
			Typed: true,
		}, third, orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		away := purchase.Action{Actor: purchasetest.Dana, Channel: purchase.Channel{ID: "COPS"}, Typed: true}
		if err := env.Desk.SetPaused(ctx, away, true, "the books are closed"); err != nil {
			t.Fatal(err)
		}
		if err := env.Desk.SetPaused(ctx, away, false, "they are open"); err != nil {
			t.Fatal(err)
		}
		want := map[string]purchase.Event{
			"approved": {By: purchasetest.Erin.ID, Place: purchasetest.ApprovalsChannel.ID}, "denied": {
				By: purchasetest.Erin.ID, Place: purchasetest.ApprovalsChannel.ID,
				Note: "there is one",
			},
			"cancelled": {By: purchasetest.Alice.ID, Place: "CTYPED"}, "paused": {
				By: purchasetest.Dana.ID, Place: "COPS",
				Note: "the books are closed",
			},
			"resumed": {By: purchasetest.Dana.ID, Place: "COPS", Note: "they are open"},
		}
		for kind, w := range want {
			got := env.Events(kind)
			if len(got) != 1 || got[0].By != w.By || got[0].Place != w.Place || got[0].Note != w.Note {
				t.Errorf("audit records of %s: got %+v, want one: %+v", kind, got, w)
			}
		}
	}, purchasetest.WithApprovers)
}

// Two hundred people approve, deny, buy and cancel in the same second, with one budget for all of them.
func TestService_Decide_ManyPeopleAtOnce(t *testing.T) {
	purchasetest.Run(t, 100_000_00, func(env *purchasetest.Env) {
		ctx := context.Background()
		const people = 200
		var wanted []purchase.Order
		for i := range 40 {
			who := purchase.Actor{ID: fmt.Sprintf("UBUYER%d", i), Team: "T1"}
			p, err := env.Desk.Propose(ctx, purchase.Request{
				Requester: who, Channel: purchasetest.MathChannel,
				Spec: purchasetest.Spec(), Reason: "course",
			})
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
				}, Channel: purchasetest.ApprovalsChannel}
				switch i / len(wanted) {
				case 0, 1:
					_, answers[i] = env.Desk.Decide(ctx, purchase.Action{Actor: o.Requester, Channel: purchasetest.MathChannel}, o.ID,
						orders.Decision{Kind: orders.Confirm})
				case 2:
					_, answers[i] = env.Desk.Decide(ctx, approver, o.ID, orders.Decision{Kind: orders.Approve})
				case 3:
					_, answers[i] = env.Desk.Decide(ctx, approver, o.ID, orders.Decision{Kind: orders.Deny, Reason: "no money"})
				default:
					_, answers[i] = env.Desk.Decide(ctx, purchase.Action{Actor: o.Requester, Channel: purchasetest.MathChannel}, o.ID,
						orders.Decision{Kind: orders.Cancel})
				}
			})
		}
		crowd.Wait()
		for i, err := range answers {
			var no *purchase.Refusal
			if err != nil && !errors.As(err, &no) {
				t.Errorf("click %d: got error %v, want none or a refusal", i, err)
			}
		}
		for _, o := range wanted { // all others are approved
			if env.Order(o.ID).State == purchase.AwaitingApproval {
				if err := env.Approve(o.ID, purchasetest.Erin); err != nil {
					t.Error(err)
				}
			}
		}
		<-time.After(3 * time.Hour)
		bought := 0
		for _, o := range wanted {
			now := env.Order(o.ID)
			switch {
			case !now.State.Final() && now.State != purchase.Proposed:
				t.Errorf("order %s: got %s, want a final state or %s", o.ID, now.State, purchase.Proposed)
			case now.State == purchase.Purchased:
				bought++
			}
			if n := len(now.Approvals); n > 1 {
				t.Errorf("order %s: got %d approvals, want at most 1: %+v", o.ID, n, now.Approvals)
			}
		}
		if bought*6375 > 50000 {
			t.Errorf("got %d licenses at 6375 cents, want at most 50000 cents spent", bought)
		}
		env.Check(bought, purchase.Cents(bought*6375), 0)
	}, purchasetest.WithApprovers)
}
