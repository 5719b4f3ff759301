package purchase

import (
	"strconv"
	"strings"
	"time"
)

// Approval is what one approver said about an order.
type Approval struct {
	By     Actor     `json:"by"`
	At     time.Time `json:"at"`
	Denied bool      `json:"denied,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// HasEnough reports whether there may be enough approvers beside the requester. Who is in a user group is not looked
// at.
func (p Policy) HasEnough(requester Actor) bool {
	n := 0
	for id, listed := range p.Approvers {
		if listed && strings.HasPrefix(id, "S") {
			return true
		}
		if listed && id != requester.ID && id != requester.Org {
			n++
		}
	}
	return n >= p.Approvals
}

// What was promised is looked at once more before anything is spent for it: an order can wait for hours, in which
// people leave, and lists and limits change.

// PromiseKept is for how long a right that was checked when the money was promised counts where Slack does not tell it
// anew.
const PromiseKept = time.Hour

// AgreedBy refuses an order that has fewer approvals than it needs by now. share is its requester's part of the month.
func (p Policy) AgreedBy(o Order, share Share) *Refusal {
	auto := share.Auto[o.Day]
	if o.Auto {
		auto -= o.Price
	}
	n := 0
	for _, a := range o.Approvals {
		if !a.Denied {
			n++
		}
	}
	if !p.NeedsApproval(o, auto) || n >= p.Approvals {
		return nil
	}
	return NewRefusal(NotAgreed, "needs", strconv.Itoa(p.Approvals), "has", strconv.Itoa(n))
}

// PromisedAt is when the last right was checked on which the order rests.
func (o *Order) PromisedAt() time.Time {
	at := o.Confirmed
	for _, a := range o.Approvals {
		if a.At.After(at) {
			at = a.At
		}
	}
	return at
}

// Verdict is what an admin found out about an order whose outcome is unknown.
type Verdict string

// What an admin can find out.
const (
	WasBought    Verdict = "bought"
	WasNotBought Verdict = "not-bought"
)

// Settlement is an admin's decision on an order whose outcome is unknown.
type Settlement struct {
	Verdict   Verdict
	LicenseID string // of the license that was bought, when it is known
	Reason    string // how they know; required, and kept in the ledger
}
