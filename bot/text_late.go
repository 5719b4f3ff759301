package bot

import (
	"licensebot/purchase"
)

// Answers to actions that come too late, or a second time.

// alreadyDone refuses what was done before.
func alreadyDone(t renderer) text {
	switch t.Args["doing"] {
	case "pause":
		return "Buying is already paused. " + pauseText(t)
	case "resume":
		return "Buying isn't paused."
	case "approve":
		switch n := t.number("needs"); {
		case n <= 0:
			return "You've already approved this order. It needs no more approvals."
		case n == 1:
			return "You've already approved this order. It needs 1 more approval."
		default:
			return t.say("You've already approved this order. It needs %d more approvals.", n)
		}
	}
	return alreadyDecided(t)
}

// changedSince refuses a click on an order that its requester changed into another.
const changedSince = "You've changed this order since, so this button no longer works. Use the new card."

// alreadyDecided answers a second, late or redelivered confirmation.
func alreadyDecided(t renderer) text {
	uncharged := text(", and nothing was charged")
	if t.has("charged") {
		uncharged = ""
	}
	again := "." + t.say(" To order again, use `/license buy`.")
	switch purchase.State(t.Args["state"]) {
	case purchase.AwaitingApproval:
		return "You've already sent this order for approval. It won't be bought twice."
	case purchase.Approved:
		return "You've already confirmed this order. It's waiting for its turn and won't be bought twice."
	case purchase.Adding, purchase.Carted, purchase.Paying:
		return "You've already confirmed this order. It's being bought now and won't be bought twice."
	case purchase.Unknown:
		return "You've already confirmed this order. CoCalc hasn't confirmed the purchase yet; you won't be charged twice."
	case purchase.Purchased:
		return "This order was already bought. Your click didn't buy it again."
	case purchase.Failed:
		return "This order wasn't bought" + uncharged + again
	case purchase.Cancelled:
		if t.has("replaced") {
			return changedSince
		}
		return "This order was cancelled" + uncharged + again
	case purchase.Expired:
		return "This order has expired" + uncharged + again
	case purchase.Denied:
		return "This order was denied" + uncharged + ". Its card shows who denied it and why."
	default: // Proposed: the click was forged, or belongs to another order
		return "This button doesn't belong to this order, so your click didn't count."
	}
}

// tooLate refuses what comes after the fact.
func tooLate(t renderer) text {
	switch doing := t.Args["doing"]; {
	case doing == "confirm" && t.has("new-price"):
		return t.say("The new price of %s was valid for 30 minutes and has expired. Nothing was charged. To see today's "+
			"price, click Try again.",
			t.money("new-price"))
	case doing == "confirm" && t.has("price"):
		return t.say("This card has expired. Its price of %s was valid for 30 minutes, and nothing was charged. To order "+
			"again, use `/license buy`.",
			t.money("price"))
	case doing == "confirm":
		return alreadyDecided(t)
	case doing == "decide":
		return decidedBefore(t)
	case doing == "settle":
		return t.say("There's nothing to resolve: %s.", stateWords(purchase.State(t.Args["state"])))
	default:
		return tooLateTo(t, doing)
	}
}

// tooLateTo answers a cancellation or an edit.
func tooLateTo(t renderer, verb string) text {
	switch state := purchase.State(t.Args["state"]); state {
	case purchase.Adding, purchase.Carted, purchase.Paying:
		return t.say("It's too late to %s this order: it's being bought now. `/license order %s` shows its status.", verb,
			t.Args["order"])
	case purchase.Unknown:
		return t.say("It's too late to %s this order: the checkout was sent, and CoCalc hasn't confirmed the purchase yet. "+
			"You won't be charged twice.", verb)
	case purchase.Purchased:
		said := t.say("It's too late to %s this order: the license was bought.", verb)
		if t.has("subscriptions") {
			said += t.say(" To stop it from renewing, use `/license end` and the license's id.")
		}
		return said
	case purchase.Approved, purchase.AwaitingApproval:
		return t.say("It's too late to %s this order: you've already confirmed it. Until it's bought, you can cancel it "+
			"with `/license cancel %s`.",
			verb, t.Args["order"])
	default:
		if state == purchase.Cancelled && t.has("replaced") {
			return changedSince
		}
		return t.say("There's nothing to %s: %s.", verb, stateWords(state))
	}
}

// decidedBefore answers a late approver: who decided, and when, or the order's outcome if there was no decision.
func decidedBefore(t renderer) text {
	state := purchase.State(t.Args["state"])
	lead, became := text("This order can no longer be approved or denied"), t.say("%s", stateWords(state))
	ended := false // without a decision
	switch state {
	case purchase.Proposed:
		lead = "This order can't be approved or denied yet"
	case purchase.Cancelled:
		ended = true
		became = t.say("%s withdrew it on %s", t.person("requester", "requester-name"), t.dateTime("at"))
	case purchase.Expired, purchase.AwaitingApproval: // the deadline has passed and was not handled yet
		ended = true
		became = t.say("it expired on %s", t.dateTime("at"))
	default: // stateWords say it
	}
	if !t.has("decision") {
		return lead + ": " + became + "."
	}
	if !ended {
		lead = "This order was already decided"
	}
	if t.is("decision", "denied") {
		return lead + t.say(": %s denied it on %s.", t.person("by", "name"), t.dateTime("decided"))
	}
	return lead + t.say(": %s approved it on %s, and %s.", t.person("by", "name"), t.dateTime("decided"), became)
}

// stateWords say where an order is: "it's being bought".
func stateWords(s purchase.State) string {
	switch s {
	case purchase.Proposed:
		return "its requester hasn't confirmed it"
	case purchase.AwaitingApproval:
		return "it's waiting for approval"
	case purchase.Approved:
		return "it's waiting for its turn"
	case purchase.Adding, purchase.Carted, purchase.Paying:
		return "it's being bought"
	case purchase.Unknown:
		return "CoCalc hasn't confirmed the purchase yet"
	case purchase.Purchased:
		return "it was bought"
	case purchase.Cancelled:
		return "it was cancelled"
	case purchase.Expired:
		return "it has expired"
	default:
		return "it wasn't bought"
	}
}
