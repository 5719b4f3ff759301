package failpoint

import "slices"

// Name names an action that has a failpoint before and after it. Every Name is in one of the lists below.
type Name string

// Requests to CoCalc: before a request is sent, and after the server acted, before its response is read.
const (
	Add           Name = "cocalc: add"
	Park          Name = "cocalc: park"  // uncheck another person's item
	Check         Name = "cocalc: check" // check an item, again or for the first time
	Remove        Name = "cocalc: remove"
	Params        Name = "cocalc: params" // the price of a checkout
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

	CancelSubscription Name = "cocalc: cancel a subscription"
	ResumeSubscription Name = "cocalc: resume a subscription"
)

func requests() []Name {
	return []Name{
		Add, Park, Check, Remove, Params, Checkout, Cart, CartBought, CartRemoved, CartBoth, Item, Purchases,
		Licenses, License, Subscriptions, WhoAmI, CancelSubscription, ResumeSubscription,
	}
}

// Calls of Slack's Web API, and posts to response URLs (Card shows an order, Answer answers a click): before the
// request is sent, and after Slack accepted it, before the ledger stores that.
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

func slackCalls() []Name {
	return []Name{
		Post, PostDirectly, PostUnseen, Update, OpenDirect, OpenForm, UpdateForm, PublishHome, LookUp, Members,
		Channel, Readers, OwnTeam, Card, Answer,
	}
}

// Acknowledgements: before one is sent, when the decision is durable, and after, before its result is shown.
const (
	AckCommand    Name = "ack: command"
	AckAction     Name = "ack: click"
	AckSubmission Name = "ack: form"
	AckHome       Name = "ack: home"
)

func acks() []Name { return []Name{AckCommand, AckAction, AckSubmission, AckHome} }

// Transaction returns the name of a transaction of the ledger: before it is committed, and after, before other parts of
// the program use it. change lists the kinds of its audit records ("agreed, approved"), or is "only" and a changed
// field if it has none.
func Transaction(change string) Name { return Name("ledger: " + change) }

func transactions() []string {
	return []string{
		// Decisions of people.
		"proposed", "approved", "proposed, approved", "cancelled, proposed", "cancelled", "expired", "refused",
		"awaiting_approval", "agreed", "agreed, approved", "denied",
		// Buying.
		"only parked", "adding", "only add_sent emptied", "only add_sent", "carted, paying", "carted", "only checkout_answer",
		"purchased",
		"only failure", "failed", "unknown", "paused, unknown", "only hold", "only wait", "only wait emptied",
		"only parked emptied", "only watch_until",
		// Messages and notifications.
		"only messages", "only notices", "untold",
		// The account as a whole.
		"account", "account, paused", "address", "setting", "only watching", "only reconciled", "reconciled",
		"foreign-purchase", "unexplained-purchase, paused", "trouble", "only head_told", "broken-item", "item-taken-out",
		"only ids_merged", "verified", "paused", "resumed", "uncertain", "settled, failed",
		"double-buy, paused, purchased", "double-buy, paused", "overcharged, paused, purchased",
		// The later life of licenses.
		"only followed", "only owned", "renewed, charged-twice, edited, refunded", "subscription-cancelled",
		"refund-requested", "end-requested", "end-sent", "subscription-ended", "keep-requested", "keep-sent",
		"subscription-kept", "subscription-unchanged",
	}
}

func names() []Name {
	all := slices.Concat(requests(), slackCalls(), acks())
	for _, change := range transactions() {
		all = append(all, Transaction(change))
	}
	return all
}
