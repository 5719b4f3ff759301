package records

import (
	"context"
	"fmt"
	"iter"

	"licensebot/purchase"
)

// Purchases iterates over the log entries of a range, oldest first. An error ends the iteration.
func Purchases(ctx context.Context, s Source, r Range) iter.Seq2[purchase.Purchase, error] {
	return func(yield func(purchase.Purchase, error) bool) {
		for r := r; r.Len() > 0; { // a copy, so that the iteration can be repeated
			page, err := s.Purchases(ctx, r)
			if err == nil && (len(page) == 0 || page[0].Number != r.First) {
				err = fmt.Errorf("the purchase log has no entry %d", r.First)
			}
			if err != nil {
				yield(purchase.Purchase{}, err)
				return
			}
			r.First += uint64(len(page))
			for _, p := range page {
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

// Events iterates over the audit records of a range that a filter takes, oldest first. An error ends the iteration.
func Events(ctx context.Context, s Source, r Range, f Filter) iter.Seq2[purchase.Event, error] {
	return func(yield func(purchase.Event, error) bool) {
		for r := r; r.Len() > 0; { // a copy, so that the iteration can be repeated
			page, err := s.Events(ctx, r, f)
			if err == nil && page.Next <= r.First {
				err = fmt.Errorf("the audit records after number %d can't be read", r.First)
			}
			if err != nil {
				yield(purchase.Event{}, err)
				return
			}
			r.First = page.Next
			for _, e := range page.Events {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}
