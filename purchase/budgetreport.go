package purchase

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"licensebot/cocalc"
)

// BudgetReport is what months and people have cost.
type BudgetReport struct {
	Now     string   // the present month: "2026-11"
	Resets  string   // when the next one begins: "1 December"
	Limit   Limit    // per month
	Each    Cents    // per person and month; 0: no limit of their own
	Months  []Budget // newest first; the present one first of all, also when nothing was spent in it
	Persons []PersonShare
	account AccountState
}

// Share returns a person's part of the current month.
func (r BudgetReport) Share(who Person) Share { return r.Months[0].People[r.account.key(who)] }

// PersonShare is what one person spent and reserved in the present month.
type PersonShare struct {
	ID string
	Share
}

// Budgets reports the newest months, and the present one by person, largest first.
func (d *Desk) Budgets(ctx context.Context, months int) (BudgetReport, error) {
	now := d.now()
	report := BudgetReport{
		Now: d.policy.Month(now), Resets: d.policy.resets(now).Format(DateStyle),
		Limit: d.policy.MonthlyBudget, Each: d.policy.PersonBudget,
	}
	err := d.ledger.View(ctx, func(r Reader) error {
		present, err := r.Budget(report.Now)
		if err != nil {
			return err
		}
		report.Months, report.Persons = []Budget{present}, nil
		if report.account, err = r.Account(); err != nil {
			return err
		}
		older, err := r.Budgets(months)
		for _, b := range older {
			if b.Month != report.Now && len(report.Months) < months {
				report.Months = append(report.Months, b)
			}
		}
		for id, share := range present.People {
			if id != nobodys && (share.Spent != 0 || share.Reserved != 0) {
				report.Persons = append(report.Persons, PersonShare{id, share})
			}
		}
		slices.SortFunc(report.Persons, func(a, b PersonShare) int {
			return cmp.Or(cmp.Compare(b.Spent+b.Reserved, a.Spent+a.Reserved), cmp.Compare(a.ID, b.ID))
		})
		return err
	})
	if err != nil {
		return report, fmt.Errorf("read the budgets: %w", err)
	}
	return report, nil
}

// Left is what the present month may still cost; limited is false when there is no limit.
func (r BudgetReport) Left() (left Cents, limited bool) {
	return r.Limit.Max - r.Months[0].Spent - r.Months[0].Reserved, !r.Limit.None
}

// Committed are the renewals that CoCalc will charge until they are cancelled. They count in no budget: they need no
// confirmation.
type Committed struct {
	Monthly, Yearly Cents // per month, and per year
	Active          int   // subscriptions
	DueThisMonth    Cents // of the present month, from now on

	// Next is when CoCalc charges the first of them from now on; zero when none of them says.
	Next time.Time
}

// Committed asks CoCalc for the account's subscriptions. A server of the older kind has no list of them (NotSoldHere).
func (d *Desk) Committed(ctx context.Context) (c Committed, err error) {
	subscriptions, err := d.shop.Subscriptions(ctx)
	if err != nil {
		return c, fmt.Errorf("list the subscriptions: %w", err)
	}
	month := d.policy.Month(d.now())
	for _, s := range subscriptions {
		if s.Status != "active" {
			continue
		}
		c.Active++
		if s.Interval == "year" {
			c.Yearly += s.Cost
		} else {
			c.Monthly += s.Cost
		}
		if !s.CurrentPeriodEnd.After(d.now()) {
			continue
		}
		if d.policy.Month(s.CurrentPeriodEnd) == month {
			c.DueThisMonth += s.Cost
		}
		if c.Next.IsZero() || s.CurrentPeriodEnd.Before(c.Next) {
			c.Next = s.CurrentPeriodEnd
		}
	}
	return c, nil
}

// Similar are the account's licenses that are active now and give the same to each project as an order would.
func (d *Desk) Similar(ctx context.Context, spec Spec) ([]License, error) {
	licenses, err := d.shop.Licenses(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the licenses: %w", err)
	}
	now := d.now()
	return slices.DeleteFunc(licenses, func(l License) bool { return !activeAt(l, now) || !like(l, spec) }), nil
}

func activeAt(l License, now time.Time) bool {
	return !l.Activates.After(now) && (l.Expires.IsZero() || l.Expires.After(now))
}

// like compares what a license gives with what is asked for.
func like(l License, spec Spec) bool {
	q := l.Quota
	return q.RAM == float64(spec.RAM) && q.CPU == float64(spec.CPU) && q.Member == spec.Member &&
		cocalc.Uptime(q.Uptime) == spec.Uptime
}
