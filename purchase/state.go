package purchase

import "slices"

// State is where an order stands. docs/architecture.md draws the graph.
type State string

const (
	// Proposed is a card with a price; nothing is reserved. It expires.
	Proposed State = "proposed"
	// AwaitingApproval says that the requester confirmed, and the order needs approval. Budget is reserved from here on.
	AwaitingApproval State = "awaiting_approval"
	// Approved may be bought, and waits for its turn on the account.
	Approved State = "approved"
	// Adding is about to be added to the cart, or was added without an answer. No money moves.
	Adding State = "adding"
	// Carted has an item with a known id, whose content was read back and compared.
	Carted State = "carted"
	// Paying is about to be checked out, or was checked out and the outcome is not proven yet.
	Paying State = "paying"
	// Unknown may have been bought. It keeps its reservation and holds the account; only reading resolves it.
	Unknown State = "unknown"
	// Purchased is proven by reading the item back.
	Purchased State = "purchased"
	// Failed says that nothing was bought. If CoCalc shows a purchase while the order is still watched (another checkout
	// had begun before the item was taken out), the order becomes Purchased.
	Failed State = "failed"
	// Denied was refused by an approver.
	Denied State = "denied"
	// Cancelled was withdrawn by the requester before anything was sent.
	Cancelled State = "cancelled"
	// Expired was not decided in time.
	Expired State = "expired"
)

// States lists every state, in the order in which people meet them.
func States() []State {
	return []State{
		Proposed, AwaitingApproval, Approved, Adding, Carted, Paying, Unknown, Purchased, Failed, Denied,
		Cancelled, Expired,
	}
}

// Known reports whether s is a state of orders.
func (s State) Known() bool { return slices.Contains(States(), s) }

// Final reports whether the order has ended: nothing more is bought for it.
func (s State) Final() bool {
	switch s {
	case Purchased, Failed, Denied, Cancelled, Expired:
		return true
	default:
		return false
	}
}

// promised reports whether an order in this state holds a reservation.
func (s State) promised() bool {
	switch s {
	case AwaitingApproval, Approved, Adding, Carted, Paying, Unknown:
		return true
	default:
		return false
	}
}

// UnderWay reports whether the worker has begun with the order, so that it must be brought to an end before any other.
func (s State) UnderWay() bool {
	switch s {
	case Adding, Carted, Paying, Unknown:
		return true
	default:
		return false
	}
}

// CanBecome reports whether an event leads from s to next.
func (s State) CanBecome(next State) bool {
	return slices.ContainsFunc(transitions, func(t transition) bool { return t.From == s && t.To == next })
}
