package purchase

import (
	"context"
	"fmt"

	"licensebot/cocalc"
)

// Preview is what an order would cost and meet if it were asked for now. It promises nothing.
type Preview struct {
	Quote   cocalc.Quote
	Asks    bool  // it would need approval
	Left    Cents // of the month's budget, before it
	Limited bool  // whether Left is limited at all
	// No is the limit that the order would pass, or why no one could approve it; nil when there is none.
	No *Refusal
}

// Preview prices an order and checks it against the limits, without storing or recording anything. The error is a
// [Mistakes] where the specification has some.
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
		p.No = d.policy.allows(wish{share, ask.Spec, o.Price, now, false}, budget)
		p.Asks, err = d.asks(r, o)
		return err
	})
	if err != nil {
		return Preview{}, fmt.Errorf("read the month's budget: %w", err)
	}
	if no := d.mayAsk(o, p.Asks); p.No == nil && no != nil && no.Code != NoReason { // a reason can still be given
		p.No = no
	}
	return p, nil
}

// Period is how a license is paid for: CoCalc's word for it.
type Period = cocalc.Period

// Offer is what may be ordered here: CoCalc's bounds, and within them the team's own.
type Offer struct {
	Largest Sizes    // Days is 0 where a term may be as long as CoCalc sells it
	Periods []Period // allowed, in the order in which people read them
}

// Offer returns what may be ordered here.
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
