package purchase

// DaySum is what a person got without approval today, and what a day allows. It is set where that sum alone is why an
// order needs approval: the order itself is within the limit.
type DaySum struct{ Used, Limit Cents }

// Passed reports whether the sum is why the order needs approval.
func (s DaySum) Passed() bool { return s.Limit > 0 }

// SumOfDay is the sum that makes an order need approval, of a requester who got auto without approval today.
func (p Policy) SumOfDay(o Order, auto Cents) DaySum {
	if p.NeedsApproval(o, 0) || !p.NeedsApproval(o, auto) {
		return DaySum{}
	}
	return DaySum{auto, p.AutoApprove}
}
