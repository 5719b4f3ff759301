package purchase

import "iter"

// PageSize is how many records are read at once: a ledger can have more than fit into memory.
const PageSize = 500

// AllOrders walks through the orders, newest first. An error ends the walk.
func AllOrders(r Reader) iter.Seq2[Order, error] {
	return func(yield func(Order, error) bool) {
		for before := OrderID(""); ; {
			page, err := r.Orders(before, PageSize)
			if err != nil {
				yield(Order{}, err)
				return
			}
			for _, o := range page {
				before = o.ID
				if !yield(o, nil) {
					return
				}
			}
			if len(page) < PageSize {
				return
			}
		}
	}
}

// AllEvents walks through the audit records, oldest first. An error ends the walk.
func AllEvents(r Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for next := uint64(1); ; {
			page, err := r.Events(next, PageSize)
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range page {
				next = e.Number + 1
				if !yield(e, nil) {
					return
				}
			}
			if len(page) < PageSize {
				return
			}
		}
	}
}
