package purchase

import (
	"strings"
	"time"
)

// Approval is what one approver said about an order.
type Approval struct {
	By     Person    `json:"by"`
	At     time.Time `json:"at"`
	Denied bool      `json:"denied,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// HasEnough reports whether there may be enough approvers beside the requester. Who is in a user group is not looked
// at.
func (p Policy) HasEnough(requester Person) bool {
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
