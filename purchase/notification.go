package purchase

import (
	"slices"
	"strings"
	"time"
)

// Notification is a message about the account as a whole, which belongs to no order's card. It is kept in the ledger
// until each of its recipients has it, so that each is told once, also over a restart.
type Notification struct {
	ID    string           `json:"id"` // the same thing is never told twice
	Kind  NotificationKind `json:"kind"`
	Time  time.Time        `json:"time"`
	Order OrderID          `json:"order,omitempty"`
	Item  int64            `json:"item,omitempty"` // in the cart: of NoticeBrokenItem
	// Channel is the one that NoticeOutsiders is about.
	Channel string `json:"channel,omitempty"`
	// Cause is what it says. Its code is the notice's kind, or that of an incident.
	Cause
	// ToRequester is set if it goes to an order's requester, since there are neither admins nor a channel.
	ToRequester bool     `json:"to_requester,omitempty"`
	Pending     []string `json:"left"` // Slack ids of the channels, people and user groups that do not have it yet
	// Delivered are people who are not told, or not again, as members of a user group in Left: they have it, or caused it.
	Delivered []string `json:"had,omitempty"`
	// UnresolvedGroups are the user groups in Left of which Slack did not tell who is in them, when that was said already.
	UnresolvedGroups []string `json:"silent,omitempty"`
}

// NotificationKind says what a notice is about.
type NotificationKind = CauseCode

// What notices are about.
const (
	NotificationForeign NotificationKind = "foreign-purchase" // another person bought on the account
	// bought under a tag of ours that the ledger cannot explain.
	NotificationUnexplained  NotificationKind = "unexplained-purchase"
	NotificationDoubleBuy    NotificationKind = "double-buy"
	NotificationBrokenItem   NotificationKind = "broken-item" // an item blocks the cart
	NotificationHead         NotificationKind = "head"        // the head of the audit chain, once a day
	NotificationPaused       NotificationKind = "paused"
	NotificationResumed      NotificationKind = "resumed"
	NotificationSettled      NotificationKind = "settled"     // an admin settled an unknown order
	NotificationReminder     NotificationKind = "reminder"    // an order waits for approval
	NotificationRestored     NotificationKind = "restored"    // an older copy of the ledger is in use
	NotificationInconsistent NotificationKind = "books"       // the ledger contradicts itself
	NotificationLedgerAway   NotificationKind = "ledger-away" // the ledger's file is not where it belongs
	NotificationLedgerBack   NotificationKind = "ledger-back" // it is again
	// whether a decision counted that was being written when the disk failed.
	NotificationUncertain  NotificationKind = "uncertain"
	NotificationTrouble    NotificationKind = "trouble"     // an admin has to change something before CoCalc sells again
	NotificationServer     NotificationKind = "server"      // the CoCalc server can't sell licenses any more
	NotificationServerBack NotificationKind = "server-back" // it sells licenses again
	// an outcome that CoCalc can't tell any more reserves no budget.
	NotificationReleased    NotificationKind = "released"
	NotificationUndelivered NotificationKind = "untold" // another notice did not reach the members of a user group
	// others than members may read a channel, so no prices are posted there.
	NotificationOutsiders NotificationKind = "outsiders"
	// approvers are asked about an order, since their channel gets no prices.
	NotificationAsk NotificationKind = "ask"
)

// IsGroup tells the id of a user group, S…, from those of people and channels.
func IsGroup(id string) bool { return strings.HasPrefix(id, "S") }

// WithMembers returns the notice with members of a user group added to its recipients. Members who have the notice
// already are not added.
func (n Notification) WithMembers(members []string) Notification {
	n.Pending = slices.Clone(n.Pending)
	for _, m := range members {
		if !slices.Contains(n.Pending, m) && !slices.Contains(n.Delivered, m) {
			n.Pending = append(n.Pending, m)
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
	// OutsidersUnknown says that the app may not look up who is in the channel.
	OutsidersUnknown Outsiders = "untold"
)

// RequestCause returns a cause about an order that waits for approval: by, name, price, period, license (what it
// gives), expires.
func RequestCause(code CauseCode, o Order) Cause {
	return NewCause(code, "by", o.Requester.ID, "name", o.Requester.DisplayName(), "price", ArgCents(o.Price), "period",
		string(o.Spec.Period),
		"license", o.Spec.Summary(), "expires", ArgTime(o.ApproveBy))
}
