package orders

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// BudgetReport is what months and people have cost.
type BudgetReport struct {
	Now     string            // the present month: "2026-11"
	Resets  string            // when the next one begins: "1 December"
	Limit   purchase.Limit    // per month
	Each    purchase.Cents    // per person and month; 0: no limit of their own
	Months  []purchase.Budget // newest first; the present one first of all, also when nothing was spent in it
	Persons []PersonShare
	account purchase.AccountState
}

// Share returns a person's part of the current month.
func (r BudgetReport) Share(who purchase.Actor) purchase.Share {
	return r.Months[0].People[r.account.Key(who)]
}

// PersonShare is what one person spent and reserved in the present month.
type PersonShare struct {
	ID string
	purchase.Share
}

// Budgets reports the newest months, and the present one by person, largest first.
func (svc *Service) Budgets(ctx context.Context, months int) (BudgetReport, error) {
	now := svc.now()
	report := BudgetReport{
		Now: svc.policy.Month(now), Resets: svc.policy.ResetDay(now).Format(purchase.DateStyle),
		Limit: svc.policy.MonthlyBudget, Each: svc.policy.PersonBudget,
	}
	err := svc.ledger.View(ctx, func(r purchase.Reader) error {
		present, err := r.Budget(report.Now)
		if err != nil {
			return err
		}
		report.Months, report.Persons = []purchase.Budget{present}, nil
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
			if id != purchase.Unattributable && (share.Spent != 0 || share.Reserved != 0) {
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
func (r BudgetReport) Left() (left purchase.Cents, limited bool) {
	return r.Limit.Max - r.Months[0].Spent - r.Months[0].Reserved, !r.Limit.None
}

// Committed asks CoCalc for the account's subscriptions. A server of the older kind has no list of them (NotSoldHere).
func (svc *Service) Committed(ctx context.Context) (c purchase.Renewals, err error) {
	subscriptions, err := svc.shop.Subscriptions(ctx)
	if err != nil {
		return c, fmt.Errorf("list the subscriptions: %w", err)
	}
	month := svc.policy.Month(svc.now())
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
		if !s.CurrentPeriodEnd.After(svc.now()) {
			continue
		}
		if svc.policy.Month(s.CurrentPeriodEnd) == month {
			c.DueThisMonth += s.Cost
		}
		if c.Next.IsZero() || s.CurrentPeriodEnd.Before(c.Next) {
			c.Next = s.CurrentPeriodEnd
		}
	}
	return c, nil
}

// Similar are the account's licenses that are active now and give the same to each project as an order would.
func (svc *Service) Similar(ctx context.Context, spec purchase.Spec) ([]purchase.License, error) {
	licenses, err := svc.shop.Licenses(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the licenses: %w", err)
	}
	now := svc.now()
	return slices.DeleteFunc(licenses, func(l purchase.License) bool { return !activeAt(l, now) || !like(l, spec) }), nil
}

func activeAt(l purchase.License, now time.Time) bool {
	return !l.Activates.After(now) && (l.Expires.IsZero() || l.Expires.After(now))
}

// like compares what a license gives with what is asked for.
func like(l purchase.License, spec purchase.Spec) bool {
	q := l.Quota
	return q.RAM == float64(spec.RAM) && q.CPU == float64(spec.CPU) && q.Member == spec.Member &&
		cocalc.Uptime(q.Uptime) == spec.Uptime
}

// DaySum returns the sum that makes an order need approval; the zero DaySum if it needs none, or needs it by itself.
func (svc *Service) DaySum(ctx context.Context, o purchase.Order) (s purchase.DaySum, err error) {
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		auto, err := svc.autoToday(r, o.Requester)
		s = svc.policy.SumOfDay(o, auto)
		return err
	})
	return s, err
}

// RenewalsTrouble returns why the renewals on the CoCalc account are not shown.
func (svc *Service) RenewalsTrouble(err error) *purchase.Refusal {
	switch purchase.KindOf(err) {
	case cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return purchase.NewRefusal(purchase.NoRenewals, "why", "not-for-keys")
	case cocalc.NotSoldHere: // a server of the older kind sells licenses, and has none either
		return purchase.NewRefusal(purchase.NoRenewals, "why", "no-list")
	default:
		return &purchase.Refusal{Cause: purchase.Cause{
			Code:   purchase.NoRenewals,
			Causes: []purchase.Cause{svc.Trouble(err).Cause},
		}}
	}
}
