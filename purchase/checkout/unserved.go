package checkout

import (
	"context"
	"errors"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// While the server does not sell licenses, the worker sends only probes. What happens to an order depends on what
// CoCalc may have of it:
//
//   - Nothing: the order waits. It fails when the condition has lasted for an hour and six probes.
//   - An item in the cart, or perhaps one: any checkout of the account would buy it, so the order waits only for
//     Timing.Patience, as it does for a server that does not answer. Then its item is removed as soon as CoCalc can be
//     reached again. If that takes an hour, the order fails and is watched: the item is removed, or its purchase
//     recorded, whenever that becomes possible.
//   - A checkout: the outcome stays unknown. After a week on a server that can no longer show the outcome, the order
//     stops blocking other orders, and its reservation is released.

const (
	// leastProbes is the number of consecutive probes, over as many times Timing.Probe, after which an order that waits
	// for the server fails.
	leastProbes = 6
	// releaseAfter is how long after its checkout an order of unknown outcome keeps its reservation if CoCalc can no
	// longer show the outcome.
	releaseAfter = 7 * 24 * time.Hour
)

// heldByServer reports whether the server's condition has lasted for leastProbes times Timing.Probe, and for as many
// probes, since the wait w began; if w is nil, since the condition began.
func (wk *Worker) heldByServer(s purchase.Server, w *purchase.Blocked) bool {
	began := time.Duration(0)
	if w != nil && w.Code == purchase.WaitsForServer {
		began = w.Held
	}
	return s.Probes >= leastProbes && s.Held-began >= leastProbes*wk.timing.Probe
}

// heldFor returns how long the server's condition has lasted, including the time since the last probe.
func (wk *Worker) heldFor(s purchase.Server) time.Duration {
	if !wk.probing.made {
		return s.Held
	}
	return s.Held + wk.reg.Elapsed() - wk.probing.at
}

// serverCause returns the cause of an order's wait for the server. The argument has says what CoCalc may have:
// "checkout" or "item".
func (wk *Worker) serverCause(s purchase.Server, o purchase.Order) purchase.Cause {
	args := purchase.Args{"condition": string(s.Condition)}
	if s.Notified {
		args["told"] = wk.policy.AdminsNotified()
	}
	switch {
	case o.State == purchase.Unknown:
		args["has"] = "checkout"
	case o.Failure != nil:
		args["has"] = "item"
	}
	return purchase.Cause{Code: purchase.WaitsForServer, Args: args}
}

// awaitServer stores with the order that it waits for the server, and since when.
func (wk *Worker) awaitServer(ctx context.Context, o purchase.Order, s purchase.Server) (purchase.Order, error) {
	cause := wk.serverCause(s, o)
	if o.Blocked.Why().Is(cause) {
		return o, nil
	}
	w := wk.serverWait(s, o, cause)
	w.Troubled = w.Since
	if o.Blocked != nil && !o.Blocked.Troubled.IsZero() {
		w.Troubled = o.Blocked.Troubled
	}
	return wk.edit(ctx, o, true, func(o *purchase.Order) { o.Blocked = &w })
}

// serverWait returns an order's wait for the server. It keeps the beginning of an existing wait for the same condition.
func (wk *Worker) serverWait(s purchase.Server, o purchase.Order, cause purchase.Cause) purchase.Blocked {
	w := purchase.Blocked{Cause: cause, Since: wk.now(), Held: wk.heldFor(s)}
	if old := o.Blocked; old.Why().Code == purchase.WaitsForServer && old.Args["condition"] == cause.Args["condition"] {
		w.Since, w.Held = old.Since, old.Held
	}
	return w
}

// stepUnserved makes the next step of an order while the server does not sell licenses. It sends no request.
func (wk *Worker) stepUnserved(ctx context.Context, o purchase.Order, s purchase.Server) (time.Duration, error) {
	next := max(wk.untilProbe(), time.Millisecond)
	switch {
	// showStopped stores why an approved order waits, and endUnserved ends it.
	case o.State.Final(), o.State == purchase.Approved:
		return next, nil
	case o.State == purchase.Paying && o.Failure == nil:
		return 0, wk.recordUnclear(ctx, o, errUnserved)
	case o.State == purchase.Unknown && !s.RefusesOrders(): // the server may show the outcome soon
		return next, wk.clearServerBlock(ctx, o)
	}
	o, err := wk.awaitServer(ctx, o, s)
	switch {
	case err != nil:
		return 0, err
	case o.State == purchase.Unknown:
		return wk.release(ctx, o, s, next)
	case wk.heldByServer(s, o.Blocked):
		f := o.Failure
		if f == nil {
			f = s.Failure()
		}
		return 0, wk.fail(ctx, o, *f)
	case o.Failure != nil, o.State == purchase.Adding && o.AddSent.IsZero():
		return next, nil
	}
	if left := wk.spans.Remains(o.ID, wk.patience("patience", o.Blocked.Troubled)); left > 0 {
		return min(next, left), nil
	}
	return wk.giveUp(ctx, o, s.Failure())
}

// errUnserved stands for the answer of a server that was not asked, because it does not sell licenses.
var errUnserved = errors.New("the server doesn't sell licenses now")

// release releases the reservation of an order of unknown outcome, releaseAfter its checkout, if the server can no
// longer show the outcome. Other orders then continue. The order stays Unknown until an admin resolves it or CoCalc
// shows the outcome. next is the wait until then.
func (wk *Worker) release(ctx context.Context, o purchase.Order, s purchase.Server,
	next time.Duration,
) (time.Duration, error) {
	if !o.Released.IsZero() {
		return next, nil
	}
	week := register.Span{
		What: "release", Until: o.CheckoutSent.Add(releaseAfter), There: register.After(o.PaidAfter, releaseAfter),
		Length: releaseAfter, Careful: true,
	}
	if left := wk.spans.Remains(o.ID, week); left > 0 || !wk.heldByServer(s, nil) {
		return max(min(next, left), time.Millisecond), nil
	}
	_, err := wk.reg.Change(ctx, o.ID, func(w purchase.Writer, live *purchase.Order) error {
		if live.State != purchase.Unknown || !live.Released.IsZero() {
			return register.ErrMoved
		}
		key, err := purchase.BudgetKey(w, live.Requester)
		if err != nil {
			return err
		}
		err = purchase.ChangeBudget(w, live.Month,
			func(budget *purchase.Budget) { budget.Reserve(key, live.Reservation(), -1) })
		if err != nil {
			return err
		}
		live.Released = wk.now()
		live.Rev++
		live.Updated = wk.now()
		if err := w.PutOrder(*live); err != nil {
			return err
		}
		what := purchase.NewCause(purchase.NotificationReleased, "order", string(live.ID), "price",
			purchase.ArgCents(live.Price))
		recorded := what
		if why := live.Blocked.Why(); why.Code != "" { // what is wrong with the server, for auditors
			recorded.Causes = []purchase.Cause{why}
		}
		if err := w.AppendEvent(purchase.Event{
			Time: wk.now(), Kind: "released", Order: live.ID, By: purchase.BotName, Amount: live.Price,
			Cause: recorded,
		}); err != nil {
			return err
		}
		return register.AddNotification(w, wk.reg.NewNotification(purchase.NotificationReleased, "released-"+string(live.ID),
			what, *live, ""))
	})
	return next, err
}
