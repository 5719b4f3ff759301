package orders

import (
	"context"
	"fmt"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// deadline is the time at which an undecided order changes.
type deadline struct {
	state purchase.State
	at    time.Time     // as the order stores it
	ends  time.Duration // elapsed; jumps of the clock since this run first saw it don't change it
}

// deadline returns the next deadline of an order that waits for people; ok is false for other orders.
func (svc *Service) deadline(o purchase.Order) (due deadline, ok bool) {
	at, ok := o.AwaitsPeople()
	longest := svc.timing.Proposal
	if o.State == purchase.AwaitingApproval {
		longest = svc.timing.Approval
	}
	return deadline{o.State, at, svc.reg.Elapsed() + min(max(at.Sub(svc.now()), 0), longest)}, ok
}

// expire ends undecided orders, reminds approvers of those that wait, and returns the time until the next deadline. It
// runs with every new proposal, so it keeps the deadlines in known and reads each order only once.
func (svc *Service) expire(ctx context.Context, known map[purchase.OrderID]deadline) (time.Duration, error) {
	open := map[purchase.OrderID]bool{}
	err := svc.ledger.View(ctx, func(r purchase.Reader) error {
		queue, err := r.Queue()
		if err != nil {
			return err
		}
		for _, q := range queue {
			if q.State != purchase.Proposed && q.State != purchase.AwaitingApproval && q.State != purchase.Failed {
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
			due, ok := svc.deadline(o)
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
	pause := register.Idle
	for id, due := range known {
		if !open[id] {
			delete(known, id)
			continue
		}
		if left := due.ends - svc.reg.Elapsed(); left > 0 {
			pause = min(pause, left)
			continue
		}
		o, err := svc.reg.Change(ctx, id, func(w purchase.Writer, o *purchase.Order) error {
			return svc.expireOrder(w, o,
				due)
		})
		if err != nil {
			return 0, fmt.Errorf("expire order %s: %w", id, err)
		}
		if next, ok := svc.deadline(o); ok {
			known[id] = next
			pause = min(pause, max(next.ends-svc.reg.Elapsed(), 0))
		}
	}
	return max(pause, time.Millisecond), nil
}

// expireOrder ends an order whose time is over, or reminds the approvers of it, once.
func (svc *Service) expireOrder(w purchase.Writer, o *purchase.Order, due deadline) error {
	at, ok := o.AwaitsPeople()
	switch {
	case !ok || o.State != due.state || !at.Equal(due.at): // decided in the meantime
		return nil
	case o.HasOffer():
		o.Failure.Until = time.Time{}
		o.Rev++
		o.Updated = svc.now()
		return w.PutOrder(*o)
	// no reminder after the deadline
	case o.State == purchase.Proposed || o.RemindAt.IsZero() || !svc.now().Before(o.ApproveBy):
		return svc.reg.Apply(w, o, purchase.OrderEvent{Kind: purchase.Expire, By: purchase.BotName})
	}
	o.RemindAt = time.Time{}
	if err := w.PutOrder(*o); err != nil {
		return err
	}
	n := svc.reg.NewNotification(purchase.NotificationReminder, "reminder-"+string(o.ID),
		purchase.RequestCause(purchase.NotificationReminder, *o).With("since", purchase.ArgTime(o.Confirmed)),
		*o, "")
	n.Pending = []string{svc.approvalsChannel}
	return register.AddNotification(w, n)
}
