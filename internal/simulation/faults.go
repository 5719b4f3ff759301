package simulation

import (
	"slices"
	"time"
)

// The endpoints that the worker asks while it buys.
const (
	cartGet     = "shopping/cart/get"
	cartAdd     = "shopping/cart/add"
	cartChecked = "shopping/cart/checked"
	cartRemove  = "shopping/cart/remove"
	params      = "purchases/get-shopping-cart-checkout-params"
	checkout    = "purchases/shopping-cart-checkout"

	olderCheckout = "shopping/cart/checkout"

	getPurchases     = "purchases/get-purchases"
	getSubscriptions = "purchases/get-subscriptions"
	getManaged       = "licenses/get-managed"
	userQuery        = "user-query"
)

var endpoints = []string{
	cartGet, cartAdd, cartChecked, cartRemove, params, checkout, checkout, checkout, getPurchases,
	getManaged, userQuery,
}

// longest is how late CoCalc begins with what its caller gave up, and slowest how long a checkout takes from then on.
// Together they lie within the settle window of ten minutes, on which the bot relies.
const (
	longest = 5 * time.Minute
	slowest = 4 * time.Minute
)

// strangers plans what other programs and people do with the same cart, now and then and during a request.
func (p *planner) strangers() {
	if p.one(4) {
		return // no other program has the account
	}
	for range p.IntN(6) {
		p.step(p.interference(p.tense()))
	}
	if p.one(10) {
		p.overlap()
	}
	for range p.IntN(6 + 4*p.severity) {
		t := TriggeredFault{
			Endpoint: []string{
				cartGet, cartGet, cartAdd, params, params, checkout, checkout, cartRemove,
				cartChecked,
			}[p.IntN(9)],
			Nth: 1 + p.IntN(8), After: p.one(2), Do: p.interference(0),
		}
		switch {
		case t.Endpoint == checkout && p.one(2):
			t.Do.Action = ChecksOut
		case t.Endpoint != checkout && p.one(2):
			t.Do.Action = Adds
		}
		p.plan.TriggeredFaults = append(p.plan.TriggeredFaults, t)
	}
}

// overlap plans the worst that strangers can do: their checkout buys the bot's item in the moment in which the bot's
// own is lost, and the bot's is carried out minutes later, when other items may be in the cart.
func (p *planner) overlap() {
	from := p.tense()
	p.plan.FaultWindows = append(p.plan.FaultWindows, FaultWindow{
		From: from, To: from + 10*time.Minute, At: checkout, Fault: Late, Percent: 100,
		Wait: p.between(20*time.Second, longest),
	})
	p.step(Step{At: max(0, from-p.between(time.Second, time.Minute)), Who: stranger, Action: Adds})
	for n := range 4 {
		p.plan.TriggeredFaults = append(p.plan.TriggeredFaults, TriggeredFault{
			Endpoint: checkout, Nth: n + 1, Do: Step{Who: stranger, Action: ChecksOut},
		})
	}
}

func (p *planner) interference(at time.Duration) Step {
	actions := []Action{Adds, Adds, Adds, AddsOdd, Unchecks, Checks, Removes, Deletes, ChecksOut, Breaks, Edits}
	return Step{At: at, Who: stranger, Action: actions[p.IntN(len(actions))], Ours: p.one(2), Nth: p.IntN(3)}
}

// faultWindows plans what goes wrong by itself.
func (p *planner) faultWindows() {
	for range p.IntN(3 * (p.severity + 1)) {
		w := FaultWindow{From: p.tense(), At: endpoints[p.IntN(len(endpoints))], Percent: 20 + p.IntN(81)}
		w.To = w.From + p.between(5*time.Second, 15*time.Minute)
		w.Fault = []Fault{LostBefore, LostAfter, LostAfter, Slow, Fails, FailsAfter, Throttles, Late}[p.IntN(8)]
		switch w.Fault {
		case Slow:
			w.Wait = p.between(time.Second, time.Minute)
		case Late:
			w.Wait = p.between(time.Second, longest)
		case Throttles:
			w.Wait = p.between(time.Second, 2*time.Minute)
		default: // nothing waits
		}
		switch p.IntN(12) {
		case 0:
			w.At, w.Fault = "cocalc", Outage
		case 1:
			w.At, w.Fault = "cocalc", NoKey
		case 2:
			w.At, w.Fault = "cocalc", Dearer
		case 3:
			w.At, w.Fault = "cocalc", Cheaper
		case 4:
			w.At = "cocalc"
		case 5, 6:
			w.At = "slack"
			w.Fault = []Fault{LostBefore, LostAfter, Slow, Refused, Limited}[p.IntN(5)]
			w.Wait = p.between(time.Second, 40*time.Second)
		}
		if p.one(10) { // another server for a while, often longer than an order's patience
			w.At, w.Fault = "cocalc", []Fault{Closed, Unsold, Moved}[p.IntN(3)]
			w.To = w.From + p.between(time.Second, 40*time.Minute)
		}
		if p.one(8) { // what costs most to get wrong: an add or a checkout that arrives when nothing waits for it any more
			w.At, w.Fault, w.Wait, w.Percent = []string{cartAdd, checkout}[p.IntN(2)], Late, p.between(time.Second, longest), 100
		}
		if w.At == cartChecked || w.At == "cocalc" {
			w = p.noLateChecks(w)
		}
		p.plan.FaultWindows = append(p.plan.FaultWindows, w)
	}
}

// noLateChecks keeps an uncheck from being carried out after the item was checked again: that is like a person's own
// click in CoCalc's store, which the bot leaves alone.
func (p *planner) noLateChecks(w FaultWindow) FaultWindow {
	if w.Fault == Late {
		w.Fault, w.Wait = LostAfter, 0
	}
	if w.Fault == Slow {
		w.Wait = min(w.Wait, 20*time.Second)
	}
	return w
}

// forOlderServer leaves out what the bot can't guard against at a CoCalc of the older kind: it tells no prices, sells
// one item after the other, and has no list that distinguishes a stranger's purchase of the bot's item from the bot's.
func (p *planner) forOlderServer() {
	p.plan.Steps = slices.DeleteFunc(p.plan.Steps, func(s Step) bool { return s.Action == ChecksOut })
	p.plan.TriggeredFaults = slices.DeleteFunc(p.plan.TriggeredFaults, func(t TriggeredFault) bool {
		return t.Do.Action == ChecksOut
	})
	p.plan.FaultWindows = slices.DeleteFunc(p.plan.FaultWindows, func(w FaultWindow) bool {
		return w.Fault == Dearer || w.Fault == Cheaper
	})
	for i := range p.plan.FaultWindows {
		if w := &p.plan.FaultWindows[i]; w.At == checkout {
			w.At = olderCheckout
		}
	}
	for i := range p.plan.TriggeredFaults {
		if t := &p.plan.TriggeredFaults[i]; t.Endpoint == checkout {
			t.Endpoint = olderCheckout
		}
	}
}
