package bot

import (
	"time"

	"licensebot/purchase"
)

// Changes collects the orders that changed until the Publisher takes them. The Desk reports changes, and the Publisher
// reads the Desk, so Changes is made before both. It may be used concurrently.
type Changes struct {
	turns *turns
	wake  chan struct{} // capacity 1: there is something to publish
}

// NewChanges returns an empty collection. A nil now is the system's clock.
func NewChanges(now func() time.Time) *Changes {
	if now == nil {
		now = time.Now
	}
	return &Changes{turns: newTurns(now), wake: make(chan struct{}, 1)}
}

// Add notes that an order has changed, or with an empty id that the account has. It never waits for Slack or the
// ledger. It is meant for purchase.Options.Changed.
func (c *Changes) Add(id purchase.OrderID) {
	if id != "" {
		c.turns.wake(id)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
