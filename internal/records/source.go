package records

import (
	"context"
	"slices"
	"time"

	"licensebot/purchase"
)

// Source reads records of one ledger.
type Source interface {
	// PurchaseRange returns the entries of the purchase log from the first with a time at or after since, until before
	// the first with a time at or after before. A zero time is no bound. Each entry belongs to the period in which it
	// was appended, by the newest time until then: an entry with an earlier time does not leave the period of the entry
	// before it.
	PurchaseRange(ctx context.Context, since, before time.Time) (Range, error)
	// Purchases returns the first entries of a range, oldest first: as many as a page has, or all if they are fewer. It
	// returns none for an empty range.
	Purchases(ctx context.Context, r Range) ([]purchase.Purchase, error)
	// EventRange returns the audit records from the first with a time at or after since to the last. Later ones can have
	// earlier times.
	EventRange(ctx context.Context, since time.Time) (Range, error)
	// Events returns those records of the first page of a range that the filter takes, oldest first.
	Events(ctx context.Context, r Range, f Filter) (EventPage, error)
	// Summary returns the state of the account, and what is open.
	Summary(ctx context.Context) (Summary, error)
}

// Range are the numbers of consecutive records.
type Range struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`  // below First if there are none
	Total uint64 `json:"total"` // number of the newest record of the whole log
}

// Len returns how many records there are.
func (r Range) Len() int { return int(max(r.Last+1, r.First) - r.First) }

// Filter selects audit records. The zero value of a field selects all.
type Filter struct {
	Since  time.Time        `json:"since,omitzero"`
	Before time.Time        `json:"before,omitzero"`
	Order  purchase.OrderID `json:"order,omitempty"`
	By     string           `json:"by,omitempty"`
}

// Takes reports whether the filter selects a record.
func (f Filter) Takes(e purchase.Event) bool {
	return !e.Time.Before(f.Since) && (f.Before.IsZero() || e.Time.Before(f.Before)) &&
		(f.Order == "" || e.Order == f.Order) && (f.By == "" || e.By == f.By)
}

// EventPage is a page of audit records.
type EventPage struct {
	Events []purchase.Event `json:"events"`
	Next   uint64           `json:"next"` // the number with which the next page begins
}

// Summary is what commands need of a ledger besides its logs.
type Summary struct {
	CoCalc  string             `json:"cocalc,omitempty"`  // id of the account that pays
	Address string             `json:"address,omitempty"` // of its server
	Pause   *purchase.Pause    `json:"pause,omitempty"`
	Records uint64             `json:"records"`           // number of the last audit record
	Entries uint64             `json:"entries"`           // number of the last log entry
	Unknown []purchase.OrderID `json:"unknown,omitempty"` // orders whose outcome is unknown, oldest first
}

// From returns the source of a ledger, with pages of at most size records. view runs a function with the ledger's
// state, as purchase.Ledger's View does.
func From(view func(context.Context, func(purchase.Reader) error) error, size int) Source {
	return ledgerSource{view, size}
}

type ledgerSource struct {
	view func(context.Context, func(purchase.Reader) error) error
	size int
}

func (s ledgerSource) PurchaseRange(ctx context.Context, since, before time.Time) (found Range, err error) {
	err = s.view(ctx, func(r purchase.Reader) error {
		if found.Total, err = purchase.LastEntry(r); err != nil {
			return err
		}
		if found.First, err = r.PurchasesSince(since); err != nil {
			return err
		}
		found.Last = found.Total
		if !before.IsZero() {
			after, err := r.PurchasesSince(before)
			if err != nil {
				return err
			}
			found.Last = after - 1
		}
		return nil
	})
	return found, err
}

func (s ledgerSource) Purchases(ctx context.Context, rg Range) (page []purchase.Purchase, err error) {
	n := min(rg.Len(), s.size)
	if n == 0 {
		return nil, ctx.Err()
	}
	err = s.view(ctx, func(r purchase.Reader) error {
		page, err = r.Purchases(rg.First+uint64(n), n)
		return err
	})
	slices.Reverse(page)
	return page, err
}

func (s ledgerSource) EventRange(ctx context.Context, since time.Time) (found Range, err error) {
	err = s.view(ctx, func(r purchase.Reader) error {
		head, err := r.Head()
		if err != nil {
			return err
		}
		found.Last, found.Total = head.Number, head.Number
		found.First, err = r.EventsSince(since)
		return err
	})
	return found, err
}

func (s ledgerSource) Events(ctx context.Context, rg Range, f Filter) (page EventPage, err error) {
	n := min(rg.Len(), s.size)
	page.Next = rg.First + uint64(n)
	if n == 0 {
		return page, ctx.Err()
	}
	err = s.view(ctx, func(r purchase.Reader) error {
		page.Events, err = r.Events(rg.First, n)
		return err
	})
	if len(page.Events) > 0 { // a number can be missing in a damaged ledger
		page.Next = max(page.Next, page.Events[len(page.Events)-1].Number+1)
	}
	page.Events = slices.DeleteFunc(page.Events, func(e purchase.Event) bool {
		return e.Number > rg.Last || !f.Takes(e)
	})
	return page, err
}

func (s ledgerSource) Summary(ctx context.Context) (sum Summary, err error) {
	err = s.view(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err != nil {
			return err
		}
		sum = Summary{CoCalc: account.CoCalc, Address: account.Address, Pause: account.Pause}
		head, err := r.Head()
		if err != nil {
			return err
		}
		sum.Records = head.Number
		if sum.Entries, err = purchase.LastEntry(r); err != nil {
			return err
		}
		queue, err := r.Queue()
		for _, q := range queue {
			if q.State == purchase.Unknown {
				sum.Unknown = append(sum.Unknown, q.ID)
			}
		}
		return err
	})
	return sum, err
}
