package bot

import (
	"licensebot/purchase"
)

// failureWords has the sentences of failures, after which certainly nothing was bought. Cards put "Not bought" before
// them.
var failureWords = map[purchase.CauseCode]wording{
	purchase.FailPriceMoved: orStored(Failures, func(t renderer) text {
		if t.has("waited") {
			return t.say("CoCalc's price went up from %s to %s while the order waited for approval.",
				t.money("was"), t.money("now"))
		}
		return t.say("CoCalc's price went up from %s to %s.", t.money("was"), t.money("now"))
	}),
	purchase.FailNoCredit: orStored(Failures, func(t renderer) text {
		switch {
		case t.has("unknown"):
			return sentences("I can't tell whether the CoCalc account has enough credit for this.", t.adminsNotified())
		case t.has("missing"):
			return sentences(t.say("The CoCalc account doesn't have enough credit (%s short).", t.money("missing")),
				t.adminsNotified())
		}
		return sentences("The CoCalc account doesn't have enough credit.", t.adminsNotified())
	}),
	purchase.FailKey: orStored(Failures, func(t renderer) text { return sentences(lostCoCalc, t.adminsNotified()) }),
	purchase.FailUnreachable: orStored(Failures, func(t renderer) text {
		switch t.Args["why"] {
		case "throttled":
			return "CoCalc is limiting requests right now. Please try again in a few minutes."
		case "down":
			return "CoCalc was down for too long, so I closed this order. Please try again later."
		case "address":
			return "CoCalc moved to another address, and your admins haven't set it yet. Please try again later."
		}
		return "CoCalc isn't responding. Please try again later."
	}),
	purchase.FailRefused: orStored(Failures, func(t renderer) text {
		if len(t.Causes) == 0 {
			return sentences("CoCalc refused the order.", t.adminsNotified())
		}
		if stop := t.with(t.Causes[0]); stop.Code == purchase.Paused {
			return "Buying stopped before this was paid for. " + pauseText(stop) + " Please try again when buying resumes."
		}
		return "My records were restored from a backup before this was paid for. Please try again in a few minutes."
	}),
	purchase.FailCart: orStored(Failures, func(t renderer) text {
		switch t.Args["why"] {
		case "edited":
			return "Someone changed the item in the CoCalc cart before it was paid for. Please try again."
		case "removed":
			return "Someone removed the item from the CoCalc cart before it was paid for. Please try again."
		case "different":
			return "CoCalc's cart didn't hold what was ordered, so I removed it. Please try again."
		case "not-added":
			return "CoCalc didn't add the item to its cart. Please try again."
		}
		which := "An item"
		if t.has("item") {
			which = "Item " + t.Args["item"]
		}
		return t.say("%s in the CoCalc cart is broken and blocks every purchase on the account. "+
			"An admin can remove it at %s. Then try again.", which, t.Args["cart"])
	}),
	purchase.FailNotSold: orStored(Failures, func(t renderer) text {
		switch t.Args["why"] {
		case "captcha":
			return sentences("CoCalc doesn't sell to this bot's account.", t.adminsNotified())
		case "redirected":
			return sentences(goneCoCalc, t.adminsNotified())
		case "server":
			return sentences(serverIs(purchase.Condition(t.Args["condition"])), stillHere(t))
		}
		return sentences("This CoCalc server doesn't sell licenses.", t.adminsNotified())
	}),
	purchase.FailSettled: func(t renderer) text { // the cause beneath it is the hold's, of any version
		if !t.has("seconds") {
			return t.inner(Failures)
		}
		return t.say("%s. I kept checking for %s, and CoCalc shows no purchase. Please try again.",
			t.inner(Holds), t.duration("seconds"))
	},
	purchase.FailTermOver: orStored(Failures,
		always("The term was over, or almost over, before I could buy it. Please order again with a later end date.")),
	purchase.FailByAdmin: orStored(Failures, func(t renderer) text {
		if t.has("watched") {
			return verdictText(t) + " I'll keep checking CoCalc for a while."
		}
		return verdictText(t)
	}),
	purchase.FailPolicy:      orStored(Refusals, nil),
	purchase.FailNobodyAsked: orStored(Refusals, nil),
	purchase.FailProject:     orStored(Refusals, nil),
	purchase.FailRestored: orStored(Failures,
		always("My records were restored from a backup while this order was in progress, so I stopped it. "+
			"If CoCalc shows that it was already bought, I'll say so here. Otherwise, please order again.")),
}

// FailureWords returns why an order has failed.
func FailureWords(f *purchase.Failure, r Reader) string { return Words(Failures, f.Cause, r) }

// verdictText renders an admin's verdict on an order of unknown outcome.
func verdictText(t renderer) text {
	verdict := "not bought"
	if purchase.Verdict(t.Args["verdict"]) == purchase.WasBought {
		verdict = "bought"
	}
	return t.say("%s marked it as %s. Reason: %s.", t.person("by", "name"), verdict, quote(t.Args["reason"]))
}

// serverIs describes the CoCalc server for people who are no admins.
func serverIs(c purchase.Condition) text {
	switch c {
	case purchase.SellsMemberships:
		return "This CoCalc server no longer sells licenses."
	case purchase.Misaddressed:
		return "CoCalc wants to be called by another address, which your admins have to set."
	case purchase.IsDown:
		return "CoCalc is down."
	default:
		return goneCoCalc
	}
}
