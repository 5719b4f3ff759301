package reconcile

import (
	"fmt"
	"maps"
	"slices"

	"licensebot/purchase"
)

// totals are the sums of the purchase log by month.
type totals map[string]*monthTotal

// monthTotal is the sum of a month's entries.
type monthTotal struct {
	bought int                       // licenses
	spent  map[string]purchase.Cents // by the requester's id in the workspace
	upkeep map[string]purchase.Cents // for licenses bought before, likewise
}

func (t totals) add(p purchase.EntryFacts) {
	month := t[p.Month]
	if month == nil {
		month = &monthTotal{spent: map[string]purchase.Cents{}, upkeep: map[string]purchase.Cents{}}
		t[p.Month] = month
	}
	if p.Kind.IsUpkeep() {
		month.upkeep[p.Requester] += p.Charged
		return
	}
	month.spent[p.Requester] += p.Charged
	if !p.Correction {
		month.bought++
	}
}

// compare compares the stored budgets with what the log and the reserved orders add up to. The orders are oldest first.
func (t totals) compare(r purchase.Reader, account purchase.AccountState, reserved []purchase.OrderFacts,
) (found []purchase.Finding, err error) {
	stored, err := r.Budgets(maxMonths)
	if err != nil {
		return nil, fmt.Errorf("read the budgets: %w", err)
	}
	c := newBudgetCheck(account, stored)
	for _, o := range slices.Backward(reserved) {
		c.reserve(o)
	}
	for name, total := range t {
		m := c.month(name)
		m.Bought = total.bought
		for requester, amount := range total.spent {
			m.Spend(account.Key(purchase.Actor{ID: requester}), amount, 0)
		}
		for requester, amount := range total.upkeep {
			m.SpendUpkeep(account.Key(purchase.Actor{ID: requester}), amount)
		}
	}
	return c.findings(), nil
}

// maxMonths is above the number of budgets of any ledger.
const maxMonths = 1 << 20

// budgetCheck compares the stored budgets with what they should be. A person's amounts count under the ledger's key for
// that person. In a ledger of an older version, each id has a key of its own until the next start merges them.
type budgetCheck struct {
	account purchase.AccountState
	stored  []purchase.Budget
	want    map[string]*purchase.Budget
}

// newBudgetCheck returns a check of stored budgets. The amounts that they should have begin with zero.
func newBudgetCheck(account purchase.AccountState, stored []purchase.Budget) *budgetCheck {
	c := &budgetCheck{account, stored, map[string]*purchase.Budget{}}
	for _, b := range stored {
		c.month(b.Month)
	}
	return c
}

// month returns what a month's budget should be, to be changed.
func (c *budgetCheck) month(name string) *purchase.Budget {
	if c.want[name] == nil {
		c.want[name] = &purchase.Budget{Month: name}
	}
	return c.want[name]
}

// reserve adds the price of a reserved order.
func (c *budgetCheck) reserve(o purchase.OrderFacts) {
	c.month(o.Month).Reserve(c.account.Key(purchase.Actor{ID: o.Requester}), o.Reservation(), 1)
}

// findings returns the differences, by month.
func (c *budgetCheck) findings() (found []purchase.Finding) {
	have := map[string]purchase.Budget{}
	for _, b := range c.stored {
		have[b.Month] = b
	}
	for _, name := range slices.Sorted(maps.Keys(c.want)) {
		found = append(found, compareBudget(have[name], *c.want[name])...)
	}
	return found
}

// compareBudget compares a stored budget with what it should be.
func compareBudget(got, want purchase.Budget) (found []purchase.Finding) {
	month := want.Month
	find := func(code purchase.FindingCode, args ...any) {
		found = append(found, purchase.NewFinding("budget "+month, code, args...))
	}
	if got.Spent != want.Spent {
		find(purchase.FoundBudgetSpent, month, got.Spent, want.Spent)
	}
	if got.Upkeep != want.Upkeep {
		find(purchase.FoundBudgetUpkeep, month, got.Upkeep, want.Upkeep)
	}
	if got.Reserved != want.Reserved {
		find(purchase.FoundBudgetReserved, month, got.Reserved, want.Reserved)
	}
	if got.Bought != want.Bought {
		find(purchase.FoundBudgetCount, month, got.Bought, want.Bought)
	}
	if _, older := got.People[purchase.Unattributable]; older || len(got.People) == 0 {
		return found // this month was stored by a version without shares of people
	}
	people := maps.Clone(got.People)
	maps.Copy(people, want.People)
	for _, id := range slices.Sorted(maps.Keys(people)) {
		g, w := got.People[id], want.People[id]
		if g.Spent != w.Spent || g.Reserved != w.Reserved {
			find(purchase.FoundBudgetPerson, month, id, g.Spent, g.Reserved, w.Spent, w.Reserved)
		}
		if g.Upkeep != w.Upkeep {
			find(purchase.FoundBudgetPersonUpkeep, month, id, g.Upkeep, w.Upkeep)
		}
	}
	return found
}
