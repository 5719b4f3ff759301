package purchase

import (
	"slices"
	"strings"
	"time"
)

// Notice is a message about the account as a whole, which belongs to no order's card. It is kept in the ledger until
// each of its recipients has it, so that each is told once, also over a restart.
type Notice struct {
	ID    string     `json:"id"` // the same thing is never told twice
	Kind  NoticeKind `json:"kind"`
	Time  time.Time  `json:"time"`
	Order OrderID    `json:"order,omitempty"`
	Item  int64      `json:"item,omitempty"` // in the cart: of NoticeBrokenItem
	// Channel is the one that NoticeOutsiders is about.
	Channel string `json:"channel,omitempty"`
	// Cause is what it says. Its code is the notice's kind, or that of an incident.
	Cause
	// ToRequester is set if it goes to an order's requester, since there are neither admins nor a channel.
	ToRequester bool     `json:"to_requester,omitempty"`
	Left        []string `json:"left"` // Slack ids of the channels, people and user groups that do not have it yet
	// Had are people who are not told, or not again, as members of a user group in Left: they have it, or caused it.
	Had []string `json:"had,omitempty"`
	// Silent are the user groups in Left of which Slack did not tell who is in them, when that was said already.
	Silent []string `json:"silent,omitempty"`
}

// NoticeKind says what a notice is about.
type NoticeKind = CauseCode

// What notices are about.
const (
	NoticeForeign     NoticeKind = "foreign-purchase"     // another person bought on the account
	NoticeUnexplained NoticeKind = "unexplained-purchase" // bought under a tag of ours that the ledger cannot explain
	NoticeDoubleBuy   NoticeKind = "double-buy"
	NoticeBrokenItem  NoticeKind = "broken-item" // an item blocks the cart
	NoticeHead        NoticeKind = "head"        // the head of the audit chain, once a day
	NoticePaused      NoticeKind = "paused"
	NoticeResumed     NoticeKind = "resumed"
	NoticeSettled     NoticeKind = "settled"     // an admin settled an unknown order
	NoticeReminder    NoticeKind = "reminder"    // an order waits for approval
	NoticeRestored    NoticeKind = "restored"    // an older copy of the ledger is in use
	NoticeBooks       NoticeKind = "books"       // the ledger contradicts itself
	NoticeAway        NoticeKind = "ledger-away" // the ledger's file is not where it belongs
	NoticeBack        NoticeKind = "ledger-back" // it is again
	NoticeUncertain   NoticeKind = "uncertain"   // whether a decision counted that was being written when the disk failed
	NoticeTrouble     NoticeKind = "trouble"     // an admin has to change something before CoCalc sells again
	NoticeServer      NoticeKind = "server"      // the CoCalc server can't sell licenses any more
	NoticeServerBack  NoticeKind = "server-back" // it sells licenses again
	NoticeReleased    NoticeKind = "released"    // an outcome that CoCalc can't tell any more reserves no budget
	NoticeUntold      NoticeKind = "untold"      // another notice did not reach the members of a user group
	NoticeOutsiders   NoticeKind = "outsiders"   // others than members may read a channel, so no prices are posted there
	NoticeAsk         NoticeKind = "ask"         // approvers are asked about an order, since their channel gets no prices
)

// Drop forgets a message that cannot be reached any more.
func (o *Order) Drop(kind MessageKind) {
	o.Messages = slices.DeleteFunc(o.Messages, func(m Message) bool { return m.Kind == kind })
}

// Put keeps a message, in place of an earlier one of its kind.
func (o *Order) Put(m Message) {
	o.Drop(m.Kind)
	o.Messages = append(o.Messages, m)
}

// IsGroup tells the id of a user group, S…, from those of people and channels.
func IsGroup(id string) bool { return strings.HasPrefix(id, "S") }

// WithMembers returns the notice with members of a user group added to its recipients. Members who have the notice
// already are not added.
func (n Notice) WithMembers(members []string) Notice {
	n.Left = slices.Clone(n.Left)
	for _, m := range members {
		if !slices.Contains(n.Left, m) && !slices.Contains(n.Had, m) {
			n.Left = append(n.Left, m)
		}
	}
	return n
}

// Outsiders says why people who may see no prices may read a channel.
type Outsiders string

const (
	// OutsidersShared says that the channel is shared with another organization, or its people are invited.
	OutsidersShared Outsiders = "shared"
	// OutsidersGuests says that guests or people of other workspaces are in the channel.
	OutsidersGuests Outsiders = "guests"
	// OutsidersUntold says that the app may not look up who is in the channel.
	OutsidersUntold Outsiders = "untold"
)

// RequestCause returns a cause about an order that waits for approval: by, name, price, period, license (what it
// gives), expires.
func RequestCause(code CauseCode, o Order) Cause {
	return NewCause(code, "by", o.Requester.ID, "name", o.Requester.DisplayName(), "price", ArgCents(o.Price), "period",
		string(o.Spec.Period),
		"license", o.Spec.Summary(), "expires", ArgTime(o.ApproveBy))
}
