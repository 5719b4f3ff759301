package purchase

import "time"

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
