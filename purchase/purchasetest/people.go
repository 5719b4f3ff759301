package purchasetest

import (
	"context"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// Requesters, an admin, and the channel in which they order.
var (
	Alice       = purchase.Actor{ID: "UALICE", Team: "T1", Name: "alice"}
	Bob         = purchase.Actor{ID: "UBOB", Team: "T1", Name: "bob"}
	Dana        = purchase.Actor{ID: "UDANA", Team: "T1", Name: "dana"} // an admin
	MathChannel = purchase.Channel{ID: "CMATH", Name: "math"}
)

// The approvers and their channel.
var (
	Erin             = purchase.Actor{ID: "UERIN", Team: "T1", Name: "erin"} // an approver
	Frank            = purchase.Actor{ID: "UFRANK", Team: "T1", Name: "frank", Groups: []string{"SBOSSES"}}
	ApprovalsChannel = purchase.Channel{ID: "CDESK", Name: "approvals"}
)

// AdminAction is a command that Dana types.
var AdminAction = purchase.Action{Actor: Dana, Channel: MathChannel, Typed: true}

// AliceAction is a click of Alice.
var AliceAction = purchase.Action{Actor: Alice, Channel: MathChannel}

// Spec returns the standard specification: 16 GB of memory, 2 cores, $63.75 a month.
func Spec() purchase.Spec {
	sp := cocalc.DefaultSpec()
	sp.RAM, sp.CPU, sp.Title = 16, 2, "Statistics"
	return sp
}

// A project of the account, and one that is not.
const (
	ProjectID        = "11111111-2222-4333-8444-555555555555"
	MissingProjectID = "99999999-2222-4333-8444-555555555555"
)

// Propose makes an order of Alice.
func (env *Env) Propose(sp purchase.Spec) purchase.Order {
	env.T.Helper()
	p, err := env.Desk.Propose(context.Background(),
		purchase.Request{Requester: Alice, Channel: MathChannel, Spec: sp, Reason: "winter school"})
	if err != nil {
		env.T.Fatal(err)
	}
	return p.Order
}

// ProposeOnProject makes an order of Alice for a project.
func (env *Env) ProposeOnProject(id string) (purchase.Order, error) {
	sp := Spec()
	sp.ProjectID = id
	p, err := env.Desk.Propose(context.Background(), purchase.Request{
		Requester: Alice, Channel: MathChannel, Spec: sp,
		Reason: "course",
	})
	return p.Order, err
}

// Confirm confirms an order of Alice.
func (env *Env) Confirm(id purchase.OrderID) error {
	_, err := env.Desk.Decide(context.Background(), purchase.Action{Actor: Alice, Channel: MathChannel}, id,
		orders.Decision{Kind: orders.Confirm})
	return err
}

// Buy proposes and confirms the standard order.
func (env *Env) Buy() purchase.OrderID {
	env.T.Helper()
	o := env.Propose(Spec())
	if err := env.Confirm(o.ID); err != nil {
		env.T.Fatal(err)
	}
	return o.ID
}

// BuyAs proposes and confirms the standard order as another person.
func (env *Env) BuyAs(who purchase.Actor) (purchase.OrderID, error) {
	env.T.Helper()
	p, err := env.Desk.Propose(context.Background(), purchase.Request{
		Requester: who, Channel: MathChannel, Spec: Spec(),
		Reason: "winter school",
	})
	if err != nil {
		return "", err
	}
	_, err = env.Desk.Decide(context.Background(), purchase.Action{Actor: who, Channel: MathChannel}, p.Order.ID,
		orders.Decision{Kind: orders.Confirm})
	return p.Order.ID, err
}

// Approve approves an order in the channel of the approvers.
func (env *Env) Approve(id purchase.OrderID, who purchase.Actor) error {
	_, err := env.Desk.Decide(context.Background(), purchase.Action{Actor: who, Channel: ApprovalsChannel}, id,
		orders.Decision{Kind: orders.Approve})
	return err
}

// Deny denies an order in the channel of the approvers.
func (env *Env) Deny(id purchase.OrderID, who purchase.Actor, reason string) error {
	_, err := env.Desk.Decide(context.Background(), purchase.Action{Actor: who, Channel: ApprovalsChannel}, id,
		orders.Decision{Kind: orders.Deny, Reason: reason})
	return err
}

// Settle decides as admin on an order of unknown outcome.
func (env *Env) Settle(id purchase.OrderID, how orders.Decision) error {
	env.T.Helper()
	_, err := env.Desk.Decide(context.Background(), AdminAction, id, how)
	return err
}

// Resume resumes buying as admin.
func (env *Env) Resume() {
	env.T.Helper()
	if err := env.Desk.SetPaused(context.Background(), AdminAction, false, "go on"); err != nil {
		env.T.Fatal(err)
	}
}
