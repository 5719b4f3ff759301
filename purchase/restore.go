package purchase

import (
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
)

// restoring refuses orders as long as an older copy of the ledger was not compared with CoCalc.
func restoring(account AccountState) *Refusal {
	if account.Restored == nil {
		return nil
	}
	return NewRefusal(Restoring)
}

// After a restore, CoCalc shows purchases of this bot that the backup lacks. Each is entered, so that history and
// budgets are complete: its tag names the order, and the previous ledger names the person.

// Unattributed stands in for the person of a purchase that no ledger attributes to one.
var Unattributed = Actor{ID: "unattributed", Name: "unattributed"}

// Find returns the previous ledger's record of an order; ok is false if there is none.
func (b *Before) Find(id OrderID) (o Order, ok bool) {
	if b == nil {
		return Order{}, false
	}
	i := slices.IndexFunc(b.Orders, func(o Order) bool { return o.ID == id })
	if i < 0 {
		return Order{}, false
	}
	return b.Orders[i], true
}

// MayLack reports whether only the unreadable previous ledger may have had the order: it was created after the backup.
// Clocks may differ by slack.
func (b *Before) MayLack(id OrderID, slack time.Duration) bool {
	parsed, err := ulid.ParseStrict(string(id))
	return b != nil && !b.IsKnown && err == nil && ulid.Time(parsed.Time()).After(b.Last.Add(-slack))
}

// LeftOut returns the purchases that paused buying and count in no budget; the zero Cause if there are none. An admin
// who resumes buying needs to know their sum.
func (p *Pause) LeftOut() Cause {
	var n int
	var sum Cents
	for _, in := range p.AllIncidents() {
		if in.Code != IncidentUnexplained {
			continue
		}
		n++
		amount, _ := strconv.ParseInt(in.Args["amount"], 10, 64) // older records do not have it
		sum += Cents(amount)
	}
	if n == 0 {
		return Cause{}
	}
	return NewCause(LeftOut, "purchases", strconv.Itoa(n), "amount", ArgCents(sum))
}
