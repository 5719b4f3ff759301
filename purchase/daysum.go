package purchase

import "context"

// DaySum is what a person got without approval today, and what a day allows. It is set where that sum alone is why an
// order needs approval: the order itself is within the limit.
type DaySum struct{ Used, Limit Cents }

// Passed reports whether the sum is why the order needs approval.
func (s DaySum) Passed() bool { return s.Limit > 0 }

// DaySum returns the sum that makes an order need approval; the zero DaySum if it needs none, or needs it by itself.
func (d *Desk) DaySum(ctx context.Context, o Order) (s DaySum, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		auto, err := d.autoToday(r, o.Requester)
		s = d.policy.daySum(o, auto)
		return err
	})
	return s, err
}

// daySum is the sum that makes an order need approval, of a requester who got auto without approval today.
func (p Policy) daySum(o Order, auto Cents) DaySum {
	if p.asks(o, 0) || !p.asks(o, auto) {
		return DaySum{}
	}
	return DaySum{auto, p.AutoApprove}
}
