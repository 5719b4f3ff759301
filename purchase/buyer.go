package purchase

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run buys what was confirmed, one order at a time, and settles what is open, until ctx is done. Then it takes no
// more promises, brings the order under way to a point from which it can be continued or to its end (within
// Timing.Drain), and returns nil. Orders that an earlier run left behind are taken up first.
func (d *Desk) Run(ctx context.Context) error {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		d.stopping.Store(true)
		time.AfterFunc(d.timing.Drain, cancel)
	})
	defer stop()

	b := &buyer{Desk: d, tries: map[OrderID]int{}}
	for {
		pause, err := b.turn(ctx, hard)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			// The ledger itself failed (disk full, say). Orders stay as they are durably known; look again later.
			d.log.Error().Err(err).Msg("the ledger could not be read or written; trying again")
			pause = d.timing.PollMax
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-d.wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// buyer is the state of one Run: only what may be forgotten.
type buyer struct {
	*Desk
	tries map[OrderID]int // looks in vain at the present step, for growing pauses
}

// errMoved says that the order changed while the buyer was looking at CoCalc; it is looked at anew.
var errMoved = errors.New("the order has moved on")

// turn does everything that can be done now, and answers for how long there is nothing to do.
func (b *buyer) turn(ctx, hard context.Context) (wait, error) {
	b.account.Lock()
	defer b.account.Unlock()
	for ctx.Err() == nil {
		if err := b.expire(hard); err != nil {
			return 0, err
		}
		open, err := b.openOrders(hard)
		if err != nil {
			return 0, err
		}
		id, ok := next(open)
		if !ok {
			return b.untilExpiry(open), nil
		}
		wait, err := b.work(ctx, hard, id)
		if err != nil {
			return 0, err
		}
		if wait > 0 {
			return wait, nil
		}
	}
	return 0, nil
}

// work steps an order on until it has ended or has to wait. It goes on after ctx is done: an order is not left
// between two steps that belong together, only where it has to wait anyway.
func (b *buyer) work(ctx, hard context.Context, id OrderID) (wait, error) {
	for {
		order, err := b.Order(hard, id)
		if err != nil {
			return 0, err
		}
		if !order.Open() || (order.State == Approved && ctx.Err() != nil) {
			delete(b.tries, id)
			return 0, nil
		}
		before := order.State
		wait, err := b.step(hard, order)
		switch {
		case errors.Is(err, errMoved):
			continue
		case err != nil:
			return 0, fmt.Errorf("order %s, %s: %w", id, before, err)
		case wait > 0:
			return wait, nil
		}
	}
}

// next picks the order to work on: first what is under way, since it may hold the account; then what is left of
// orders that have ended; then the approved order that was confirmed first.
func next(open []Order) (OrderID, bool) {
	for _, o := range open {
		if o.State.UnderWay() {
			return o.ID, true
		}
	}
	for _, o := range open {
		if o.State.Final() {
			return o.ID, true
		}
	}
	var first *Order
	for i, o := range open {
		if o.State == Approved && (first == nil || o.Confirmed.Before(first.Confirmed)) {
			first = &open[i]
		}
	}
	if first == nil {
		return "", false
	}
	return first.ID, true
}

// step makes the order's next move. A wait above 0 means that nothing can be done before.
func (b *buyer) step(ctx context.Context, o Order) (wait, error) {
	switch o.State {
	case Approved:
		return b.prepare(ctx, o)
	case Adding:
		if o.AddSent.IsZero() {
			return b.add(ctx, o)
		}
		return b.look(ctx, o)
	case Carted:
		if o.Failure != nil {
			return b.takeOut(ctx, o)
		}
		return b.check(ctx, o)
	case Paying:
		if o.Failure != nil {
			return b.takeOut(ctx, o)
		}
		return b.prove(ctx, o)
	case Unknown:
		return b.settle(ctx, o)
	}
	if len(o.Parked) > 0 {
		return b.restore(ctx, o)
	}
	return b.recount(ctx, o)
}

// expire ends proposals that nobody decided on.
func (b *buyer) expire(ctx context.Context) error {
	open, err := b.openOrders(ctx)
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.State != Proposed || b.now().Before(o.Expires) {
			continue
		}
		_, err := b.change(ctx, o.ID, func(w Writer, o *Order) error {
			if o.State != Proposed {
				return nil // confirmed or cancelled in the meantime
			}
			return b.move(w, o, Expired, botName, "")
		})
		if err != nil {
			return fmt.Errorf("expire order %s: %w", o.ID, err)
		}
	}
	return nil
}

// untilExpiry is the time to the next expiry among the open proposals, at most an hour.
func (b *buyer) untilExpiry(open []Order) time.Duration {
	wait := time.Hour
	for _, o := range open {
		if o.State == Proposed {
			wait = min(wait, o.Expires.Sub(b.now()))
		}
	}
	return max(wait, time.Millisecond)
}

func (d *Desk) openOrders(ctx context.Context) (open []Order, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		open, err = r.OpenOrders()
		return err
	})
	return open, err
}

// change runs fn on the order as it is now, in one transaction, and tells whoever shows it.
func (d *Desk) change(ctx context.Context, id OrderID, fn func(Writer, *Order) error) (Order, error) {
	var o Order
	err := d.ledger.Update(ctx, func(w Writer) error {
		var err error
		if o, err = w.Order(id); err != nil {
			return err
		}
		return fn(w, &o)
	})
	if err == nil {
		d.changed(id)
	}
	return o, err
}

// advance moves the order on in one transaction, with set filling in what goes with the move. It answers errMoved
// when the order is not in the state that the buyer saw.
func (b *buyer) advance(ctx context.Context, seen Order, to State, note string, set func(Writer, *Order) error) (Order, error) {
	delete(b.tries, seen.ID)
	return b.change(ctx, seen.ID, func(w Writer, o *Order) error {
		if o.State != seen.State {
			return errMoved
		}
		if set != nil {
			if err := set(w, o); err != nil {
				return err
			}
		}
		return b.move(w, o, to, botName, note)
	})
}

// edit changes an order without moving it. People see the difference when visible is set.
func (b *buyer) edit(ctx context.Context, seen Order, visible bool, set func(*Order)) (Order, error) {
	return b.change(ctx, seen.ID, func(w Writer, o *Order) error {
		if o.State != seen.State {
			return errMoved
		}
		set(o)
		if visible {
			o.Rev++
		}
		o.Updated = b.now()
		return w.PutOrder(*o)
	})
}

// fail ends an order of which nothing was bought and nothing is in the cart.
func (b *buyer) fail(ctx context.Context, o Order, f Failure) error {
	_, err := b.advance(ctx, o, Failed, string(f.Code), func(_ Writer, o *Order) error {
		o.Failure, o.Hold = &f, nil
		return nil
	})
	return err
}

// pause answers the wait before the next look in vain: it doubles from Poll to PollMax.
func (b *buyer) pause(id OrderID) time.Duration {
	n := b.tries[id]
	b.tries[id] = n + 1
	return min(b.timing.Poll<<min(n, 10), b.timing.PollMax)
}
