package orders

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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
