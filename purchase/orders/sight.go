package orders

import (
	"context"

	"licensebot/purchase"
)

// Sight returns what the person may see, by the lists and by Slack's current answers. Outsiders see nothing, whatever
// the lists say; the error is then a *Refusal.
func (svc *Service) Sight(who purchase.Actor) (purchase.Sight, error) {
	s, no := svc.policy.SightOf(who)
	if no != nil {
		return purchase.Sight{}, no
	}
	return s, nil
}

// MaySee is Sight for a command or a click. It records a refusal.
func (svc *Service) MaySee(ctx context.Context, action purchase.Action) (purchase.Sight, error) {
	s, no := svc.policy.SightOf(action.Actor)
	if no != nil {
		return purchase.Sight{}, svc.refused(ctx, no, "", action.Actor, action.Channel)
	}
	return s, nil
}

// MaySeeOrder refuses a person who asks for another person's order without seeing all. People always see their own
// orders, also if they can't buy any more.
func (svc *Service) MaySeeOrder(ctx context.Context, o purchase.Order, action purchase.Action) error {
	no := purchase.RefuseUnseen(action.Actor)
	if no == nil && !action.Actor.Is(o.Requester) {
		var s purchase.Sight
		if s, no = svc.policy.SightOf(action.Actor); no == nil && !s.All {
			no = purchase.NewRefusal(purchase.NotYours, "doing", "see")
		}
	}
	if no != nil {
		return svc.refused(ctx, no, o.ID, action.Actor, action.Channel)
	}
	return nil
}

const (
	// mostNamed is how many orders, each of which is read, are searched for a person who sees only their own.
	mostNamed = 1000
	// mostMatches is how many matching orders are returned.
	mostMatches = 5
)

// OrdersNamed returns the orders whose ids begin or end with part, newest first, among those that the person may see.
// Other people's orders are neither returned nor counted.
func (svc *Service) OrdersNamed(ctx context.Context, part string,
	who purchase.Actor,
) (ids []purchase.OrderID, err error) {
	if no := purchase.RefuseUnseen(who); no != nil {
		return nil, no
	}
	sight, _ := svc.policy.SightOf(who) // everyone sees their own orders
	limit := mostMatches
	if !sight.All {
		limit = mostNamed
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
			if who.Is(o.Requester) && len(ids) < mostMatches {
				ids = append(ids, id)
			}
		}
		return nil
	})
	return ids, err
}
