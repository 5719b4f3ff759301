package purchase

// Sight is what a person may see of the account's licenses and their cost. The zero Sight allows nothing.
type Sight struct {
	who Actor
	// Licenses allows the account's licenses, who bought them and when, and the team's budget.
	Licenses bool
	// All also allows what every order cost, and who made it. Viewers, approvers and admins have it.
	All bool
}

// Cost reports whether the person may see what an order of the requester cost.
func (s Sight) Cost(requester Actor) bool { return s.All || s.Licenses && s.Own(requester) }

// Own reports whether the requester is the person.
func (s Sight) Own(requester Actor) bool { return s.who.ID != "" && s.who.Is(requester) }

// SightOf returns what a person may see.
func (p Policy) SightOf(who Actor) (Sight, *Refusal) {
	if no := RefuseUnseen(who); no != nil {
		return Sight{}, no
	}
	all := []map[string]bool{p.Viewers, p.Approvers, p.Admins}
	for _, list := range all {
		if IsListed(list, who) {
			return Sight{who, true, true}, nil
		}
	}
	switch {
	case p.AllView:
		return Sight{who, true, true}, nil
	case p.Everyone, IsListed(p.Buyers, who):
		return Sight{who: who, Licenses: true}, nil
	}
	for _, list := range append(all, p.Buyers) {
		if RefuseUnknownGroups(list, who) != nil {
			return Sight{}, NewRefusal(Outsider, "unknown", "groups")
		}
	}
	return Sight{}, NewRefusal(NotAViewer)
}

// RefuseUnseen refuses everything to people who are not full members.
func RefuseUnseen(who Actor) *Refusal {
	if who.Membership == Member {
		return nil
	}
	return NewRefusal(Outsider, "doing", "see", "standing", string(who.Membership))
}
