package history

import (
	"fmt"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// undecided is how many of the last orders wait for approval at the end.
func (h *history) undecided() int { return min(6, h.Orders/20) }

// planRequest plans when the next order is made, not before earliest.
func (h *history) planRequest(earliest time.Time) {
	left := h.Orders - h.made
	if left == 0 {
		return
	}
	at := h.calendar.at((float64(h.made) + h.random.Float64()) / float64(h.Orders))
	if n := h.undecided(); left <= n {
		at = h.Until.Add(-rest + (rest-time.Hour)*time.Duration(n-left)/time.Duration(n))
	}
	if at.Before(earliest) {
		at = earliest
	}
	h.agenda.add(at, h.request)
}

// request makes an order, and plans the next one.
func (h *history) request() error {
	if h.made == h.Orders { // an order that was edited made another one meanwhile
		return nil
	}
	waits := h.Orders-h.made <= h.undecided()
	who := h.person(func(p Person) bool { return p.Buys })
	if !waits {
		if err := h.stray(who); err != nil {
			return err
		}
	}
	wanted := newWish(h.random, h.now)
	if waits || h.odds(8) {
		var err error
		if wanted, err = above(h.random, h.now, h.Policy.AutoApprove); err != nil {
			return err
		}
	}
	order, err := h.propose(who, wanted, "")
	switch {
	case refused(err): // buying is paused, or they have many cards
		h.planRequest(h.now.Add(10 * time.Minute))
		return nil
	case err != nil:
		return err
	}
	h.planRequest(h.now)
	h.planDecision(order, waits)
	return nil
}

// propose makes an order in place of another, if there is one.
func (h *history) propose(who purchase.Actor, w wish, replaces purchase.OrderID) (purchase.Order, error) {
	v, err := h.desk.Propose(h.ctx, purchase.Request{
		Requester: who, Channel: choose(h.random, h.Channels), Spec: w.spec, Reason: w.reason, Replaces: replaces,
		Trigger: fmt.Sprintf("%d.%d.%016x%016x", h.now.UnixMilli(), 100_000+h.random.IntN(900_000), h.random.Uint64(),
			h.random.Uint64()),
	})
	if err == nil {
		h.made++
		h.waits[v.Order.ID] = true
	}
	return v.Order, err
}

// stray makes people try what they may not, now and then.
func (h *history) stray(who purchase.Actor) error {
	switch {
	case h.odds(60) && !h.Policy.OrderLimit.None:
		dear, err := above(h.random, h.now, h.Policy.OrderLimit.Max)
		if err != nil {
			return err
		}
		if _, err := h.propose(who, dear, ""); !refused(err) {
			return fmt.Errorf("an order above the limit: %w", err)
		}
	case h.odds(120):
		guest := purchase.Actor{ID: "U0GUEST", Team: who.Team, Name: "Pat Guest", Membership: purchase.Guest}
		if _, err := h.propose(guest, newWish(h.random, h.now), ""); !refused(err) {
			return fmt.Errorf("an order of a guest: %w", err)
		}
	}
	return nil
}

// planDecision plans what the requester does with a card.
func (h *history) planDecision(o purchase.Order, waits bool) {
	h.agenda.add(o.Expires, func() error { return h.expire(o.ID) })
	pause := h.soon(4*time.Second, 90*time.Second)
	switch {
	case waits:
		h.after(pause, func() error { return h.confirm(o, true) })
	case h.odds(h.rare.ignored): // looks at the price only
	case h.odds(h.rare.withdrawn):
		h.after(pause, func() error { return h.decide(o, h.card(o), orders.Decision{Kind: orders.Cancel}) })
	case h.odds(h.rare.edited) && h.Orders-h.made > h.undecided():
		h.after(pause, func() error { return h.edit(o) })
	default:
		if h.odds(50) { // another person clicks
			h.after(pause/2, func() error {
				other := h.card(o)
				other.Actor = h.person(func(p Person) bool { return p.Buys && p.ID != o.Requester.ID })
				return h.decide(o, other, orders.Decision{Kind: orders.Confirm})
			})
		}
		h.after(pause, func() error { return h.confirm(o, false) })
	}
}

// edit replaces a proposal by another one.
func (h *history) edit(o purchase.Order) error {
	if h.made == h.Orders { // the last orders were made meanwhile; this one expires
		return nil
	}
	w := wish{o.Spec, o.Reason}
	w.spec.RunLimit += between(h.random, 1, 3)
	next, err := h.propose(o.Requester, w, o.ID)
	if refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := h.publish(o.ID); err != nil {
		return err
	}
	h.planDecision(next, false)
	return nil
}

// confirm is the requester's click on Buy.
func (h *history) confirm(o purchase.Order, waits bool) error {
	if err := h.decide(o, h.card(o), orders.Decision{Kind: orders.Confirm}); err != nil {
		return err
	}
	now, err := h.ledger.Order(o.ID)
	if err != nil {
		return err
	}
	switch now.State {
	case purchase.Approved:
		h.enqueue(o.ID)
	case purchase.AwaitingApproval:
		h.planApproval(now, waits)
	default: // refused; it expires
	}
	return nil
}

// planApproval plans what approvers do with an order.
func (h *history) planApproval(o purchase.Order, waits bool) {
	if !o.RemindAt.IsZero() {
		h.agenda.add(o.RemindAt, func() error { return h.remind(o.ID) })
	}
	h.agenda.add(o.ApproveBy, func() error { return h.expire(o.ID) })
	if waits {
		return
	}
	pause := h.soon(2*time.Minute, 30*time.Minute)
	if h.odds(4) {
		pause = h.soon(30*time.Minute, 20*time.Hour)
	}
	if latest := h.last.Add(20 * time.Minute).Sub(h.now); pause > latest {
		pause = latest
	}
	by := h.person(func(p Person) bool { return p.Approves && p.ID != o.Requester.ID })
	decision := orders.Decision{Kind: orders.Approve}
	switch n := h.random.IntN(100); {
	case n < 4 && o.ApproveBy.Before(h.Until): // it is forgotten
		return
	case n < 7:
		h.after(pause, func() error { return h.decide(o, h.card(o), orders.Decision{Kind: orders.Cancel}) })
		return
	case n < 18:
		decision = orders.Decision{Kind: orders.Deny, Reason: choose(h.random, denials)}
	}
	h.after(pause, func() error {
		if err := h.decide(o, h.approvalClick(o, by), decision); err != nil {
			return err
		}
		now, err := h.ledger.Order(o.ID)
		if err == nil && now.State == purchase.Approved {
			h.enqueue(o.ID)
		}
		if err == nil && now.State == purchase.AwaitingApproval { // buying is paused
			h.planApproval(now, false)
		}
		return err
	})
}

var denials = []string{
	"the department has a license that fits", "please share one with the other section", "not this term",
	"ask again with fewer projects", "the grant does not cover this",
}

// decide is a decision about an order. A refusal is recorded, and no error.
func (h *history) decide(o purchase.Order, action purchase.Action, d orders.Decision) error {
	if _, err := h.desk.Decide(h.ctx, action, o.ID, d); err != nil && !refused(err) {
		return err
	}
	return h.publish(o.ID)
}

// expire ends an order that was not decided in time.
func (h *history) expire(id purchase.OrderID) error {
	if !h.waits[id] {
		return nil
	}
	o, err := h.reg.Change(h.ctx, id, func(w purchase.Writer, o *purchase.Order) error {
		if at, waits := o.AwaitsPeople(); !waits || o.State == purchase.Failed || h.now.Before(at) {
			return nil
		}
		return h.reg.Apply(w, o, purchase.OrderEvent{Kind: purchase.Expire, By: purchase.BotName})
	})
	if err != nil || o.State != purchase.Expired {
		return err
	}
	return h.publish(id)
}

// remind notes that the approvers of an order were reminded.
func (h *history) remind(id purchase.OrderID) error {
	if !h.waits[id] {
		return nil
	}
	_, err := h.reg.Change(h.ctx, id, func(w purchase.Writer, o *purchase.Order) error {
		if o.State != purchase.AwaitingApproval {
			return nil
		}
		o.RemindAt = time.Time{}
		return w.PutOrder(*o)
	})
	return err
}

// pause pauses all buying for a while, as an admin.
func (h *history) pause(reason string) error {
	err := h.desk.SetPaused(h.ctx, h.adminCommand(), true, reason)
	if err != nil && !refused(err) {
		return err
	}
	h.planResume(h.soon(10*time.Minute, 40*time.Minute), "")
	return nil
}

// planResume plans the end of a pause.
func (h *history) planResume(pause time.Duration, reason string) {
	h.after(pause, func() error {
		err := h.desk.SetPaused(h.ctx, h.adminCommand(), false, reason)
		if err != nil && !refused(err) {
			return err
		}
		h.buyNext()
		return nil
	})
}
