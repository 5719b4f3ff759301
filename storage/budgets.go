package storage

import (
	"bytes"
	"maps"
	"sync"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// maxCachedBudgets is the number of decoded budgets that are kept: those of this month and of the month before.
const maxCachedBudgets = 2

// budgetCache keeps the budgets that were decoded last. A month's budget has a share for each person, and each card and
// each decision reads it; decoding takes far longer than comparing bytes. A cached budget is found by the bytes of its
// record in the caller's transaction, never by its month alone. So a reader of an older state, a change that another
// change in its commit preceded, and a transaction that was rolled back each get the budget of their own state, and a
// damaged record is never covered by an earlier one.
type budgetCache struct {
	mu     sync.Mutex
	recent []decodedBudget // the newest last
}

// decodedBudget is a budget and the record, with its checksum, that it was decoded from.
type decodedBudget struct {
	record []byte
	budget purchase.Budget
}

// read returns a month's budget in the state of tx; if there is none, an empty one with the month. The caller can
// replace shares in People.
func (c *budgetCache) read(tx *bbolt.Tx, month string) (purchase.Budget, error) {
	record := tx.Bucket(bucketBudgets).Get([]byte(month))
	if record == nil {
		return purchase.Budget{Month: month}, nil
	}
	if budget, ok := c.find(month, record); ok {
		return budget, nil
	}
	budget, err := decode[purchase.Budget](bucketBudgets, []byte(month), record)
	budget.Month = month
	if err == nil {
		c.keep(decodedBudget{bytes.Clone(record), copyBudget(budget)})
	}
	return budget, err
}

// find returns the budget that was decoded from this record of this month.
func (c *budgetCache) find(month string, record []byte) (purchase.Budget, bool) {
	c.mu.Lock()
	recent := c.recent // keep replaces the slice
	c.mu.Unlock()
	for _, d := range recent {
		if d.budget.Month == month && bytes.Equal(d.record, record) {
			return copyBudget(d.budget), true
		}
	}
	return purchase.Budget{}, false
}

func (c *budgetCache) keep(d decodedBudget) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := c.recent[max(0, len(c.recent)+1-maxCachedBudgets):]
	c.recent = append(rest[:len(rest):len(rest)], d)
}

// copyBudget returns a budget whose shares can be replaced. The maps within a share are shared with b, since
// purchase.Budget never changes them.
func copyBudget(b purchase.Budget) purchase.Budget {
	b.People = maps.Clone(b.People)
	return b
}
