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
	Name string `json:"name,omitempty"` // as Slack sent it; for display, never for decisions
	// Org is the person's id in an organization of several workspaces (U… or W…), if it differs from ID. Both ids belong
	// to one person.
	Org string `json:"org,omitempty"`
	// Membership is set if the person is not a full member of the workspace.
	Membership Membership `json:"standing,omitempty"`
	// Groups are the ids of the person's user groups, among those that the policy names. Slack returns them at the moment
	// of a decision; they are not stored.
	Groups []string `json:"-"`
	// UnknownGroups are the policy's user groups whose members Slack did not return, so the person may be in them.
	UnknownGroups []string `json:"-"`
	// NoAccess is set if the bot has lost its access to Slack, so nothing is known about the person.
	NoAccess bool `json:"-"`
}

// Membership is the kind of a person's account in the team's workspace. Only a Member can buy or decide, whatever the
// policy's lists contain.
type Membership string

// The memberships, as Slack's users.info reports them.
const (
	Member      Membership = ""            // a full member
	Guest       Membership = "guest"       // a guest of one or a few channels
	Robot       Membership = "bot"         // another app
	Deactivated Membership = "deactivated" // the account was closed
	Foreign     Membership = "foreign"     // an account of another workspace or organization
	Unverified  Membership = "unverified"  // Slack did not answer
)

// Channel is the Slack conversation in which an order was requested.
type Channel struct {
	ID   string `json:"channel"` // C…, G… or D…
	Name string `json:"name,omitempty"`
	// Direct is set for a direct message of two or more people. Purchases are not announced there.
	Direct bool `json:"direct,omitempty"`
}

// In an organization of several workspaces, a person can have two ids: one of the workspace and one of the
// organization. Everything that is counted per person (budgets, orders per day, rates) is counted under one key: the
// organization's id if it is known.

// Is reports whether p and q are the same person.
func (p Actor) Is(q Actor) bool {
	return p.ID == q.ID || cmp.Or(p.Org, p.ID) == cmp.Or(q.Org, q.ID)
}

// Key returns the organization's id of the person, or the workspace's if Slack has not sent the former.
// AccountState.Key also uses ids that were sent earlier.
func (p Actor) Key() string { return cmp.Or(p.Org, p.ID) }

// DisplayName returns the person's name without characters other than letters, marks, digits and NameSeparators, or the
// id if nothing is left. It has at most 80 characters before the cleaning. People choose their names themselves, so a
// name may contain markup.
func (p Actor) DisplayName() string {
	var words []string
	for _, word := range strings.Fields(cutRunes(p.Name, 80)) {
		word = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.L, unicode.M, unicode.N) || strings.ContainsRune(NameSeparators, r) {
				return r
			}
			return -1
		}, word)
		if word = strings.Trim(word, NameSeparators); word != "" {
			words = append(words, word)
		}
	}
	return cmp.Or(strings.Join(words, " "), p.ID)
}

// NameSeparators are the characters that are allowed between the letters of a name.
const NameSeparators = "._-'’"

// BotName is the bot's own id in ledger fields that hold people's ids.
const BotName = "licensebot"

// TruncateID shortens an id from outside to at most 64 bytes and "…". Real ids are shorter; an invented one stays
// recognizable in the audit.
func TruncateID(id string) string {
	const maxBytes = 64
	if len(id) <= maxBytes {
		return id
	}
	return strings.ToValidUTF8(id[:maxBytes], "") + "…"
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

// RefuseNonMember refuses people who are known not to be full members. It returns nil if Slack did not return the
// membership.
func RefuseNonMember(who Actor) *Refusal {
	if who.Membership == Unverified {
		return nil
	}
	return RefuseOutsider(who)
}

// RefuseUnseen refuses to show anything to people who are not full members.
func RefuseUnseen(who Actor) *Refusal {
	if who.Membership == Member {
		return nil
	}
	return NewRefusal(Outsider, "doing", "see", "standing", string(who.Membership))
}

// RefuseNoAccess returns the refusal for the time in which the bot has no access to Slack.
func RefuseNoAccess() *Refusal {
	return NewRefusal(AccessLost)
}

// IsListed reports whether the list contains an id of the person or one of their user groups.
func IsListed(list map[string]bool, who Actor) bool {
	return list[who.ID] || who.Org != "" && list[who.Org] || slices.ContainsFunc(who.Groups, func(g string) bool {
		return list[g]
	})
}

// RefuseUnknownGroups refuses the person if the list contains a user group whose members Slack did not return. It
// returns nil if the list has no such group.
func RefuseUnknownGroups(list map[string]bool, who Actor) *Refusal {
	if !slices.ContainsFunc(who.UnknownGroups, func(g string) bool { return list[g] }) {
		return nil
	}
	if who.NoAccess {
		return RefuseNoAccess()
	}
	return NewRefusal(Outsider, "unknown", "groups")
}

// OnlyRequester refuses everyone except the order's requester, in the workspace in which they requested it.
func OnlyRequester(order Order, who Actor) *Refusal {
	if who.Is(order.Requester) && (order.Requester.Team == "" || who.Team == "" || order.Requester.Team == who.Team) {
		return nil
	}
	return NewRefusal(NotYours)
}

// MayWithdraw refuses everyone except the requester. While Slack does not return a person's membership, it does not
// return their workspace either; then only the id is compared.
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
	// All also allows the cost and the requester of every order. Viewers, approvers and admins have it.
	All bool
	// isAdmin and isApprover decide about whose subscriptions the person may decide.
	isAdmin, isApprover bool
}

// Renewal reports whether the person may end or keep the subscription of a license; see Policy.MayDecideRenewal.
func (s Sight) Renewal(o LicenseEntry) bool {
	return s.isAdmin || o.Purchase != nil && (s.isApprover || s.Own(o.Purchase.Requester))
}

// Cost reports whether the person may see the cost of an order of requester.
func (s Sight) Cost(requester Actor) bool { return s.All || s.Licenses && s.Own(requester) }

// Own reports whether the requester is the person.
func (s Sight) Own(requester Actor) bool { return s.who.ID != "" && s.who.Is(requester) }

// SightOf returns what who may see. It refuses people who are not full members and people on no list; while Slack does
// not return the members of a user group, it refuses people who may be in it.
func (p Policy) SightOf(who Actor) (Sight, *Refusal) {
	if no := RefuseUnseen(who); no != nil {
		return Sight{}, no
	}
	all := []map[string]bool{p.Viewers, p.Approvers, p.Admins}
	for _, list := range all {
		if IsListed(list, who) {
			return Sight{who, true, true, IsListed(p.Admins, who), IsListed(p.Approvers, who)}, nil
		}
	}
	switch {
	case p.AllView:
		return Sight{who: who, Licenses: true, All: true}, nil
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

// Rights are what a person may do, according to a policy and to the person's membership and groups in Slack.
type Rights struct {
	Sight   Sight    // what they may see
	Unseen  *Refusal // why they may see nothing; nil if they may see something
	Buy     bool     // anywhere and at any time at which buying is allowed
	Approve bool     // other people's orders
	// Administer is the right to resolve orders, to pause and resume buying, and to remove broken items from the cart.
	Administer bool
}

// Rights returns what the person may do according to a policy. Each right is decided independently: people may see
// licenses without the right to buy, and buy without the right to see them.
func (p Actor) Rights(policy Policy) Rights {
	sight, unseen := policy.SightOf(p)
	return Rights{
		Sight: sight, Unseen: unseen, Buy: policy.MayBuy(p) == nil,
		Approve:    RefuseOutsider(p) == nil && IsListed(policy.Approvers, p),
		Administer: policy.MayAdminister(p) == nil,
	}
}

// Action is a person's decision about an order: a click on a button or a command.
type Action struct {
	Actor   Actor
	Channel Channel
	// Card identifies the message with the button. If the requester clicked, the order stores it, and later states are
	// shown there.
	Card Message
	// MessageTS is the timestamp of the message with the button; empty if only the person sees it.
	MessageTS string
	// Typed is set for a command, which may be typed in any channel. A button counts only in the channel of its card.
	Typed bool
}

// AttachCard stores the action's card with the order and marks it as not published, if the requester clicked. It
// reports whether it did. The card of a replaced order belongs to its successor and is not attached.
func (o *Order) AttachCard(action Action) bool {
	if action.Card.ResponseURL == "" || o.ReplacedBy != "" || MayWithdraw(*o, action.Actor) != nil {
		return false
	}
	action.Card.Kind, action.Card.PublishedRev = MessageCard, 0
	if m := o.Message(MessageCard); m != nil {
		*m = action.Card
	} else {
		o.Messages = append(o.Messages, action.Card)
	}
	return true
}

// Successor attaches the action's card to the order that replaced o, directly or through others. It does nothing if o
// was not replaced.
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

// Key returns the id under which a person's amounts are counted. If Slack did not send the organization's id this time,
// Key uses the one that it sent earlier.
func (a AccountState) Key(p Actor) string { return cmp.Or(p.Org, a.Twins[p.ID], p.ID) }
