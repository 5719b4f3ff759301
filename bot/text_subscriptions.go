package bot

import (
	"licensebot/purchase"
)

// askedText answers a click about a subscription. What comes of it is a notice.
func askedText(t renderer) text {
	doing := t.Args["doing"]
	switch {
	case t.Code == purchase.SubscriptionPending:
		return t.say("%s already asked to %s this subscription, and CoCalc hasn't confirmed it yet. `/license show %s` "+
			"shows it.", t.person("by", "name"), doing, t.Args["license"])
	case t.Code == purchase.SubscriptionStale:
		return t.say("Something has changed since you saw this, so your click didn't count. `/license show %s` shows the "+
			"license.", t.Args["license"])
	}
	return t.say("I'm asking CoCalc to %s this subscription. I'll message you when it's confirmed.", doing)
}

// requestedText says that a person decided about a subscription, or that the bot is about to send the request.
func requestedText(t renderer) text {
	if t.Code == purchase.EndSent || t.Code == purchase.KeepSent {
		return t.say("The request to %s subscription %s of license `%s` is being sent to CoCalc.", t.Args["doing"],
			t.Args["subscription"], t.Args["license"])
	}
	return t.say("%s asked to %s the subscription of license `%s`, which is paid until %s.", t.person("by", "name"),
		t.Args["doing"], t.Args["license"], t.dateTime("until"))
}

// decisionText says what became of a person's decision about a subscription.
func decisionText(t renderer) text {
	license, price := t.Args["license"], t.say("%s a %s", t.money("amount"), t.Args["period"])
	switch {
	case t.Code == purchase.SubscriptionUnchanged:
		return undecidedText(t)
	case t.Code == purchase.SubscriptionEnded && t.has("already"):
		return t.say("The subscription of license `%s` was cancelled already, so I sent nothing to CoCalc. The license runs "+
			"until %s.", license, t.dateTime("until"))
	case t.Code == purchase.SubscriptionEnded:
		return t.say("%s ended the subscription of license `%s` (%s). The license runs until %s and won't be charged again.",
			t.person("by", "name"), license, price, t.dateTime("until"))
	case t.has("already"):
		return t.say("The subscription of license `%s` is active, so I sent nothing to CoCalc. It's paid until %s, then %s.",
			license, t.dateTime("until"), price)
	}
	return t.say("%s kept license `%s`. It's paid until %s, then %s until its subscription is ended.",
		t.person("by", "name"), license, t.dateTime("until"), price)
}

// undecidedText says why a decision about a subscription was not carried out, and what to do.
func undecidedText(t renderer) text {
	doing, license := t.Args["doing"], t.Args["license"]
	said := t.say("%s asked to %s the subscription of license `%s`, but ", t.person("by", "name"), doing, license)
	again := t.say(" To try again, use `/license %s %s`.", doing, license)
	switch t.Args["why"] {
	case "not-confirmed":
		return said + "CoCalc doesn't show the change. I won't ask again by myself." + again
	case "refused":
		return said + "CoCalc refused." + again
	case "not-sent":
		return said + "CoCalc couldn't be asked for an hour, so I sent nothing." + again
	case "period-over":
		return said + "the paid period is over, so that would cost money. I sent nothing. To buy a license like it, use " +
			t.say("`/license show %s`.", license)
	case "restored":
		return said + "my records were restored from a backup before CoCalc confirmed it." + t.say(
			" `/license show %s` shows the license.", license) + again
	}
	return said + "the CoCalc account doesn't have this subscription."
}
