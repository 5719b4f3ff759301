package main

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// loss is what the present ledger has and a backup lacks. Most of two ledgers is the same, and is not kept.
type loss struct {
	common   int       // the number of audit records with which both begin
	records  int       // the number of the present ledger's audit records after these
	from, to time.Time // of the first and the last of them
	added    int       // the number of the backup's audit records after the common ones

	bought int // the purchases that only the present ledger has
	sum    purchase.Cents
	// orders are the present ledger's orders that may have been bought since the backup was made.
	orders []purchase.Order
	pause  *purchase.Pause
}

// read compares two ledgers.
func (l *loss) read(present, backup purchase.Reader) error {
	account, err := present.Account()
	if err != nil {
		return err
	}
	l.pause = account.Pause
	if err := l.readEvents(present, backup); err != nil {
		return err
	}
	if err := l.readPurchases(present, backup); err != nil {
		return err
	}
	return l.readOrders(present, backup)
}

func (l *loss) readEvents(present, backup purchase.Reader) error {
	last, err := present.Head()
	other, err2 := backup.Head()
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	// If a hash is equal, so are all records before it.
	both := min(last.Number, other.Number)
	l.common, err = commonPart(both, func(n uint64) (bool, error) { return haveSameRecord(present, backup, n, both) })
	if err != nil {
		return err
	}
	l.records, l.added = int(last.Number)-l.common, int(other.Number)-l.common
	if l.records == 0 {
		return nil
	}
	first, err := present.Events(uint64(l.common)+1, 1)
	if err != nil {
		return err
	}
	l.from, l.to = first[0].Time, last.Time
	return nil
}

// haveSameRecord reports whether two ledgers have the same audit record n. Where it was pruned in one of them, it
// compares the last record of that part instead; both have audit records up to number both.
func haveSameRecord(a, b purchase.Reader, n, both uint64) (bool, error) {
	at := func(r purchase.Reader, n uint64) (purchase.Event, error) {
		page, err := r.Events(n, 1)
		if err == nil && (len(page) == 0 || !page[0].StandsFor(n)) {
			err = fmt.Errorf("there is no audit record %d", n)
		}
		if err != nil {
			return purchase.Event{}, err
		}
		return page[0], nil
	}
	for {
		x, err := at(a, n)
		y, err2 := at(b, n)
		if err := errors.Join(err, err2); err != nil || x.Number == y.Number {
			return x.Hash == y.Hash, err
		}
		if n = max(x.Number, y.Number); n > both {
			return true, nil // one ends within what the other one pruned
		}
	}
}

// commonPart returns how many of the first n numbered records are the same in two ledgers. Once they differ, they do to
// the end.
func commonPart(n uint64, same func(n uint64) (bool, error)) (int, error) {
	var failed error
	common := sort.Search(int(n), func(i int) bool {
		is, err := same(uint64(i) + 1)
		failed = errors.Join(failed, err)
		return !is
	})
	return common, failed
}

// sale is what makes two log entries the same purchase, or the same correction.
type sale struct {
	order      purchase.OrderID
	license    string
	correction bool
	kind       purchase.EntryKind
	row        int64 // of upkeep: a license can have two renewals of the same price
	charged    purchase.Cents
}

func saleOf(p purchase.EntryFacts) sale {
	s := sale{p.Order, p.LicenseID, p.Correction, p.Kind, 0, p.Charged}
	if p.Kind.IsUpkeep() {
		s.row = p.PurchaseID
	}
	return s
}

func (l *loss) readPurchases(present, backup purchase.Reader) error {
	n, err := purchase.LastEntry(present)
	m, err2 := purchase.LastEntry(backup)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	at := func(r purchase.Reader, n uint64) (sale, error) {
		page, err := r.EntryFacts(n, 1)
		if err == nil && len(page) == 0 {
			err = fmt.Errorf("there is no entry %d of the purchase log", n)
		}
		if err != nil {
			return sale{}, err
		}
		return saleOf(page[0]), nil
	}
	same, err := commonPart(min(n, m), func(n uint64) (bool, error) {
		x, err := at(present, n)
		y, err2 := at(backup, n)
		return x == y, errors.Join(err, err2)
	})
	if err != nil {
		return err
	}
	has := map[sale]bool{}
	for p, err := range purchase.EntriesFrom(backup, uint64(same)+1) {
		if err != nil {
			return err
		}
		has[saleOf(p)] = true
	}
	for p, err := range purchase.EntriesFrom(present, uint64(same)+1) {
		if err != nil {
			return err
		}
		if has[saleOf(p)] {
			continue
		}
		l.sum += p.Charged
		if !p.Correction && !p.Kind.IsUpkeep() {
			l.bought++
		}
	}
	return nil
}

func (l *loss) readOrders(present, backup purchase.Reader) error {
	for o, err := range purchase.AllOrders(present) {
		if err != nil {
			return err
		}
		mayBeBought, err := register.MayBeBoughtSince(backup, o)
		if err != nil {
			return err
		}
		if mayBeBought {
			l.orders = append(l.orders, o)
		}
	}
	return nil
}
