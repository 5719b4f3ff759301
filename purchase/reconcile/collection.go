package reconcile

import (
	"maps"
	"slices"

	"licensebot/purchase"
)

// collection reads the log and the audit records once more for what the screen could not judge: all that they say about
// some orders, and the entries whose license or purchase may be that of another entry.
type collection struct {
	limits   limits
	found    *findings
	left     int // records that may still be read in this step
	log      stream[purchase.EntryFacts, uint64]
	audit    stream[purchase.EventFacts, uint64]
	suspects map[purchase.OrderID]*orderRecords
	licenses map[uint64]bool // hashes that several entries have
	rows     map[uint64]bool // CoCalc's purchases that several entries have
	repeated []purchase.EntryFacts
}

func newCollection(l limits, suspects []purchase.OrderID, licenses, rows map[uint64]bool, f *findings) *collection {
	c := &collection{
		limits: l, found: f, suspects: map[purchase.OrderID]*orderRecords{}, licenses: licenses, rows: rows,
	}
	for _, id := range suspects {
		c.suspects[id] = &orderRecords{id: id}
	}
	c.log, c.audit = l.entries(&c.left), l.events(&c.left)
	return c
}

// step reads the next records in one state of the ledger. When it has read all, it judges the orders and the entries.
func (c *collection) step(r purchase.Reader) (done bool, err error) {
	c.left = c.limits.step
	if done, err = takeAll(r, &c.left, c.takeEvent, c.takeEntry); err != nil || !done {
		return false, err
	}
	c.found.judgeUnique(c.repeated)
	for _, id := range slices.Sorted(maps.Keys(c.suspects)) {
		o := c.suspects[id]
		if err := o.reload(r); err != nil {
			return false, err
		}
		c.found.judge(o)
	}
	return true, nil
}

func (c *collection) takeEvent(r purchase.Reader) (ok bool, err error) {
	e, ok, err := c.audit.next(r)
	if err != nil || !ok || !states()[e.Kind] {
		return ok, err
	}
	if o := c.suspects[e.Order]; o != nil {
		o.events = append(o.events, stateRecord{e.Number, purchase.State(e.Kind), e.Amount})
	}
	return true, nil
}

func (c *collection) takeEntry(r purchase.Reader) (ok bool, err error) {
	p, ok, err := c.log.next(r)
	if err != nil || !ok {
		return false, err
	}
	if o := c.suspects[p.Order]; o != nil && !p.Kind.IsUpkeep() {
		o.entries = append(o.entries, p)
	}
	if p.Kind.IsUpkeep() {
		p.LicenseID = "" // that of another entry
	}
	if !p.Correction && (c.licenses[licenseHash(p.LicenseID)] || c.rows[uint64(p.PurchaseID)]) {
		c.repeated = append(c.repeated, p)
	}
	return true, nil
}
