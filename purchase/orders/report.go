package orders

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// BudgetReport is what was spent and reserved, by month and by person.
type BudgetReport struct {
	Now     string            // the present month: "2026-11"
	Resets  string            // when the next one begins: "1 December"
	Limit   purchase.Limit    // per month
	Each    purchase.Cents    // per person and month; 0: no limit of their own
	Months  []purchase.Budget // newest first; the present one first of all, also when nothing was spent in it
	Persons []PersonShare
	// Committed are the renewals to come; nil if the ledger knows of none.
	Committed *purchase.Committed
	account   purchase.AccountState
}

// Share returns a person's part of the current month.
func (r BudgetReport) Share(who purchase.Actor) purchase.Share {
	return r.account.ShareOf(r.Months[0], who)
}

// Left returns how much of this month's budget is left; limited is false if the budget has no limit.
func (r BudgetReport) Left() (left purchase.Cents, limited bool) {
	return r.Limit.Left(r.Months[0])
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
		report.Months[0] = report.account.WithDue(present)
		report.Committed = report.account.Committed
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

const (
	// maxSearched is how many orders, each of which is read, are searched for a person who sees only their own.
	maxSearched = 1000
	// maxMatches is how many matching orders are returned.
	maxMatches = 5
)

// Find returns the orders whose ids begin or end with part, newest first, among those that the person may see. Other
// people's orders are neither returned nor counted.
func (svc *Service) Find(ctx context.Context, who purchase.Actor,
	part string,
) (ids []purchase.OrderID, err error) {
	if no := purchase.RefuseUnseen(who); no != nil {
		return nil, no
	}
	sight, _ := svc.policy.SightOf(who) // everyone sees their own orders
	limit := maxMatches
	if !sight.All {
		limit = maxSearched
	}
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		ids = nil
		named, err := r.OrdersNamed(part, limit)
		if err != nil || sight.All {
			ids = named
			return err
		}
		for _, id := range named {
			o, err := r.Order(id)
			if err != nil {
				return err
			}
			if who.Is(o.Requester) && len(ids) < maxMatches {
				ids = append(ids, id)
			}
		}
		return nil
	})
	return ids, err
}

// checkSight refuses a person who asks for another person's order without seeing all. People always see their own
// orders, also if they can't buy any more.
func (svc *Service) checkSight(o purchase.Order, who purchase.Actor) *purchase.Refusal {
	if no := purchase.RefuseUnseen(who); no != nil || who.Is(o.Requester) {
		return no
	}
	sight, no := svc.policy.SightOf(who)
	if no == nil && !sight.All {
		no = purchase.NewRefusal(purchase.NotYours, "doing", "see")
	}
	return no
}

// Preview is what an order would cost, and which limits it would meet, if it were made now. It reserves nothing.
type Preview struct {
	Quote cocalc.Quote
	Allowance
	// Refusal is the limit that the order would pass, or why no one could approve it; nil if there is none.
	Refusal *purchase.Refusal
}

// Preview prices an order and checks it against the limits, without storing or recording anything. If the specification
// has mistakes, the error is a [Mistakes].
func (svc *Service) Preview(ctx context.Context, ask purchase.Request) (p Preview, err error) {
	if p.Quote, err = purchase.PriceOf(ask.Spec, svc.now()); err != nil {
		return Preview{}, err
	}
	now := svc.now()
	o := purchase.Order{
		Requester: ask.Requester, Channel: ask.Channel, Spec: ask.Spec, Reason: ask.Reason,
		Price: p.Quote.Total, Renews: p.Quote.RenewsAt, Created: now,
	}
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err != nil {
			return err
		}
		budget, err := r.Budget(svc.policy.Month(now))
		if err != nil {
			return err
		}
		budget = account.WithDue(budget)
		asked, err := svc.commitment(r, account, budget, o, now)
		if err != nil {
			return err
		}
		share := asked.Share
		p.Refusal = svc.policy.CheckLimits(asked, budget)
		p.Allowance = svc.allowanceOf(o, budget, share, now)
		return nil
	})
	if err != nil {
		return Preview{}, fmt.Errorf("read the month's budget: %w", err)
	}
	if no := svc.reg.NotSold(ask.Requester); no != nil {
		p.Refusal = no
	}
	// a reason can still be given
	if no := svc.checkApprovable(o, p.NeedsApproval); p.Refusal == nil && no != nil && no.Code != purchase.NoReason {
		p.Refusal = no
	}
	return p, nil
}
