package purchase

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

	recall := d.recallServer(hard)
	if recall != nil {
		d.log.Error().Err(recall).Msg("forget what the CoCalc server was before this start")
	}
	if err := d.unite(hard); err != nil {
		d.log.Error().Err(err).Msg("count people who have two ids as two until the next start")
	}
	if err := d.announceResume(hard); err != nil {
		d.log.Error().Err(err).Msg("leave a resume of buying to be announced at the next start")
	}
	b := &buyer{
		Desk: d, tries: map[OrderID]int{}, due: map[OrderID]time.Duration{}, spans: spans{},
		probing: probing{recalled: recall == nil},
	}
	// Cards expire on time also while the buyer waits for an answer of CoCalc, which can take minutes.
	var expiring sync.WaitGroup
	known, headTold := map[OrderID]deadline{}, ""
	expiring.Go(func() {
		d.repeat(ctx, d.proposed, func(ctx context.Context) (time.Duration, error) {
			expires, err := d.expire(ctx, known)
			if err != nil {
				return 0, err
			}
			day, err := d.tellHead(ctx, &headTold)
			return min(expires, day), err
		})
	})
	expiring.Go(func() {
		d.repeat(ctx, d.counted, func(ctx context.Context) (time.Duration, error) { return d.recordCounted(ctx, false) })
	})
	expiring.Go(func() { // a full disk may have put them off
		d.repeat(ctx, nil, func(ctx context.Context) (time.Duration, error) {
			if err := d.ResolveDoubts(ctx); err != nil {
				return 0, err
			}
			return idle, nil
		})
	})
	d.repeat(ctx, d.wake, func(ctx context.Context) (time.Duration, error) { return b.turn(ctx, hard) })
	expiring.Wait()
	if _, err := d.recordCounted(hard, true); err != nil {
		d.log.Error().Err(err).Msg("fail to record the counted refusals at the end")
	}
	d.stopping.Store(true) // AfterFunc has a goroutine of its own, which may not have come to it yet
	return nil
}

// repeat does what do finds to do, again when it said or when nudged, until ctx is done.
func (d *Desk) repeat(ctx context.Context, nudged <-chan struct{}, do func(context.Context) (time.Duration, error)) {
	for ctx.Err() == nil {
		pause, err := do(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			// The ledger itself failed (disk full, say). Orders stay as they are durably known; look again later.
			d.log.Error().Err(err).Msg("retry after a ledger error")
			if pause == 0 {
				pause = d.timing.PollMax
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-nudged:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// buyer is the state of one Run: only what may be forgotten.
type buyer struct {
	*Desk
	tries map[OrderID]int           // looks without a result at the present step, for growing pauses
	due   map[OrderID]time.Duration // elapsed; before it, the order has nothing to do, however often the buyer is woken
	spans spans
	count count // the last look at the list of purchases

	probing probing

	isProven bool // the key is of the ledger's account

	unkept int // steps in a row that the ledger could not keep

	sweepAt    time.Duration // elapsed: when the account's purchases are compared with the ledger again
	sweepFails int           // comparisons that failed since the last one
}

// errMoved says that the order changed while the buyer was looking at CoCalc; it is looked at anew.
var errMoved = errors.New("the order has moved on")

// turn does everything that can be done now, and answers for how long there is nothing to do.
func (b *buyer) turn(ctx, hard context.Context) (time.Duration, error) {
	b.account.Lock()
	defer b.account.Unlock()
	for ctx.Err() == nil {
		if b.untilProbe() <= 0 {
			if err := b.probe(ctx); err != nil {
				return 0, fmt.Errorf("find out what the server is: %w", err)
			}
		}
		open, err := b.openOrders(hard)
		if err != nil {
			return 0, err
		}
		stopped, err := b.tellStopped(hard, open)
		if err != nil {
			return 0, err
		}
		if ended, err := b.endUnserved(hard, open); err != nil {
			return 0, err
		} else if ended {
			continue
		}
		id, pause := b.next(open, stopped)
		if id == "" {
			pause = min(pause, b.untilBack(), max(b.untilProbe(), time.Millisecond))
			if !b.Server().SellsLicenses() { // no comparison before it does
				return pause, nil
			}
			if left := b.sweepAt - b.elapsed(); left > 0 {
				return min(pause, left, b.timing.Sweep), nil
			}
			if err := b.sweep(ctx); err != nil {
				return 0, err
			}
			continue
		}
		wait, err := b.work(ctx, hard, id)
		if err != nil {
			again := min(b.timing.Poll<<min(b.unkept, 10), b.timing.PollMax)
			b.unkept++
			b.due[id] = b.elapsed() + again
			return again, err
		}
		b.unkept = 0
		if wait > 0 {
			b.due[id] = b.elapsed() + wait
		}
	}
	return 0, nil
}

// work steps an order on until it has ended or has to wait. It goes on after ctx is done: an order is not left
// between two steps that belong together, only where it has to wait anyway.
func (b *buyer) work(ctx, hard context.Context, id OrderID) (time.Duration, error) {
	hard = b.log.With().Str("order", string(id)).Logger().WithContext(hard) // for CoCalc's answers to it
	for {
		order, err := b.Order(hard, id)
		if err != nil {
			return 0, err
		}
		if !order.busy() {
			delete(b.tries, id)
			delete(b.due, id)
			delete(b.spans, id)
			return 0, nil
		}
		if order.State == Approved && ctx.Err() != nil {
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

// idle is the longest pause between two looks at the ledger.
const idle = time.Hour

// next picks the order to work on among those that are due, or returns how long none is.
//
// Orders under way come first: they hold the account, so while one waits nothing else begins, and no parked item is
// checked again. The same holds for a checkout that may still run although its order has ended. Then come the remaining
// tasks of orders that have ended, or that had items parked when buying was paused; then the approved order that was
// confirmed first. Tasks that only read (a watch, a count) delay no order and wait for none.
func (b *buyer) next(open []Order, stopped bool) (OrderID, time.Duration) {
	now, pause := b.elapsed(), idle
	lingering := b.lingering(open)
	if lingering > 0 {
		pause = lingering
	}
	due := func(o Order) bool {
		at, ok := b.due[o.ID]
		if ok && at > now {
			pause = min(pause, at-now)
			return false
		}
		return true
	}
	held := false
	for _, o := range open {
		if o.State.UnderWay() {
			held = held || o.Released.IsZero()
			if due(o) {
				return o.ID, 0
			}
		}
	}
	for _, o := range open {
		left := o.State.Final() || stopped && o.State == Approved && len(o.Parked) > 0
		if left && !((held || lingering > 0) && len(o.Parked) > 0) && due(o) {
			return o.ID, 0
		}
	}
	var first *Order
	for i, o := range open {
		if o.State == Approved && (first == nil || o.Confirmed.Before(first.Confirmed)) {
			first = &open[i]
		}
	}
	if first != nil && !held && !stopped && due(*first) {
		return first.ID, 0
	}
	return "", max(pause, time.Millisecond)
}

// step makes the order's next move. A wait above 0 means that nothing can be done before.
func (b *buyer) step(ctx context.Context, o Order) (time.Duration, error) {
	if s := b.Server(); !s.SellsLicenses() {
		return b.stepUnserved(ctx, o, s)
	}
	if o.State != Approved {
		if err := b.served(ctx, o); err != nil {
			return 0, err
		}
	}
	if pause, err := b.proven(ctx); err != nil {
		return b.unproven(ctx, o, err)
	} else if pause > 0 {
		return pause, nil
	}
	if o.begins() && b.away(ctx) {
		return b.timing.PollMax, nil
	}
	switch o.State {
	case Approved:
		if stopped, err := b.pausedNow(ctx); err != nil {
			return 0, err
		} else if stopped != nil && len(o.Parked) > 0 {
			pause, err := b.restore(ctx, o)
			return max(pause, b.timing.Poll), err
		}
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
	default: // it is watched, or gives the cart back
	}
	switch {
	case len(o.Parked) > 0:
		return b.restore(ctx, o)
	case o.State == Purchased:
		return b.recount(ctx, o)
	}
	return b.watch(ctx, o)
}

// openOrders are those with which the buyer may have something to do, oldest first. Cards and orders that wait for
// people are none of these, and hundreds of them may wait for days.
func (d *Desk) openOrders(ctx context.Context) (open []Order, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		open = nil
		queue, err := r.Queue()
		if err != nil {
			return err
		}
		for _, q := range queue {
			if q.State == Proposed || q.State == AwaitingApproval {
				continue
			}
			o, err := r.Order(q.ID)
			if err != nil {
				return err
			}
			if o.busy() {
				open = append(open, o)
			}
		}
		return nil
	})
	return open, err
}

// change runs fn on the current order in one transaction, and tells the publisher.
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
		if o.offers() { // its offer has a deadline
			nudge(d.proposed)
		}
	}
	return o, err
}

// advance has an event happen to the order in one transaction, if it is still in the state that the buyer saw;
// otherwise, it returns errMoved. check can stand against it, or complete the event.
func (b *buyer) advance(ctx context.Context, seen Order, e OrderEvent, check func(Writer, Order, *OrderEvent) error) (
	Order, error,
) {
	e.By = BotName
	delete(b.tries, seen.ID)
	return b.change(ctx, seen.ID, func(w Writer, o *Order) error {
		if o.State != seen.State {
			return errMoved
		}
		if check != nil {
			if err := check(w, *o, &e); err != nil {
				return err
			}
		}
		return b.apply(w, o, e)
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

// fail ends an order of which nothing was bought and nothing is in the cart. If anything of it was ever sent there, it
// is watched for a while longer.
func (b *buyer) fail(ctx context.Context, o Order, f Failure) error {
	_, err := b.advance(ctx, o, OrderEvent{Kind: Fail, Note: string(f.Code), Failure: &f},
		func(_ Writer, live Order, e *OrderEvent) error {
			if !live.NeverAdded() {
				e.WatchUntil = b.watchUntil()
			}
			return nil
		})
	return err
}

// pause returns the wait before the next look: it doubles from Poll to PollMax with each look without a result.
func (b *buyer) pause(id OrderID) time.Duration {
	n := b.tries[id]
	b.tries[id] = n + 1
	return min(b.timing.Poll<<min(n, 10), b.timing.PollMax)
}
