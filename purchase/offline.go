package purchase

import "time"

// OfflineResume is a resume by `bot resume` while no bot ran. The next start announces it.
type OfflineResume struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
	LeftOut Cause     `json:"left_out_cause,omitzero"` // see Pause.LeftOut
}
