package reconcile

import (
	"context"

	"licensebot/purchase"
)

// Limits are the limits of CheckWithin.
type Limits struct{ Step, Page, Ahead, Log, Live, Round int }

// CheckWithin is CheckConsistency with other limits, so that short histories reach them.
func CheckWithin(ctx context.Context, l Limits, ledger Viewer, pause func(context.Context) error,
) ([]purchase.Finding, error) {
	return limits{l.Step, l.Page, l.Ahead, l.Log, l.Live, l.Round}.check(ctx, ledger, pause)
}
