package purchase

import "time"

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
