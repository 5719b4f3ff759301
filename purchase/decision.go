package purchase

import (
	"time"
)

// Action is a person's press of a button on an order.
type Action struct {
	Actor   Actor
	Channel Channel
	// Card reaches the message that holds the button. Kept with the order when the requester clicked: it is where
	// they see what happens next.
	Card Message
	// MessageTS is the timestamp of the message that holds the button, if others can see the message.
	MessageTS string
	// Typed: the decision came as a command, which may be typed anywhere. A button belongs to the place of its card.
	Typed bool
	// Reason is why the person wants it, where the order has no reason yet and one is needed.
	Reason string
}

// AttachCard keeps the card with the order, if the click was the requester's, and has it shown anew.
func (o *Order) AttachCard(action Action) bool {
	if action.Card.ResponseURL == "" || o.ReplacedBy != "" || MayWithdraw(*o, action.Actor) != nil {
		return false // the card of an order that was replaced is its successor's by now
	}
	action.Card.Kind, action.Card.PublishedRev = MessageCard, 0
	if m := o.Message(MessageCard); m != nil {
		*m = action.Card
	} else {
		o.Messages = append(o.Messages, action.Card)
	}
	return true
}

// Successor shows the order that has taken over o's card, if there is one, where that card was clicked.
func Successor(w Writer, o Order, action Action) error {
	if o.ReplacedBy == "" {
		return nil
	}
	for o.ReplacedBy != "" {
		next, err := w.Order(o.ReplacedBy)
		if err != nil {
			return err
		}
		o = next
	}
	if !o.AttachCard(action) {
		return nil
	}
	return w.PutOrder(o)
}

// AwayRefusal refuses what would reserve money while the ledger's file is away.
func (p Policy) AwayRefusal() *Refusal {
	return NewRefusal(LedgerAway, "told", p.AdminsTold())
}

// Begins reports whether the order's next step begins something or pays, so that the next start must find it.
func (o *Order) Begins() bool {
	return o.State == Approved && len(o.HeldItems) == 0 || o.State == Adding && o.AddSent.IsZero() || o.State == Carted &&
		o.Failure == nil
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
