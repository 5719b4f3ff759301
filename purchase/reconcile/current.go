package reconcile

import (
	"fmt"
	"maps"
	"slices"

	"licensebot/purchase"
)

// CheckCurrent checks the budgets as far as buying depends on them: those of the two newest months, and of the months
// in which open orders have reserved money. It compares what is reserved, in total and for each person, with the open
// orders, and what was spent in the newest month with the purchase log since the last checkpoint.
// It takes no longer with a million orders than with a thousand, so a start calls it before anything is bought;
// [CheckConsistency] compares everything. The findings are of the kinds that CheckConsistency returns, and the error is
// that of reading the ledger.
func CheckCurrent(r purchase.Reader) (found []purchase.Finding, err error) {
	account, err := r.Account()
	if err != nil {
		return nil, fmt.Errorf("read the account: %w", err)
	}
	open, err := r.OpenOrders()
	if err != nil {
		return nil, fmt.Errorf("read the open orders: %w", err)
	}
	open = slices.DeleteFunc(open, func(o purchase.Order) bool { return !o.IsReserved() })
	budgets, err := currentBudgets(r, open)
	if err != nil {
		return nil, fmt.Errorf("read the budgets: %w", err)
	}
	c := newBudgetCheck(account, budgets)
	for _, b := range budgets {
		*c.month(b.Month) = withoutReservations(b)
	}
	for _, o := range open {
		c.reserve(o.Facts())
	}
	if len(budgets) > 0 {
		newest := budgets[0].Month
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

// currentBudgets returns the budgets of the two newest months, newest first, and those of other months in which orders
// have reserved money.
func currentBudgets(r purchase.Reader, reserved []purchase.Order) (budgets []purchase.Budget, err error) {
	if budgets, err = r.Budgets(2); err != nil {
		return nil, err
	}
	for _, o := range reserved {
		if slices.ContainsFunc(budgets, func(b purchase.Budget) bool { return b.Month == o.Month }) {
			continue
		}
		b, err := r.Budget(o.Month)
		if err != nil {
			return nil, err
		}
		budgets = append(budgets, b)
	}
	return budgets, nil
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
