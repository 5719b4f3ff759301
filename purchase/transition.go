package purchase

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// EventKind names what happens to an order. Each kind leads from some states to one.
type EventKind string

// What happens to orders. The table transitions says from which states.
const (
	// Confirm is the requester's yes, where no approval is needed. It promises the money: OrderEvent.Promise.
	Confirm EventKind = "confirm"
	// RequestApproval is the requester's yes, where approval is needed: Promise, ApproveBy, RemindAt, Channel.
	RequestApproval EventKind = "request-approval"
	// Approve is the last approval that the order needs.
	Approve EventKind = "approve"
	// Deny is an approver's no: Denial.
	Deny EventKind = "deny"
	// Withdraw takes the order back before anything was sent to CoCalc.
	Withdraw EventKind = "withdraw"
	// Replace ends a proposal in favor of another one: Successor, which takes over its card.
	Replace EventKind = "replace"
	// Expire ends an order that was not decided in time.
	Expire EventKind = "expire"
	// Fail ends an order of which nothing was bought: Failure, WatchUntil, OfferUntil.
	Fail EventKind = "fail"
	// BeginAdding is the intent to add the item to the cart, stored before the request: Sent, There.
	BeginAdding EventKind = "begin-adding"
	// FindItem finds the order's item in the cart: ItemID, and Failure if it has to be taken out again.
	FindItem EventKind = "find-item"
	// BeginCheckout is the intent to check out, stored before the request: Amount, There.
	BeginCheckout EventKind = "begin-checkout"
	// LoseOutcome leaves the outcome of a checkout unknown: Hold.
	LoseOutcome EventKind = "lose-outcome"
	// ProvePurchase is the proof that the order was bought: Receipt, WatchUntil, Channel.
	ProvePurchase EventKind = "prove-purchase"
	// StopForRestore ends an order of a backup that was restored, since CoCalc may be ahead of it: Failure, WatchUntil.
	StopForRestore EventKind = "stop-for-restore"
)

// transition is one arrow of the graph of states.
type transition struct {
	From State
	Kind EventKind
	To   State
}

// transitions is the whole graph. An item that another checkout of the cart bought proves a purchase from Adding or
// Carted. A proof reaches Failed orders while they are watched. After the restore of an older ledger it also reaches
// Approved, Expired and Cancelled ones, which may have been bought since that copy was made.
//
//go:generate go test . -run ^TestTransitions_Diagram_IsInTheDocs$ -update
var transitions = []transition{
	{Proposed, Confirm, Approved},
	{Proposed, RequestApproval, AwaitingApproval},
	{Proposed, Withdraw, Cancelled},
	{Proposed, Replace, Cancelled},
	{Proposed, Expire, Expired},
	{Proposed, StopForRestore, Expired},
	{AwaitingApproval, Approve, Approved},
	{AwaitingApproval, Deny, Denied},
	{AwaitingApproval, Withdraw, Cancelled},
	{AwaitingApproval, Expire, Expired},
	{AwaitingApproval, Fail, Failed},
	{AwaitingApproval, StopForRestore, Cancelled},
	{Approved, BeginAdding, Adding},
	{Approved, Withdraw, Cancelled},
	{Approved, Fail, Failed},
	{Approved, StopForRestore, Failed},
	{Approved, ProvePurchase, Purchased},
	{Adding, FindItem, Carted},
	{Adding, Fail, Failed},
	{Adding, StopForRestore, Failed},
	{Adding, ProvePurchase, Purchased},
	{Carted, BeginCheckout, Paying},
	{Carted, Fail, Failed},
	{Carted, StopForRestore, Failed},
	{Carted, ProvePurchase, Purchased},
	{Paying, LoseOutcome, Unknown},
	{Paying, Fail, Failed},
	{Paying, ProvePurchase, Purchased},
	{Unknown, Fail, Failed},
	{Unknown, ProvePurchase, Purchased},
	{Failed, ProvePurchase, Purchased},
	{Expired, ProvePurchase, Purchased},
	{Cancelled, ProvePurchase, Purchased},
}

// OrderEvent is one thing that happens to an order, with all that comes with it. Apply reads the fields that its kind
// names, and no others.
type OrderEvent struct {
	Kind EventKind
	Time time.Time // by the machine's clock

	// Of the audit record: a person's Slack id or the bot's name; the channel of the decision, empty for the order's own;
	// and a remark.
	By, Place, Note string

	Promise             *Promise
	ApproveBy, RemindAt time.Time
	Channel             string // of the approvers' card, or of the line about the purchase; empty: none
	Denial              *Approval
	Successor           OrderID
	Failure             *Failure
	Sent                json.RawMessage
	There               time.Time // by CoCalc's clock; zero if that is unknown
	ItemID              int64
	Amount              Cents
	Hold                *Unresolved
	Receipt             *Receipt
	WatchUntil          time.Time
	OfferUntil          time.Time // for FailPriceMoved: until when the requester can confirm the new price
}

// Promise is when the money of an order was reserved, and where it counts.
type Promise struct {
	At    time.Time
	Month string // of the budget: "2026-11"
	Day   string // "2026-11-23"
	Auto  bool   // without approval, although there are approvers
}

// BudgetChange is what an event changes in the part of the order's requester: each is +1, -1 or 0 times the order.
type BudgetChange struct {
	Reserved int // its price among the reservations
	Orders   int // it counts among the orders of its day
	Auto     int // its price among what was reserved without approval on its day, if Order.Auto
}

// Errors of Apply. All are bugs of the caller: no person and no answer of CoCalc's causes one.
var (
	// errTransition: the graph has no such arrow.
	errTransition = errors.New("the order can't change this way")
	// errIncomplete: the event lacks what its kind needs.
	errIncomplete = errors.New("the event is incomplete")
	// errSentBefore: checkout has been sent for this order, or may have been.
	errSentBefore = errors.New("checkout was sent before; it is never sent again")
	// errAbovePrice: the checkout would charge more than the requester confirmed.
	errAbovePrice = errors.New("the amount is above the price that was confirmed")
)

// next returns the state to which an event of this kind leads.
func (s State) next(kind EventKind) (State, bool) {
	i := slices.IndexFunc(transitions, func(t transition) bool { return t.From == s && t.Kind == kind })
	if i < 0 {
		return "", false
	}
	return transitions[i].To, true
}

// Apply returns the order after an event, and what that changes in its requester's budget. It changes neither of its
// arguments. The order's Rev grows by one, and a wait that it had is over. An error means that the order stays as it
// is.
func Apply(o Order, e OrderEvent) (Order, BudgetChange, error) {
	to, ok := o.State.next(e.Kind)
	if !ok {
		return o, BudgetChange{}, fmt.Errorf("%w: %s of an order that is %s", errTransition, e.Kind, o.State)
	}
	if err := e.check(o); err != nil {
		return o, BudgetChange{}, fmt.Errorf("%s of an order that is %s: %w", e.Kind, o.State, err)
	}
	after := o
	after.Messages = slices.Clone(o.Messages)
	after.State, after.Blocked, after.Updated = to, nil, e.Time
	after.Rev++
	e.fill(&after, o.State)
	return after, changeOf(o, after), nil
}

// check reports whether the event has what its kind needs and may happen to this order.
func (e OrderEvent) check(o Order) error {
	incomplete := false
	switch e.Kind {
	case Confirm, RequestApproval:
		incomplete = e.Promise == nil || e.Promise.Month == "" || e.Promise.At.IsZero()
	case Deny:
		incomplete = e.Denial == nil
	case Replace:
		incomplete = e.Successor == ""
	case Fail:
		incomplete = e.Failure == nil
	case StopForRestore:
		incomplete = o.State.promised() && o.State != AwaitingApproval && e.Failure == nil
	case BeginAdding:
		incomplete = len(e.Sent) == 0
	case FindItem:
		incomplete = e.ItemID == 0
	case LoseOutcome:
		incomplete = e.Hold == nil
	case ProvePurchase:
		incomplete = e.Receipt == nil
		if (o.State == Expired || o.State == Cancelled) && !o.Restored {
			return errTransition
		}
	case BeginCheckout:
		switch {
		case !o.CheckoutSent.IsZero():
			return errSentBefore
		case e.Amount > o.Price:
			return errAbovePrice
		}
	case Approve, Withdraw, Expire: // they bring nothing
	}
	if incomplete {
		return errIncomplete
	}
	return nil
}

// fill sets what comes with the event. was is the state before.
func (e OrderEvent) fill(o *Order, was State) {
	switch e.Kind {
	case Confirm:
		o.promise(*e.Promise)
	case RequestApproval:
		o.promise(*e.Promise)
		o.Approvals, o.ApproveBy, o.RemindAt = nil, e.ApproveBy, e.RemindAt
		o.Messages = append(o.Messages, Message{Kind: MessageAsk, Channel: e.Channel})
	case Deny:
		o.Approvals = append(slices.Clone(o.Approvals), *e.Denial)
	case Replace:
		o.ReplacedBy, o.Messages = e.Successor, nil
	case Fail:
		f := *e.Failure
		if f.Code == FailPriceMoved {
			f.Until = e.OfferUntil
		}
		o.Failure, o.Unresolved, o.WatchUntil = &f, nil, e.WatchUntil
	case BeginAdding:
		o.AddSent, o.AddedAfter, o.Sent = e.Time, e.There, e.Sent
	case FindItem:
		o.ItemID = e.ItemID
		if e.Failure != nil {
			f := *e.Failure
			o.Failure = &f
		}
	case BeginCheckout:
		o.CheckoutSent, o.PaidAfter, o.Amount = e.Time, e.There, e.Amount
	case LoseOutcome:
		h := *e.Hold
		o.Unresolved = &h
	case ProvePurchase:
		e.fillPurchase(o, was)
	case StopForRestore:
		e.fillStop(o)
	case Approve, Withdraw, Expire: // the state says it all
	}
}

// fillPurchase sets what comes with the proof of a purchase.
func (e OrderEvent) fillPurchase(o *Order, was State) {
	r := *e.Receipt
	o.Receipt, o.Failure, o.Unresolved, o.WatchUntil = &r, nil, nil, e.WatchUntil
	if was == Failed && len(o.Messages) == 0 { // people who read that nothing was bought get a correction
		o.Messages = append(o.Messages, Message{Kind: MessageNote})
	}
	if e.Channel != "" && o.Message(MessageLine) == nil {
		o.Messages = append(o.Messages, Message{Kind: MessageLine, Channel: e.Channel})
	}
}

// fillStop ends an order of a restored backup. One that had been promised may be in the cart, or more, without this
// copy of the ledger knowing: it is looked for as if it had been added.
func (e OrderEvent) fillStop(o *Order) {
	if o.State != Failed {
		o.Restored = true
		return
	}
	if o.AddSent.IsZero() {
		o.AddSent = o.Confirmed
	}
	f := *e.Failure
	o.Failure, o.WatchUntil = &f, e.WatchUntil
}

// promise dates the reservation of an order.
func (o *Order) promise(p Promise) {
	o.Confirmed, o.Month, o.Day, o.Auto = p.At, p.Month, p.Day, p.Auto
}

// changeOf compares an order before and after an event.
func changeOf(before, after Order) BudgetChange {
	switch {
	case before.State == Cancelled && !before.ApproveBy.IsZero(): // bought after all; it still counts in its day
		return BudgetChange{Auto: 1}
	case before.State.Final(): // bought after all
		return BudgetChange{Orders: 1, Auto: 1}
	case !before.Promised() && after.Promised():
		return BudgetChange{Reserved: 1, Orders: 1, Auto: 1}
	case before.Promised() && after.State == Purchased:
		return BudgetChange{Reserved: -1}
	case before.Promised() && after.State == Cancelled && !after.ApproveBy.IsZero():
		// it took the approvers' attention anyway
		return BudgetChange{Reserved: -1, Auto: -1}
	case before.Promised() && !after.Promised():
		return BudgetChange{Reserved: -1, Orders: -1, Auto: -1}
	case !before.Released.IsZero() && after.State == Failed: // its reservation is gone, and it still counts in its day
		return BudgetChange{Orders: -1, Auto: -1}
	}
	return BudgetChange{}
}

// AwaitsPeople returns the stored deadline of an order that waits for people; ok is false for other orders.
func (o *Order) AwaitsPeople() (at time.Time, ok bool) {
	switch {
	case o.State == Proposed:
		return o.Expires, true
	case o.State == AwaitingApproval && !o.RemindAt.IsZero():
		return o.RemindAt, true
	case o.State == AwaitingApproval:
		return o.ApproveBy, true
	case o.HasOffer():
		return o.Failure.Until, true
	}
	return time.Time{}, false
}

// Begins reports whether the order's next step begins something or pays, so that the next start must find it.
func (o *Order) Begins() bool {
	return o.State == Approved && len(o.HeldItems) == 0 || o.State == Adding && o.AddSent.IsZero() || o.State == Carted &&
		o.Failure == nil
}
