package checkout_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// An order that has waited for days is checked against the current policy and the current data of its requester. If
// they do not allow it any more, it fails and its reservation is released.
func TestWorker_Recheck_PolicyAndPeople(t *testing.T) {
	lookedUp := func(change func(*purchase.Actor)) func(*purchasetest.Env) {
		return func(env *purchasetest.Env) {
			env.LookUp = func(p purchase.Actor) purchase.Actor { change(&p); return p }
		}
	}
	cases := []struct {
		name      string
		approvers []purchase.Actor        // who approve the order
		before    func(*purchasetest.Env) // the settings at the approval; nil: without approvers
		change    func(*purchasetest.Env) // what changes while the order waits
		want      string                  // in the failure; "" if the order is bought
	}{
		{"nothing", nil, nil, func(*purchasetest.Env) {}, ""},
		{
			"the requester was deactivated", nil, nil, lookedUp(func(p *purchase.Actor) { p.Membership = purchase.Deactivated }),
			`standing="deactivated"`,
		},
		{
			"the requester became a guest", nil, nil, lookedUp(func(p *purchase.Actor) { p.Membership = purchase.Guest }),
			`standing="guest"`,
		},
		{"the requester was removed from the buyers", nil, nil, func(env *purchasetest.Env) {
			env.Policy.Everyone, env.Policy.Buyers = false, map[string]bool{purchasetest.Bob.ID: true}
		}, `not-a-buyer`},
		{"the requester left the buyers' group", nil, nil, func(env *purchasetest.Env) {
			env.Policy.Everyone, env.Policy.Buyers = false, map[string]bool{"SBUYERS": true}
		}, `not-a-buyer`},
		{"orders are allowed in another channel", nil, nil, func(env *purchasetest.Env) {
			env.Policy.Channels = map[string]bool{"CLICENSES": true}
		}, `not-here`},
		{
			"a limit was lowered", nil, nil,
			func(env *purchasetest.Env) { env.Policy.MonthlyBudget = purchase.Limit{Max: 6000} },
			`limit="6000"`,
		},
		{
			"approvers were configured", nil, nil, func(env *purchasetest.Env) {
				env.Policy.Approvers = map[string]bool{purchasetest.Erin.ID: true}
			},
			`not-agreed has="0" needs="1"`,
		},
		{
			"its price needs approval now", nil, func(env *purchasetest.Env) {
				purchasetest.WithApprovers(env)
				env.Policy.AutoApprove = 6375
			},
			func(env *purchasetest.Env) { env.Policy.AutoApprove = 6374 }, `not-agreed has="0" needs="1"`,
		},
		{
			"renewing licenses need approval now", nil, func(env *purchasetest.Env) {
				purchasetest.WithApprovers(env)
				env.Policy.AutoApprove = 6375
			},
			func(env *purchasetest.Env) { env.Policy.AskRenewing = true }, `not-agreed has="0" needs="1"`,
		},
		{
			"more approvals are required",
			[]purchase.Actor{purchasetest.Erin},
			purchasetest.WithApprovers,
			func(env *purchasetest.Env) {
				env.Policy.Approvals = 2
			}, `not-agreed has="1" needs="2"`,
		},
		{
			"fewer approvals are required",
			[]purchase.Actor{purchasetest.Erin, purchasetest.Frank},
			func(env *purchasetest.Env) {
				purchasetest.WithApprovers(env)
				env.Policy.Approvals = 2
			}, func(env *purchasetest.Env) { env.Policy.Approvals = 1 }, "",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			prepare := []func(*purchasetest.Env){}
			if c.before != nil {
				prepare = append(prepare, c.before)
			}
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.BuyThenPause(c.approvers...)
				env.Close() // a running bot would only wait for the end of the pause
				<-time.After(48 * time.Hour)
				c.change(env)
				env.Open()
				env.Resume()
				o := env.Until(id, purchase.Purchased, purchase.Failed)
				switch {
				case c.want == "" && o.State != purchase.Purchased:
					t.Errorf("state: got %s (failure %+v), want %s", o.State, o.Failure, purchase.Purchased)
				case c.want != "" && (o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy):
					t.Errorf("got %s (failure %+v), want %s (%s)", o.State, o.Failure, purchase.Failed, purchase.FailPolicy)
				case c.want != "" && !strings.Contains(o.Failure.String(), c.want):
					t.Errorf("failure: got %s, want %s in it", o.Failure, c.want)
				}
				if c.want != "" {
					env.Check(0, 0, 0)
				}
			}, prepare...)
		})
	}
}

// An order that was approved more than an hour ago needs the current data of its requester from Slack. It waits while
// Slack does not respond, and fails if that lasts. A more recent order does not wait.
func TestWorker_Recheck_SlackSilent(t *testing.T) {
	unverified := func(p purchase.Actor) purchase.Actor { p.Membership = purchase.Unverified; return p }
	for _, c := range []struct {
		name  string
		old   bool
		again bool // Slack responds again
		want  purchase.State
	}{
		{"a recent order", false, false, purchase.Purchased},
		{"an old order, Slack responds again", true, true, purchase.Purchased},
		{"an old order, Slack stays silent", true, false, purchase.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.BuyThenPause()
				if c.old {
					<-time.After(2 * time.Hour)
				}
				env.Stop()
				env.Stop = func() {}
				env.LookUp = unverified
				env.Restart()
				env.Resume()
				<-time.After(time.Minute)
				if o := env.Order(id); c.old &&
					(o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForSlack) {
					t.Errorf("after a minute: got %s, blocked %+v; want %s, %s", o.State, o.Blocked, purchase.Approved,
						purchase.WaitsForSlack)
				}
				if c.again {
					env.Stop()
					env.Stop = func() {}
					env.LookUp = nil
					env.Restart()
				}
				if o := env.Until(id, purchase.Purchased, purchase.Failed); o.State != c.want {
					t.Errorf("state: got %s (failure %+v), want %s", o.State, o.Failure, c.want)
				}
			})
		})
	}
}

// A limit that is lowered while an order waits applies to it: the order fails and its reservation is released.
func TestWorker_Recheck_LimitLowered(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("outage")
		id := env.Buy()
		<-time.After(10 * time.Second)
		env.Policy.OrderLimit = purchase.Limit{Max: 6374}
		env.Restart()
		env.Server.SwitchOff("outage")
		o := env.Until(id, purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy {
			t.Errorf("got %s (failure %+v), want %s (%s)", o.State, o.Failure, purchase.Failed, purchase.FailPolicy)
		}
		env.Check(0, 0, 0)
	})
}

// An automatic limit that is lowered while orders wait applies to their sum.
func TestWorker_Recheck_AutoApproveLowered(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		if err := env.Desk.SetPaused(context.Background(), purchase.Action{Actor: purchasetest.Dana, Typed: true}, true,
			"month-end close"); err != nil {
			t.Fatal(err)
		}
		env.Resume()
		first, second := env.Buy(), env.Buy()
		env.Close()
		env.Policy.AutoApprove = 6375 // enough for one
		env.Open()
		a, b := env.Until(first, purchase.Purchased, purchase.Failed), env.Until(second, purchase.Purchased, purchase.Failed)
		if a.State == purchase.Purchased && b.State == purchase.Purchased {
			t.Errorf("got orders of %s and %s bought without approval, want at most one within $63.75", a.Price, b.Price)
		}
	}, purchasetest.WithApprovers, func(env *purchasetest.Env) { env.Policy.AutoApprove = 13000 })
}

// The project of an order is checked again before its item is added to the cart.
func TestWorker_Recheck_ProjectGone(t *testing.T) {
	for name, gone := range map[string]func(*purchasetest.Env){
		"left": func(env *purchasetest.Env) { env.Account.LeaveProject(purchasetest.ProjectID) },
		"deleted": func(env *purchasetest.Env) {
			env.Account.ChangeProject(purchasetest.ProjectID, func(p *cocalctest.Project) { p.Deleted = true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				env.Account.AddProject(purchasetest.ProjectID, "Number theory")
				o, err := env.ProposeOnProject(purchasetest.ProjectID)
				if err != nil {
					t.Fatal(err)
				}
				gone(env)
				if err := env.Confirm(o.ID); err != nil {
					t.Fatal(err)
				}
				o = env.Until(o.ID, purchase.Purchased, purchase.Failed)
				if o.State != purchase.Failed || o.Failure.Code != purchase.FailProject ||
					env.Server.Count("shopping/cart/add") != 0 {
					t.Errorf("got %s (failure %+v) and %d add requests, want %s (%s) and 0", o.State, o.Failure,
						env.Server.Count("shopping/cart/add"), purchase.Failed, purchase.FailProject)
				}
				env.Check(0, 0, 0)
			})
		})
	}
}

// An order waits while its project cannot be read from CoCalc.
func TestWorker_Recheck_ProjectUnread(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Account.AddProject(purchasetest.ProjectID, "Number theory")
		o, err := env.ProposeOnProject(purchasetest.ProjectID)
		if err != nil {
			t.Fatal(err)
		}
		env.Server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 1000})
		if err := env.Confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(30 * time.Second)
		if got := env.Order(o.ID); got.State != purchase.Approved || got.Blocked == nil {
			t.Errorf("got %s, blocked %+v; want %s, blocked", got.State, got.Blocked, purchase.Approved)
		}
		env.Server.ClearFaults()
		env.Until(o.ID, purchase.Purchased)
		env.Check(1, 6375, 0)
	})
}
