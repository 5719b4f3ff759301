package simulation

import (
	"slices"
	"time"
)

// asked plans what follows when a person confirms an order that needs approval: they give a reason, and the approvers
// decide, or do not; often several in the same instant, in which the requester may also withdraw the order.
func (p *planner) asked(at time.Duration, who string) {
	why := Step{
		At: at + p.between(2*time.Second, 15*time.Second), Who: who, Action: Submits, Nth: p.IntN(20),
		Deliveries: p.deliveries(),
	}
	p.step(why)
	if end := why.At + why.Deliveries[0] + p.plan.TTL; p.one(3) && end < p.plan.Latest {
		p.tooLate(at+p.plan.TTL, end)
		return
	}
	at += p.between(16*time.Second, 4*time.Minute)
	if p.one(10) { // just before they decide
		p.pauses(at - p.between(0, 2*time.Second))
	}
	if p.one(10) { // the requester leaves before that
		p.step(Step{At: at, Who: who, Action: map[bool]Action{true: Leaves, false: Closes}[who == "carol"]})
		at += p.between(4*time.Minute, 8*time.Minute)
	}
	do := func(who string, action func(Step)) {
		action(Step{At: at, Who: who, Whose: approvals, Nth: p.IntN(2) * p.IntN(2), Deliveries: p.deliveries()})
	}
	all := slices.Clone(approvers)
	p.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	needed := p.plan.Rules[0].Approvals
	switch p.IntN(10) {
	case 0: // no one looks at it
	case 1:
		do(all[0], p.denies)
	case 2: // the requester and an approver at the same time
		do(all[0], p.approves)
		p.step(Step{At: at, Who: who, Action: Clicks, Button: "order_cancel", Whose: who, Deliveries: p.deliveries()})
	case 3, 4: // all of them in the same instant
		for _, each := range all {
			do(each, []func(Step){p.approves, p.approves, p.approves, p.denies}[p.IntN(4)])
		}
		if p.one(3) {
			p.step(Step{At: at, Who: who, Action: Types, Text: "cancel ORDER", Deliveries: p.deliveries()})
		}
	default:
		for _, each := range append(all, all...)[:needed+p.IntN(2)] {
			do(each, p.approves)
			if at += p.between(0, 90*time.Second); needed > 1 && p.one(4) { // an approver leaves before the others approve
				p.step(Step{At: at, Who: each, Action: []Action{Leaves, Closes}[p.IntN(2)]})
				at += p.between(4*time.Minute, 8*time.Minute)
			}
		}
	}
	if p.one(4) { // a person who may not approve, such as the requester, who may approve others' orders
		do([]string{"erin", guest, who, admin}[p.IntN(4)], p.approves)
	}
	if p.one(3) { // late
		at += p.between(5*time.Second, 10*time.Minute)
		do(all[0], []func(Step){p.approves, p.denies}[p.IntN(2)])
	}
	if p.one(6) { // the price rises meanwhile: the approvers are asked again
		p.plan.FaultWindows = append(p.plan.FaultWindows,
			FaultWindow{
				From: at - p.between(0, 2*time.Minute), To: at + p.between(time.Minute, 10*time.Minute), At: "cocalc",
				Fault: Dearer, Percent: 100,
			})
		at += p.between(10*time.Second, 2*time.Minute)
		p.step(Step{At: at, Who: who, Action: Clicks, Button: "order_buy_new_price", Whose: who, Deliveries: p.deliveries()})
		for _, each := range all {
			at += p.between(5*time.Second, time.Minute)
			do(each, p.approves)
		}
	}
}

// tooLate plans approvers who decide when the time for it has just passed, somewhere from one moment to the other, and
// the order has not ended yet, since the disk is full.
func (p *planner) tooLate(from, to time.Duration) {
	p.plan.FaultWindows = append(p.plan.FaultWindows, FaultWindow{
		From: from - time.Second, To: to + 25*time.Second, At: "ledger",
		Fault: Full, Percent: 60,
	})
	for i, each := range approvers {
		s := Step{
			At: to + time.Duration(1+2*i)*time.Second, Who: each, Whose: approvals,
			Deliveries: []time.Duration{100 * time.Millisecond},
		}
		[]func(Step){p.approves, p.approves, p.denies}[p.IntN(3)](s)
	}
}

// approves plans an approval, clicked or typed.
func (p *planner) approves(s Step) {
	if s.Action, s.Button = Clicks, "order_approve"; p.one(5) {
		s.Action, s.Text = Types, "approve ASKED"
	}
	s.Elsewhere = p.one(15)
	p.step(s)
}

// denies plans a denial: a click and the form that asks for the reason, or typed.
func (p *planner) denies(s Step) {
	if p.one(3) {
		s.Action, s.Text = Types, "deny ASKED there is one already"
		p.step(s)
		return
	}
	s.Action, s.Button = Clicks, "order_deny"
	p.step(s)
	p.step(Step{
		At: s.At + p.between(500*time.Millisecond, 20*time.Second), Who: s.Who, Action: Submits, Nth: p.IntN(20),
		Deliveries: p.deliveries(),
	})
}

// closeCalls plans what comes between a reservation and the beginning of the purchase: an admin pauses while the worker
// reads the cart; or CoCalc's cart does not answer, and after the next start more approvals are required than there
// are.
func (p *planner) closeCalls() {
	if p.one(4) {
		p.plan.TriggeredFaults = append(p.plan.TriggeredFaults, TriggeredFault{
			Endpoint: cartGet, Nth: 1 + p.IntN(12),
			Do: Step{
				Who: admin, Action: Types, Text: "pause something looks odd", Deliveries: []time.Duration{0},
			},
		})
	}
	if len(p.plan.Rules) > 1 || !p.one(8) {
		return
	}
	stricter := p.plan.Rules[0]
	stricter.Asks, stricter.AutoApprove, stricter.Approvals = true, 0, stricter.Approvals+1
	p.plan.Rules = append(p.plan.Rules, stricter)
	s := Step{
		At: p.tense() + p.between(time.Second, 10*time.Second), Who: admin, Action: Restart,
		Takes: p.between(time.Second, 20*time.Second), Rules: 1,
	}
	p.step(s)
	p.plan.FaultWindows = append(p.plan.FaultWindows, FaultWindow{
		From: max(0, s.At-15*time.Second), To: s.At + s.Takes + 30*time.Second,
		At: cartGet, Fault: Fails, Percent: 100,
	})
}

// pauses plans an admin who pauses buying for some minutes.
func (p *planner) pauses(at time.Duration) {
	p.step(Step{At: at, Who: admin, Action: Types, Text: "pause the budget is being checked", Deliveries: p.deliveries()})
	p.step(Step{
		At: at + p.between(time.Second, 6*time.Minute), Who: admin, Action: Types, Text: "resume",
		Deliveries: p.deliveries(),
	})
}

// adminActions plans what admins do: they pause and resume buying, and people join and leave groups.
func (p *planner) adminActions() {
	for range p.IntN(3) * p.IntN(2) {
		p.pauses(p.tense())
	}
	for range p.IntN(3) * p.IntN(2) {
		away := []Step{
			{Who: "carol", Action: Leaves},
			{Who: "frank", Action: Leaves},
			{Who: "heidi", Action: Leaves},
			{Who: "heidi", Action: Closes},
			{Who: "alice", Action: Closes},
			{Who: "bob", Action: Closes},
		}[p.IntN(6)]
		away.At = p.tense()
		p.step(away)
		if p.one(2) {
			back := Step{At: away.At + p.between(time.Minute, 20*time.Minute), Who: away.Who, Action: Joins}
			if away.Action == Closes {
				back.Action = ComeBack
			}
			p.step(back)
		}
	}
	if p.plan.Rules[0].Asks && p.one(6) {
		w := FaultWindow{From: p.tense(), At: approvals, Fault: ShutOut, Percent: 100}
		w.To = w.From + p.between(5*time.Second, 10*time.Minute)
		p.plan.FaultWindows = append(p.plan.FaultWindows, w)
	}
	if p.one(8) {
		w := FaultWindow{From: p.tense(), At: "ledger", Fault: Full, Percent: p.IntN(101)}
		w.To = w.From + p.between(time.Second, 3*time.Minute)
		p.plan.FaultWindows = append(p.plan.FaultWindows, w)
	}
}
