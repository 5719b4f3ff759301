package simulation

import (
	"slices"
	"time"
)

// The endpoints that the buyer asks while it buys.
const (
	cartGet     = "shopping/cart/get"
	cartAdd     = "shopping/cart/add"
	cartChecked = "shopping/cart/checked"
	cartRemove  = "shopping/cart/remove"
	params      = "purchases/get-shopping-cart-checkout-params"
	checkout    = "purchases/shopping-cart-checkout"

	olderCheckout = "shopping/cart/checkout"

	getPurchases = "purchases/get-purchases"
	getManaged   = "licenses/get-managed"
	userQuery    = "user-query"
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

// strangers use the same cart, now and then, and in the very moment of a request.
func (p *planner) strangers() {
	if p.one(4) {
		return // no other program has the account
	}
	for range p.IntN(6) {
		p.step(p.meddling(p.tense()))
	}
	if p.one(10) {
		p.crossing()
	}
	for range p.IntN(6 + 4*p.storm) {
		t := Trap{
			Endpoint: []string{
				cartGet, cartGet, cartAdd, params, params, checkout, checkout, cartRemove,
				cartChecked,
			}[p.IntN(9)],
			Nth: 1 + p.IntN(8), After: p.one(2), Do: p.meddling(0),
		}
		switch {
		case t.Endpoint == checkout && p.one(2):
			t.Do.Deed = ChecksOut
		case t.Endpoint != checkout && p.one(2):
			t.Do.Deed = Adds
		}
		p.plan.Traps = append(p.plan.Traps, t)
	}
}

// crossing is the worst that strangers can do: their checkout buys the bot's item, in the very moment in which the
// bot's own is lost; and that is carried out minutes later, when other items may be in the cart.
func (p *planner) crossing() {
	from := p.tense()
	p.plan.Weather = append(p.plan.Weather, Weather{
		From: from, To: from + 10*time.Minute, At: checkout, Ill: Late, Percent: 100,
		Wait: p.between(20*time.Second, longest),
	})
	p.step(Step{At: max(0, from-p.between(time.Second, time.Minute)), Who: stranger, Deed: Adds})
	for n := range 4 {
		p.plan.Traps = append(p.plan.Traps, Trap{Endpoint: checkout, Nth: n + 1, Do: Step{Who: stranger, Deed: ChecksOut}})
	}
}

func (p *planner) meddling(at time.Duration) Step {
	deeds := []Deed{Adds, Adds, Adds, AddsOdd, Unchecks, Checks, Removes, Deletes, ChecksOut, Breaks, Edits}
	return Step{At: at, Who: stranger, Deed: deeds[p.IntN(len(deeds))], Ours: p.one(2), Nth: p.IntN(3)}
}

// weather is what goes wrong by itself.
func (p *planner) weather() {
	for range p.IntN(3 * (p.storm + 1)) {
		w := Weather{From: p.tense(), At: endpoints[p.IntN(len(endpoints))], Percent: 20 + p.IntN(81)}
		w.To = w.From + p.between(5*time.Second, 15*time.Minute)
		w.Ill = []Ill{LostBefore, LostAfter, LostAfter, Slow, Fails, FailsAfter, Throttles, Late}[p.IntN(8)]
		switch w.Ill {
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
			w.At, w.Ill = "cocalc", Outage
		case 1:
			w.At, w.Ill = "cocalc", NoKey
		case 2:
			w.At, w.Ill = "cocalc", Dearer
		case 3:
			w.At, w.Ill = "cocalc", Cheaper
		case 4:
			w.At = "cocalc"
		case 5, 6:
			w.At = "slack"
			w.Ill = []Ill{LostBefore, LostAfter, Slow, Refused, Limited}[p.IntN(5)]
			w.Wait = p.between(time.Second, 40*time.Second)
		}
		if p.one(10) { // another server for a while, often longer than an order's patience
			w.At, w.Ill, w.To = "cocalc", []Ill{Closed, Unsold, Moved}[p.IntN(3)], w.From+p.between(time.Second, 40*time.Minute)
		}
		if p.one(8) { // what costs most to get wrong: an add or a checkout that arrives when nothing waits for it any more
			w.At, w.Ill, w.Wait, w.Percent = []string{cartAdd, checkout}[p.IntN(2)], Late, p.between(time.Second, longest), 100
		}
		if w.At == cartChecked || w.At == "cocalc" {
			w = p.noLateChecks(w)
		}
		p.plan.Weather = append(p.plan.Weather, w)
	}
}

// noLateChecks keeps an uncheck from being carried out after the item was checked again: that is like a person's own
// click in CoCalc's store, which the bot leaves alone.
func (p *planner) noLateChecks(w Weather) Weather {
	if w.Ill == Late {
		w.Ill, w.Wait = LostAfter, 0
	}
	if w.Ill == Slow {
		w.Wait = min(w.Wait, 20*time.Second)
	}
	return w
}

// aged leaves out what a CoCalc of the older kind gives no means against: it tells no prices, sells one item after the
// other, and has no list in which a stranger's purchase of the bot's item could be told from the bot's own.
func (p *planner) aged() {
	p.plan.Steps = slices.DeleteFunc(p.plan.Steps, func(s Step) bool { return s.Deed == ChecksOut })
	p.plan.Traps = slices.DeleteFunc(p.plan.Traps, func(t Trap) bool { return t.Do.Deed == ChecksOut })
	p.plan.Weather = slices.DeleteFunc(p.plan.Weather, func(w Weather) bool { return w.Ill == Dearer || w.Ill == Cheaper })
	for i := range p.plan.Weather {
		if w := &p.plan.Weather[i]; w.At == checkout {
			w.At = olderCheckout
		}
	}
	for i := range p.plan.Traps {
		if t := &p.plan.Traps[i]; t.Endpoint == checkout {
			t.Endpoint = olderCheckout
		}
	}
}
