package bot

import (
	"licensebot/purchase"
)

// waitWords say why an order waits, on its card.
var waitWords = map[purchase.CauseCode]wording{
	purchase.WaitsForResume: always("Buying is paused. I'll buy this as soon as it resumes."),
	purchase.WaitsForLedger: always("Buying is on hold until an admin puts my records back. I'll buy this then."),
	purchase.WaitsForCheckout: always(
		"I'm still confirming another order with CoCalc. I'll buy this after it, usually within a few minutes."),
	purchase.WaitsForSlack: always(
		"I'm waiting for Slack to confirm that you can still buy. I'll buy this as soon as it does."),
	purchase.WaitsForKey: func(t renderer) text { return sentences(lostCoCalc, "I'll keep trying.", t.adminsNotified()) },
	purchase.WaitsForTurn: func(t renderer) text {
		if t.has("seconds") {
			return t.say("CoCalc asked me to wait %s before adding the next item. I'll continue then.", t.duration("seconds"))
		}
		return "CoCalc asked me to wait before adding the next item. I'll keep trying."
	},
	purchase.WaitsForCart:   always("A broken item is blocking the CoCalc cart. I'll keep trying."),
	purchase.WaitsForCoCalc: always("CoCalc isn't responding properly right now. I'll keep trying."),
	purchase.WaitsForServer: func(t renderer) text {
		condition := purchase.Condition(t.Args["condition"])
		switch t.Args["has"] {
		case "checkout":
			return "CoCalc can't tell any more whether this was bought. An admin will settle it from the account's statements."
		case "item":
			return sentences(serverIs(condition), "I'll remove this order's item from the cart as soon as I can.")
		}
		return sentences(onHoldFor(condition),
			"If nothing changes within an hour, I'll close it and release what's reserved.", t.adminsNotified())
	},
}

// onHoldFor says that an order is on hold because of the server's condition.
func onHoldFor(c purchase.Condition) text {
	switch c {
	case purchase.SellsMemberships:
		return "This CoCalc server no longer sells licenses, so this order is on hold."
	case purchase.IsDown:
		return "CoCalc is down, so this order is on hold."
	default:
		return goneCoCalc + " This order is on hold."
	}
}

// holdWords say why the outcome of a checkout is unknown, without a full stop.
var holdWords = map[purchase.CauseCode]wording{
	purchase.HeldNotShown:   always("CoCalc said that the checkout succeeded, but doesn't show a purchase"),
	purchase.HeldStopped:    always("I was stopped during the checkout"),
	purchase.HeldAnswerLost: always("CoCalc's answer to the checkout was lost"),
	purchase.HeldUnreadable: always("CoCalc said that the checkout succeeded, but isn't responding now"),
}

// evidenceWords say what CoCalc shows of an order whose outcome is unknown.
var evidenceWords = map[purchase.CauseCode]wording{
	purchase.ShowsNeverSent: always("This order was never sent to CoCalc."),
	purchase.ShowsTagged: func(t renderer) text {
		switch t.Args["but"] {
		case "older":
			return t.say("License `%s` has the order's tag but is older than the order's item, so someone else added the tag.",
				t.Args["license"])
		case "different":
			return t.say("License `%s` has the order's tag but doesn't match what was ordered.", t.Args["license"])
		}
		return t.say("License `%s` has the order's tag.", t.Args["license"])
	},
	purchase.ShowsNoTagged: func(t renderer) text {
		if !t.has("licenses") {
			return "The account has no licenses."
		}
		return t.say("None of the account's %s has the order's tag.", plural(t.number("licenses"), "license"))
	},
	purchase.ShowsUnread: func(t renderer) text { return t.say("I couldn't read the %s right now.", t.Args["what"]) },
	purchase.ShowsIncompletely: always(
		"I couldn't read everything, so a purchase that isn't listed here may still exist."),
	purchase.ShowsItem: func(t renderer) text {
		switch t.Args["state"] {
		case "deleted":
			return t.say("Cart item %s was deleted. That doesn't tell whether it was bought.", t.Args["item"])
		case "bought":
			return t.say("Cart item %s was bought on %s: license `%s`.", t.Args["item"], t.dateTime("at"), t.Args["license"])
		case "removed":
			return t.say(
				"Cart item %s was removed from the cart on %s and isn't marked as bought. A checkout may still be in progress.",
				t.Args["item"], t.dateTime("at"))
		case "in-cart":
			return t.say("Cart item %s is in the cart and isn't marked as bought.", t.Args["item"])
		}
		return "No cart item, bought or not, has the order's tag."
	},
	purchase.ShowsNoPurchases: func(t renderer) text {
		switch {
		case t.has("older"):
			return "This CoCalc server has no list of purchases."
		case t.has("rows"):
			return t.say("None of the account's %s since the order was created is for it.", plural(t.number("rows"), "purchase"))
		}
		return "The account has no purchases since the order was created."
	},
	purchase.ShowsPurchase: func(t renderer) text {
		said := t.say("CoCalc purchase %s on %s: license `%s` for %s.", t.Args["purchase"], t.dateTime("at"),
			t.Args["license"],
			t.money("amount"))
		switch t.Args["but"] {
		case "older":
			said += " It has the order's tag but is older than the order's item, so it isn't this order's."
		case "copied":
			said += " It has the order's tag but is of another cart item, so someone bought a copy."
		}
		return said
	},
	purchase.ShowsAccount: func(t renderer) text {
		return t.say("CoCalc accepts the API key: it belongs to account `%s`.", t.Args["account"])
	},
}

// resultWords say what was done for an admin.
var resultWords = map[purchase.CauseCode]wording{
	purchase.ItemTakenOut: func(t renderer) text {
		return t.say("I removed item %s from the cart. Orders that were waiting continue within a minute. "+
			"Anyone who needs the item can add it again at %s.", t.Args["item"], t.Args["cart"])
	},
	purchase.ItemGone: func(t renderer) text { return t.say("Item %s is no longer in the cart.", t.Args["item"]) },
	purchase.ItemBought: func(t renderer) text {
		return t.say("Item %s is no longer in the cart: someone bought it.", t.Args["item"])
	},
	purchase.SettledByAdmin: verdictText,
	purchase.CartItem:       func(t renderer) text { return itemText(t) + "." },
	purchase.ChainVerified: func(t renderer) text {
		return t.say("The whole ledger was verified, up to audit record %s.", t.Args["record"])
	},
	purchase.HistoryPruned: func(t renderer) text {
		records, orders := t.number("records"), t.number("orders")
		return t.say("Refusals and proposals from before %s that were never confirmed were removed: %s and %s so far.",
			t.Args["before"], plural(records, "audit record"), plural(orders, "order"))
	},
	purchase.ResultRenewed:  upkeepText,
	purchase.ResultEdited:   upkeepText,
	purchase.ResultRefunded: upkeepText,
	purchase.ResultRefundRequested: func(t renderer) text {
		return t.say("A refund of CoCalc purchase %s is requested. It's closed once CoCalc shows the refund.",
			t.Args["purchase"])
	},
	purchase.ResultRefundDone: func(t renderer) text {
		return t.say("CoCalc has refunded purchase %s already (purchase %s).", t.Args["purchase"], t.Args["refund"])
	},
	purchase.ResultNotDouble: func(t renderer) text {
		return t.say("The ledger doesn't know CoCalc purchase %s as a double charge.", t.Args["purchase"])
	},
	purchase.SubscriptionCancelled: subscriptionText,
	purchase.SubscriptionResumed:   subscriptionText,
	purchase.SubscriptionRepriced:  subscriptionText,
	purchase.SubscriptionEnded:     decisionText,
	purchase.SubscriptionKept:      decisionText,
	purchase.SubscriptionUnchanged: decisionText,
	purchase.EndRequested:          requestedText,
	purchase.KeepRequested:         requestedText,
	purchase.EndSent:               requestedText,
	purchase.KeepSent:              requestedText,
	purchase.SubscriptionAsked:     askedText,
	purchase.SubscriptionPending:   askedText,
	purchase.SubscriptionStale:     askedText,
	purchase.LeftOut: func(t renderer) text {
		n := t.number("purchases")
		return t.say(
			"%s (%s) on the CoCalc account %s not counted in any budget, because this ledger doesn't know the orders.",
			plural(n, "purchase"), t.money("amount"), isAre(n))
	},
}
