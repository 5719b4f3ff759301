package purchase

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"licensebot/cocalc"
)

// Committed is what CoCalc will charge for renewals of the licenses that this ledger bought, as far as it is known.
type Committed struct {
	// Months are the charges to come by their budget month, from the present one on, for a year.
	Months map[string]Cents `json:"months,omitempty"`
	// People are those of the first two months, by the Actor key of the license's owner.
	People map[string]map[string]Cents `json:"people,omitempty"`
	// Monthly and Yearly are the prices of all active subscriptions, and Licenses is their number.
	Monthly  Cents `json:"monthly_cents,omitempty"`
	Yearly   Cents `json:"yearly_cents,omitempty"`
	Licenses int   `json:"licenses,omitempty"`
	// Shown is set if renewals passed the monthly budget by themselves when they were first known: they are shown, and not
	// deducted, until an admin changes a setting.
	Shown bool `json:"shown,omitempty"`
}

// committedAhead is how many months Committed looks ahead.
const committedAhead = 12

// PerMonth returns what the active subscriptions cost per month: a twelfth of the yearly ones, rounded up.
func (c *Committed) PerMonth() Cents {
	if c == nil {
		return 0
	}
	return c.Monthly + perMonth(c.Yearly)
}

func perMonth(yearly Cents) Cents { return (yearly + 11) / 12 }

// Most returns the largest sum of a month.
func (c *Committed) Most() (most Cents) {
	for _, sum := range c.Months {
		most = max(most, sum)
	}
	return most
}

// Equal reports whether both say the same.
func (c *Committed) Equal(d *Committed) bool {
	if c == nil || d == nil {
		return c == d
	}
	return maps.Equal(c.Months, d.Months) && maps.EqualFunc(c.People, d.People, maps.Equal) && c.Monthly == d.Monthly &&
		c.Yearly == d.Yearly && c.Licenses == d.Licenses && c.Shown == d.Shown
}

// Add adds the renewals of a license, from its owner's key, its price per period, and the end of the period that is
// paid. A charge that is overdue, because the account has no payment method, can come at any time.
func (c *Committed) Add(p Policy, key string, price Cents, period cocalc.Period, paidTo, now time.Time) {
	months := 1
	if period == cocalc.PeriodYearly {
		months = 12
		c.Yearly += price
	} else {
		c.Monthly += price
	}
	c.Licenses++
	present := p.Month(now)
	for n := 0; n <= committedAhead; n += months {
		at := nextCharge(paidTo.AddDate(0, n, 0))
		month := max(p.Month(at), present)
		if month > p.Month(monthsLater(now, committedAhead)) {
			return
		}
		if c.Months == nil {
			c.Months = map[string]Cents{}
		}
		if c.People == nil {
			c.People = map[string]map[string]Cents{}
		}
		c.Months[month] += price
		if month > p.Month(monthsLater(now, 1)) {
			continue
		}
		if c.People[month] == nil {
			c.People[month] = map[string]Cents{}
		}
		c.People[month][key] += price
	}
}

// monthsLater returns a moment in the middle of a later month.
func monthsLater(t time.Time, n int) time.Time {
	return time.Date(t.Year(), t.Month()+time.Month(n), 15, 12, 0, 0, 0, t.Location())
}

// nextCharge returns when CoCalc charges the period after the one that ends then.
func nextCharge(end time.Time) time.Time {
	return cocalc.Subscription{Status: cocalc.StatusActive, CurrentPeriodEnd: end}.NextCharge()
}

// With returns a copy with the renewals of a license that was just bought. c may be nil.
func (c *Committed) With(p Policy, key string, e Purchase, now time.Time) *Committed {
	next := &Committed{}
	if c != nil {
		*next = *c
		next.Months, next.People = maps.Clone(c.Months), maps.Clone(c.People)
		for month, people := range next.People {
			next.People[month] = maps.Clone(people)
		}
	}
	if e.Renews > 0 && !e.Expires.IsZero() {
		next.Add(p, key, e.Renews, e.Spec.Period, e.Expires, now)
	}
	return next
}

// ReadCommitted adds up the renewals of the licenses that the ledger follows, and of those in the log entries after
// number followed.
func ReadCommitted(r Reader, account AccountState, p Policy, followed uint64, now time.Time) (*Committed, error) {
	c := &Committed{}
	for l, err := range AllOwned(r) {
		if err != nil {
			return nil, fmt.Errorf("read the licenses: %w", err)
		}
		if at, price := l.NextCharge(); !at.IsZero() {
			period := cocalc.PeriodMonthly
			if l.Subscription.Interval == "year" {
				period = cocalc.PeriodYearly
			}
			c.Add(p, account.Key(l.Owner), price, period, l.Subscription.PaidTo, now)
		}
	}
	last, err := LastEntry(r)
	if err != nil || last <= followed {
		return c, err
	}
	newer, err := r.Purchases(0, int(min(last-followed, PageSize)))
	for _, e := range slices.Backward(newer) {
		if !e.Kind.IsUpkeep() && !e.Correction {
			c = c.With(p, account.Key(e.Requester), e, now)
		}
	}
	return c, err
}

// Counts reports whether renewals are deducted from what budgets leave: once the ledger knows them, and unless they
// passed the budget by themselves.
func (a AccountState) countsRenewals() bool {
	return a.Followed != nil && (a.Committed == nil || !a.Committed.Shown)
}

// Due is what of a budget month CoCalc will charge for renewals. Counts is set if it, and what was charged for upkeep
// already, is deducted from what the month leaves.
type Due struct {
	Amount Cents
	Counts bool
}

// WithDue returns a month's budget with what will be charged for renewals in it.
func (a AccountState) WithDue(b Budget) Budget {
	b.Due.Counts = a.countsRenewals()
	if a.Committed != nil {
		b.Due.Amount = a.Committed.Months[b.Month]
	}
	return b
}

// dueOf returns a person's part of Budget.Due.
func (a AccountState) dueOf(month Budget, key string) Due {
	d := Due{Counts: month.Due.Counts}
	if a.Committed != nil {
		d.Amount = a.Committed.People[month.Month][key]
	}
	return d
}

// AgainInMonth returns what CoCalc charges for renewals of a license in the month of its purchase, if it is bought now
// for renews per period: a month that is bought on the first days ends a month later, and the next one is charged five
// days before.
func (p Policy) AgainInMonth(spec Spec, renews Cents, now time.Time) Cents {
	if renews == 0 || spec.Period != cocalc.PeriodMonthly {
		return 0
	}
	today := now.UTC()
	end := time.Date(today.Year(), today.Month()+1, today.Day(), 23, 59, 59, 0, time.UTC)
	if p.Month(nextCharge(end)) == p.Month(now) {
		return renews
	}
	return 0
}

// RecurringCents returns what a license costs per month while it renews.
func RecurringCents(spec Spec, renews Cents) Cents {
	if spec.Period == cocalc.PeriodYearly {
		return perMonth(renews)
	}
	return renews
}

// ReadRecurring returns what all licenses that renew cost per month: those that the ledger bought, and those of
// reserved orders other than except.
func ReadRecurring(r Reader, account AccountState, except OrderID) (Cents, error) {
	sum := account.Committed.PerMonth()
	open, err := r.OpenOrders()
	for _, o := range open {
		if o.IsReserved() && o.ID != except {
			sum += RecurringCents(o.Spec, o.Renews)
		}
	}
	return sum, err
}
