package purchase

import "slices"

// State is where an order stands. docs/architecture.md draws the graph.
type State string

const (
	// Proposed: a card with a price; nothing is promised. Expires.
	Proposed State = "proposed"
	// AwaitingApproval: the requester confirmed, and the order needs approval. Budget is reserved from here on.
	AwaitingApproval State = "awaiting_approval"
	// Approved: may be bought; waits for its turn on the account.
	Approved State = "approved"
	// Adding: about to add to the cart, or added without having heard so. No money moves.
	Adding State = "adding"
	// Carted: the item's id is known and its content was read back and compared.
	Carted State = "carted"
	// Paying: about to check out, or checked out without having proven the outcome.
	Paying State = "paying"
	// Unknown: checkout may have bought. Keeps its reservation and holds the account; settled by reading alone.
	Unknown State = "unknown"
	// Purchased: proven by reading the item back.
	Purchased State = "purchased"
	// Failed: nothing was bought. If CoCalc shows a purchase while the order is still watched (another checkout had
	// begun before the item was taken out), the order becomes Purchased.
	Failed State = "failed"
	// Denied: an approver said no.
	Denied State = "denied"
	// Cancelled: the requester took it back before anything was sent.
	Cancelled State = "cancelled"
	// Expired: there was no decision in time.
	Expired State = "expired"
)

// States lists every state, in the order in which people meet them.
func States() []State {
	return []State{
		Proposed, AwaitingApproval, Approved, Adding, Carted, Paying, Unknown, Purchased, Failed, Denied,
		Cancelled, Expired,
	}
}

// known reports whether s is a state of orders.
func (s State) known() bool { return slices.Contains(States(), s) }

// Final reports whether the order has ended: nothing more is bought for it.
func (s State) Final() bool {
	switch s {
	case Purchased, Failed, Denied, Cancelled, Expired:
		return true
	}
	return false
}

// promised reports whether an order in this state holds a reservation.
func (s State) promised() bool {
	switch s {
	case AwaitingApproval, Approved, Adding, Carted, Paying, Unknown:
		return true
	}
	return false
}

// UnderWay reports whether the buyer has begun with the order, so that it must be brought to an end before any other.
func (s State) UnderWay() bool {
	switch s {
	case Adding, Carted, Paying, Unknown:
		return true
	}
	return false
}

// CanBecome reports whether an event leads from s to next.
func (s State) CanBecome(next State) bool {
	return slices.ContainsFunc(transitions, func(t transition) bool { return t.From == s && t.To == next })
}
