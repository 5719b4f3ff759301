package purchasetest

import (
	"context"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// SentOrderID is the id of the order of SentOrder, and OtherOrderID another one.
const (
	SentOrderID  purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTW"
	OtherOrderID purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0ZZZZ"
)

// SentOrder returns an order whose item was added at the time at, and the item as the cart lists it.
func SentOrder(at time.Time) (purchase.Order, cocalc.CartItem) {
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU, spec.ProjectID = 16, 2, "11111111-2222-4333-8444-555555555555"
	spec.Description = SentOrderID.Tag()
	sent := spec.CartDescription(at)
	o := purchase.Order{ID: SentOrderID, Spec: spec, Sent: sent, AddSent: at, ItemID: 7}
	return o, cocalc.CartItem{
		ID: 7, Product: "site-license", ProjectID: spec.ProjectID, Checked: true, Added: at,
		Description: sent,
	}
}

// OrderInState makes an order in the state Proposed, Unknown or Failed and returns its id; "" makes no order.
func (env *Env) OrderInState(state purchase.State) (id purchase.OrderID) {
	env.T.Helper()
	<-time.After(time.Second) // the account has been compared with the ledger
	switch state {
	case purchase.Proposed:
		id = env.Propose(Spec()).ID
	case purchase.Unknown:
		id = env.BuyUnresolved().ID
	case purchase.Failed:
		armed := env.Server.Inject(cocalctest.Fault{Endpoint: ParamsEndpoint, Effect: cocalctest.PriceMoved, Percent: 110})
		id = env.Buy()
		env.Until(id, purchase.Failed)
		armed.Clear()
		<-time.After(25 * time.Minute) // its watch is over, and its offer of a new price is still valid
	case "": // no order
	default:
		env.T.Fatalf("state: got %q, want %q, %q, %q or \"\"", state, purchase.Proposed, purchase.Unknown, purchase.Failed)
	}
	return id
}

// BuyUnresolved makes an order of unknown outcome, whose checkout is lost before CoCalc receives it.
func (env *Env) BuyUnresolved() purchase.Order {
	env.T.Helper()
	env.Server.Inject(cocalctest.Fault{
		Endpoint: CheckoutEndpoint, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
		Times: 1,
	})
	id := env.Buy()
	return env.Until(id, purchase.Unknown)
}

// BuyCommittedLate makes an order whose checkout commits after the duration takes, while its response is lost at once.
func (env *Env) BuyCommittedLate(takes time.Duration) purchase.Order {
	env.T.Helper()
	env.Server.Inject(cocalctest.Fault{
		Endpoint: CheckoutEndpoint, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
		Times: 1,
	})
	env.Server.SetCheckoutTakes(takes, time.Second)
	return env.Until(env.Buy(), purchase.Unknown)
}

// BuyUntilCarted makes an order whose item is in the cart and not paid, and closes the Env.
func (env *Env) BuyUntilCarted() purchase.OrderID {
	env.T.Helper()
	<-time.After(time.Minute) // the server is known to sell licenses
	env.Server.Inject(cocalctest.Fault{Endpoint: ParamsEndpoint, Effect: cocalctest.Fail, Times: 1000})
	id := env.Buy()
	env.Until(id, purchase.Carted)
	env.Close()
	env.Server.ClearFaults()
	return id
}

// BuyThenPause makes an order that is confirmed, and approved by approvers, just before an admin pauses buying.
func (env *Env) BuyThenPause(approvers ...purchase.Actor) purchase.OrderID {
	env.T.Helper()
	id := env.Propose(Spec()).ID
	env.SwitchOn("outage") // the worker does not begin the order before the pause
	if err := env.Confirm(id); err != nil {
		env.T.Fatal(err)
	}
	for _, who := range approvers {
		if err := env.Approve(id, who); err != nil {
			env.T.Fatal(err)
		}
	}
	if o := env.Order(id); o.State != purchase.Approved {
		env.T.Fatalf("state: got %s, want %s", o.State, purchase.Approved)
	}
	if err := env.Desk.SetPaused(context.Background(), AdminAction, true, "the books are closed"); err != nil {
		env.T.Fatal(err)
	}
	env.Server.SwitchOff("outage")
	return id
}

// ConfirmWithFault confirms an order just after the server starts to have the fault, and returns its id.
func (env *Env) ConfirmWithFault(fault cocalctest.Fault) purchase.OrderID {
	env.T.Helper()
	<-time.After(time.Minute)
	card := env.Propose(Spec())
	env.Server.Inject(fault)
	if err := env.Confirm(card.ID); err != nil {
		env.T.Fatal(err)
	}
	return card.ID
}

// BuyUnknownWithFault makes an order of unknown outcome, whose checkout starts the fault of the server.
func (env *Env) BuyUnknownWithFault(fault cocalctest.Fault, when cocalctest.Moment) purchase.OrderID {
	env.T.Helper()
	<-time.After(time.Minute)
	env.Server.Inject(cocalctest.Fault{
		Endpoint: CheckoutEndpoint, When: when, Effect: cocalctest.Call, Times: 1,
		Do: func(*cocalctest.Account) { env.Server.Inject(fault) },
	})
	env.Server.Inject(cocalctest.Fault{Endpoint: CheckoutEndpoint, When: when, Effect: cocalctest.LoseAnswer, Times: 1})
	id := env.Buy()
	env.Until(id, purchase.Unknown)
	return id
}
