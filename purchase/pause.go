package purchase

import (
	"cmp"
	"time"
)

// AnnouncedPrice is what the order costs: as the server said at the last look before paying, or else as shown.
func (o *Order) AnnouncedPrice() Cents { return cmp.Or(o.Amount, o.Price) }

// OfflineResume is a resume by `bot resume` while no bot ran. The next start announces it.
type OfflineResume struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
	LeftOut Cause     `json:"left_out_cause,omitzero"` // see Pause.LeftOut
}
