package purchase

import (
	"slices"
	"strings"
	"time"
)

// Notification is a message about the account as a whole, or about an order beside its cards. The ledger stores it
// until each recipient has received it, so that each receives it once, also across restarts.
type Notification struct {
	ID    string           `json:"id"` // unique; a second notification with the same id is not added
	Kind  NotificationKind `json:"kind"`
	Time  time.Time        `json:"time"`
	Order OrderID          `json:"order,omitempty"`
	Item  int64            `json:"item,omitempty"` // the cart item of a NotificationBrokenItem
	// License is the license of a NotificationChargedTwice; Item is then CoCalc's number of the later purchase.
	License string `json:"license,omitempty"`
	// Channel is the id of the channel that a NotificationOutsiders is about.
	Channel string `json:"channel,omitempty"`
	// Cause is the content. Its code is the notification's kind, or that of an incident.
	Cause
	// ToRequester is set if the notification goes to an order's requester, because there are neither admins nor a
	// purchases channel.
	ToRequester bool     `json:"to_requester,omitempty"`
	Pending     []string `json:"left"` // Slack ids of the remaining recipients: channels, people, user groups
	// Delivered are people who are skipped when a user group in Pending is expanded: they have the notification, or caused
	// it.
	Delivered []string `json:"had,omitempty"`
	// UnresolvedGroups are the user groups in Pending whose members Slack did not return, and for which a warning has been
	// sent.
	UnresolvedGroups []string `json:"silent,omitempty"`
}

// NotificationKind is the subject of a notification.
type NotificationKind = CauseCode

// The subjects of notifications.
const (
	NotificationForeign NotificationKind = "foreign-purchase" // a purchase on the account outside the bot
	// a purchase with the bot's tag that the ledger cannot explain.
	NotificationUnexplained NotificationKind = "unexplained-purchase"
	NotificationDoubleBuy   NotificationKind = "double-buy"
	// CoCalc charged twice for one renewal or change of a license: license, order, account, purchase, amount, at, and
	// other, other-amount, other-at of the earlier of the two; differs if they asked for different changes.
	NotificationChargedTwice NotificationKind = "charged-twice"
	// renewals pass the monthly budget by themselves, so they are shown and not deducted: licenses, monthly, yearly (sums
	// of prices), most (the largest sum of a month), limit; counted in the audit record once they are deducted.
	NotificationRenewals     NotificationKind = "renewals"
	NotificationBrokenItem   NotificationKind = "broken-item" // an item blocks the cart
	NotificationHead         NotificationKind = "head"        // the head of the audit chain, once a day
	NotificationPaused       NotificationKind = "paused"
	NotificationResumed      NotificationKind = "resumed"
	NotificationSettled      NotificationKind = "settled"     // an admin resolved an order of unknown outcome
	NotificationReminder     NotificationKind = "reminder"    // an order waits for approval
	NotificationRestored     NotificationKind = "restored"    // a backup of the ledger was restored
	NotificationInconsistent NotificationKind = "books"       // the ledger contradicts itself
	NotificationLedgerAway   NotificationKind = "ledger-away" // the ledger's file is not where it belongs
	NotificationLedgerBack   NotificationKind = "ledger-back" // the ledger's file is back
	// whether a decision counted whose transaction a failing disk interrupted.
	NotificationUncertain  NotificationKind = "uncertain"
	NotificationTrouble    NotificationKind = "trouble"     // an admin has to change something before CoCalc sells again
	NotificationServer     NotificationKind = "server"      // the CoCalc server can't sell licenses any more
	NotificationServerBack NotificationKind = "server-back" // the CoCalc server sells licenses again
	// an order whose outcome CoCalc can no longer show has released its reservation.
	NotificationReleased    NotificationKind = "released"
	NotificationUndelivered NotificationKind = "untold" // a notification did not reach the members of a user group
	// people other than members can read a channel, so no prices are posted there.
	NotificationOutsiders NotificationKind = "outsiders"
	// what became of a person's decision about a subscription.
	NotificationSubscriptionEnded     NotificationKind = SubscriptionEnded
	NotificationSubscriptionKept      NotificationKind = SubscriptionKept
	NotificationSubscriptionUnchanged NotificationKind = SubscriptionUnchanged
	// approvers are asked directly about an order, because their channel shows no prices.
	NotificationAsk NotificationKind = "ask"
)

// IsGroup reports whether id is that of a user group (S…) and not of a person or channel.
func IsGroup(id string) bool { return strings.HasPrefix(id, "S") }

// WithMembers returns the notification with the members of a user group as further recipients, except those in Pending
// or Delivered.
func (n Notification) WithMembers(members []string) Notification {
	n.Pending = slices.Clone(n.Pending)
	for _, m := range members {
		if !slices.Contains(n.Pending, m) && !slices.Contains(n.Delivered, m) {
			n.Pending = append(n.Pending, m)
		}
	}
	return n
}

// Outsiders is the reason why people who may see no prices can read a channel.
type Outsiders string

const (
	// OutsidersShared means that the channel is shared with another organization, or that one was invited.
	OutsidersShared Outsiders = "shared"
	// OutsidersGuests means that guests or people of other workspaces are in the channel.
	OutsidersGuests Outsiders = "guests"
	// OutsidersUnknown means that the app is not allowed to read who is in the channel.
	OutsidersUnknown Outsiders = "untold"
)

// RequestCause returns a cause about an order that waits for approval: by, name, price, period, license (a summary),
// expires.
func RequestCause(code CauseCode, o Order) Cause {
	return NewCause(code, "by", o.Requester.ID, "name", o.Requester.DisplayName(), "price", ArgCents(o.Price), "period",
		string(o.Spec.Period),
		"license", o.Spec.Summary(), "expires", ArgTime(o.ApproveBy))
}
