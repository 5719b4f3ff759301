package purchase

import (
	"time"
)

// LicenseEntry is a license of the account, with the log entry when it was bought through this ledger.
type LicenseEntry struct {
	License  License
	Purchase *Purchase
}

// QueueEntry is what tells an open order's place among the others.
type QueueEntry struct {
	ID        OrderID
	State     State
	Confirmed time.Time
}

// Stoppage is what keeps orders from being bought right now; zero when nothing does.
type Stoppage struct {
	Pause    *Pause
	Restored *Restore
	Held     []Order // whose outcome is unknown, oldest first: others wait for them
}

// Renewals are the renewals that CoCalc will charge until they are cancelled. They count in no budget: they need no
// confirmation.
type Renewals struct {
	Monthly, Yearly Cents // per month, and per year
	Active          int   // subscriptions
	DueThisMonth    Cents // of the present month, from now on

	// Next is when CoCalc charges the first of them from now on; zero when none of them says.
	Next time.Time
}

// DaySum is what a person got without approval today, and what a day allows. It is set where that sum alone is why an
// order needs approval: the order itself is within the limit.
type DaySum struct{ Used, Limit Cents }

// Passed reports whether the sum is why the order needs approval.
func (s DaySum) Passed() bool { return s.Limit > 0 }

// SumOfDay is the sum that makes an order need approval, of a requester who got auto without approval today.
func (p Policy) SumOfDay(o Order, auto Cents) DaySum {
	if p.NeedsApproval(o, 0) || !p.NeedsApproval(o, auto) {
		return DaySum{}
	}
	return DaySum{auto, p.AutoApprove}
}
