package purchase

import "context"

// Sight is what one person may see of the account's licenses and of what they cost. The zero Sight sees nothing.
type Sight struct {
	who Person
	// Licenses: the account's licenses, who bought them and when, and the team's budget.
	Licenses bool
	// All: besides, what every order cost, and by whom. Viewers, approvers and admins see all.
	All bool
}

// Cost reports whether the person may see what an order of the requester cost.
func (s Sight) Cost(requester Person) bool { return s.All || s.Licenses && s.Own(requester) }

// Own reports whether the requester is the person.
func (s Sight) Own(requester Person) bool { return s.who.ID != "" && s.who.Is(requester) }

// Sight is what the person may see, as the lists are now and as Slack tells of them. Outsiders see nothing, whatever the
// lists say. A *Refusal says why someone sees nothing.
func (d *Desk) Sight(who Person) (Sight, error) {
	s, no := d.policy.sight(who)
	if no != nil {
		return Sight{}, no
	}
	return s, nil
}

// MaySee is Sight for a command or a click; a refusal is recorded.
func (d *Desk) MaySee(ctx context.Context, click Click) (Sight, error) {
	s, no := d.policy.sight(click.Who)
	if no != nil {
		return Sight{}, d.refused(ctx, no, "", click.Who, click.At)
	}
	return s, nil
}

// MaySeeOrder refuses a person who asks for an order of someone else and does not see all. A person always sees their own
// orders, also when they may buy no more.
func (d *Desk) MaySeeOrder(ctx context.Context, o Order, click Click) error {
	no := unseen(click.Who)
	if no == nil && !click.Who.Is(o.Requester) {
		var s Sight
		if s, no = d.policy.sight(click.Who); no == nil && !s.All {
			no = &Refusal{Code: NotYours, Sentence: "That is someone else's order. Only its requester, approvers and admins can see it."}
		}
	}
	if no != nil {
		return d.refused(ctx, no, o.ID, click.Who, click.At)
	}
	return nil
}

const (
	// mostNamed is how many orders a part of an id is looked up in for a person who sees their own alone: each is read.
	mostNamed = 1000
	// mostMatches is how many matching orders are returned.
	mostMatches = 5
)

// OrdersNamed finds the orders whose id begins or ends with part, newest first, among those that the person may see. Orders
// of other people are neither returned nor counted.
func (d *Desk) OrdersNamed(ctx context.Context, part string, who Person) (ids []OrderID, err error) {
	if no := unseen(who); no != nil {
		return nil, no
	}
	sight, _ := d.policy.sight(who) // those who see nothing else see their own orders
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
			return Sight{}, &Refusal{Code: Outsider, Sentence: "Slack didn't tell me which user groups you are in, so I couldn't check what you may see. Please try again in a minute."}
		}
	}
	return Sight{}, &Refusal{Code: NotAViewer, Sentence: "You can't see this team's licenses and what they cost. Your admins can change that."}
}

// unseen refuses to show anything to people who are not full members.
func unseen(who Person) *Refusal {
	why := ""
	switch who.Standing {
	case Member:
		return nil
	case Guest:
		why = "Guests can't see licenses or what they cost. Ask a member of this workspace."
	case Robot:
		why = "Apps can't see licenses or what they cost."
	case Deactivated:
		why = "Your account in this workspace is deactivated."
	case Unverified:
		why = "Slack didn't tell me who you are, so I couldn't check what you may see. Please try again in a minute."
	default:
		why = "People of other workspaces can't see licenses or what they cost. Ask a member of this workspace."
	}
	return &Refusal{Code: Outsider, Sentence: why}
}
