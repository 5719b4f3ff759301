package checkout

import (
	"context"
	"errors"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// While the server doesn't sell licenses, the worker sends nothing but probes. What it does with an order then depends
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

// heldByServer reports whether the server was found the same for long enough since a wait for it began; with nil, ever.
func (wk *Worker) heldByServer(s purchase.Server, w *purchase.Blocked) bool {
	began := time.Duration(0)
	if w != nil && w.Code == purchase.WaitsForServer {
		began = w.Held
	}
	return s.Probes >= leastProbes && s.Held-began >= leastProbes*wk.timing.Probe
}

// heldFor returns for how long the server has been found the same, with the time since the last probe.
func (wk *Worker) heldFor(s purchase.Server) time.Duration {
	if !wk.probing.made {
		return s.Held
	}
	return s.Held + wk.reg.Elapsed() - wk.probing.at
}

// serverCause is why an order waits for the server.
func (wk *Worker) serverCause(s purchase.Server, o purchase.Order) purchase.Cause {
	args := purchase.Args{"condition": string(s.Condition)}
	if s.Told {
		args["told"] = wk.policy.AdminsTold()
	}
	switch {
	case o.State == purchase.Unknown:
		args["has"] = "checkout"
	case o.Failure != nil:
		args["has"] = "item"
	}
	return purchase.Cause{Code: purchase.WaitsForServer, Args: args}
}

// awaitServer keeps with an order that it waits for the server, and since when.
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

// serverWait is the wait of an order for the server: a new one, or, if only its words change, the one that it has.
func (wk *Worker) serverWait(s purchase.Server, o purchase.Order, cause purchase.Cause) purchase.Blocked {
	w := purchase.Blocked{Cause: cause, Since: wk.now(), Held: wk.heldFor(s)}
	if was := o.Blocked; was.Why().Code == purchase.WaitsForServer && was.Args["condition"] == cause.Args["condition"] {
		w.Since, w.Held = was.Since, was.Held
	}
	return w
}

// stepUnserved makes the next move of an order while the server doesn't sell licenses. It sends nothing.
func (wk *Worker) stepUnserved(ctx context.Context, o purchase.Order, s purchase.Server) (time.Duration, error) {
	next := max(wk.untilProbe(), time.Millisecond)
	switch {
	// tellStopped says why an approved order waits, and endUnserved ends it
	case o.State.Final(), o.State == purchase.Approved:
		return next, nil
	case o.State == purchase.Paying && o.Failure == nil:
		return 0, wk.recordUnclear(ctx, o, errUnserved)
	case o.State == purchase.Unknown && !s.RefusesOrders(): // it may tell soon
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

// errUnserved stands for an answer of a server that was not asked.
var errUnserved = errors.New("the server doesn't sell licenses now")

// release ends the hold of an order whose outcome CoCalc can't tell any more, a week after its checkout: its
// reservation is released, and other orders go on. It stays unknown until an admin settles it or CoCalc tells after
// all.
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
		budget, err := w.Budget(live.Month)
		if err != nil {
			return err
		}
		budget.Reserve(key, *live, -1)
		if err := w.PutBudget(budget); err != nil {
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
