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

// An order can wait for its turn for days. What has changed by then applies to it: it is not bought by somebody who has
// left, nor by rules that do not hold any more, and its money is free again.
func TestWorker_Recheck_PolicyAndPeople(t *testing.T) {
	asNow := func(change func(*purchase.Actor)) func(*purchasetest.Env) {
		return func(env *purchasetest.Env) {
			env.LookUp = func(p purchase.Actor) purchase.Actor { change(&p); return p }
		}
	}
	cases := []struct {
		name   string
		agreed []purchase.Actor
		before func(*purchasetest.Env) // how it was promised; nil: without approvers
		then   func(*purchasetest.Env)
		says   string
	}{
		{"nothing", nil, nil, func(*purchasetest.Env) {}, ""},
		{
			"the requester was deactivated", nil, nil, asNow(func(p *purchase.Actor) { p.Membership = purchase.Deactivated }),
			`standing="deactivated"`,
		},
		{
			"the requester is a guest by now", nil, nil, asNow(func(p *purchase.Actor) { p.Membership = purchase.Guest }),
			`standing="guest"`,
		},
		{"the requester was taken off the list", nil, nil, func(env *purchasetest.Env) {
			env.Policy.Everyone, env.Policy.Buyers = false, map[string]bool{purchasetest.Bob.ID: true}
		}, `not-a-buyer`},
		{"the requester left the buyers' group", nil, nil, func(env *purchasetest.Env) {
			env.Policy.Everyone, env.Policy.Buyers = false, map[string]bool{"SBUYERS": true}
		}, `not-a-buyer`},
		{"licenses are asked for elsewhere", nil, nil, func(env *purchasetest.Env) {
			env.Policy.Channels = map[string]bool{"CLICENSES": true}
		}, `not-here`},
		{
			"a limit was lowered", nil, nil,
			func(env *purchasetest.Env) { env.Policy.MonthlyBudget = purchase.Limit{Max: 6000} },
			`limit="6000"`,
		},
		{
			"somebody has to agree by now", nil, nil, func(
				env *purchasetest.Env,
			) {
				env.Policy.Approvers = map[string]bool{purchasetest.Erin.ID: true}
			},
			`not-agreed has="0" needs="1"`,
		},
		{
			"its price needs an approval by now", nil, func(env *purchasetest.Env) {
				purchasetest.WithApprovers(
					env)
				env.Policy.AutoApprove = 6375
			},
			func(env *purchasetest.Env) { env.Policy.AutoApprove = 6374 }, `not-agreed has="0" needs="1"`,
		},
		{
			"renewing ones need an approval by now", nil, func(env *purchasetest.Env) {
				purchasetest.WithApprovers(
					env)
				env.Policy.AutoApprove = 6375
			},
			func(env *purchasetest.Env) { env.Policy.AskRenewing = true }, `not-agreed has="0" needs="1"`,
		},
		{
			"more people have to agree",
			[]purchase.Actor{purchasetest.Erin},
			purchasetest.WithApprovers,
			func(env *purchasetest.Env) {
				env.Policy.Approvals = 2
			}, `not-agreed has="1" needs="2"`,
		},
		{"fewer people have to agree", []purchase.Actor{purchasetest.Erin, purchasetest.Frank}, func(env *purchasetest.Env) {
			purchasetest.WithApprovers(env)
			env.Policy.Approvals = 2
		}, func(env *purchasetest.Env) { env.Policy.Approvals = 1 }, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			prepare := []func(*purchasetest.Env){}
			if c.before != nil {
				prepare = append(prepare, c.before)
			}
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.BuyThenPause(c.agreed...)
				env.Close() // two days of looking whether buying is still paused would show nothing
				<-time.After(48 * time.Hour)
				c.then(env)
				env.Open()
				env.Resume()
				o := env.Until(id, purchase.Purchased, purchase.Failed)
				switch {
				case c.says == "" && o.State != purchase.Purchased:
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				case c.says != "" && (o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy):
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				case c.says != "" && !strings.Contains(o.Failure.String(), c.says):
					t.Errorf("got %s, want %s in it", o.Failure, c.says)
				}
				if c.says != "" {
					env.Check(0, 0, 0)
				}
			}, prepare...)
		})
	}
}

// Slack does not say who the requester is when an old promise comes to its turn: the order waits for a while, and is
// bought when Slack answers, or not at all. A promise of this hour counts.
func TestWorker_Recheck_SlackSilent(t *testing.T) {
	silent := func(p purchase.Actor) purchase.Actor { p.Membership = purchase.Unverified; return p }
	for _, c := range []struct {
		name         string
		old          bool
		answersAgain bool
		want         purchase.State
	}{
		{"a promise of this hour", false, false, purchase.Purchased},
		{"an old one, and Slack answers again", true, true, purchase.Purchased},
		{"an old one, and Slack stays silent", true, false, purchase.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.BuyThenPause()
				if c.old {
					<-time.After(2 * time.Hour)
				}
				env.Stop()
				env.Stop = func() {}
				env.LookUp = silent
				env.Restart()
				env.Resume()
				<-time.After(time.Minute)
				if o := env.Order(id); c.old &&
					(o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForSlack) {
					t.Errorf("after a minute it is %s and waits %+v", o.State, o.Blocked)
				}
				if c.answersAgain {
					env.Stop()
					env.Stop = func() {}
					env.LookUp = nil
					env.Restart()
				}
				if o := env.Until(id, purchase.Purchased, purchase.Failed); o.State != c.want {
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				}
			})
		})
	}
}

// A limit that was lowered while an order waited for its turn applies to it: it is not bought, and its money is free
// again.
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
			t.Errorf("the order is %s: %+v", o.State, o.Failure)
		}
		env.Check(0, 0, 0)
	})
}

// A limit that is lowered while automatic orders wait holds for their sum too.
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
			t.Errorf("%s and %s were bought without approval, with a limit of $63.75", a.Price, b.Price)
		}
	}, purchasetest.WithApprovers, func(env *purchasetest.Env) { env.Policy.AutoApprove = 13000 })
}

// An order can wait for days: the project is looked at again before anything is put into the cart.
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
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				}
				env.Check(0, 0, 0)
			})
		})
	}
}

// While CoCalc does not tell of it the order waits, as for everything else.
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
			t.Errorf("it is %s, %+v", got.State, got.Blocked)
		}
		env.Server.ClearFaults()
		env.Until(o.ID, purchase.Purchased)
		env.Check(1, 6375, 0)
	})
}
