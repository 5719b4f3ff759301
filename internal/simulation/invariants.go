package simulation

import (
	"slices"
	"strings"
	"time"

	"licensebot/purchase"
)

// mayBuy and mayAgree return an error if, by Slack's answers to the program, a person must not buy or approve now.
func (p *process) mayBuy(who string) error {
	return p.w.slack.people.allows(p.number, who, []string{"alice", "bob"}, buyersGroup)
}

func (p *process) mayAgree(who string) error {
	return p.w.slack.people.allows(p.number, who, []string{"bob"}, approversGroup)
}

// checkRequester checks that the requester may buy when an order's amount is reserved.
func (x *observer) checkRequester(o purchase.Order) {
	if err := x.process.mayBuy(name(o.Requester.ID)); err != nil {
		x.wrong("order %s becomes %s, and %s may not buy: %v", o.ID, o.State, o.Requester.Name, err)
	}
}

// checkApprovals checks that an order above the limit has the required number of approvals, none of them its
// requester's, and each clicked or typed by that person. At the last one, each approver must still have the right.
func (x *observer) checkApprovals(o purchase.Order, last bool) error {
	if !x.process.rules.asks(o) {
		return nil
	}
	events, err := x.Events(1, 1<<20)
	if err != nil {
		return err
	}
	var agreed []string
	for _, a := range o.Approvals {
		who := name(a.By.ID)
		switch {
		case !slices.ContainsFunc(events, func(e purchase.Event) bool {
			return e.Kind == "agreed" && e.Order == o.ID && e.By == a.By.ID && e.Amount == o.Price
		}):
			x.wrong("order %s becomes %s for %s with %s's yes, of which the audit knows nothing", o.ID, o.State, o.Price, who)
		case a.Denied:
			x.wrong("order %s becomes %s, and %s denied it", o.ID, o.State, who)
		case who == name(o.Requester.ID):
			x.wrong("order %s becomes %s by its requester's own yes", o.ID, o.State)
		case last:
			if err := x.process.mayAgree(who); err != nil {
				continue
			}
			agreed = append(agreed, who)
		default:
			agreed = append(agreed, who)
		}
	}
	slices.Sort(agreed)
	if agreed = slices.Compact(agreed); len(agreed) < x.process.rules.Approvals {
		x.wrong("order %s over %s becomes %s with the yes of %v, and %d have to agree", o.ID, o.Price, o.State, agreed,
			x.process.rules.Approvals)
	}
	return nil
}

// checkApproving checks that an approver may approve, in time and at the price on the card.
func (x *observer) checkApproving(o purchase.Order, e purchase.Event) {
	who := name(e.By)
	if err := x.process.mayAgree(who); err != nil {
		x.wrong("%s agrees to order %s, and may not: %v", who, o.ID, err)
	}
	if e.Amount != o.Price {
		x.wrong("%s agrees to %s for order %s, which costs %s", who, e.Amount, o.ID, o.Price)
	}
	if !time.Now().Before(o.ApproveBy) {
		x.wrong("%s agrees to order %s at the end of its time, or later", who, o.ID)
	}
	if !x.process.w.slack.did(who, o, (*act).approves) {
		x.wrong("%s is said to agree to order %s for %s, and never did", who, o.ID, o.Price)
	}
}

// checkDenying checks that the order was denied in time, with a reason, by a person who may deny it.
func (x *observer) checkDenying(o purchase.Order) {
	if len(o.Approvals) == 0 || !o.Approvals[len(o.Approvals)-1].Denied {
		x.wrong("order %s is denied by no one", o.ID)
		return
	}
	no := o.Approvals[len(o.Approvals)-1]
	who := name(no.By.ID)
	if err := x.process.mayAgree(who); err != nil {
		x.wrong("%s denies order %s, and may not: %v", who, o.ID, err)
	}
	if who == name(o.Requester.ID) || no.Reason == "" || !time.Now().Before(o.ApproveBy) ||
		!x.process.w.slack.did(who, o, (*act).denies) {
		x.wrong("%s is said to deny order %s of %s in time, for the reason %q", who, o.ID, o.Requester.Name, no.Reason)
	}
}

// did reports whether a person clicked or typed such a thing about an order; the card that they clicked showed its
// price.
func (s *workspace) did(who string, o purchase.Order, kind func(*act) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.acts, func(a *act) bool {
		return a.who == who && a.order == o.ID && !a.handled.IsZero() && kind(a) &&
			(a.card == "" || strings.Contains(a.card, o.Price.String()))
	})
}

// refused reports whether the plan has Slack refuse messages to the approvers' channel after a moment.
func (w *world) refused(since time.Time) bool {
	return slices.ContainsFunc(w.plan.FaultWindows, func(x FaultWindow) bool {
		return (x.Fault == ShutOut || x.Fault == Refused) && x.To > w.planned(since)
	})
}

// checkDecisions checks that each order was decided once, and that people who came late read who decided, or what
// became of it.
func (w *world) checkDecisions(b books) {
	orders := map[purchase.OrderID]purchase.Order{}
	for _, o := range b.orders {
		orders[o.ID] = o
	}
	ends := map[purchase.OrderID]purchase.Event{} // of the wait for approvers
	waits := map[purchase.OrderID]bool{}
	for _, e := range b.events {
		switch purchase.State(e.Kind) {
		case purchase.AwaitingApproval:
			waits[e.Order] = true
		case purchase.Approved, purchase.Denied, purchase.Expired, purchase.Cancelled, purchase.Failed:
			if !waits[e.Order] {
				continue
			}
			end, decided := ends[e.Order]
			if decided && (e.Kind == string(purchase.Approved) || e.Kind == string(purchase.Denied) ||
				e.Kind == string(purchase.Expired)) {
				w.wrong("order %s was %s on %s, and then %s", e.Order, end.Kind, end.Time, e.Kind)
			}
			if !decided {
				ends[e.Order] = e
			}
		default: // the wait goes on, or is long over
		}
	}
	for _, a := range w.slack.acts {
		end, over := ends[a.order]
		if !a.approves() && !a.denies() || !over || !a.handled.After(end.Time) {
			continue
		}
		for _, said := range a.said {
			if strings.Contains(said, "You approved") || strings.Contains(said, "Denied. <@") {
				w.wrong("%s's %q on order %s came after its end, and they read: %s", a.who, a.what, a.order, headline(said))
			}
			if (strings.Contains(said, "already decided") || strings.Contains(said, "can no longer be approved or denied")) &&
				!names(said, orders[a.order], end) {
				w.wrong("%s came late to order %s, and was not told what became of it: %s", a.who, a.order, said)
			}
		}
		if a.silent && len(a.said) == 0 && !a.died && !a.sorry {
			w.wrong("%s came late to order %s, and was told nothing", a.who, a.order)
		}
	}
}

// names reports whether a sentence says who decided on an order, or withdrew it, and when; or, without a decision, the
// order's outcome.
func names(said string, o purchase.Order, end purchase.Event) bool {
	at := func(t time.Time) string { return t.UTC().Format(purchase.MomentStyle) }
	switch purchase.State(end.Kind) {
	case purchase.Approved, purchase.Denied:
		last := o.Approvals[len(o.Approvals)-1]
		return strings.Contains(said, last.By.Name) && strings.Contains(said, at(last.At))
	case purchase.Cancelled:
		return strings.Contains(said, o.Requester.Name) && strings.Contains(said, at(end.Time))
	case purchase.Expired:
		return strings.Contains(said, "expired") && strings.Contains(said, at(o.ApproveBy))
	default:
		return strings.Contains(said, "it wasn't bought")
	}
}
