package orders_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// Two confirmations at the same moment, with money for one of them.
func TestService_Confirm_BudgetManyAtOnce(t *testing.T) {
	purchasetest.Run(t, 1000000, func(env *purchasetest.Env) {
		var ids []purchase.OrderID
		for range 20 { // 20 × $63.75, with $500 in the month: 7 fit
			ids = append(ids, env.Propose(purchasetest.Spec()).ID)
		}
		yes := make(chan bool, len(ids))
		for _, id := range ids {
			go func() { yes <- env.Confirm(id) == nil }()
		}
		confirmed := 0
		for range ids {
			if <-yes {
				confirmed++
			}
		}
		if confirmed != 7 {
			t.Errorf("confirmed orders: got %d, want 7", confirmed)
		}
		<-time.After(10 * time.Minute) // adding is throttled to 15 a minute
		env.Check(7, 7*6375, 0)
	}, purchasetest.MidMonth)
}

// An order counts in the month and on the day of the requester's confirmation, wherever the year ends in between:
// before the approval, the purchase or the cancellation. A request that was cancelled after it went to the approvers
// stays one of the day's orders.
func TestService_Budget_OrdersOverYearEnd(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(50 * time.Minute)
		agreed, withdrawn, denied := env.Buy(), env.Buy(), env.Buy()
		if b := env.Budget("1999-12"); b.Reserved != 3*6375 || b.People[purchasetest.Alice.ID].Days["1999-12-31"] != 3 {
			t.Fatalf("budget of the old year: got %+v, want 3 orders reserved and counted on its last day", b)
		}
		<-time.After(time.Hour)
		if err := env.Approve(agreed, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		if _, err := env.Desk.Decide(context.Background(), purchasetest.AliceAction, withdrawn,
			orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		if err := env.Deny(denied, purchasetest.Erin, "too late"); err != nil {
			t.Fatal(err)
		}
		env.Until(agreed, purchase.Purchased)
		<-time.After(time.Hour)
		old, now := env.Budget("1999-12"), env.Budget("2000-01")
		if old.Spent != 6375 || old.Reserved != 0 || old.People[purchasetest.Alice.ID].Days["1999-12-31"] != 2 ||
			now.Spent != 0 ||
			now.Reserved != 0 {
			t.Errorf("got old year %+v, new year %+v; want 6375 cents of 2 orders, and nothing", old, now)
		}
		env.Buy() // the new year has its own money and its own orders; this one is renewed on 27 January
		if b := env.Budget("2000-01"); b.Reserved != 2*6375 || b.People[purchasetest.Alice.ID].Days["2000-01-01"] != 1 {
			t.Errorf("budget of the new year: got %+v, want twice 6375 cents reserved and 1 order counted", b)
		}
	}, atYearEnd, func(env *purchasetest.Env) {
		env.Policy.MonthlyBudget, env.Policy.PersonOrders = purchase.Limit{Max: 3 * 6375}, 3
	})
}

// A budget that is lowered in the new year applies to the orders reserved in the old one, with the old month's amounts,
// and the refusal names them.
func TestService_Budget_LoweredOverYearEnd(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(50 * time.Minute)
		id := env.Buy()
		<-time.After(time.Hour)
		env.Policy.MonthlyBudget = purchase.Limit{Max: 6374}
		env.Restart()
		if err := env.Approve(id, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		o := env.Order(id)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy ||
			!strings.Contains(o.Failure.String(), `resets="2000-01-01T01:00:00Z"`) {
			t.Errorf("got %s, failure %+v; want %s, %s, with the start of the next month", o.State, o.Failure, purchase.Failed,
				purchase.FailPolicy)
		}
		if b := env.Budget("1999-12"); b.Reserved != 0 || b.Spent != 0 {
			t.Errorf("budget of the old year: got %+v, want nothing reserved or spent", b)
		}
	}, atYearEnd)
}

// An order counts in the month of its requester's click, also when it is approved after midnight, as docs/policy.md
// says.
func TestService_Budget_ApprovedNextMonth(t *testing.T) {
	purchasetest.Run(t, 1000000, func(env *purchasetest.Env) {
		asked := env.Buy()
		<-time.After(2 * time.Hour)
		if err := env.Approve(asked, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		env.Until(asked, purchase.Purchased)
		if b := env.Budget("2000-01"); b.Spent != 6375 {
			t.Errorf("budget of January: got %+v, want 6375 cents spent", b)
		}
		if b := env.Budget("2000-02"); b.Spent != 0 || b.Reserved != 0 {
			t.Errorf("budget of February: got %+v, want nothing spent or reserved", b)
		}
		next := env.Buy() // February has all of its own
		if err := env.Approve(next, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		env.Until(next, purchase.Purchased)
	}, purchasetest.WithApprovers, func(env *purchasetest.Env) {
		// February has the renewal of the first license, and that of the second one
		env.Policy.MonthlyBudget = purchase.Limit{Max: 3*6375 + 25}
		<-time.After(30*24*time.Hour + 23*time.Hour) // 31 January 2000, 23:00
	})
}

// A purchase that needs approval as one order needs it in parts too: a person's orders of a day count together.
func TestService_AutoApprove_SumOfDay(t *testing.T) {
	purchasetest.Run(t, 1000000, func(env *purchasetest.Env) {
		var ids []purchase.OrderID
		for range 7 {
			id := env.Buy()
			ids = append(ids, id)
			if o := env.Order(id); o.State == purchase.AwaitingApproval {
				continue
			}
			env.Until(id, purchase.Purchased)
		}
		for i, id := range ids {
			want := purchase.AwaitingApproval
			if i < 2 { // $127.50 of $130.00
				want = purchase.Purchased
			}
			if o := env.Order(id); o.State != want {
				t.Errorf("order %d: got %s, want %s", i+1, o.State, want)
			}
		}
		if err := env.Approve(ids[2], purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		env.Until(ids[2], purchase.Purchased)
		p, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: purchasetest.Bob,
			Channel:   purchasetest.MathChannel, Spec: purchasetest.Spec(),
		})
		if err != nil || p.NeedsApproval {
			t.Errorf("another person's card: got approval needed %t (error %v), want none", p.NeedsApproval, err)
		}
		<-time.After(24 * time.Hour)
		if o := env.Until(env.Buy(), purchase.Purchased, purchase.AwaitingApproval); o.State != purchase.Purchased {
			t.Errorf("order of the next day: got %s, want %s", o.State, purchase.Purchased)
		}
	}, purchasetest.WithApprovers, purchasetest.MidMonth, func(env *purchasetest.Env) {
		env.Policy.AutoApprove, env.Policy.MonthlyBudget = 13000, purchase.Limit{Max: 100000}
	})
}

// An order that was not bought no longer counts in its day.
func TestService_AutoApprove_AfterFailure(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		env.SwitchOn("price-moved")
		env.Until(env.Buy(), purchase.Failed)
		o := env.Until(env.Buy(), purchase.Purchased, purchase.AwaitingApproval, purchase.Failed)
		if o.State == purchase.AwaitingApproval {
			t.Errorf("order after a failed one: got %s, want no request for approval", o.State)
		}
	}, purchasetest.WithApprovers, func(env *purchasetest.Env) { env.Policy.AutoApprove = 7500 })
}

// Cancelled requests count, so that one person cannot flood the approvers.
func TestService_PersonOrders_WithdrawnCount(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		id := env.Buy()
		if _, err := env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   purchasetest.Alice,
			Channel: purchasetest.MathChannel,
		}, id,
			orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		_, err := env.BuyAs(purchasetest.Alice)
		env.WantRefusal(err, purchase.TooMany)
		<-time.After(24 * time.Hour)
		if o := env.Order(env.Buy()); o.State != purchase.AwaitingApproval {
			t.Errorf("order of the next day: got %s, want %s", o.State, purchase.AwaitingApproval)
		}
	}, purchasetest.WithApprovers, func(env *purchasetest.Env) { env.Policy.PersonOrders = 1 })
}

// atYearEnd starts the test an hour before the new year in the team's time zone.
func atYearEnd(env *purchasetest.Env) {
	purchasetest.WithApprovers(env)
	env.Policy.Location = time.FixedZone("an hour behind", -3600)
}
