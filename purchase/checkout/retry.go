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

// longestWait is after how long an order that was told to wait asks again all the same.
const longestWait = 10 * time.Minute

// handleRemoteError decides what a failed request means for an order of which no checkout was sent: it waits and tells
// why, or, when patience is over, gives up. An order with something in the cart is given up by taking that out.
func (wk *Worker) handleRemoteError(ctx context.Context, o purchase.Order, err error) (time.Duration, error) {
	if errors.Is(err, register.ErrMoved) {
		return 0, err
	}
	e := purchase.AsCoCalc(err)
	if e == nil {
		return 0, err // the ledger failed, not CoCalc
	}
	if e.Kind == cocalc.CartBroken && !o.State.Final() {
		if err := wk.blocked(ctx, o, e); err != nil {
			return 0, err
		}
	}
	since := wk.now()
	if o.Blocked != nil && !o.Blocked.Troubled.IsZero() {
		since = o.Blocked.Troubled
	}
	over := wk.spans.Remains(o.ID, wk.patience("patience", since)) <= 0
	// before an order ends, it must be known that the server is well
	if register.ConcernsServer(e) || over && register.IsDown(e) {
		if held, err := wk.unserved(ctx); held || err != nil {
			return 0, cmp.Or(err, register.ErrMoved)
		}
	}
	wk.log.Debug().Err(err).Str("order", string(o.ID)).Str("state", string(o.State)).Msg("wait for CoCalc")
	f := purchase.FailureFor(e, wk.policy.AdminsTold(), wk.site)
	wk.reportTrouble(ctx, o, f.Code, purchase.TroubleFor(e, wk.keyName, wk.site))
	now := wk.now()
	if e.Kind == cocalc.Throttled && e.Wait > 0 {
		pause := min(e.Wait, longestWait)
		return wk.block(ctx, o, purchase.Blocked{Cause: purchase.NewCause(purchase.WaitsForTurn, "seconds",
			purchase.ArgSeconds(e.Wait)), Until: now.Add(pause)}, pause)
	}
	// Not signed in may be a database outage, 5xx pass, and an admin can take a broken item out: these get patience. What
	// is certain does not.
	passing := e.Outcome != cocalc.Rejected || e.Kind == cocalc.NotSignedIn || e.Kind == cocalc.Throttled ||
		e.Kind == cocalc.CartBroken
	if e.Kind == cocalc.NotSoldHere { // or the server was changed to one with another store while the bot ran
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
		Cause:    purchase.WaitFor(e, wk.keyName, wk.policy.AdminsTold()),
		Troubled: since,
	}, wk.retryDelay(o.ID))
}

// block keeps with the order why it does not move, so that its card can say so. An order that waits for the end of a
// pause goes on saying that, and its patience with CoCalc does not run meanwhile.
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

// clearBlocked forgets the trouble of an order that CoCalc answers again, so that the next trouble gets patience anew.
func (wk *Worker) clearBlocked(ctx context.Context, o purchase.Order) error {
	if o.Blocked == nil || o.Blocked.Troubled.IsZero() {
		return nil
	}
	_, err := wk.reg.Change(ctx, o.ID, func(w purchase.Writer, live *purchase.Order) error {
		if live.State != o.State {
			return register.ErrMoved
		}
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

// reportTrouble notifies the admins of a trouble that an order met at CoCalc. It logs a failure to do so and continues.
func (wk *Worker) reportTrouble(ctx context.Context, o purchase.Order, code purchase.FailureCode,
	detail purchase.Cause,
) {
	if err := wk.reg.ReportTrouble(ctx, o, code, detail); err != nil {
		wk.log.Error().Err(err).Str("order", string(o.ID)).Msg("fail to tell the admins about a problem")
	}
}

// unproven says what to do with an order as long as CoCalc does not say whose the key is.
func (wk *Worker) unproven(ctx context.Context, o purchase.Order, err error) (time.Duration, error) {
	if purchase.AsCoCalc(err) == nil {
		return 0, err // the ledger failed, not CoCalc
	}
	switch o.State {
	case purchase.Approved, purchase.Adding, purchase.Carted:
		return wk.handleRemoteError(ctx, o, err)
	default:
		wk.log.Debug().Err(err).Str("order", string(o.ID)).Msg("wait for CoCalc to say whose the key is")
		return wk.retryDelay(o.ID), nil
	}
}

// ServerFound is the cause of an audit record (Event) of what a probe found: condition, host, reason.
const ServerFound purchase.CauseCode = "server-found"
