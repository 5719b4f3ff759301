package checkout

import (
	"context"
	"errors"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// unproven says what to do with an order as long as CoCalc does not say whose the key is.
func (wk *Worker) unproven(ctx context.Context, o purchase.Order, err error) (time.Duration, error) {
	var e *cocalc.Error
	if !errors.As(err, &e) {
		return 0, err // the ledger failed, not CoCalc
	}
	switch o.State {
	case purchase.Approved, purchase.Adding, purchase.Carted:
		return wk.troubled(ctx, o, err)
	default:
		wk.log.Debug().Err(err).Str("order", string(o.ID)).Msg("wait for CoCalc to say whose the key is")
		return wk.pause(o.ID), nil
	}
}
