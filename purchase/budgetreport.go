package purchase

import "time"

// Committed are the renewals that CoCalc will charge until they are cancelled. They count in no budget: they need no
// confirmation.
type Committed struct {
	Monthly, Yearly Cents // per month, and per year
	Active          int   // subscriptions
	DueThisMonth    Cents // of the present month, from now on

	// Next is when CoCalc charges the first of them from now on; zero when none of them says.
	Next time.Time
}
