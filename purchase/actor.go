package purchase

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// Actor is a person in Slack.
type Actor struct {
	ID   string `json:"id"`             // U…
	Team string `json:"team,omitempty"` // T…
	Name string `json:"name,omitempty"` // as the command carried it; only for people who read the ledger
	// Org is the person's id in an organization of several workspaces, where that is another one (U… or W…): who has two
	// ids is one person all the same.
	Org string `json:"org,omitempty"`
	// Membership is set if the person is not a full member of the workspace.
	Membership Membership `json:"standing,omitempty"`
	// Groups are the ids of the user groups that the person is a member of, among those that the policy names. They are as
	// Slack tells them at the moment of a decision, and not kept.
	Groups []string `json:"-"`
	// UnknownGroups are the policy's user groups whose members Slack did not list: it is unknown whether the person is in
	// them.
	UnknownGroups []string `json:"-"`
	// NoAccess is set if Slack answers nothing about the person because the bot has lost its access.
	NoAccess bool `json:"-"`
}

// Membership says why a person is not a full member of the team's workspace. People with a Standing can neither buy nor
// decide, whatever the policy's lists say.
type Membership string

// What Slack says of people.
const (
	Member      Membership = ""            // a full member
	Guest       Membership = "guest"       // a guest of one or a few channels
	Robot       Membership = "bot"         // another app
	Deactivated Membership = "deactivated" // whose account was closed
	Foreign     Membership = "foreign"     // of another workspace or organization
	Unverified  Membership = "unverified"  // Slack could not be asked
)

// Channel is where in Slack an order was asked for.
type Channel struct {
	ID   string `json:"channel"` // C…, G… or D…
	Name string `json:"name,omitempty"`
	// Direct: a conversation of two people or a few, where no line about a purchase is posted.
	Direct bool `json:"direct,omitempty"`
}

// In an organization of several workspaces, a person can have two ids: the workspace's and the organization's.
// Everything that is counted per person (budgets, orders a day, rates) counts under one key: the organization's id if
// it is known.

// Is reports whether two of Slack's ids belong to one person.
func (p Actor) Is(q Actor) bool {
	return p.ID == q.ID || cmp.Or(p.Org, p.ID) == cmp.Or(q.Org, q.ID)
}

// Key returns the person's key, as far as Slack has named it with the person.
func (p Actor) Key() string { return cmp.Or(p.Org, p.ID) }

// DisplayName is how people call the person: their name, as far as it is letters and what stands between letters.
// People choose their names themselves.
func (p Actor) DisplayName() string {
	var words []string
	for _, word := range strings.Fields(cutRunes(p.Name, 80)) {
		word = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.L, unicode.M, unicode.N) || strings.ContainsRune(JoinsName, r) {
				return r
			}
			return -1
		}, word)
		if word = strings.Trim(word, JoinsName); word != "" {
			words = append(words, word)
		}
	}
	return cmp.Or(strings.Join(words, " "), p.ID)
}

// JoinsName stand between the letters of a name, and mean nothing there.
const JoinsName = "._-'’"

// BotName is how the bot names itself in the ledger, where people have ids.
const BotName = "licensebot"

// TruncateID shortens an id that came from outside. Real ids are shorter; a made-up one gets enough room in the audit
// to show what it was.
func TruncateID(id string) string {
	const most = 64
	if len(id) <= most {
		return id
	}
	return strings.ToValidUTF8(id[:most], "") + "…"
}

// RefuseOutsider refuses people who are not full members.
func RefuseOutsider(who Actor) *Refusal {
	switch {
	case who.Membership == Member:
		return nil
	case who.Membership == Unverified && who.NoAccess:
		return RefuseNoAccess()
	}
	return NewRefusal(Outsider, "doing", "buy", "standing", string(who.Membership))
}

// RefuseNonMember refuses those who are known not to be members. It lets through people of whom Slack doesn't say who
// they are.
func RefuseNonMember(who Actor) *Refusal {
	if who.Membership == Unverified {
		return nil
	}
	return RefuseOutsider(who)
}

// RefuseUnseen refuses everything to people who are not full members.
func RefuseUnseen(who Actor) *Refusal {
	if who.Membership == Member {
		return nil
	}
	return NewRefusal(Outsider, "doing", "see", "standing", string(who.Membership))
}

// RefuseNoAccess returns the refusal while the bot has no access to Slack.
func RefuseNoAccess() *Refusal {
	return NewRefusal(AccessLost)
}

// IsListed reports whether the person, or a group of theirs, is on the list.
func IsListed(list map[string]bool, who Actor) bool {
	return list[who.ID] || who.Org != "" && list[who.Org] || slices.ContainsFunc(who.Groups, func(g string) bool {
		return list[g]
	})
}

// RefuseUnknownGroups refuses people whose membership of a list is unknown, since Slack does not list the members of a
// group.
func RefuseUnknownGroups(list map[string]bool, who Actor) *Refusal {
	if !slices.ContainsFunc(who.UnknownGroups, func(g string) bool { return list[g] }) {
		return nil
	}
	if who.NoAccess {
		return RefuseNoAccess()
	}
	return NewRefusal(Outsider, "unknown", "groups")
}

// OnlyRequester refuses everyone but the person who asked for the order.
func OnlyRequester(order Order, who Actor) *Refusal {
	if who.Is(order.Requester) && (order.Requester.Team == "" || who.Team == "" || order.Requester.Team == who.Team) {
		return nil
	}
	return NewRefusal(NotYours)
}

// MayWithdraw refuses everyone but the requester. While Slack doesn't say who a person is, their workspace isn't known
// either, so the id decides.
func MayWithdraw(order Order, who Actor) *Refusal {
	if who.Membership == Unverified && who.Is(order.Requester) {
		return nil
	}
	return OnlyRequester(order, who)
}

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

// Rights are what a person may do, by a policy's lists and by what Slack says of the person.
type Rights struct {
	Sight   Sight    // what they may see
	Unseen  *Refusal // why they may see nothing; nil if they may see something
	Buy     bool     // anywhere and at any time at which buying is allowed
	Approve bool     // other people's orders
	// Administer is the right to resolve orders, to pause and resume buying, and to remove broken items from the cart.
	Administer bool
}

// Rights returns what the person may do by a policy. Each right is decided by itself: people may see licenses without
// the right to buy, and the other way round.
func (p Actor) Rights(policy Policy) Rights {
	sight, unseen := policy.SightOf(p)
	return Rights{
		Sight: sight, Unseen: unseen, Buy: policy.MayBuy(p) == nil,
		Approve:    RefuseOutsider(p) == nil && IsListed(policy.Approvers, p),
		Administer: policy.MayAdminister(p) == nil,
	}
}

// Action is a person's press of a button on an order.
type Action struct {
	Actor   Actor
	Channel Channel
	// Card reaches the message that holds the button. Kept with the order when the requester clicked: it is where
	// they see what happens next.
	Card Message
	// MessageTS is the timestamp of the message that holds the button, if others can see the message.
	MessageTS string
	// Typed: the decision came as a command, which may be typed anywhere. A button belongs to the place of its card.
	Typed bool
}

// AttachCard keeps the card with the order, if the click was the requester's, and has it shown anew.
func (o *Order) AttachCard(action Action) bool {
	if action.Card.ResponseURL == "" || o.ReplacedBy != "" || MayWithdraw(*o, action.Actor) != nil {
		return false // the card of an order that was replaced is its successor's by now
	}
	action.Card.Kind, action.Card.PublishedRev = MessageCard, 0
	if m := o.Message(MessageCard); m != nil {
		*m = action.Card
	} else {
		o.Messages = append(o.Messages, action.Card)
	}
	return true
}

// Successor shows the order that has taken over o's card, if there is one, where that card was clicked.
func Successor(w Writer, o Order, action Action) error {
	if o.ReplacedBy == "" {
		return nil
	}
	for o.ReplacedBy != "" {
		next, err := w.Order(o.ReplacedBy)
		if err != nil {
			return err
		}
		o = next
	}
	if !o.AttachCard(action) {
		return nil
	}
	return w.PutOrder(o)
}

// Key returns the id that a person counts under. Slack doesn't name the organization in every answer, so an earlier
// answer is used.
func (a AccountState) Key(p Actor) string { return cmp.Or(p.Org, a.Twins[p.ID], p.ID) }
