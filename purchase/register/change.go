package register

import (
	"context"
	"errors"
	"time"

	"licensebot/purchase"
)

// Repeat does what do finds to do, again when it said or when nudged, until ctx is done.
func (reg *Register) Repeat(ctx context.Context, nudged <-chan struct{}, do func(context.Context) (time.Duration,
	error),
) {
	for ctx.Err() == nil {
		pause, err := do(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			// The ledger itself failed (disk full, say). Orders stay as they are durably known; look again later.
			reg.log.Error().Err(err).Msg("retry after a ledger error")
			if pause == 0 {
				pause = reg.timing.PollMax
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

// ErrMoved says that the order changed while the worker was looking at CoCalc; it is looked at anew.
var ErrMoved = errors.New("the order has moved on")

// Idle is the longest pause between two looks at the ledger.
const Idle = time.Hour

// Change runs fn on the current order in one transaction, and tells the publisher.
func (reg *Register) Change(ctx context.Context, id purchase.OrderID,
	fn func(purchase.Writer, *purchase.Order) error,
) (purchase.Order, error) {
	var o purchase.Order
	err := reg.ledger.Update(ctx, func(w purchase.Writer) error {
		var err error
		if o, err = w.Order(id); err != nil {
			return err
		}
		return fn(w, &o)
	})
	if err == nil {
		reg.changed(id)
		if o.HasOffer() { // its offer has a deadline
			Nudge(reg.Proposed)
		}
	}
	return o, err
}
