package checkout

import (
	"context"

	"licensebot/purchase"
)

// meets notifies the admins of a trouble that an order met at CoCalc. It logs a failure to do so and continues.
func (wk *Worker) meets(ctx context.Context, o purchase.Order, code purchase.FailureCode, detail purchase.Cause) {
	if err := wk.reg.TellTrouble(ctx, o, code, detail); err != nil {
		wk.log.Error().Err(err).Str("order", string(o.ID)).Msg("fail to tell the admins about a problem")
	}
}
