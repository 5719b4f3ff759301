package purchase

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// EventKind identifies what happens to an order. Each kind leads from one or more states to one state.
type EventKind string

// The kinds of events, each with the fields of OrderEvent that it uses. The table transitions lists the states that
// allow them.
const (
	// Confirm is the requester's confirmation if no approval is needed. It reserves the money: Promise.
	Confirm EventKind = "confirm"
	// RequestApproval is the requester's confirmation if approval is needed. It reserves the money: Promise, ApproveBy,
	// RemindAt, Channel.
	RequestApproval EventKind = "request-approval"
	// Approve is the last approval that the order needs.
	Approve EventKind = "approve"
	// Deny is an approver's denial: Denial.
	Deny EventKind = "deny"
	// Withdraw is the requester's cancellation, before anything was sent to CoCalc.
	Withdraw EventKind = "withdraw"
	// Replace ends a proposal because another order replaces it and takes over its card: Successor.
	Replace EventKind = "replace"
	// Expire ends an order that was not decided in time.
	Expire EventKind = "expire"
	// Fail ends an order that was not bought: Failure, WatchUntil, OfferUntil.
	Fail EventKind = "fail"
	// BeginAdding is the intent to add the item to the cart, stored before the request: Sent, There.
	BeginAdding EventKind = "begin-adding"
	// FindItem is the order's item showing up in the cart: ItemID, and Failure if the item must be removed again.
	FindItem EventKind = "find-item"
	// BeginCheckout is the intent to check out, stored before the request: Amount, There.
	BeginCheckout EventKind = "begin-checkout"
	// LoseOutcome makes the outcome of a checkout unknown: Hold.
	LoseOutcome EventKind = "lose-outcome"
	// ProvePurchase is the proof that the order was bought: Receipt, WatchUntil, Channel.
	ProvePurchase EventKind = "prove-purchase"
	// StopForRestore ends an open order of a restored backup, since CoCalc may know later events: Failure, WatchUntil.
	StopForRestore EventKind = "stop-for-restore"
)

// transition is one arrow of the state graph.
type transition struct {
	From State
	Kind EventKind
	To   State
}

// transitions is the whole state graph. ProvePurchase leads from Adding and Carted if another checkout of the cart
// bought the item, and from Failed while the order is watched. After the restore of a backup it also leads from
// Approved, Expired and Cancelled, since the order may have been bought after the backup was made.
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

// OrderEvent is an event of an order, with its data. Apply reads the fields that the kind's comment names, and no
// others.
type OrderEvent struct {
	Kind EventKind
	Time time.Time // by the machine's clock

	// For the audit record: By is a person's Slack id or BotName. Place is the channel of the decision; empty means the
	// order's own. Note is a remark.
	By, Place, Note string

	Promise             *Promise
	ApproveBy, RemindAt time.Time
	Channel             string // of the approvers' card, or of the announcement; empty: none
	Denial              *Approval
	Successor           OrderID
	Failure             *Failure
	Sent                json.RawMessage
	There               time.Time // the time by CoCalc's clock; zero if it is unknown
	ItemID              int64
	Amount              Cents
	Hold                *Unresolved
	Receipt             *Receipt
	WatchUntil          time.Time
	OfferUntil          time.Time // FailPriceMoved: deadline for confirming the new price
}

// Promise describes a reservation: when it was made, and where it counts.
type Promise struct {
	Again Cents // see Order.Again
	At    time.Time
	Month string // budget month, "2026-11"
	Day   string // "2026-11-23"
	Auto  bool   // without approval, although there are approvers
}

// BudgetChange is the change that an event makes to the requester's share of the budget. Each field is +1, 0 or -1 and
// is multiplied by the order.
type BudgetChange struct {
	Reserved int // times the price: Share.Reserved and Budget.Reserved
	Orders   int // times 1: Share.Days
	Auto     int // times the price: Share.Auto, if Order.Auto
}

// The errors of Apply. Each is a bug of the caller; no person and no answer of CoCalc causes one.
var (
	// errTransition means that the state graph has no such arrow.
	errTransition = errors.New("the order can't change this way")
	// errIncomplete means that the event lacks a field that its kind needs.
	errIncomplete = errors.New("the event is incomplete")
	// errCheckoutSentBefore means that checkout was sent for this order, or may have been.
	errCheckoutSentBefore = errors.New("checkout was sent before; it is never sent again")
	// errAbovePrice means that the checkout would charge more than the requester confirmed.
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

// Apply returns the order after an event, and the change of its requester's budget. It modifies neither argument. Rev
// grows by one, and Blocked is cleared. On an error, Apply returns the order unchanged.
func Apply(o Order, e OrderEvent) (Order, BudgetChange, error) {
	to, ok := o.State.next(e.Kind)
	if !ok {
		return o, BudgetChange{}, fmt.Errorf("%w: %s of an order that is %s", errTransition, e.Kind, o.State)
	}
	if err := e.validate(o); err != nil {
		return o, BudgetChange{}, fmt.Errorf("%s of an order that is %s: %w", e.Kind, o.State, err)
	}
	after := o
	after.Messages = slices.Clone(o.Messages)
	after.State, after.Blocked, after.Updated = to, nil, e.Time
	after.Rev++
	e.fill(&after, o.State)
	return after, changeOf(o, after), nil
}

// validate returns an error if the event is incomplete or must not happen to this order.
func (e OrderEvent) validate(o Order) error {
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
			return errCheckoutSentBefore
		case e.Amount > o.Price:
			return errAbovePrice
		}
	case Approve, Withdraw, Expire: // these have no data
	}
	if incomplete {
		return errIncomplete
	}
	return nil
}

// fill sets the fields of the order from the event. was is the state before it.
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
	case Approve, Withdraw, Expire: // only the state changes
	}
}

// fillPurchase sets the fields of a purchased order. was is the state before.
func (e OrderEvent) fillPurchase(o *Order, was State) {
	r := *e.Receipt
	o.Receipt, o.Failure, o.Unresolved, o.WatchUntil = &r, nil, nil, e.WatchUntil
	if was == Failed && len(o.Messages) == 0 { // people who read about the failure get a correction
		o.Messages = append(o.Messages, Message{Kind: MessageNote})
	}
	if e.Channel != "" && o.Message(MessageLine) == nil {
		o.Messages = append(o.Messages, Message{Kind: MessageLine, Channel: e.Channel})
	}
}

// fillStop sets the fields of an order of a restored backup. If it was reserved, it may have been added to the cart, or
// bought, after the backup was made; so it counts as added and is watched.
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

// promise sets the date of the order's reservation.
func (o *Order) promise(p Promise) {
	o.Confirmed, o.Month, o.Day, o.Auto, o.Again = p.At, p.Month, p.Day, p.Auto, p.Again
}

// changeOf returns the change of the budget when before becomes after.
func changeOf(before, after Order) BudgetChange {
	switch {
	case before.State == Cancelled && !before.ApproveBy.IsZero(): // bought in the end; it still counts in its day
		return BudgetChange{Auto: 1}
	case before.State.Final(): // bought in the end
		return BudgetChange{Orders: 1, Auto: 1}
	case !before.IsReserved() && after.IsReserved():
		return BudgetChange{Reserved: 1, Orders: 1, Auto: 1}
	case before.IsReserved() && after.State == Purchased:
		return BudgetChange{Reserved: -1}
	case before.IsReserved() && after.State == Cancelled && !after.ApproveBy.IsZero():
		// it still counts in its day, because approvers were asked
		return BudgetChange{Reserved: -1, Auto: -1}
	case before.IsReserved() && !after.IsReserved():
		return BudgetChange{Reserved: -1, Orders: -1, Auto: -1}
	case !before.Released.IsZero() && after.State == Failed: // no reservation is left; it counts in its day
		return BudgetChange{Orders: -1, Auto: -1}
	}
	return BudgetChange{}
}

// AwaitsPeople returns the next deadline of an order that waits for a person; ok is false if it does not wait for one.
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

// Begins reports whether the order's next step begins to buy it or pays, so it must not happen while the ledger's file
// is not where the next start looks.
func (o *Order) Begins() bool {
	return o.State == Approved && len(o.HeldItems) == 0 || o.State == Adding && o.AddSent.IsZero() || o.State == Carted &&
		o.Failure == nil
}
