package orders

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"licensebot/purchase"
)

// mergeTwins makes a person with two ids count once, also in a ledger of a version that counted each id by itself.
func (p *Process) mergeTwins(ctx context.Context) error {
	twins := map[string]purchase.Actor{}
	err := p.svc.ledger.View(ctx, func(r purchase.Reader) error {
		clear(twins)
		account, err := r.Account()
		if err != nil {
			return err
		}
		for o, err := range purchase.AllOrders(r) {
			if err != nil {
				return err
			}
			if who := o.Requester; who.Org != "" && who.Org != who.ID && account.Twins[who.ID] == "" {
				twins[who.ID] = who
			}
		}
		return nil
	})
	if err == nil && len(twins) > 0 {
		err = p.svc.ledger.Update(ctx, func(w purchase.Writer) error {
			for _, id := range slices.Sorted(maps.Keys(twins)) {
				if _, err := purchase.BudgetKey(w, twins[id]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("unite the ids of people with two: %w", err)
	}
	return nil
}
