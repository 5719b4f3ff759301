package checkout

import (
	"context"
	"time"

	"licensebot/purchase"
)

// recheck ends an order that waited for its turn and may not be bought any more, or has it wait. stop is false when
// it may be bought.
func (wk *Worker) recheck(ctx context.Context, o purchase.Order) (stop bool, pause time.Duration, err error) {
	who := wk.lookUp(ctx, o.Requester)
	var no *purchase.Refusal
	switch {
	case !wk.reg.HasUnknownGroups(who):
		no = wk.policy.MayBuy(who)
	case wk.reg.IsFresh(o): // the requester was checked a moment ago
	default:
		since := wk.now()
		if o.Blocked.Why().Code == purchase.WaitsForSlack {
			since = o.Blocked.Troubled
		}
		if wk.spans.Remains(o.ID, wk.patience("slack", since)) > 0 {
			pause, err = wk.block(ctx, o, purchase.Blocked{Cause: purchase.Cause{Code: purchase.WaitsForSlack}, Troubled: since},
				wk.retryDelay(o.ID))
			return true, pause, err
		}
		no = purchase.NewRefusal(purchase.Outsider, "unknown", "buyer")
	}
	if no == nil {
		if no, err = wk.stillAllowed(ctx, o); err != nil {
			return true, 0, err
		}
	}
	if no == nil {
		return false, 0, nil
	}
	return true, 0, wk.fail(ctx, o, *purchase.FailureOf(purchase.FailPolicy, no))
}

// stillAllowed checks the rules as they are now: one that changed while an order waited applies to it.
func (wk *Worker) stillAllowed(ctx context.Context, o purchase.Order) (no *purchase.Refusal, err error) {
	err = wk.ledger.View(ctx, func(r purchase.Reader) error {
		month, err := r.Budget(o.Month)
		if err != nil {
			return err
		}
		share, err := purchase.ShareOf(r, month, o.Requester)
		if err != nil {
			return err
		}
		if no = wk.policy.AllowsPlace(o.Channel); no == nil {
			no = wk.policy.Allows(purchase.Commitment{
				Share: share, Spec: o.Spec, Price: o.Price, Now: o.Confirmed,
				Promised: true,
			}, month)
		}
		if no == nil {
			no = wk.policy.AgreedBy(o, share)
		}
		return nil
	})
	return no, err
}

// recheckProject checks the project again before anything is put into the cart, since an order can wait for days. stop
// is false if the license can be put on it, or if it names none.
func (wk *Worker) recheckProject(ctx context.Context, o purchase.Order) (stop bool, pause time.Duration, err error) {
	if o.Spec.ProjectID == "" {
		return false, 0, nil
	}
	p, err := wk.shop.Project(ctx, o.Spec.ProjectID)
	if no := purchase.ProjectUnusable(o.Spec, p, err); no != nil {
		return true, 0, wk.fail(ctx, o, *purchase.FailureOf(purchase.FailProject, no))
	}
	if err != nil {
		pause, err = wk.handleRemoteError(ctx, o, err)
		return true, pause, err
	}
	return false, 0, nil
}
