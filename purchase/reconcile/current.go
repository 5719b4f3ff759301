package reconcile

import (
	"fmt"
	"maps"

	"licensebot/purchase"
)

// CheckCurrent checks the budgets as far as buying depends on them. It compares what is reserved, in total and for each
// person, with the open orders, and what was spent in the newest month with the purchase log since the last checkpoint.
// It takes no longer with a million orders than with a thousand, so a start calls it before anything is bought;
// [CheckConsistency] compares everything. The findings are of the kinds that CheckConsistency returns, and the error is
// that of reading the ledger.
func CheckCurrent(r purchase.Reader) (found []purchase.Finding, err error) {
	account, err := r.Account()
	if err != nil {
		return nil, fmt.Errorf("read the account: %w", err)
	}
	c, err := newBudgetCheck(r, account)
	if err != nil {
		return nil, err
	}
	for _, b := range c.stored {
		*c.month(b.Month) = withoutReservations(b)
	}
	open, err := r.OpenOrders()
	if err != nil {
		return nil, fmt.Errorf("read the open orders: %w", err)
	}
	for _, o := range open {
		if o.IsReserved() {
			c.reserve(o.Facts())
		}
	}
	if len(c.stored) > 0 {
		newest := c.stored[0].Month
		spent, isKnown, err := spentSince(r, account.Checkpoint, newest)
		if err != nil {
			return nil, err
		}
		if isKnown {
			c.month(newest).Spent = spent
		}
	}
	return c.findings(), nil
}

// withoutReservations returns a copy of a budget in which nothing is reserved.
func withoutReservations(b purchase.Budget) purchase.Budget {
	b.Reserved, b.People = 0, maps.Clone(b.People)
	for id, share := range b.People {
		share.Reserved = 0
		b.People[id] = share
	}
	return b
}

// maxEntries is about how many entries of the purchase log CheckCurrent reads if there is no checkpoint. If there are
// more, it doesn't check what was spent.
const maxEntries = 1000

// spentSince returns what was spent in a month: what the checkpoint says, and the entries of the purchase log since
// then. isKnown is false if there is no checkpoint and the log is long.
func spentSince(r purchase.Reader, checkpoint *purchase.Checkpoint, month string) (spent purchase.Cents, isKnown bool,
	err error,
) {
	var since purchase.Checkpoint
	if checkpoint != nil {
		since = *checkpoint
	}
	if since.Month == month {
		spent = since.Spent
	}
	read := 0
	for next := since.Entries + 1; checkpoint != nil || read <= maxEntries; {
		page, err := r.EntryFacts(next, purchase.PageSize)
		if err != nil {
			return 0, false, fmt.Errorf("read the purchase log: %w", err)
		}
		for _, p := range page {
			if next = p.Number + 1; p.Month == month {
				spent += p.Charged
			}
		}
		if read += len(page); len(page) < purchase.PageSize {
			return spent, true, nil
		}
	}
	return 0, false, nil
}
