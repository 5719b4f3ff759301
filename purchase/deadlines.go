package purchase

import (
	"context"
	"fmt"
	"time"
)

// deadline is the time at which an undecided order changes.
type deadline struct {
	state State
	at    time.Time     // as the order stores it
	ends  time.Duration // elapsed; jumps of the clock since this run first saw it don't change it
}

// deadline returns the next deadline of an order that waits for people; ok is false for other orders.
func (d *Desk) deadline(o Order) (due deadline, ok bool) {
	at, ok := o.waits()
	longest := d.timing.Proposal
	if o.State == AwaitingApproval {
		longest = d.timing.Approval
	}
	return deadline{o.State, at, d.elapsed() + min(max(at.Sub(d.now()), 0), longest)}, ok
}

// waits returns the stored deadline of an order that waits for people; ok is false for other orders.
func (o *Order) waits() (at time.Time, ok bool) {
	switch {
	case o.State == Proposed:
		return o.Expires, true
	case o.State == AwaitingApproval && !o.RemindAt.IsZero():
		return o.RemindAt, true
	case o.State == AwaitingApproval:
		return o.ApproveBy, true
	case o.offers():
		return o.Failure.Until, true
	}
	return time.Time{}, false
}

// expire ends undecided orders, reminds approvers of those that wait, and returns the time until the next deadline. It
// runs with every new proposal, so it keeps the deadlines in known and reads each order only once.
func (d *Desk) expire(ctx context.Context, known map[OrderID]deadline) (time.Duration, error) {
	open := map[OrderID]bool{}
	err := d.ledger.View(ctx, func(r Reader) error {
		queue, err := r.Queue()
		if err != nil {
			return err
		}
		for _, q := range queue {
			if q.State != Proposed && q.State != AwaitingApproval && q.State != Failed {
				continue
			}
			if known[q.ID].state == q.State {
				open[q.ID] = true
				continue
			}
			o, err := r.Order(q.ID)
			if err != nil {
				return err
			}
			due, ok := d.deadline(o)
			if !ok { // a failed order that is only watched
				continue
			}
			open[q.ID] = true
			known[q.ID] = due
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	pause := idle
	for id, due := range known {
		if !open[id] {
			delete(known, id)
			continue
		}
		if left := due.ends - d.elapsed(); left > 0 {
			pause = min(pause, left)
			continue
		}
		o, err := d.change(ctx, id, func(w Writer, o *Order) error { return d.overdue(w, o, due) })
		if err != nil {
			return 0, fmt.Errorf("expire order %s: %w", id, err)
		}
		if next, ok := d.deadline(o); ok {
			known[id] = next
			pause = min(pause, max(next.ends-d.elapsed(), 0))
		}
	}
	return max(pause, time.Millisecond), nil
}

// overdue ends an order whose time is over, or reminds the approvers of it, once.
func (d *Desk) overdue(w Writer, o *Order, due deadline) error {
	at, ok := o.waits()
	switch {
	case !ok || o.State != due.state || !at.Equal(due.at): // decided in the meantime
		return nil
	case o.offers():
		o.Failure.Until = time.Time{}
		o.Rev++
		o.Updated = d.now()
		return w.PutOrder(*o)
	case o.State == Proposed || o.RemindAt.IsZero() || !d.now().Before(o.ApproveBy): // no reminder after the deadline
		return d.apply(w, o, OrderEvent{Kind: Expire, By: BotName})
	}
	o.RemindAt = time.Time{}
	if err := w.PutOrder(*o); err != nil {
		return err
	}
	n := d.notice(NoticeReminder, "reminder-"+string(o.ID), request(NoticeReminder, *o).With("since", stamp(o.Confirmed)),
		*o, "")
	n.Left = []string{d.approvalsChannel}
	return addNotice(w, n)
}
