package purchase

import (
	"strconv"
	"time"
)

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
