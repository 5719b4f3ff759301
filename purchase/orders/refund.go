package orders

import (
	"context"
	"fmt"

	"licensebot/purchase"
)

// RequestRefund notes for an admin that CoCalc was asked for a refund of one of two charges that had one effect, and
// returns what to answer; see purchase.OwnedLicense. row is CoCalc's number of the later charge. A [*purchase.Refusal]
// says why not; it is recorded.
func (a *Account) RequestRefund(ctx context.Context, action purchase.Action, license string, row int64,
) (said purchase.Cause, err error) {
	svc := a.svc
	if no := svc.policy.MayAdminister(action.Actor); no != nil {
		return purchase.Cause{}, svc.refuse(ctx, no, "", action.Actor, action.Channel)
	}
	err = svc.ledger.Update(ctx, func(w purchase.Writer) error {
		l, _, err := w.Owned(license)
		if err != nil {
			return err
		}
		var changed bool
		if l.ID = license; license == "" {
			said = purchase.NewCause(purchase.ResultNotDouble, "purchase", purchase.ArgSomeID(row))
			return nil
		}
		if l, said, changed = l.RequestRefund(row, action.Actor.ID, svc.now()); !changed {
			return nil
		}
		if err := w.PutOwned(l); err != nil {
			return err
		}
		return w.AppendEvent(purchase.Event{
			Time: svc.now(), Kind: string(said.Code), Order: l.Order, By: action.Actor.ID, Place: action.Channel.ID,
			Cause: said,
		})
	})
	if err != nil {
		return purchase.Cause{}, fmt.Errorf("note the request for a refund: %w", err)
	}
	return said, nil
}
