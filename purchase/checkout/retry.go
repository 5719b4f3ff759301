package checkout

import (
	"cmp"
	"context"
	"errors"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// maxThrottleWait limits how long an order waits when CoCalc throttles requests.
const maxThrottleWait = 10 * time.Minute

// handleRemoteError handles a failed request for an order whose checkout was not sent. The order waits and stores the
// reason, or it fails once Timing.Patience is over or if the error is certain. If its item may be in the cart, the item
// is removed first.
func (wk *Worker) handleRemoteError(ctx context.Context, o purchase.Order, err error) (time.Duration, error) {
	if errors.Is(err, register.ErrMoved) {
		return 0, err
	}
	e := purchase.AsCoCalc(err)
	if e == nil {
		return 0, err // the ledger failed, not CoCalc
	}
	if e.Kind == cocalc.CartBroken && !o.State.Final() {
		if err := wk.findBlocker(ctx, o, e); err != nil {
			return 0, err
		}
	}
	since := wk.now()
	if o.Blocked != nil && !o.Blocked.Troubled.IsZero() {
		since = o.Blocked.Troubled
	}
	over := wk.spans.Remains(o.ID, wk.patience("patience", since)) <= 0
	// Before an order fails for such an error, a probe has to show that the server sells licenses.
	if register.ConcernsServer(e) || over && register.IsDown(e) {
		if held, err := wk.unserved(ctx); held || err != nil {
			return 0, cmp.Or(err, register.ErrMoved)
		}
	}
	wk.log.Debug().Err(err).Str("order", string(o.ID)).Str("state", string(o.State)).Msg("wait for CoCalc")
	f := purchase.FailureFor(e, wk.policy.AdminsNotified(), wk.site)
	wk.reportTrouble(ctx, o, f.Code, purchase.TroubleFor(e, wk.keyName, wk.site))
	now := wk.now()
	if e.Kind == cocalc.Throttled && e.Wait > 0 {
		pause := min(e.Wait, maxThrottleWait)
		return wk.block(ctx, o, purchase.Blocked{Cause: purchase.NewCause(purchase.WaitsForTurn, "seconds",
			purchase.ArgSeconds(e.Wait)), Until: now.Add(pause)}, pause)
	}
	// These errors may pass: a refused key may be a database outage, 5xx statuses end, and an admin can remove a broken
	// item. The others are certain.
	passing := e.Outcome != cocalc.Rejected || e.Kind == cocalc.NotSignedIn || e.Kind == cocalc.Throttled ||
		e.Kind == cocalc.CartBroken
	if e.Kind == cocalc.NotSoldHere { // or the server's store changed to the other kind during this run
		_, err := wk.shop.Store(ctx)
		passing = err == nil
	}
	over = over || !passing
	switch {
	case over && o.State == purchase.Approved, over && o.State == purchase.Adding && o.AddSent.IsZero():
		return 0, wk.fail(ctx, o, f)
	case over && o.Failure == nil && (o.State == purchase.Adding || o.State == purchase.Carted):
		return wk.giveUp(ctx, o, &f)
	}
	return wk.block(ctx, o, purchase.Blocked{
		Cause:    purchase.WaitFor(e, wk.keyName, wk.policy.AdminsNotified()),
		Troubled: since,
	}, wk.retryDelay(o.ID))
}

// block stores with the order why it waits, for its card, and returns d. It changes nothing for an order that waits
// until buying is resumed; then Timing.Patience does not run either.
func (wk *Worker) block(ctx context.Context, o purchase.Order, w purchase.Blocked,
	d time.Duration,
) (time.Duration, error) {
	if waitsForPause(o) {
		return d, nil
	}
	w.Since = wk.now()
	if o.Blocked != nil {
		if o.Blocked.Why().Is(w.Cause) && o.Blocked.Troubled.Equal(w.Troubled) {
			return d, nil
		}
		w.Since = o.Blocked.Since
	}
	_, err := wk.edit(ctx, o, true, func(o *purchase.Order) { o.Blocked = &w })
	return d, err
}

// clearBlocked removes the order's wait for a CoCalc that answers again, so that Timing.Patience begins anew with the
// next trouble.
func (wk *Worker) clearBlocked(ctx context.Context, o purchase.Order) error {
	if o.Blocked == nil || o.Blocked.Troubled.IsZero() {
		return nil
	}
	_, err := wk.change(ctx, o, func(w purchase.Writer, live *purchase.Order) error {
		live.Blocked = nil
		live.Rev++
		live.Updated = wk.now()
		if err := w.PutOrder(*live); err != nil {
			return err
		}
		return register.ClearTroubles(w, purchase.FailKey, purchase.FailUnreachable)
	})
	return err
}

// reportTrouble notifies the admins of a trouble with CoCalc. It logs its own errors.
func (wk *Worker) reportTrouble(ctx context.Context, o purchase.Order, code purchase.FailureCode,
	detail purchase.Cause,
) {
	if err := wk.reg.ReportTrouble(ctx, o, code, detail); err != nil {
		wk.log.Error().Err(err).Str("order", string(o.ID)).Msg("fail to notify the admins of a trouble")
	}
}

// accountUnverified handles an order while CoCalc does not return which account the key belongs to. err is the error of
// that request.
func (wk *Worker) accountUnverified(ctx context.Context, o purchase.Order, err error) (time.Duration, error) {
	if purchase.AsCoCalc(err) == nil {
		return 0, err // the ledger failed, not CoCalc
	}
	switch o.State {
	case purchase.Approved, purchase.Adding, purchase.Carted:
		return wk.handleRemoteError(ctx, o, err)
	default:
		wk.log.Debug().Err(err).Str("order", string(o.ID)).Msg("wait for CoCalc to return the account of the key")
		return wk.retryDelay(o.ID), nil
	}
}

// ServerFound is the cause of an audit record (Event) about a probe: condition, host, reason.
const ServerFound purchase.CauseCode = "server-found"

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
