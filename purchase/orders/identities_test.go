package orders_test

import (
	"context"
	"errors"
	"testing"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// Two ids of one person share one budget and one number of orders a day.
func TestService_Twins_OneBudget(t *testing.T) {
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
			purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
				id, err := env.BuyAs(c.first)
				if err != nil {
					t.Fatal(err)
				}
				env.Until(id, purchase.Purchased)
				_, err = env.BuyAs(c.second)
				env.WantRefusal(err, c.code)
				report, err := env.Desk.Budgets(context.Background(), 1)
				if err != nil || len(report.Persons) != 1 || report.Share(ursula).Spent != 6375 ||
					report.Share(wilma).Spent != 6375 {
					t.Errorf("budget report: got %+v (error %v), want one person with 6375 cents", report.Persons, err)
				}
			}, func(env *purchasetest.Env) { c.set(&env.Policy) })
		})
	}
}

// A ledger of a version that counted each id by itself counts them together from the next start on, and passes the
// check.
func TestService_Twins_OldBudgetKeys(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		id, err := env.BuyAs(ursula)
		if err != nil {
			t.Fatal(err)
		}
		env.Until(id, purchase.Purchased)
		month := env.Order(id).Month
		err = env.Ledger.Update(context.Background(), func(w purchase.Writer) error { // as that version stored it
			account, err := w.Account()
			account.Twins, account.IDsMerged = nil, false
			b, err2 := w.Budget(month)
			b.People = map[string]purchase.Share{ursula.ID: b.People[ursula.Org]}
			return errors.Join(err, err2, w.PutAccount(account), w.PutBudget(b))
		})
		if err != nil {
			t.Fatal(err)
		}
		if findings := env.Findings(); len(findings) > 0 {
			t.Errorf("findings of the old ledger: got %v, want none", findings)
		}
		env.Restart()
		_, err = env.BuyAs(wilma)
		env.WantRefusal(err, purchase.OverPersonBudget)
		if !env.AccountState().IDsMerged {
			t.Error("got an account whose ids are not merged, want them merged once")
		}
		b := env.Budget(month)
		if share := b.People[ursula.Org]; len(b.People) != 1 || share.Spent != 6375 || len(share.Days) != 1 {
			t.Errorf("budget of the month: got %+v, want one person with 6375 cents and one day", b.People)
		}
	}, func(env *purchasetest.Env) { env.Policy.PersonBudget = 10000 })
}

// A requester with two ids can cancel an order under the other one, and rights of one id hold for both.
func TestService_Twins_CancelAndRights(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		p, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: ursula,
			Channel:   purchasetest.MathChannel, Spec: purchasetest.Spec(),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   wilma,
			Channel: purchasetest.MathChannel,
		}, p.Order.ID, orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Error(err)
		}
		if !ursula.Rights(env.Desk.Rules().Policy).Administer || !wilma.Rights(env.Desk.Rules().Policy).Administer {
			t.Errorf("rights to administer: got %t by the id of the workspace, %t by the organization's; want true, true",
				ursula.Rights(env.Desk.Rules().Policy).Administer, wilma.Rights(env.Desk.Rules().Policy).Administer)
		}
	}, func(env *purchasetest.Env) {
		env.Policy.Everyone, env.Policy.Buyers, env.Policy.Admins = false, map[string]bool{wilma.ID: true},
			map[string]bool{wilma.ID: true}
	})
}

// In an organization of several workspaces one person can have two ids. With neither can they approve their own order,
// or approve another order twice.
func TestService_Twins_ApproveOnce(t *testing.T) {
	aliceToo := purchase.Actor{ID: "WALICE", Team: "T1"} // Alice's id in the organization
	erinToo := purchase.Actor{ID: "WERIN", Team: "T1", Org: "WERIN"}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		here := purchasetest.Alice
		here.Org = "WALICE"
		p, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: here, Channel: purchasetest.MathChannel, Spec: purchasetest.Spec(),
			Reason: "winter school",
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   here,
			Channel: purchasetest.MathChannel,
		}, p.Order.ID, orders.Decision{Kind: orders.Confirm}); err != nil {
			t.Fatal(err)
		}
		id := p.Order.ID
		env.WantRefusal(env.Approve(id, aliceToo), purchase.OwnOrder)
		env.WantRefusal(env.Deny(id, aliceToo, "no"), purchase.OwnOrder)
		erinHere := purchasetest.Erin
		erinHere.Org = "WERIN"
		if err := env.Approve(id, erinHere); err != nil {
			t.Fatal(err)
		}
		env.WantRefusal(env.Approve(id, erinToo), purchase.AlreadyDone)
		if o := env.Order(id); o.State != purchase.AwaitingApproval || len(o.Approvals) != 1 {
			t.Errorf("got %s, approvals %+v; want %s, one approval", o.State, o.Approvals, purchase.AwaitingApproval)
		}
	}, purchasetest.WithApprovers, func(env *purchasetest.Env) {
		env.Policy.Approvals = 2
		env.Policy.Approvers["WALICE"], env.Policy.Approvers["WERIN"] = true, true
	})
}

// One person with two ids in an organization: U… in the workspace, W… in the organization.
var (
	ursula = purchase.Actor{ID: "UURSULA", Org: "WURSULA", Name: "ursula"}
	wilma  = purchase.Actor{ID: "WURSULA", Name: "ursula"}
)
