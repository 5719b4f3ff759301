package checkout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/rs/zerolog"

	"licensebot/internal/backoff"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// Worker buys the approved orders, one at a time, during one run. Everything that it keeps in memory may be lost.
type Worker struct {
	reg     *register.Register
	rec     *reconcile.Reconciler
	ledger  purchase.Ledger
	shop    purchase.Shop
	policy  purchase.Policy
	timing  purchase.Timing
	keyName string
	site    purchase.Site
	now     func() time.Time
	log     zerolog.Logger
	changed func(purchase.OrderID)
	lookUp  func(context.Context, purchase.Actor) purchase.Actor

	tries map[purchase.OrderID]int // reads without a result in the current step, for growing pauses
	// due is when the order can be processed again, as a value of Register.Elapsed, even if the worker is woken before.
	due     map[purchase.OrderID]time.Duration
	spans   *register.Spans
	backoff backoff.Policy // from Poll to PollMax
	probing probe

	unkept int // consecutive steps that the ledger failed to store
}

// New returns the Worker of one run.
func New(reg *register.Register) *Worker {
	o := reg.Options
	wk := &Worker{
		reg: reg, ledger: o.Ledger, shop: o.Shop, policy: o.Policy, timing: o.Timing, keyName: o.KeyName, site: o.Site,
		now: o.Now, log: o.Log, changed: o.Changed, lookUp: o.LookUp,
		tries: map[purchase.OrderID]int{}, due: map[purchase.OrderID]time.Duration{}, spans: register.NewSpans(reg),
		backoff: backoff.Policy{First: o.Timing.Poll, Max: o.Timing.PollMax},
	}
	wk.rec = reconcile.New(reg, wk.spans, wk)
	return wk
}

// Prepare reads the server's stored condition. If that fails, the server counts as not probed yet.
func (wk *Worker) Prepare(ctx context.Context) {
	err := wk.reg.RecallServer(ctx)
	if err != nil {
		wk.log.Error().Err(err).Msg("fail to read the stored condition of the CoCalc server")
	}
	wk.probing.recalled = err == nil
}

// Run buys until ctx is done. Then it continues the order under way until it has ended or has to wait, but not after
// drain is done.
func (wk *Worker) Run(ctx, drain context.Context) {
	wk.reg.Repeat(ctx, wk.reg.Wake, func(ctx context.Context) (time.Duration, error) { return wk.runOnce(ctx, drain) })
}

// runOnce does everything that can be done now, and returns how long there is nothing to do.
func (wk *Worker) runOnce(ctx, drain context.Context) (time.Duration, error) {
	wk.reg.Account.Lock()
	defer wk.reg.Account.Unlock()
	for ctx.Err() == nil {
		if wk.untilProbe() <= 0 {
			if err := wk.probe(ctx); err != nil {
				return 0, fmt.Errorf("find out what the server is: %w", err)
			}
		}
		open, err := wk.openOrders(drain)
		if err != nil {
			return 0, err
		}
		wk.forgetEnded(open)
		stopped, err := wk.showStopped(drain, open)
		if err != nil {
			return 0, err
		}
		if ended, err := wk.endUnserved(drain, open); err != nil {
			return 0, err
		} else if ended {
			continue
		}
		id, pause := wk.pick(open, stopped)
		if id == "" {
			pause = min(pause, wk.reg.UntilBack(), max(wk.untilProbe(), time.Millisecond))
			if !wk.reg.Server().SellsLicenses() { // no comparison before it does
				return pause, nil
			}
			if left := wk.rec.ReconcileAt - wk.reg.Elapsed(); left > 0 {
				return min(pause, left, wk.timing.Sweep), nil
			}
			if err := wk.rec.Reconcile(ctx); err != nil {
				return 0, err
			}
			continue
		}
		wait, err := wk.process(ctx, drain, id)
		if err != nil {
			again := wk.backoff.Delay(wk.unkept)
			wk.unkept++
			wk.due[id] = wk.reg.Elapsed() + again
			return again, err
		}
		wk.unkept = 0
		if wait > 0 {
			wk.due[id] = wk.reg.Elapsed() + wait
		}
	}
	return 0, nil
}

// process advances an order until it has ended or has to wait, and returns the wait. It also does so after ctx is done,
// since an order must not stop between two steps that belong together.
func (wk *Worker) process(ctx, drain context.Context, id purchase.OrderID) (time.Duration, error) {
	drain = wk.log.With().Str("order", string(id)).Logger().WithContext(drain) // the shop logs with the order
	for {
		order, err := wk.reg.Order(drain, id)
		if err != nil {
			return 0, err
		}
		if !order.NeedsWork() {
			delete(wk.tries, id)
			delete(wk.due, id)
			wk.spans.Forget(id)
			return 0, nil
		}
		if order.State == purchase.Approved && ctx.Err() != nil {
			return 0, nil
		}
		before := order.State
		wait, err := wk.advance(drain, order)
		switch {
		case errors.Is(err, register.ErrMoved):
			continue
		case err != nil:
			return 0, fmt.Errorf("order %s, %s: %w", id, before, err)
		case wait > 0:
			return wait, nil
		}
	}
}

// pick returns the order to process among those that are due, or how long none is due.
//
// Orders under way come first: they block the account, so while one waits no other begins, and no held item is checked
// again. The same holds while a checkout may still be in progress although its order has ended. Next come the remaining
// tasks of orders that have ended, and of those that had items held when buying was paused. Last comes the approved
// order that was confirmed first. Tasks that only read (a watch, a count) neither delay other orders nor wait for them.
func (wk *Worker) pick(open []purchase.Order, stopped bool) (purchase.OrderID, time.Duration) {
	now, pause := wk.reg.Elapsed(), register.Idle
	lingering := wk.maxInFlight(open)
	if lingering > 0 {
		pause = lingering
	}
	due := func(o purchase.Order) bool {
		at, ok := wk.due[o.ID]
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
		left := o.State.Final() || stopped && o.State == purchase.Approved && len(o.HeldItems) > 0
		if left && !((held || lingering > 0) && len(o.HeldItems) > 0) && due(o) {
			return o.ID, 0
		}
	}
	var first *purchase.Order
	for i, o := range open {
		if o.State == purchase.Approved && (first == nil || o.Confirmed.Before(first.Confirmed)) {
			first = &open[i]
		}
	}
	if first != nil && !held && !stopped && due(*first) {
		return first.ID, 0
	}
	return "", max(pause, time.Millisecond)
}

// advance makes the order's next step. A wait above 0 is the time until the order's next step is due.
func (wk *Worker) advance(ctx context.Context, o purchase.Order) (time.Duration, error) {
	if s := wk.reg.Server(); !s.SellsLicenses() {
		return wk.stepUnserved(ctx, o, s)
	}
	if o.State != purchase.Approved {
		if err := wk.clearServerBlock(ctx, o); err != nil {
			return 0, err
		}
	}
	if pause, err := wk.rec.VerifyAccount(ctx); err != nil {
		return wk.accountUnverified(ctx, o, err)
	} else if pause > 0 {
		return pause, nil
	}
	if o.Begins() && wk.reg.Away(ctx) {
		return wk.timing.PollMax, nil
	}
	switch o.State {
	case purchase.Approved:
		if stopped, err := wk.reg.PausedNow(ctx); err != nil {
			return 0, err
		} else if stopped != nil && len(o.HeldItems) > 0 {
			pause, err := wk.releaseItems(ctx, o)
			return max(pause, wk.timing.Poll), err
		}
		return wk.prepare(ctx, o)
	case purchase.Adding:
		if o.AddSent.IsZero() {
			return wk.add(ctx, o)
		}
		return wk.findItem(ctx, o)
	case purchase.Carted:
		if o.Failure != nil {
			return wk.removeItem(ctx, o)
		}
		return wk.checkCart(ctx, o)
	case purchase.Paying:
		if o.Failure != nil {
			return wk.removeItem(ctx, o)
		}
		return wk.verifyPurchase(ctx, o)
	case purchase.Unknown:
		return wk.resolve(ctx, o)
	default: // an ended order: watch it, count its purchases, or release held items
	}
	switch {
	case len(o.HeldItems) > 0:
		return wk.releaseItems(ctx, o)
	case o.State == purchase.Purchased:
		return wk.findLateDuplicates(ctx, o)
	}
	return wk.watch(ctx, o)
}

// openOrders returns the open orders that may need the worker, oldest first. It skips proposals and orders that await
// approval without decoding them, since hundreds of them may be open for days.
func (wk *Worker) openOrders(ctx context.Context) (open []purchase.Order, err error) {
	err = wk.ledger.View(ctx, func(r purchase.Reader) error {
		open = nil
		queue, err := r.Queue()
		if err != nil {
			return err
		}
		for _, q := range queue {
			if q.State == purchase.Proposed || q.State == purchase.AwaitingApproval {
				continue
			}
			o, err := r.Order(q.ID)
			if err != nil {
				return err
			}
			if o.NeedsWork() {
				open = append(open, o)
			}
		}
		return nil
	})
	return open, err
}

// forgetEnded drops what is remembered of orders that are no longer open: a person can end one that waits.
func (wk *Worker) forgetEnded(open []purchase.Order) {
	isOpen := make(map[purchase.OrderID]bool, len(open))
	for _, o := range open {
		isOpen[o.ID] = true
	}
	ended := func(id purchase.OrderID) bool { return !isOpen[id] }
	maps.DeleteFunc(wk.tries, func(id purchase.OrderID, _ int) bool { return ended(id) })
	maps.DeleteFunc(wk.due, func(id purchase.OrderID, _ time.Duration) bool { return ended(id) })
	wk.spans.ForgetAll(ended)
}

// transition applies an event to the order in one transaction, if the order is still in the state of seen. Otherwise it
// returns ErrMoved. check may be nil; it can complete the event, or prevent it by returning an error.
func (wk *Worker) transition(ctx context.Context, seen purchase.Order, e purchase.OrderEvent,
	check func(purchase.Writer, purchase.Order, *purchase.OrderEvent) error,
) (purchase.Order, error) {
	e.By = purchase.BotName
	delete(wk.tries, seen.ID)
	return wk.reg.Change(ctx, seen.ID, func(w purchase.Writer, o *purchase.Order) error {
		if o.State != seen.State {
			return register.ErrMoved
		}
		if check != nil {
			if err := check(w, *o, &e); err != nil {
				return err
			}
		}
		return wk.reg.Apply(w, o, e)
	})
}

// edit changes an order without an event. It returns ErrMoved if the order is no longer in the state of seen. With
// visible, its Rev grows.
func (wk *Worker) edit(ctx context.Context, seen purchase.Order, visible bool,
	set func(*purchase.Order),
) (purchase.Order, error) {
	return wk.reg.Change(ctx, seen.ID, func(w purchase.Writer, o *purchase.Order) error {
		if o.State != seen.State {
			return register.ErrMoved
		}
		set(o)
		if visible {
			o.Rev++
		}
		o.Updated = wk.now()
		return w.PutOrder(*o)
	})
}

// fail ends an order that was not bought and has nothing in the cart. If its item may ever have been added, the order
// is watched until WatchUntil.
func (wk *Worker) fail(ctx context.Context, o purchase.Order, f purchase.Failure) error {
	_, err := wk.transition(ctx, o, purchase.OrderEvent{Kind: purchase.Fail, Note: string(f.Code), Failure: &f},
		func(_ purchase.Writer, live purchase.Order, e *purchase.OrderEvent) error {
			if !live.NeverAdded() {
				e.WatchUntil = wk.reg.WatchUntil()
			}
			return nil
		})
	return err
}

// retryDelay returns the pause before the next read: it doubles from Poll to PollMax with each read without a result.
func (wk *Worker) retryDelay(id purchase.OrderID) time.Duration {
	n := wk.tries[id]
	wk.tries[id] = n + 1
	return wk.backoff.Delay(n)
}

// waitsForPause reports whether the order waits until orders may begin again, independently of CoCalc's answers.
func waitsForPause(o purchase.Order) bool {
	code := o.Blocked.Why().Code
	return code == purchase.WaitsForResume || code == purchase.WaitsForCheckout || code == purchase.WaitsForLedger ||
		code == purchase.WaitsForServer &&
			o.State == purchase.Approved
}

// showStopped reports whether approved orders must wait, and stores the reason with each of them, for their cards.
func (wk *Worker) showStopped(ctx context.Context, open []purchase.Order) (stopped bool, err error) {
	no, err := wk.reg.PausedNow(ctx)
	if err != nil {
		return false, err
	}
	var why purchase.Cause
	server := wk.reg.Server()
	switch {
	case wk.reg.Away(ctx):
		why.Code = purchase.WaitsForLedger
	case no != nil:
		why.Code = purchase.WaitsForResume
	case !server.SellsLicenses():
		why = wk.serverCause(server, purchase.Order{})
	case wk.maxInFlight(open) > 0:
		why.Code = purchase.WaitsForCheckout
	}
	for _, o := range open {
		var shown purchase.Cause
		if waitsForPause(o) {
			shown = o.Blocked.Why()
		}
		if o.State != purchase.Approved || shown.Is(why) {
			continue
		}
		var w *purchase.Blocked
		if why.Code != "" {
			w = &purchase.Blocked{Cause: why, Since: wk.now()}
		}
		if why.Code == purchase.WaitsForServer {
			*w = wk.serverWait(server, o, why)
		}
		if _, err := wk.edit(ctx, o, true, func(o *purchase.Order) { o.Blocked = w }); err != nil &&
			!errors.Is(err, register.ErrMoved) {
			return false, err
		}
		delete(wk.due, o.ID)
	}
	return why.Code != "", nil
}
