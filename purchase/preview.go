package purchase

import (
	"context"
	"fmt"

	"licensebot/cocalc"
)

// Preview is what an order would cost, and which limits it would meet, if it were made now. It reserves nothing.
type Preview struct {
	Quote   cocalc.Quote
	Asks    bool   // it would need approval
	Sum     DaySum // set if today's sum without approval is why
	Left    Cents  // of the month's budget, before it
	Limited bool   // whether Left is limited at all
	// No is the limit that the order would pass, or why no one could approve it; nil if there is none.
	No *Refusal
}

// Preview prices an order and checks it against the limits, without storing or recording anything. If the specification
// has mistakes, the error is a [Mistakes].
func (d *Desk) Preview(ctx context.Context, ask Ask) (p Preview, err error) {
	if p.Quote, err = d.Quote(ask.Spec); err != nil {
		return Preview{}, err
	}
	now := d.now()
	o := Order{
		Requester: ask.Requester, Place: ask.Place, Spec: ask.Spec, Reason: ask.Reason,
		Price: p.Quote.Total, Renews: p.Quote.RenewsAt, Created: now,
	}
	err = d.ledger.View(ctx, func(r Reader) error {
		budget, err := r.Budget(d.policy.Month(now))
		if err != nil {
			return err
		}
		share, err := shareOf(r, budget, ask.Requester)
		if err != nil {
			return err
		}
		p.Left, p.Limited = d.policy.Left(budget)
		p.No = d.policy.allows(wish{share: share, spec: ask.Spec, price: o.Price, now: now}, budget)
		auto := share.Auto[d.policy.day(now)]
		p.Asks, p.Sum = d.policy.asks(o, auto), d.policy.daySum(o, auto)
		return nil
	})
	if err != nil {
		return Preview{}, fmt.Errorf("read the month's budget: %w", err)
	}
	if no := d.NotSold(ask.Requester); no != nil {
		p.No = no
	}
	if no := d.mayAsk(o, p.Asks); p.No == nil && no != nil && no.Code != NoReason { // a reason can still be given
		p.No = no
	}
	return p, nil
}

// Period is CoCalc's word for how a license is paid for.
type Period = cocalc.Period

// Offer is what can be ordered: CoCalc's bounds, and within them the team's own.
type Offer struct {
	Largest Sizes    // Days is 0 if terms may be as long as CoCalc sells them
	Periods []Period // allowed, in the order in which people read them
}

// Offer returns what can be ordered.
func (d *Desk) Offer() Offer {
	atMost := func(ours, cocalcs int) int {
		if ours > 0 {
			return min(ours, cocalcs)
		}
		return cocalcs
	}
	own := d.policy.Largest
	o := Offer{Largest: Sizes{
		RAM: atMost(own.RAM, cocalc.MaxRAM), CPU: atMost(own.CPU, cocalc.MaxCPU), Disk: atMost(own.Disk, cocalc.MaxDisk),
		RunLimit: atMost(own.RunLimit, cocalc.MaxRunLimit), Days: own.Days,
	}}
	for _, p := range []cocalc.Period{cocalc.PeriodMonthly, cocalc.PeriodYearly, cocalc.PeriodRange} {
		if len(d.policy.Periods) == 0 || d.policy.Periods[p] {
			o.Periods = append(o.Periods, p)
		}
	}
	return o
}
