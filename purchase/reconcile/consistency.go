package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"licensebot/purchase"
)

// Viewer reads a ledger, in one state for each call; purchase.Ledger is one.
type Viewer interface {
	View(ctx context.Context, read func(purchase.Reader) error) error
}

// Snapshot is a Viewer of the state that its Reader reads.
type Snapshot struct{ Reader purchase.Reader }

// View implements Viewer.
func (s Snapshot) View(ctx context.Context, read func(purchase.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return read(s.Reader)
}

// CheckConsistency compares the records of a ledger with each other: the budgets with the orders and the purchase log,
// and the orders with the log and the audit records. It writes nothing. It returns the contradictions; none if the
// records agree. Package storage checks that the records are as they were written, and [LedgerView.Compare] that they
// agree with CoCalc. The error is that of reading the ledger, of ctx, or of pause.
//
// It reads the whole ledger, in steps of some thousand records with a View for each, and calls pause after each step
// but the last, unless it is nil. So it can run beside a bot that writes: what is written meanwhile is read too, and
// all that contradicts something is compared in one last state. An order that has ended and agrees with its records is
// read again only if another record names it.
//
// It keeps 16 bytes for each log entry, 24 for one of a license's upkeep, and some megabytes; more only for
// contradictions.
func CheckConsistency(ctx context.Context, ledger Viewer, pause func(context.Context) error,
) ([]purchase.Finding, error) {
	return defaultLimits.check(ctx, ledger, pause)
}

// limits say how much of a ledger is read and kept at once.
type limits struct {
	step  int // records that are read in one View
	page  int // records of a kind that are read at once
	ahead int // orders that are read ahead, to find the one that a record names
	log   int // entries that are read ahead, to find that of an order which was bought
	live  int // orders whose records are kept until they are complete
	round int // orders whose records are collected in one more pass
}

var defaultLimits = limits{step: 8192, page: 512, ahead: 2048, log: 16, live: 8192, round: 16384}

func (l limits) check(ctx context.Context, ledger Viewer, pause func(context.Context) error,
) ([]purchase.Finding, error) {
	var found findings
	s := newScreen(l, &found)
	if err := inSteps(ctx, ledger, pause, s.step); err != nil {
		return nil, err
	}
	suspects := s.suspectOrders()
	licenses, rows := repeated(s.licenses), repeated(s.rows)
	if pause == nil {
		pause = func(context.Context) error { return nil }
	}
	if len(s.upkeep) > 0 {
		if err := pause(ctx); err != nil {
			return nil, err
		}
		if err := ledger.View(ctx, s.judgeUpkeep); err != nil {
			return nil, err
		}
	}
	for len(suspects) > 0 || len(licenses)+len(rows) > 0 {
		if err := pause(ctx); err != nil {
			return nil, err
		}
		n := min(len(suspects), l.round)
		c := newCollection(l, suspects[:n], licenses, rows, &found)
		if err := inSteps(ctx, ledger, pause, c.step); err != nil {
			return nil, err
		}
		suspects, licenses, rows = suspects[n:], nil, nil
	}
	return found.all(), nil
}

// inSteps calls step with one state of the ledger after the other until it reports that it is done.
func inSteps(ctx context.Context, ledger Viewer, pause func(context.Context) error,
	step func(purchase.Reader) (done bool, err error),
) error {
	for {
		done := false
		err := ledger.View(ctx, func(r purchase.Reader) (err error) {
			done, err = step(r)
			return err
		})
		if err == nil && !done && pause != nil {
			err = pause(ctx)
		}
		if err != nil || done {
			return err
		}
	}
}

// takeAll calls each of take until it has taken all, while records may be read in this step. It reports whether they
// have all taken all.
func takeAll(r purchase.Reader, left *int, take ...func(purchase.Reader) (ok bool, err error)) (done bool, err error) {
	for _, next := range take {
		for ok := true; ok; {
			if *left <= 0 {
				return false, nil
			}
			if ok, err = next(r); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// stream reads records of one kind, oldest first. It keeps its place between steps.
type stream[T any, K interface{ ~string | ~uint64 }] struct {
	name string
	size int  // of a page
	left *int // records that may still be read in this step
	last K    // the key of the last record that was read
	page []T  // records that were read and not taken
	key  func(*T) K
	read func(r purchase.Reader, last K, limit int) ([]T, error)
}

// more reads another page. It returns false if there are no more records in this state.
func (s *stream[T, K]) more(r purchase.Reader) (bool, error) {
	page, err := s.read(r, s.last, s.size)
	if err != nil {
		return false, fmt.Errorf("read the %s: %w", s.name, err)
	}
	for i := range page {
		key := s.key(&page[i])
		if key <= s.last {
			return false, fmt.Errorf("read the %s: %v comes after %v", s.name, key, s.last)
		}
		s.last = key
	}
	*s.left -= len(page)
	if len(s.page) == 0 {
		s.page = page
	} else {
		s.page = append(s.page, page...)
	}
	return len(page) > 0, nil
}

// next takes the next record; ok is false if there is none in this state.
func (s *stream[T, K]) next(r purchase.Reader) (record T, ok bool, err error) {
	if len(s.page) == 0 {
		if ok, err := s.more(r); err != nil || !ok {
			return record, false, err
		}
	}
	record, s.page = s.page[0], s.page[1:]
	return record, true, nil
}

func (l limits) orders(left *int) stream[purchase.OrderFacts, purchase.OrderID] {
	return stream[purchase.OrderFacts, purchase.OrderID]{
		name: "orders", size: l.page, left: left, key: func(o *purchase.OrderFacts) purchase.OrderID { return o.ID },
		read: func(r purchase.Reader, last purchase.OrderID, limit int) ([]purchase.OrderFacts, error) {
			return r.OrderFacts(last, limit)
		},
	}
}

func (l limits) entries(left *int) stream[purchase.EntryFacts, uint64] {
	return stream[purchase.EntryFacts, uint64]{
		name: "purchase log", size: l.page, left: left, key: func(p *purchase.EntryFacts) uint64 { return p.Number },
		read: func(r purchase.Reader, last uint64, limit int) ([]purchase.EntryFacts, error) {
			return r.EntryFacts(last+1, limit)
		},
	}
}

func (l limits) events(left *int) stream[purchase.EventFacts, uint64] {
	return stream[purchase.EventFacts, uint64]{
		name: "audit records", size: l.page, left: left, key: func(e *purchase.EventFacts) uint64 { return e.Number },
		read: func(r purchase.Reader, last uint64, limit int) ([]purchase.EventFacts, error) {
			return r.EventFacts(last+1, limit)
		},
	}
}

// reload reads the order again. If the ledger has no such order, o.order is nil.
func (o *orderRecords) reload(r purchase.Reader) error {
	order, err := r.Order(o.id)
	if errors.Is(err, purchase.ErrNoOrder) {
		o.order = nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}
	facts := order.Facts()
	o.order = &facts
	return nil
}

// repeated sorts hashes, and returns those that are there more than once.
func repeated(hashes []uint64) map[uint64]bool {
	slices.Sort(hashes)
	var twice map[uint64]bool
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			if twice == nil {
				twice = map[uint64]bool{}
			}
			twice[hashes[i]] = true
		}
	}
	return twice
}
