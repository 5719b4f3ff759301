package purchase

import "context"

// Sight is what a person may see of the account's licenses and their cost. The zero Sight allows nothing.
type Sight struct {
	who Person
	// Licenses allows the account's licenses, who bought them and when, and the team's budget.
	Licenses bool
	// All also allows what every order cost, and who made it. Viewers, approvers and admins have it.
	All bool
}

// Cost reports whether the person may see what an order of the requester cost.
func (s Sight) Cost(requester Person) bool { return s.All || s.Licenses && s.Own(requester) }

// Own reports whether the requester is the person.
func (s Sight) Own(requester Person) bool { return s.who.ID != "" && s.who.Is(requester) }

// Sight returns what the person may see, by the lists and by Slack's current answers. Outsiders see nothing, whatever
// the lists say; the error is then a *Refusal.
func (d *Desk) Sight(who Person) (Sight, error) {
	s, no := d.policy.sight(who)
	if no != nil {
		return Sight{}, no
	}
	return s, nil
}

// MaySee is Sight for a command or a click. It records a refusal.
func (d *Desk) MaySee(ctx context.Context, click Click) (Sight, error) {
	s, no := d.policy.sight(click.Who)
	if no != nil {
		return Sight{}, d.refused(ctx, no, "", click.Who, click.At)
	}
	return s, nil
}

// MaySeeOrder refuses a person who asks for another person's order without seeing all. People always see their own
// orders, also if they can't buy any more.
func (d *Desk) MaySeeOrder(ctx context.Context, o Order, click Click) error {
	no := unseen(click.Who)
	if no == nil && !click.Who.Is(o.Requester) {
		var s Sight
		if s, no = d.policy.sight(click.Who); no == nil && !s.All {
			no = refuse(NotYours, "doing", "see")
		}
	}
	if no != nil {
		return d.refused(ctx, no, o.ID, click.Who, click.At)
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
func (d *Desk) OrdersNamed(ctx context.Context, part string, who Person) (ids []OrderID, err error) {
	if no := unseen(who); no != nil {
		return nil, no
	}
	sight, _ := d.policy.sight(who) // everyone sees their own orders
	limit := mostMatches
	if !sight.All {
		limit = mostNamed
	}
	err = d.ledger.View(ctx, func(r Reader) error {
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

func (p Policy) sight(who Person) (Sight, *Refusal) {
	if no := unseen(who); no != nil {
		return Sight{}, no
	}
	all := []map[string]bool{p.Viewers, p.Approvers, p.Admins}
	for _, list := range all {
		if listedIn(list, who) {
			return Sight{who, true, true}, nil
		}
	}
	switch {
	case p.AllView:
		return Sight{who, true, true}, nil
	case p.Everyone, listedIn(p.Buyers, who):
		return Sight{who: who, Licenses: true}, nil
	}
	for _, list := range append(all, p.Buyers) {
		if untold(list, who) != nil {
			return Sight{}, refuse(Outsider, "unknown", "groups")
		}
	}
	return Sight{}, refuse(NotAViewer)
}

// unseen refuses everything to people who are not full members.
func unseen(who Person) *Refusal {
	if who.Standing == Member {
		return nil
	}
	return refuse(Outsider, "doing", "see", "standing", string(who.Standing))
}
