package step

import "slices"

// What is done between the two steps named for it. Each is in the list of its part below.
type What string

// Requests to CoCalc: before a request leaves, and after the server acted, before its answer is looked at.
const (
	Add           What = "cocalc: add"
	Park          What = "cocalc: park"  // uncheck another person's item
	Check         What = "cocalc: check" // check an item, again or for the first time
	Remove        What = "cocalc: remove"
	Params        What = "cocalc: params" // what a checkout would cost
	Checkout      What = "cocalc: checkout"
	Cart          What = "cocalc: cart"
	CartBought    What = "cocalc: bought items"
	CartRemoved   What = "cocalc: removed items"
	CartBoth      What = "cocalc: bought and removed items"
	Item          What = "cocalc: item"
	Purchases     What = "cocalc: purchases"
	Licenses      What = "cocalc: licenses"
	License       What = "cocalc: license"
	Subscriptions What = "cocalc: subscriptions"
	WhoAmI        What = "cocalc: who am I"
)

func requests() []What {
	return []What{
		Add, Park, Check, Remove, Params, Checkout, Cart, CartBought, CartRemoved, CartBoth, Item, Purchases,
		Licenses, License, Subscriptions, WhoAmI,
	}
}

// What goes to Slack: before it is sent, and after Slack took it, before that is kept. Calls of its Web API, and posts
// to response URLs, which show the card of an order or answer a click.
const (
	Post         What = "slack: message in a channel"
	PostDirectly What = "slack: direct message"
	PostUnseen   What = "slack: message for one person in a channel"
	Update       What = "slack: change of a message"
	OpenDirect   What = "slack: open direct messages"
	OpenForm     What = "slack: open a form"
	UpdateForm   What = "slack: change of a form"
	PublishHome  What = "slack: home"
	LookUp       What = "slack: who is that"
	Members      What = "slack: members of a group"
	Channel      What = "slack: what channel is that"
	Readers      What = "slack: who is in a channel"
	OwnTeam      What = "slack: who am I"
	Card         What = "slack: card"
	Answer       What = "slack: answer"
)

func posts() []What {
	return []What{
		Post, PostDirectly, PostUnseen, Update, OpenDirect, OpenForm, UpdateForm, PublishHome, LookUp, Members,
		Channel, Readers, OwnTeam, Card, Answer,
	}
}

// Acknowledgements: before one is sent, when what was decided is durable, and after, before anything is shown.
const (
	AckCommand    What = "ack: command"
	AckAction     What = "ack: click"
	AckSubmission What = "ack: form"
	AckHome       What = "ack: home"
)

func acks() []What { return []What{AckCommand, AckAction, AckSubmission, AckHome} }

// Kept is a transaction of the ledger: before it is committed, and after, before any other part of the program knows.
// It is named by the audit records that it writes, or else by what it changes.
func Kept(deed string) What { return What("ledger: " + deed) }

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

func whats() []What {
	all := slices.Concat(requests(), posts(), acks())
	for _, deed := range deeds() {
		all = append(all, Kept(deed))
	}
	return all
}
