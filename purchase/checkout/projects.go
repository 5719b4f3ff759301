package checkout

import (
	"context"
	"time"

	"licensebot/purchase"
)

// projectGone checks the project again before anything is put into the cart, since an order can wait for days. stop is
// false if the license can be put on it, or if it names none.
func (wk *Worker) projectGone(ctx context.Context, o purchase.Order) (stop bool, pause time.Duration, err error) {
	if o.Spec.ProjectID == "" {
		return false, 0, nil
	}
	p, err := wk.shop.Project(ctx, o.Spec.ProjectID)
	if no := purchase.ProjectUnusable(o.Spec, p, err); no != nil {
		return true, 0, wk.fail(ctx, o, *purchase.FailureOf(purchase.FailProject, no))
	}
	if err != nil {
		pause, err = wk.troubled(ctx, o, err)
		return true, pause, err
	}
	return false, 0, nil
}
