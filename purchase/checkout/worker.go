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
	learned map[purchase.OrderID]learned
	watched []watched // the bought orders that were watched before the step under way
	// inherited are the orders that were open when this run first read the ledger. Nil before that.
	inherited map[purchase.OrderID]bool
	spans     *register.Spans
	backoff   backoff.Policy // from Poll to PollMax
	probing   probe

	unkept int // consecutive steps that the ledger failed to store
}

// New returns the Worker of one run.
func New(reg *register.Register) *Worker {
	o := reg.Options
	wk := &Worker{
		reg: reg, ledger: o.Ledger, shop: o.Shop, policy: o.Policy, timing: o.Timing, keyName: o.KeyName, site: o.Site,
		now: o.Now, log: o.Log, changed: o.Changed, lookUp: o.LookUp,
		tries: map[purchase.OrderID]int{}, due: map[purchase.OrderID]time.Duration{},
		learned: map[purchase.OrderID]learned{}, spans: register.NewSpans(reg),
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
		wk.noteWatched(open)
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
			return 0, nil
		}
		order = wk.learned[id].on(order, wk.now())
		if order.State == purchase.Approved && ctx.Err() != nil {
			return 0, nil
		}
		before := order.State
		wait, err := wk.advance(drain, order)
		if wait > 0 && err == nil {
			err = wk.storeLearned(drain, order)
		}
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
	var queue []purchase.QueueEntry
	err = wk.ledger.View(ctx, func(r purchase.Reader) (err error) {
		open = nil
		if queue, err = r.Queue(); err != nil {
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
	if err == nil && wk.inherited == nil {
		wk.inherited = make(map[purchase.OrderID]bool, len(queue))
		for _, q := range queue {
			wk.inherited[q.ID] = true
		}
	}
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
	maps.DeleteFunc(wk.learned, func(id purchase.OrderID, _ learned) bool { return ended(id) })
	wk.spans.ForgetAll(ended)
}

// learned is what CoCalc has shown of an order and the ledger doesn't have yet. It is stored with the order's next
// change, so that a purchase waits for the disk less often, and at the latest before the order has to wait. If the
// program is killed before that, the next run reads it from CoCalc again.
type learned struct {
	item   int64                   // the order's item, which is in the cart as it was sent; 0: not learned
	answer purchase.CheckoutAnswer // to the order's checkout; AnswerNone: not learned
}

// on returns the order as it is with what was learned.
func (l learned) on(o purchase.Order, now time.Time) purchase.Order {
	if l.item != 0 && o.State == purchase.Adding {
		if found, _, err := purchase.Apply(o, l.found(now)); err == nil {
			return found
		}
	}
	if o.State == purchase.Paying && o.Answer == purchase.AnswerNone {
		o.Answer = l.answer
	}
	return o
}

// found returns the event of the order's item showing up in the cart.
func (l learned) found(at time.Time) purchase.OrderEvent {
	return purchase.OrderEvent{Kind: purchase.FindItem, Time: at, By: purchase.BotName, ItemID: l.item}
}

// change calls fn with the order in one transaction, with what was learned about it. It returns ErrMoved if the order
// is no longer in the state of seen.
func (wk *Worker) change(ctx context.Context, seen purchase.Order,
	fn func(purchase.Writer, *purchase.Order) error,
) (purchase.Order, error) {
	l := wk.learned[seen.ID]
	o, err := wk.reg.Change(ctx, seen.ID, func(w purchase.Writer, o *purchase.Order) error {
		if l.item != 0 && o.State == purchase.Adding {
			if err := wk.reg.Apply(w, o, l.found(wk.now())); err != nil {
				return err
			}
		}
		if o.State != seen.State {
			return register.ErrMoved
		}
		*o = l.on(*o, wk.now())
		return fn(w, o)
	})
	if err == nil {
		delete(wk.learned, seen.ID)
	}
	return o, err
}

// storeLearned stores what was learned about the order and is not stored yet.
func (wk *Worker) storeLearned(ctx context.Context, seen purchase.Order) error {
	if wk.learned[seen.ID] == (learned{}) {
		return nil
	}
	_, err := wk.edit(ctx, seen, false, func(*purchase.Order) {})
	return err
}

// transition applies an event to the order in one transaction, if the order is still in the state of seen. Otherwise it
// returns ErrMoved. check may be nil; it can complete the event, or prevent it by returning an error.
func (wk *Worker) transition(ctx context.Context, seen purchase.Order, e purchase.OrderEvent,
	check func(purchase.Writer, purchase.Order, *purchase.OrderEvent) error,
) (purchase.Order, error) {
	e.By = purchase.BotName
	delete(wk.tries, seen.ID)
	return wk.change(ctx, seen, func(w purchase.Writer, o *purchase.Order) error {
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
	return wk.change(ctx, seen, func(w purchase.Writer, o *purchase.Order) error {
		set(o)
		if visible {
			o.Rev++
		}
		o.Updated = wk.now()
		return w.PutOrder(*o)
	})
}
