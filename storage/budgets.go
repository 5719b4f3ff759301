package storage

import (
	"bytes"
	"reflect"
	"sync"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// maxCachedBudgets is the number of decoded budgets that are kept: a month's last state and the one before it, which
// older transactions may still read, and those of another month.
const maxCachedBudgets = 4

// budgetCache keeps the budgets that were decoded or encoded last. A month's budget has a share for each person, and
// each card and each decision reads it; decoding takes far longer than comparing bytes. A cached budget is found by the
// bytes of its record in the caller's transaction, never by its month alone. So a reader of an older state, a change
// that another change in its commit preceded, and a transaction that was rolled back each get the budget of their own
// state, and a damaged record is never covered by an earlier one.
type budgetCache struct {
	mu     sync.Mutex
	recent []decodedBudget // the newest last
}

// decodedBudget is a budget and its record, with the checksum.
type decodedBudget struct {
	record []byte
	budget purchase.Budget
}

// changedBudgets are the budgets that a transaction has changed and not written yet, by month. Changes that share a
// commit share them too, so that a budget is encoded once for all of them. A transaction that fails leaves none behind.
type changedBudgets map[string]changedBudget

// changedBudget is a budget that a transaction has changed.
type changedBudget struct {
	purchase.Budget
	// owned is set if People was copied for this transaction: a month may have hundreds, and a commit hundreds of changes.
	owned bool
}

// sameMap reports whether a and b are one map, so that a change of one changes the other.
func sameMap(a, b map[string]purchase.Share) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

// read returns a month's budget in the state of tx; if there is none, an empty one with the month.
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
		c.keep(decodedBudget{bytes.Clone(record), budget})
	}
	return budget, err
}

// write puts changed budgets into their bucket.
func (c *budgetCache) write(tx *bbolt.Tx, changed changedBudgets) (err error) {
	defer recoverDamage(&err)()
	for month, budget := range changed {
		record, err := encode([]byte(month), budget.Budget)
		if err != nil {
			return err
		}
		if err := tx.Bucket(bucketBudgets).Put([]byte(month), record); err != nil {
			return err
		}
		c.keep(decodedBudget{record, budget.Budget})
	}
	return nil
}

// find returns the budget that was decoded from this record of this month, or encoded as it.
func (c *budgetCache) find(month string, record []byte) (purchase.Budget, bool) {
	c.mu.Lock()
	recent := c.recent // keep replaces the slice
	c.mu.Unlock()
	for _, d := range recent {
		if d.budget.Month == month && bytes.Equal(d.record, record) {
			return d.budget, true
		}
	}
	return purchase.Budget{}, false
}

// keep adds a budget, and drops the oldest above maxCachedBudgets.
func (c *budgetCache) keep(d decodedBudget) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := c.recent[max(0, len(c.recent)+1-maxCachedBudgets):]
	c.recent = append(rest[:len(rest):len(rest)], d)
}
