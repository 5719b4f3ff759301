package purchase

import "context"

// DaySum is what a person got without approval today, and what a day allows. It is set where that sum alone is why an order needs
// approval: the order itself is within the limit.
type DaySum struct{ Used, Limit Cents }

// Passed reports whether the sum is why the order needs approval.
func (s DaySum) Passed() bool { return s.Limit > 0 }

// DaySum returns the sum that makes an order need approval; the zero DaySum if it needs none, or needs it by itself.
func (d *Desk) DaySum(ctx context.Context, o Order) (s DaySum, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		s, err = d.daySum(r, o)
		return err
	})
	return s, err
}

// daySum is DaySum in a transaction.
func (d *Desk) daySum(r Reader, o Order) (DaySum, error) {
	now := d.now()
	month, err := r.Budget(d.policy.Month(now))
	if err != nil {
		return DaySum{}, err
	}
	share, err := shareOf(r, month, o.Requester)
	used := share.Auto[d.policy.day(now)]
	if err != nil || d.policy.asks(o, 0) || !d.policy.asks(o, used) {
		return DaySum{}, err
	}
	return DaySum{used, d.policy.AutoApprove}, nil
}
