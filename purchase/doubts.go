package purchase

import "time"

// Doubt is a person's decision that was being written when the disk failed. The next start sees whether it is in the
// ledger.
type Doubt struct {
	Began time.Time `json:"began"` // before the decision was written
	Who   string    `json:"who"`   // a person's id
	Order OrderID   `json:"order,omitempty"`
	// Became is the order that the decision creates in place of Order, at a new price.
	Became OrderID `json:"became,omitempty"`
	Typed  bool    `json:"typed,omitempty"` // a command, not a click
	Buys   bool    `json:"buys,omitempty"`  // it would have reserved money
	// Run is when the run began in which the disk failed, and Failed when it was found to have failed: what was
	// decided later isn't this decision. Doubts of older versions have neither.
	Run    time.Time `json:"run,omitzero"`
	Failed time.Time `json:"failed,omitzero"`
}

// Doubts stores doubts beside the ledger, from the failure of its disk to the next start.
type Doubts interface {
	// Keep adds a doubt. It is durable if Keep returns nil.
	Keep(Doubt) error
	// All returns the doubts, oldest first.
	All() ([]Doubt, error)
	// Clear removes all doubts.
	Clear() error
}

// Same reports whether both doubts are about the same deed, as far as the person can tell. After a restart it is
// another deed.
func (u Doubt) Same(other Doubt) bool {
	return u.Who == other.Who && u.Order == other.Order && u.Typed == other.Typed && u.Run.Equal(other.Run)
}
