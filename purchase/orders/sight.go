package orders

import (
	"context"

	"licensebot/purchase"
)

// checkSight refuses a person who asks for another person's order without seeing all. People always see their own
// orders, also if they can't buy any more.
func (svc *Service) checkSight(o purchase.Order, who purchase.Actor) *purchase.Refusal {
	if no := purchase.RefuseUnseen(who); no != nil || who.Is(o.Requester) {
		return no
	}
	sight, no := svc.policy.SightOf(who)
	if no == nil && !sight.All {
		no = purchase.NewRefusal(purchase.NotYours, "doing", "see")
	}
	return no
}

const (
	// maxSearched is how many orders, each of which is read, are searched for a person who sees only their own.
	maxSearched = 1000
	// maxMatches is how many matching orders are returned.
	maxMatches = 5
)

// Find returns the orders whose ids begin or end with part, newest first, among those that the person may see. Other
// people's orders are neither returned nor counted.
func (svc *Service) Find(ctx context.Context, who purchase.Actor,
	part string,
) (ids []purchase.OrderID, err error) {
	if no := purchase.RefuseUnseen(who); no != nil {
		return nil, no
	}
	sight, _ := svc.policy.SightOf(who) // everyone sees their own orders
	limit := maxMatches
	if !sight.All {
		limit = maxSearched
	}
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		ids = nil
		named, err := r.OrdersNamed(part, limit)
		if err != nil || sight.All {
			ids = named
			return err
		}
		for _, id := range named {
			o, err := r.Order(id)
			if err != nil {
				return err
			}
			if who.Is(o.Requester) && len(ids) < maxMatches {
				ids = append(ids, id)
			}
		}
		return nil
	})
	return ids, err
}
