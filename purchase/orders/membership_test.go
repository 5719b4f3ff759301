package orders_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// Only full members buy or decide, whatever the lists say.
func TestService_Decide_Outsiders(t *testing.T) {
	standings := []purchase.Membership{
		purchase.Guest, purchase.Robot, purchase.Deactivated, purchase.Foreign,
		purchase.Unverified, "something new",
	}
	for _, c := range decisions {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
				id := env.OrderInState(c.state)
				for _, standing := range standings {
					if c.frees && standing == purchase.Unverified {
						continue
					}
					who := purchasetest.Alice
					if c.admin {
						who = purchasetest.Dana
					}
					who.Membership = standing
					for _, typed := range []bool{false, true} {
						env.WantOnlyRefusal(id, purchase.Outsider, func() error {
							return c.try(env.Desk, id, purchase.Action{Actor: who, Channel: purchasetest.MathChannel, Typed: typed})
						})
					}
				}
			})
		})
	}
}

// A button works only where its order is shown. A command works anywhere.
func TestService_Decide_Channel(t *testing.T) {
	for _, c := range decisions {
		if !c.tied {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
				id := env.OrderInState(c.state)
				env.WantOnlyRefusal(id, purchase.Elsewhere, func() error {
					return c.try(env.Desk, id, purchase.Action{Actor: purchasetest.Alice, Channel: purchase.Channel{ID: "CELSEWHERE"}})
				})
				env.WantOnlyRefusal(id, purchase.NotYours, func() error {
					return c.try(env.Desk, id, purchase.Action{Actor: purchasetest.Bob, Channel: purchasetest.MathChannel})
				})
			})
		})
		for where, action := range map[string]purchase.Action{
			"in its channel":       {Actor: purchasetest.Alice, Channel: purchasetest.MathChannel},
			"with the bot alone":   {Actor: purchasetest.Alice, Channel: purchase.Channel{ID: "DALICE", Direct: true}},
			"beside its message":   {Actor: purchasetest.Alice, Channel: purchase.Channel{ID: "CNOTE"}},
			"typed somewhere else": {Actor: purchasetest.Alice, Channel: purchase.Channel{ID: "CELSEWHERE"}, Typed: true},
		} {
			t.Run(fmt.Sprint(c.name, " ", where), func(t *testing.T) {
				purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
					id := env.OrderInState(c.state)
					if _, err := env.Desk.Outbox.UpdateMessages(context.Background(), id, func(o *purchase.Order) {
						o.SetMessage(purchase.Message{Kind: purchase.MessageNote, Channel: "CNOTE", TS: "1.1"})
					}); err != nil {
						t.Fatal(err)
					}
					if err := c.try(env.Desk, id, action); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// Without access to Slack, every way to spend money is refused, with the reason.
func TestService_Decide_SlackAccessLost(t *testing.T) {
	ctx := context.Background()
	for door, tt := range map[string]struct {
		state purchase.State
		try   func(env *purchasetest.Env, id purchase.OrderID) error
	}{
		"a form": {"", func(env *purchasetest.Env, _ purchase.OrderID) error {
			_, err := env.Desk.Allowed(ctx, purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.ApprovalsChannel},
				"", orders.Buy)
			return err
		}},
		"a card": {"", func(env *purchasetest.Env, _ purchase.OrderID) error {
			_, err := env.Desk.Propose(ctx, purchase.Request{
				Requester: purchasetest.Alice,
				Channel:   purchasetest.ApprovalsChannel, Spec: purchasetest.Spec(),
			})
			return err
		}},
		"a card for somebody who cannot be checked": {"", func(env *purchasetest.Env, _ purchase.OrderID) error {
			who := purchasetest.Alice
			who.Membership, who.NoAccess = purchase.Unverified, true
			_, err := env.Desk.Propose(ctx, purchase.Request{
				Requester: who, Channel: purchasetest.ApprovalsChannel,
				Spec: purchasetest.Spec(),
			})
			return err
		}},
		"a change of a card": {purchase.Proposed, func(env *purchasetest.Env, id purchase.OrderID) error {
			_, err := env.Desk.Propose(ctx, purchase.Request{
				Replaces: id, Requester: purchasetest.Alice,
				Channel: purchasetest.ApprovalsChannel, Spec: purchasetest.Spec(),
			})
			return err
		}},
		"a yes": {purchase.Proposed, func(env *purchasetest.Env, id purchase.OrderID) error { return env.Confirm(id) }},
		"a yes of somebody who cannot be checked": {purchase.Proposed, func(env *purchasetest.Env,
			id purchase.OrderID,
		) error {
			who := purchasetest.Alice
			who.Membership, who.NoAccess = purchase.Unverified, true
			_, err := env.Desk.Decide(ctx, purchase.Action{Actor: who, Channel: purchasetest.ApprovalsChannel, Typed: true}, id,
				orders.Decision{Kind: orders.Confirm})
			return err
		}},
		"a yes to a new price": {purchase.Failed, func(env *purchasetest.Env, id purchase.OrderID) error {
			_, err := env.Desk.Decide(ctx, purchase.Action{
				Actor: purchasetest.Alice, Channel: purchasetest.ApprovalsChannel,
				Typed: true,
			}, id,
				orders.Decision{Kind: orders.ConfirmNewPrice})
			return err
		}},
	} {
		t.Run(door, func(t *testing.T) {
			purchasetest.RunWithLostAccess(t, func(env *purchasetest.Env, lost *atomic.Bool) {
				id := env.OrderInState(tt.state)
				lost.Store(true)
				env.WantOnlyRefusal(id, purchase.AccessLost, func() error {
					err := tt.try(env, id)
					return err
				})
			})
		})
	}
	t.Run("an approver's yes", func(t *testing.T) {
		purchasetest.RunWithLostAccess(t, func(env *purchasetest.Env, lost *atomic.Bool) {
			id := env.Buy()
			lost.Store(true)
			env.WantRefusal(env.Approve(id, purchasetest.Erin), purchase.AccessLost)
			env.Check(0, 0, 6375)
			lost.Store(false)
			if err := env.Approve(id, purchasetest.Erin); err != nil {
				t.Fatal(err)
			}
			env.Until(id, purchase.Purchased)
		}, purchasetest.WithApprovers)
	})
}

// decisions are all actions that spend or decide, each tried on an order that is ready for it.
var decisions = []struct {
	name  string
	admin bool           // an admin's action; all others are the requester's
	frees bool           // it spends nothing, so people whom Slack does not identify may do it
	state purchase.State // of the order; empty: without an order
	tied  bool           // to the place of a card, when it is clicked
	try   func(*desk.Desk, purchase.OrderID, purchase.Action) error
}{
	{"propose", false, false, "", false, func(d *desk.Desk, _ purchase.OrderID, action purchase.Action) error {
		_, err := d.Propose(context.Background(), purchase.Request{
			Requester: action.Actor, Channel: action.Channel,
			Spec: purchasetest.Spec(),
		})
		return err
	}},
	{"amend", false, false, purchase.Proposed, false, func(d *desk.Desk, id purchase.OrderID,
		action purchase.Action,
	) error {
		_, err := d.Propose(context.Background(), purchase.Request{
			Replaces:  id,
			Requester: action.Actor, Channel: action.Channel,
			Spec: purchasetest.Spec(),
		})
		return err
	}},
	{
		"editable", false, false, purchase.Proposed, true,
		func(d *desk.Desk, id purchase.OrderID, action purchase.Action) error {
			_, err := d.Allowed(context.Background(), action, id, orders.Edit)
			return err
		},
	},
	{
		"confirm", false, false, purchase.Proposed, true,
		func(d *desk.Desk, id purchase.OrderID, action purchase.Action) error {
			_, err := d.Decide(context.Background(), action, id, orders.Decision{Kind: orders.Confirm})
			return err
		},
	},
	{"cancel", false, true, purchase.Proposed, true, func(d *desk.Desk, id purchase.OrderID,
		action purchase.Action,
	) error {
		_, err := d.Decide(context.Background(), action, id, orders.Decision{Kind: orders.Cancel})
		return err
	}},
	{
		"confirm the new price", false, false, purchase.Failed, true,
		func(d *desk.Desk, id purchase.OrderID, action purchase.Action) error {
			_, err := d.Decide(context.Background(), action, id, orders.Decision{Kind: orders.ConfirmNewPrice})
			return err
		},
	},
	{"settle", true, false, purchase.Unknown, false, func(d *desk.Desk, id purchase.OrderID,
		action purchase.Action,
	) error {
		_, err := d.Decide(context.Background(), action, id, orders.Decision{
			Kind:    orders.Resolve,
			Verdict: purchase.WasBought,
			Reason:  "so it is",
		})
		return err
	}},
	{"pause", true, false, "", false, func(d *desk.Desk, _ purchase.OrderID, action purchase.Action) error {
		return d.SetPaused(context.Background(), action, true, "so it is")
	}},
	{"pause without a reason", true, false, "", false, func(d *desk.Desk, _ purchase.OrderID,
		action purchase.Action,
	) error {
		return d.SetPaused(context.Background(), action, true, "")
	}},
	{"resume", true, false, "", false, func(d *desk.Desk, _ purchase.OrderID, action purchase.Action) error {
		return d.SetPaused(context.Background(), action, false, "so it is")
	}},
	{"take out", true, false, "", false, func(d *desk.Desk, _ purchase.OrderID, action purchase.Action) error {
		_, err := d.Account.RemoveItem(context.Background(), action, 1)
		return err
	}},
}
