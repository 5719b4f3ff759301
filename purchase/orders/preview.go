package orders

import (
	"context"
	"fmt"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// Preview is what an order would cost, and which limits it would meet, if it were made now. It reserves nothing.
type Preview struct {
	Quote         cocalc.Quote
	NeedsApproval bool            // it would need approval
	Sum           purchase.DaySum // set if today's sum without approval is why
	Left          purchase.Cents  // of the month's budget, before it
	Limited       bool            // whether Left is limited at all
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
		budget, err := r.Budget(svc.policy.Month(now))
		if err != nil {
			return err
		}
		share, err := purchase.ShareOf(r, budget, ask.Requester)
		if err != nil {
			return err
		}
		p.Left, p.Limited = svc.policy.Left(budget)
		p.Refusal = svc.policy.Allows(purchase.Commitment{Share: share, Spec: ask.Spec, Price: o.Price, Now: now}, budget)
		auto := share.Auto[svc.policy.Day(now)]
		p.NeedsApproval, p.Sum = svc.policy.NeedsApproval(o, auto), svc.policy.SumOfDay(o, auto)
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

// Period is CoCalc's word for how a license is paid for.
type Period = cocalc.Period

// Rules are what is constant of a [Service].
type Rules struct {
	Policy purchase.Policy // with defaults: Approvals is at least 1
	Site   purchase.Site   // the server that links lead to
	Offer  Offer
}

// Rules returns what is constant of the service.
func (svc *Service) Rules() Rules { return svc.rules }

// Offer is what can be ordered: CoCalc's bounds, and within them the team's own.
type Offer struct {
	Largest purchase.Sizes // Days is 0 if terms may be as long as CoCalc sells them
	Periods []Period       // allowed, in the order in which people read them
}

// offerOf returns what can be ordered by a policy.
func offerOf(policy purchase.Policy) Offer {
	atMost := func(ours, cocalcs int) int {
		if ours > 0 {
			return min(ours, cocalcs)
		}
		return cocalcs
	}
	own := policy.Largest
	o := Offer{Largest: purchase.Sizes{
		RAM: atMost(own.RAM, cocalc.MaxRAM), CPU: atMost(own.CPU, cocalc.MaxCPU), Disk: atMost(own.Disk, cocalc.MaxDisk),
		RunLimit: atMost(own.RunLimit, cocalc.MaxRunLimit), Days: own.Days,
	}}
	for _, p := range []cocalc.Period{cocalc.PeriodMonthly, cocalc.PeriodYearly, cocalc.PeriodRange} {
		if len(policy.Periods) == 0 || policy.Periods[p] {
			o.Periods = append(o.Periods, p)
		}
	}
	return o
}
