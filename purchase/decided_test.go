package purchase_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/storage"
)

// Not to spend needs no word of Slack's: whoever asked can take an order back also while Slack does not say who they
// are, or of which workspace. Nobody else can.
func TestWithdrawingNeedsNoWordOfSlacks(t *testing.T) {
	for _, standing := range []purchase.Membership{purchase.Member, purchase.Unverified} {
		t.Run("standing "+string(standing), func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				id := s.buy()
				who := alice
				who.Membership = standing
				if standing == purchase.Unverified {
					who.Team = "THOME" // as Slack's click names it, in an organization of several workspaces
				}
				stranger := who
				stranger.ID = bob.ID
				_, err := s.desk.Decide(context.Background(), purchase.Action{Actor: stranger, Channel: math}, id,
					orders.Decision{Kind: orders.Cancel})
				s.refusedAs(err, purchase.NotYours)
				if _, err := s.desk.Decide(context.Background(), purchase.Action{Actor: who, Channel: math}, id,
					orders.Decision{Kind: orders.Cancel}); err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Hour)
				s.check(0, 0, 0)
			}, withApprovers)
		})
	}
}

// Where a decision was made is in the audit, with who made it and why: not where the order was asked for.
func TestWhereDecisionsWereMadeIsRecorded(t *testing.T) {
	ctx := context.Background()
	inShop(t, 20000, func(s *shop) {
		first, second, third := s.buy(), s.buy(), s.buy()
		if err := s.approve(first, erin); err != nil {
			t.Fatal(err)
		}
		if err := s.deny(second, erin, "there is one"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.desk.Decide(ctx, purchase.Action{
			Actor: alice, Channel: purchase.Channel{ID: "CTYPED"},
			Typed: true,
		}, third, orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		away := purchase.Action{Actor: dana, Channel: purchase.Channel{ID: "COPS"}, Typed: true}
		if err := s.desk.SetPaused(ctx, away, true, "the books are closed"); err != nil {
			t.Fatal(err)
		}
		if err := s.desk.SetPaused(ctx, away, false, "they are open"); err != nil {
			t.Fatal(err)
		}
		want := map[string]purchase.Event{
			"approved": {By: erin.ID, Place: approvals.ID}, "denied": {
				By: erin.ID, Place: approvals.ID,
				Note: "there is one",
			},
			"cancelled": {By: alice.ID, Place: "CTYPED"}, "paused": {By: dana.ID, Place: "COPS", Note: "the books are closed"},
			"resumed": {By: dana.ID, Place: "COPS", Note: "they are open"},
		}
		for kind, w := range want {
			got := s.events(kind)
			if len(got) != 1 || got[0].By != w.By || got[0].Place != w.Place || got[0].Note != w.Note {
				t.Errorf("%s: recorded %+v, want %+v", kind, got, w)
			}
		}
	}, withApprovers)
}

// While an admin has paused buying the bot finds something worse: who resumes buying reads of both, and the audit has
// both.
func TestWhatIsFoundDuringAPauseIsAddedToIt(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		<-time.After(time.Second)
		sp := spec()
		sp.Description = "order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"
		if err := s.desk.SetPaused(context.Background(), byAdmin, true, "the books are closed"); err != nil {
			t.Fatal(err)
		}
		s.account.AddToCart("site-license", string(sp.CartDescription(time.Now())))
		if err := s.account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(11 * time.Minute)
		p := s.state().Pause
		if p == nil || p.By != dana.ID || len(p.Incidents) != 2 || p.Incidents[0].Args["reason"] != "the books are closed" ||
			p.Incidents[1].Code != purchase.IncidentUnexplained {
			t.Errorf("paused: %+v", p)
		}
		if e := s.events("paused"); len(e) != 2 || e[1].By != "licensebot" {
			t.Errorf("recorded %+v", e)
		}
		<-time.After(time.Hour) // it is found once
		if e := s.events("paused"); len(e) != 2 {
			t.Errorf("recorded %+v", e)
		}
	})
}

// The bot was away for the whole time in which approvers could decide: the order ends, and nobody is reminded of it.
func TestNobodyIsRemindedOfWhatIsOver(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		id := s.buy()
		s.close()
		<-time.After(80 * time.Hour)
		s.open()
		<-time.After(time.Second)
		if o := s.order(id); o.State != purchase.Expired || len(s.told(approvals.ID, purchase.NotificationReminder)) > 0 {
			t.Errorf("it is %s", o.State)
		}
	}, withApprovers)
}

// Time is over at the very moment that the card names: a yes in that instant is late, also after an earlier one.
func TestAYesAtTheEndOfItsTime(t *testing.T) {
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
			d := desk.New(desk.Options{Ledger: ledger, ApprovalsChannel: approvals.ID, Now: func() time.Time {
				return now
			}, Policy: purchase.Policy{
				Everyone: true, Approvals: 2,
				Approvers: map[string]bool{erin.ID: true, bob.ID: true}, OrderLimit: purchase.Limit{None: true},
				MonthlyBudget: purchase.Limit{None: true},
			}})
			p, err := d.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec(), Reason: "winter school"})
			if err != nil {
				t.Fatal(err)
			}
			o, err := d.Decide(ctx, purchase.Action{Actor: alice, Channel: math}, p.Order.ID,
				orders.Decision{Kind: orders.Confirm})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Decide(ctx, purchase.Action{Actor: erin, Channel: approvals}, o.ID,
				orders.Decision{Kind: orders.Approve}); err != nil {
				t.Fatal(err)
			}
			now = o.ApproveBy.Add(-c.before)
			o, err = d.Decide(ctx, purchase.Action{Actor: bob, Channel: approvals}, o.ID, orders.Decision{Kind: orders.Approve})
			var no *purchase.Refusal
			switch {
			case !c.late && (err != nil || o.State != purchase.Approved):
				t.Errorf("it is %s (%v)", o.State, err)
			case c.late && (!errors.As(err, &no) || no.Code != purchase.TooLate ||
				!strings.Contains(no.Error(), `state="awaiting_approval"`)):
				t.Errorf("bob reads %v", err)
			}
		})
	}
}

// Nobody decides on their own order: where nobody else can, the order is not put before anybody.
func TestTooFewApproversBesideTheRequester(t *testing.T) {
	for name, c := range map[string]struct {
		approvers []string
		need      int
		asked     bool
	}{
		"the requester alone":                      {[]string{alice.ID}, 1, false},
		"the requester and one, where two have to": {[]string{alice.ID, erin.ID}, 2, false},
		"one other":                 {[]string{alice.ID, erin.ID}, 1, true},
		"a group, whoever is in it": {[]string{alice.ID, "SBOSSES"}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				o := s.propose(spec())
				err := s.confirm(o.ID)
				if c.asked {
					if err != nil || s.order(o.ID).State != purchase.AwaitingApproval {
						t.Errorf("it is %s (%v)", s.order(o.ID).State, err)
					}
					return
				}
				s.refusedAs(err, purchase.NobodyToAsk)
				s.check(0, 0, 0)
			}, withApprovers, func(s *shop) {
				s.policy.Approvals, s.policy.Approvers = c.need, map[string]bool{}
				for _, id := range c.approvers {
					s.policy.Approvers[id] = true
				}
			})
		})
	}
}
