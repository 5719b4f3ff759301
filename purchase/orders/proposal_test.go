package orders_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// CoCalc sells a license for any project id; a card is only made for a project that the account is in.
func TestService_Propose_Project(t *testing.T) {
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		env.Account.AddProject(purchasetest.ProjectID, "Number theory")
		env.Server.Add(cocalctest.NewAccount{}).AddProject("99999999-0000-4333-8444-555555555555", "theirs")
		for _, id := range []string{purchasetest.MissingProjectID, "99999999-0000-4333-8444-555555555555"} {
			if _, err := env.ProposeOnProject(id); refusalCode(err) != purchase.NoSuchProject || !strings.Contains(err.Error(),
				id) {
				t.Errorf("project %s: got error %v, want %s with its id", id, err, purchase.NoSuchProject)
			}
		}
		o, err := env.ProposeOnProject(purchasetest.ProjectID)
		if err != nil || o.Project == nil || *o.Project != (purchase.OnProject{Title: "Number theory"}) {
			t.Fatalf("project of the account: got %+v (error %v), want the title %q alone", o.Project, err, "Number theory")
		}
		if _, err := env.Desk.Propose(context.Background(), purchase.Request{
			Replaces: o.ID, Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Spec: specOnProject(purchasetest.MissingProjectID),
		}); refusalCode(err) != purchase.NoSuchProject {
			t.Errorf("edited order: got error %v, want %s", err, purchase.NoSuchProject)
		}
		if err := env.Confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		env.Until(o.ID, purchase.Purchased)
		if on := env.Account.Projects()[0].Licenses; len(on) != 1 {
			t.Errorf("licenses of the project: got %v, want 1", on)
		}
		env.Account.ChangeProject(purchasetest.ProjectID, func(p *cocalctest.Project) {
			p.Collaborator, p.Title = true, strings.Repeat("ä", 100_000)
		})
		if o, err := env.ProposeOnProject(purchasetest.ProjectID); err != nil || !o.Project.Collaborator ||
			o.Project.Title != strings.Repeat("ä", purchase.MaxTitle) {
			t.Errorf("project of a collaborator: got %+v (error %v), want Collaborator true and a title of %d letters",
				o.Project, err, purchase.MaxTitle)
		}
		env.Account.ChangeProject(purchasetest.ProjectID, func(p *cocalctest.Project) { p.Deleted = true })
		if _, err := env.ProposeOnProject(purchasetest.ProjectID); refusalCode(err) != purchase.NoSuchProject ||
			!strings.Contains(err.Error(), `deleted="true"`) {
			t.Errorf("deleted project: got error %v, want %s, deleted", err, purchase.NoSuchProject)
		}
		env.Check(1, 6375, 0)
	})
}

// A project that CoCalc does not report in time is treated as unknown, so the person waits no longer than Slack does.
func TestService_Propose_ProjectUnread(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Account.AddProject(purchasetest.ProjectID, "Number theory")
		<-time.After(time.Second) // after the reconciliation at start
		for _, f := range []cocalctest.Fault{
			{Endpoint: "user-query", Effect: cocalctest.Delay, Wait: time.Hour},
			{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 100},
			{Endpoint: "user-query", Effect: cocalctest.KeyRevoked},
		} {
			env.Server.Inject(f)
			began := time.Now()
			if _, err := env.ProposeOnProject(purchasetest.ProjectID); refusalCode(err) != purchase.ProjectUnread ||
				time.Since(began) > 2*time.Second {
				t.Errorf("%v: got error %v after %s, want %s within 2s", f.Effect, err, time.Since(began), purchase.ProjectUnread)
			} else if lost := strings.Contains(err.Error(), `why="key-refused"`); lost != (f.Effect == cocalctest.KeyRevoked) {
				t.Errorf("%v: got error %v, want the reason key-refused: %t", f.Effect, err, f.Effect == cocalctest.KeyRevoked)
			}
			env.Server.ClearFaults()
		}
	})
}

// A day with 23 or 25 hours, when the clock changes, is one day all the same.
func TestService_Propose_TermOverClockChange(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		for _, month := range []time.Month{time.March, time.June, time.October} {
			first := time.Date(2000, month, 10, 0, 0, 0, 0, vienna)
			for days, fits := range map[int]bool{29: true, 30: true, 31: false} {
				for _, less := range []time.Duration{0, time.Millisecond} {
					sp := purchasetest.Spec()
					sp.Period, sp.Start, sp.End = "range", first, first.AddDate(0, 0, days).Add(-less)
					_, err := env.Desk.Propose(context.Background(),
						purchase.Request{Requester: purchasetest.Alice, Channel: purchasetest.MathChannel, Spec: sp, Reason: "course"})
					var no *purchase.Refusal
					if refused := errors.As(err, &no) && no.Code == purchase.TooLarge; refused == fits || err != nil && !refused {
						t.Errorf("%d days from %s, less %s: got error %v, want %s: %t", days, first, less, err, purchase.TooLarge, !fits)
					}
				}
			}
		}
	}, func(env *purchasetest.Env) { env.Policy.Largest.Days, env.Policy.Location = 30, vienna })
}

// A card whose order was edited belongs to the next order, also when a click from before the edit arrives late.
func TestService_Amend_LateClick(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		ctx := context.Background()
		ask := purchase.Request{Requester: purchasetest.Alice, Channel: purchasetest.MathChannel, Spec: purchasetest.Spec()}
		old, err := env.Desk.Propose(ctx, ask)
		if err != nil {
			t.Fatal(err)
		}
		ask.Replaces = old.Order.ID
		next, err := env.Desk.Propose(ctx, ask)
		if err != nil {
			t.Fatal(err)
		}
		action := purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel, Card: purchase.Message{
			ResponseURL: "https://slack.test/1",
			Uses:        4,
		}}
		for _, kind := range []orders.DecisionKind{orders.Cancel, orders.Confirm} {
			var no *purchase.Refusal
			if _, err := env.Desk.Decide(ctx, action, old.Order.ID, orders.Decision{Kind: kind}); !errors.As(err, &no) ||
				no.Args["replaced"] != string(next.Order.ID) {
				t.Errorf("%s: got error %v, want a refusal that names the order %s", kind, err, next.Order.ID)
			}
			if o := env.Order(old.Order.ID); o.ReplacedBy != next.Order.ID || len(o.Messages) > 0 {
				t.Errorf("%s: the changed order: got replaced by %q, messages %+v; want %q, none", kind, o.ReplacedBy, o.Messages,
					next.Order.ID)
			}
			if o := env.Order(next.Order.ID); o.Message(purchase.MessageCard) == nil ||
				o.Message(purchase.MessageCard).ResponseURL != action.Card.ResponseURL {
				t.Errorf("%s: the next order: got messages %+v, want the card that was clicked, %s", kind, o.Messages,
					action.Card.ResponseURL)
			}
			action.Card.ResponseURL += "0"
		}
	})
}

func specOnProject(id string) purchase.Spec {
	sp := purchasetest.Spec()
	sp.ProjectID = id
	return sp
}
