package purchase_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/desk"
)

// decisions are everything by which people spend or decide, each tried on an order that is ready for it.
var decisions = []struct {
	name  string
	admin bool           // it is an admin's; all others are the requester's
	frees bool           // nothing is spent by it, so that people of whom Slack is silent may do it
	state purchase.State // of the order; empty: it is about no order
	tied  bool           // to the place of a card, when it is clicked
	try   func(*desk.Desk, purchase.OrderID, purchase.Action) error
}{
	{"propose", false, false, "", false, func(d *desk.Desk, _ purchase.OrderID, action purchase.Action) error {
		_, err := d.Propose(context.Background(), purchase.Request{
			Requester: action.Actor, Channel: action.Channel,
			Spec: spec(),
		})
		return err
	}},
	{"amend", false, false, purchase.Proposed, false, func(d *desk.Desk, id purchase.OrderID,
		action purchase.Action,
	) error {
		_, err := d.Propose(context.Background(), purchase.Request{
			Replaces:  id,
			Requester: action.Actor, Channel: action.Channel,
			Spec: spec(),
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

// ready makes an order that stands in the state.
func (s *shop) ready(state purchase.State) (id purchase.OrderID) {
	s.t.Helper()
	<-time.After(time.Second) // the account was compared with the ledger
	switch state {
	case purchase.Proposed:
		id = s.propose(spec()).ID
	case purchase.Unknown:
		id = s.held().ID
	case purchase.Failed:
		armed := s.server.Inject(cocalctest.Fault{Endpoint: paramsPath, Effect: cocalctest.PriceMoved, Percent: 110})
		id = s.buy()
		s.until(id, purchase.Failed)
		armed.Clear()
		<-time.After(25 * time.Minute) // it is looked after no more, and its offer of a new price is good
	case "": // no order
	default:
		s.t.Fatalf("no order can be brought to %s here", state)
	}
	return id
}

// unchanged tries something that must be refused: with the code, a sentence and a record, and nothing else is changed.
func (s *shop) unchanged(id purchase.OrderID, code purchase.RefusalCode, try func() error) {
	s.t.Helper()
	synctest.Wait() // nothing happens beside it in this instant
	requests := s.server.Counts()
	account := s.state()
	var order purchase.Order
	if id != "" {
		order = s.order(id)
	}
	refused := len(s.events("refused"))
	s.refusedAs(try(), code)
	if n := len(s.events("refused")); n != refused+1 {
		s.t.Errorf("recorded %d times", n-refused)
	}
	if id != "" && !reflect.DeepEqual(s.order(id), order) {
		s.t.Errorf("the order was %+v, and is %+v", order, s.order(id))
	}
	if now := s.state(); !reflect.DeepEqual(now, account) {
		s.t.Errorf("the account was %+v, and is %+v", account, now)
	}
	if now := s.server.Counts(); !reflect.DeepEqual(now, requests) {
		s.t.Errorf("CoCalc was asked: %v, before %v", now, requests)
	}
}

// Whoever is no full member neither buys nor decides, although the lists name them.
func TestOutsidersDecideNothing(t *testing.T) {
	standings := []purchase.Membership{
		purchase.Guest, purchase.Robot, purchase.Deactivated, purchase.Foreign,
		purchase.Unverified, "something new",
	}
	for _, c := range decisions {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 40000, func(s *shop) {
				id := s.ready(c.state)
				for _, standing := range standings {
					if c.frees && standing == purchase.Unverified {
						continue
					}
					who := alice
					if c.admin {
						who = dana
					}
					who.Membership = standing
					for _, typed := range []bool{false, true} {
						s.unchanged(id, purchase.Outsider, func() error {
							return c.try(s.desk, id, purchase.Action{Actor: who, Channel: math, Typed: typed})
						})
					}
				}
			})
		})
	}
}

// A button belongs to where its order is shown. What is typed may be typed anywhere.
func TestWhereAButtonMayBeClicked(t *testing.T) {
	for _, c := range decisions {
		if !c.tied {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 40000, func(s *shop) {
				id := s.ready(c.state)
				s.unchanged(id, purchase.Elsewhere, func() error {
					return c.try(s.desk, id, purchase.Action{Actor: alice, Channel: purchase.Channel{ID: "CELSEWHERE"}})
				})
				s.unchanged(id, purchase.NotYours, func() error {
					return c.try(s.desk, id, purchase.Action{Actor: bob, Channel: math})
				})
			})
		})
		for where, action := range map[string]purchase.Action{
			"in its channel":       {Actor: alice, Channel: math},
			"with the bot alone":   {Actor: alice, Channel: purchase.Channel{ID: "DALICE", Direct: true}},
			"beside its message":   {Actor: alice, Channel: purchase.Channel{ID: "CNOTE"}},
			"typed somewhere else": {Actor: alice, Channel: purchase.Channel{ID: "CELSEWHERE"}, Typed: true},
		} {
			t.Run(fmt.Sprint(c.name, " ", where), func(t *testing.T) {
				inShop(t, 40000, func(s *shop) {
					id := s.ready(c.state)
					if _, err := s.desk.Outbox.UpdateMessages(context.Background(), id, func(o *purchase.Order) {
						o.SetMessage(purchase.Message{Kind: purchase.MessageNote, Channel: "CNOTE", TS: "1.1"})
					}); err != nil {
						t.Fatal(err)
					}
					if err := c.try(s.desk, id, action); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}
