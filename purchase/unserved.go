package purchase

import (
	"context"
	"errors"
	"time"
)

// While the server doesn't sell licenses, the buyer sends nothing but probes. What it does with an order then depends
// on what CoCalc may have of it:
//
//   - Nothing: the order waits. It ends when the server was found the same for an hour and in six probes.
//   - An item in the cart, or perhaps one: any checkout of the account would buy it, so the order gets only
//     Timing.Patience, as at a server that doesn't answer. Then its item is taken out as soon as CoCalc can be reached
//     again. If that takes an hour, the order ends and is watched: the item is taken out, or its purchase entered,
//     whenever that becomes possible.
//   - A checkout: the outcome is unknown, and stays so. After a week on a server that can't tell any more, the order
//     stops holding other orders and the budget.

const (
	// leastProbes is how many probes in a row, over six times Timing.Probe, end an order that waits for the server.
	leastProbes = 6
	// releaseAfter is how long after its checkout an order of unknown outcome holds the budget if CoCalc can't tell any
	// more.
	releaseAfter = 7 * 24 * time.Hour
)

// held reports whether the server was found the same for long enough since a wait for it began; with nil, ever.
func (b *buyer) held(s Server, w *Wait) bool {
	began := time.Duration(0)
	if w != nil && w.Code == WaitsForServer {
		began = w.Held
	}
	return s.Probes >= leastProbes && s.Held-began >= leastProbes*b.timing.Probe
}

// heldNow returns for how long the server has been found the same, with the time since the last probe.
func (b *buyer) heldNow(s Server) time.Duration {
	if !b.probing.made {
		return s.Held
	}
	return s.Held + b.elapsed() - b.probing.at
}

// serverCause is why an order waits for the server.
func (b *buyer) serverCause(s Server, o Order) Cause {
	args := Args{"condition": string(s.Condition)}
	if s.Told {
		args["told"] = b.policy.told()
	}
	switch {
	case o.State == Unknown:
		args["has"] = "checkout"
	case o.Failure != nil:
		args["has"] = "item"
	}
	return Cause{Code: WaitsForServer, Args: args}
}

// awaitServer keeps with an order that it waits for the server, and since when.
func (b *buyer) awaitServer(ctx context.Context, o Order, s Server) (Order, error) {
	cause := b.serverCause(s, o)
	if o.Wait.cause().Is(cause) {
		return o, nil
	}
	w := b.serverWait(s, o, cause)
	w.Troubled = w.Since
	if o.Wait != nil && !o.Wait.Troubled.IsZero() {
		w.Troubled = o.Wait.Troubled
	}
	return b.edit(ctx, o, true, func(o *Order) { o.Wait = &w })
}

// serverWait is the wait of an order for the server: a new one, or, if only its words change, the one that it has.
func (b *buyer) serverWait(s Server, o Order, cause Cause) Wait {
	w := Wait{Cause: cause, Since: b.now(), Held: b.heldNow(s)}
	if was := o.Wait; was.cause().Code == WaitsForServer && was.Args["condition"] == cause.Args["condition"] {
		w.Since, w.Held = was.Since, was.Held
	}
	return w
}

// stepUnserved makes the next move of an order while the server doesn't sell licenses. It sends nothing.
func (b *buyer) stepUnserved(ctx context.Context, o Order, s Server) (time.Duration, error) {
	next := max(b.untilProbe(), time.Millisecond)
	switch {
	case o.State.Final(), o.State == Approved: // tellStopped says why an approved order waits, and endUnserved ends it
		return next, nil
	case o.State == Paying && o.Failure == nil:
		return 0, b.unclear(ctx, o, errUnserved)
	case o.State == Unknown && !s.RefusesOrders(): // it may tell soon
		return next, b.served(ctx, o)
	}
	o, err := b.awaitServer(ctx, o, s)
	switch {
	case err != nil:
		return 0, err
	case o.State == Unknown:
		return b.release(ctx, o, s, next)
	case b.held(s, o.Wait):
		f := o.Failure
		if f == nil {
			f = s.failure()
		}
		return 0, b.fail(ctx, o, *f)
	case o.Failure != nil, o.State == Adding && o.AddSent.IsZero():
		return next, nil
	}
	if left := b.remains(o.ID, b.patience("patience", o.Wait.Troubled)); left > 0 {
		return min(next, left), nil
	}
	return b.abandon(ctx, o, s.failure())
}

// errUnserved stands for an answer of a server that was not asked.
var errUnserved = errors.New("the server doesn't sell licenses now")

// served forgets that an order waits for the server.
func (b *buyer) served(ctx context.Context, o Order) error {
	if o.Wait.cause().Code != WaitsForServer {
		return nil
	}
	_, err := b.edit(ctx, o, true, func(o *Order) { o.Wait = nil })
	return err
}

// endUnserved ends the orders that have waited long enough for the server. It reports whether there were any.
func (b *buyer) endUnserved(ctx context.Context, open []Order) (ended bool, err error) {
	s := b.Server()
	if s.SellsLicenses() || s.Probes < leastProbes {
		return false, nil
	}
	for _, o := range open {
		if o.State == Approved && o.Wait.cause().Code == WaitsForServer && b.held(s, o.Wait) {
			if err := b.fail(ctx, o, *s.failure()); err != nil && !errors.Is(err, errMoved) {
				return ended, err
			}
			ended = true
		}
	}
	if !s.RefusesOrders() || !b.held(s, nil) {
		return ended, nil // orders can still be approved, and wait
	}
	var waiting []OrderID
	err = b.ledger.View(ctx, func(r Reader) error {
		waiting = nil
		queue, err := r.Queue()
		for _, q := range queue {
			if q.State == AwaitingApproval {
				waiting = append(waiting, q.ID)
			}
		}
		return err
	})
	if err != nil {
		return ended, err
	}
	for _, id := range waiting {
		_, err := b.change(ctx, id, func(w Writer, o *Order) error {
			if o.State != AwaitingApproval {
				return nil
			}
			f := s.failure()
			return b.apply(w, o, OrderEvent{Kind: Fail, By: BotName, Note: string(f.Code), Failure: f})
		})
		if err != nil {
			return ended, err
		}
	}
	return ended, nil
}

// release ends the hold of an order whose outcome CoCalc can't tell any more, a week after its checkout: its
// reservation is released, and other orders go on. It stays unknown until an admin settles it or CoCalc tells after
// all.
func (b *buyer) release(ctx context.Context, o Order, s Server, next time.Duration) (time.Duration, error) {
	if !o.Released.IsZero() {
		return next, nil
	}
	week := span{
		what: "release", until: o.CheckoutSent.Add(releaseAfter), there: after(o.PaidAfter, releaseAfter),
		length: releaseAfter, careful: true,
	}
	if left := b.remains(o.ID, week); left > 0 || !b.held(s, nil) {
		return max(min(next, left), time.Millisecond), nil
	}
	_, err := b.change(ctx, o.ID, func(w Writer, live *Order) error {
		if live.State != Unknown || !live.Released.IsZero() {
			return errMoved
		}
		key, err := keyOf(w, live.Requester)
		if err != nil {
			return err
		}
		budget, err := w.Budget(live.Month)
		if err != nil {
			return err
		}
		budget.reserve(key, *live, -1)
		if err := w.PutBudget(budget); err != nil {
			return err
		}
		live.Released = b.now()
		live.Rev++
		live.Updated = b.now()
		if err := w.PutOrder(*live); err != nil {
			return err
		}
		what := because(NoticeReleased, "order", string(live.ID), "price", cents(live.Price))
		if err := w.AppendEvent(Event{
			Time: b.now(), Kind: "released", Order: live.ID, By: BotName, Amount: live.Price,
			Cause: what,
		}); err != nil {
			return err
		}
		return addNotice(w, b.notice(NoticeReleased, "released-"+string(live.ID), what, *live, ""))
	})
	return next, err
}

// Untold reports whether the outcome of the order is unknown and CoCalc can't tell it any more.
func (o *Order) Untold() bool { return o.State == Unknown && o.Wait.cause().Code == WaitsForServer }

// failure returns why an order ends that waited for the server.
func (s Server) failure() *Failure {
	switch s.Condition {
	case IsDown:
		return failed(FailUnreachable, "why", "down")
	case Misaddressed:
		return failed(FailUnreachable, "why", "address")
	default:
		return failed(FailNotSold, "why", "server", "condition", string(s.Condition))
	}
}
