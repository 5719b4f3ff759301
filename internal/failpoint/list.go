package failpoint

import "slices"

// Name says what is done between the two failpoints that are named for it. Each is in the list of its part below.
type Name string

// Requests to CoCalc: before a request leaves, and after the server acted, before its answer is looked at.
const (
	Add           Name = "cocalc: add"
	Park          Name = "cocalc: park"  // uncheck another person's item
	Check         Name = "cocalc: check" // check an item, again or for the first time
	Remove        Name = "cocalc: remove"
	Params        Name = "cocalc: params" // what a checkout would cost
	Checkout      Name = "cocalc: checkout"
	Cart          Name = "cocalc: cart"
	CartBought    Name = "cocalc: bought items"
	CartRemoved   Name = "cocalc: removed items"
	CartBoth      Name = "cocalc: bought and removed items"
	Item          Name = "cocalc: item"
	Purchases     Name = "cocalc: purchases"
	Licenses      Name = "cocalc: licenses"
	License       Name = "cocalc: license"
	Subscriptions Name = "cocalc: subscriptions"
	WhoAmI        Name = "cocalc: who am I"
)

func requests() []Name {
	return []Name{
		Add, Park, Check, Remove, Params, Checkout, Cart, CartBought, CartRemoved, CartBoth, Item, Purchases,
		Licenses, License, Subscriptions, WhoAmI,
	}
}

// What goes to Slack: before it is sent, and after Slack took it, before that is kept. Calls of its Web API, and posts
// to response URLs, which show the card of an order or answer a click.
const (
	Post         Name = "slack: message in a channel"
	PostDirectly Name = "slack: direct message"
	PostUnseen   Name = "slack: message for one person in a channel"
	Update       Name = "slack: change of a message"
	OpenDirect   Name = "slack: open direct messages"
	OpenForm     Name = "slack: open a form"
	UpdateForm   Name = "slack: change of a form"
	PublishHome  Name = "slack: home"
	LookUp       Name = "slack: who is that"
	Members      Name = "slack: members of a group"
	Channel      Name = "slack: what channel is that"
	Readers      Name = "slack: who is in a channel"
	OwnTeam      Name = "slack: who am I"
	Card         Name = "slack: card"
	Answer       Name = "slack: answer"
)

func posts() []Name {
	return []Name{
		Post, PostDirectly, PostUnseen, Update, OpenDirect, OpenForm, UpdateForm, PublishHome, LookUp, Members,
		Channel, Readers, OwnTeam, Card, Answer,
	}
}

// Acknowledgements: before one is sent, when what was decided is durable, and after, before anything is shown.
const (
	AckCommand    Name = "ack: command"
	AckAction     Name = "ack: click"
	AckSubmission Name = "ack: form"
	AckHome       Name = "ack: home"
)

func acks() []Name { return []Name{AckCommand, AckAction, AckSubmission, AckHome} }

// Kept is a transaction of the ledger: before it is committed, and after, before any other part of the program knows.
// It is named by the audit records that it writes, or else by what it changes.
func Kept(deed string) Name { return Name("ledger: " + deed) }

func deeds() []string {
	return []string{
		// What people decide.
		"proposed", "approved", "proposed, approved", "cancelled, proposed", "cancelled", "expired", "refused",
		"awaiting_approval", "agreed", "agreed, approved", "denied",
		// Buying.
		"only parked", "adding", "only add_sent emptied", "only add_sent", "carted", "paying", "only checkout_answer",
		"purchased",
		"only failure", "failed", "unknown", "paused, unknown", "only hold", "only wait", "only wait emptied",
		"only parked emptied", "only watch_until",
		// Showing and telling.
		"only messages", "only notices", "untold",
		// The account as a whole.
		"account", "account, paused", "address", "setting", "only watching", "only reconciled", "reconciled",
		"foreign-purchase", "unexplained-purchase, paused", "trouble", "only head_told", "broken-item", "item-taken-out",
		"paused", "resumed", "uncertain", "settled, failed", "double-buy, paused, purchased", "double-buy, paused",
		"overcharged, paused, purchased",
	}
}

func names() []Name {
	all := slices.Concat(requests(), posts(), acks())
	for _, deed := range deeds() {
		all = append(all, Kept(deed))
	}
	return all
}
