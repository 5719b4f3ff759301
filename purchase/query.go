package purchase

import "time"

// Owned is a license of the account, with the log entry when it was bought through this ledger.
type Owned struct {
	License  License
	Purchase *Purchase
}

// Queued is what tells an open order's place among the others.
type Queued struct {
	ID        OrderID
	State     State
	Confirmed time.Time
}

// Stop is what keeps orders from being bought right now; zero when nothing does.
type Stop struct {
	Pause    *Pause
	Restored *Restore
	Held     []Order // whose outcome is unknown, oldest first: others wait for them
}
