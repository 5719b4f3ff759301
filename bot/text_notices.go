package bot

import (
	"fmt"
	"strings"

	"licensebot/purchase"
)

// noticeWords are what notices say beneath their heads (noticeHeads).
var noticeWords = map[purchase.CauseCode]wording{
	purchase.NotificationPaused: func(t renderer) text {
		t.Admin = true
		return pauseText(t) + untilResumed(t)
	},
	purchase.IncidentForeignKey:   func(t renderer) text { return t.render(Incidents) + untilResumed(t) },
	purchase.IncidentUnknown:      alarming,
	purchase.IncidentCharged:      alarming,
	purchase.IncidentUnattributed: alarming,
	purchase.IncidentNewLedger:    alarming,
	purchase.NotificationInconsistent: func(t renderer) text {
		if !t.Admin {
			return sentences(t.render(Incidents), t.adminsNotified())
		}
		return t.render(Incidents) + t.say(" Look into it before you use `/license resume`.")
	},
	purchase.NotificationResumed: func(t renderer) text {
		said := t.say("%s resumed buying.", t.person("by", "name"))
		if t.has("reason") {
			said += t.say(" Reason: %s.", quote(t.Args["reason"]))
		}
		said = sentences(said, t.inner(Results))
		if t.has("paused-again") {
			said += " It has been paused again since."
		}
		return said
	},
	purchase.NotificationDoubleBuy: func(t renderer) text {
		t.Admin = true
		return t.render(Incidents) + t.say(" The licenses are %s. Ask CoCalc's support for a refund of the extra. "+
			"Buying is paused until an admin uses `/license resume`.", joinAnd(strings.Fields(t.Args["licenses"])))
	},
	purchase.NotificationChargedTwice:          chargedTwiceText,
	purchase.NotificationSubscriptionEnded:     decisionText,
	purchase.NotificationSubscriptionKept:      decisionText,
	purchase.NotificationSubscriptionUnchanged: decisionText,
	purchase.NotificationRenewals:              renewalsText,
	purchase.NotificationForeign: func(t renderer) text {
		said := boughtText(t) + ", but not by me."
		switch t.Args["why"] {
		case "older":
			said += t.say(" It has the tag of order `%s`, but is older than that order.", t.Args["order"])
		case "copied":
			said += t.say(" Someone copied cart item %s of order `%s` and bought the copy.", t.Args["item"], t.Args["order"])
		}
		return said + " It doesn't count toward the budget."
	},
	purchase.NotificationUnexplained: func(t renderer) text {
		why := "which I never sent to CoCalc, as far as I know"
		if t.is("why", "unknown-order") {
			why = "which isn't in this ledger. Either another licensebot buys with this account, or the ledger was restored " +
				"from an older copy"
		}
		return boughtText(t) +
			t.say(", but I can't explain it: it has the tag of order `%s`, %s. It doesn't count toward the budget. "+
				"Buying is paused until an admin uses `/license resume`.", t.Args["order"], why)
	},
	purchase.NotificationBrokenItem: func(t renderer) text {
		return itemText(t) + t.say(" is broken and blocks every purchase on the CoCalc account. "+
			"I didn't add it, so I'll remove it only if an admin tells me to. You can also fix it at %s.", t.Args["cart"])
	},
	purchase.NotificationHead: func(t renderer) text {
		return t.say("The ledger on %s ends with record %s, `%s`. To check later that nothing up to it was changed, run "+
			"`bot verify --head %s:%s`.",
			t.date("at"), t.Args["record"], t.Args["hash"], t.Args["record"], t.Args["hash"])
	},
	purchase.NotificationSettled: func(t renderer) text {
		return t.say("CoCalc didn't confirm order `%s` for %s. %s", t.Args["order"], t.money("price"), t.inner(Results))
	},
	purchase.NotificationReminder: func(t renderer) text {
		return t.say("%s has been waiting for approval since %s: %s for %s. The request expires on %s.",
			t.person("by", "name"), t.dateTime("since"), t.Args["license"], t.money("price"), t.dateTime("expires"))
	},
	purchase.NotificationAsk: func(t renderer) text {
		return t.say("%s requests a CoCalc license for %s (%s): %s. Reason: %s. Expires on %s.", t.person("by", "name"),
			t.money("price"),
			t.Args["period"], t.Args["license"], quote(t.Args["reason"]), t.dateTime("expires"))
	},
	purchase.NotificationRestored: restoredText,
	purchase.NotificationLedgerAway: always(
		"The ledger file was moved, deleted or replaced while I was running. I won't buy " +
			"anything until it's back in its place. " +
			"Put it back before you stop me, or I won't find it at the next start."),
	purchase.NotificationLedgerBack: always("The ledger file is back in its place. Buying continues."),
	purchase.NotificationUncertain:  uncertainText,
	purchase.NotificationTrouble:    troubleText,
	purchase.NotificationServer:     serverText,
	purchase.NotificationServerBack: always("Orders continue."),
	purchase.NotificationReleased: func(t renderer) text {
		return t.say("CoCalc can't tell any more whether order `%s` for %s was bought. A week has passed, so it no longer "+
			"counts as reserved. "+
			"Look for it in the account's statements, then use `/license settle %s`.", t.Args["order"], t.money("price"),
			t.Args["order"])
	},
	purchase.NotificationUndelivered: func(t renderer) text {
		why := t.say("the user group %s is empty", t.Args["group"])
		if t.is("why", "unlisted") {
			why = t.say("Slack doesn't say who is in the user group %s; I'll keep trying", t.Args["group"])
		}
		said := t.say("A message for admins wasn't delivered: %s.", why)
		if len(t.Causes) > 0 {
			said += " The message: " + t.inner(Notices)
		}
		return said
	},
	purchase.NotificationOutsiders: func(t renderer) text {
		switch purchase.Outsiders(t.Args["why"]) {
		case purchase.OutsidersShared:
			return "This channel is shared with another organization, so I post no prices there. Approvers are asked in " +
				"direct messages. " +
				"To see prices, use a channel that isn't shared."
		case purchase.OutsidersGuests:
			return "Guests or people from other workspaces are in this channel, so I post no prices there. Approvers are " +
				"asked in direct messages. " +
				"To see prices there, remove them from the channel, or use another one."
		default:
			return t.say("I can't look up who is in this channel, so I post no prices there. Approvers are asked in direct " +
				"messages. Reinstall the app with the output of `bot manifest`, and invite it to the channel.")
		}
	},
}

// NoticeWords returns the text of a notice, in one or more paragraphs.
func NoticeWords(n purchase.Notification, r Reader) []string {
	if n.Code == purchase.Untranslated {
		said := n.Args["text"]
		if public := n.Args["public"]; public != "" && !r.Admin {
			said = public
		}
		n.Cause = purchase.Cause{Code: purchase.Untranslated, Args: purchase.Args{"text": strings.ReplaceAll(said, "`", "")}}
		r.Place = Plain
	}
	var paragraphs []string
	for paragraph := range strings.Lines(renderCause(Notices, n.Cause, r)) {
		paragraphs = append(paragraphs, finish(paragraph, r.Place))
	}
	return paragraphs
}

// alarming shows everyone all details of an incident.
func alarming(t renderer) text {
	t.Admin = true
	return t.render(Incidents) + untilResumed(t)
}

// untilResumed is said with every notice of a pause.
func untilResumed(t renderer) text {
	return t.say(" Nothing new will be bought until an admin uses `/license resume`.")
}

// boughtText says what was bought.
func boughtText(t renderer) text {
	said := t.say("License `%s` was bought on the CoCalc account on %s", t.Args["license"], t.dateTime("at"))
	if n := t.Args["purchase"]; n != "" && n != "0" {
		said += t.say(" for %s (CoCalc purchase %s)", t.money("amount"), n)
	}
	return said
}

// itemText says what a cart item is: "Item 77 in the cart (“Statistics”, added Nov 3, 2026, 5:08 PM UTC)".
func itemText(t renderer) text {
	var facts []string
	if t.has("product") {
		facts = append(facts, fmt.Sprintf("product %q", t.Args["product"]))
	}
	if t.has("title") {
		facts = append(facts, quote(t.Args["title"]))
	}
	if t.has("added") {
		facts = append(facts, "added "+t.dateTime("added"))
	}
	if len(facts) == 0 {
		return t.say("Item %s in the cart", t.Args["item"])
	}
	return t.say("Item %s in the cart (%s)", t.Args["item"], strings.Join(facts, ", "))
}

// restoredText reports the result of comparing a restored ledger with CoCalc.
func restoredText(t renderer) text {
	said := text("CoCalc shows purchases made before the ledger was restored.")
	if t.has("record") {
		said = t.say("The ledger was restored from a backup that ends with record %s (%s). I compared it with CoCalc's "+
			"purchases since then.",
			t.Args["record"], t.dateTime("last"))
	}
	some := func(name string) string { return plural(t.number(name), "purchase") }
	if t.has("entered") {
		said += t.say(" I added %s (%s) that the backup lacked to the history and the budgets.", some("entered"),
			t.money("sum"))
	}
	if n := t.number("by-word"); n > 0 {
		was, it := "were", "them"
		if n == 1 {
			was, it = "was", "it"
		}
		said += t.say(" Of these, %s (%s) %s marked as bought by an admin; CoCalc doesn't show %s.", some("by-word"),
			t.money("by-word-sum"), was, it)
	}
	if n := t.number("unattributed"); n > 0 {
		said += t.say(" Of these, %s (%s) %s recorded without a person, because the previous ledger couldn't be read.",
			some("unattributed"), t.money("unattributed-sum"), isAre(n))
	}
	if n := t.number("outside"); n > 0 {
		said += t.say(" %s made outside this bot %s not in it.", some("outside"), isAre(n))
	}
	return said
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// uncertainText says whether a decision counted that was being written when the disk failed.
func uncertainText(t renderer) text {
	what := text("Your click")
	if t.has("typed") {
		what = "Your command"
	}
	if t.has("order") {
		what += t.say(" on order `%s`", t.Args["order"])
	}
	look := t.say(" Check the order with `/license order %s`.", t.Args["look"])
	switch {
	case t.is("counted", "no") && t.has("look"):
		return what + " didn't count." + look
	case t.is("counted", "no") && t.has("buys"):
		return what + " didn't count, so nothing was bought. Please try again."
	case t.is("counted", "no"):
		return what + " didn't count. Please try again."
	case t.has("unshown"):
		return what + " counted. I couldn't show its card, so please type it again."
	case t.has("look"):
		return what + " counted." + look
	}
	return what + " counted."
}

// troubleText says what an admin has to change before CoCalc sells again.
func troubleText(t renderer) text {
	switch t.Args["why"] {
	case "key-refused":
		return t.say("CoCalc doesn't accept the API key %s, or its database is down. Check `COCALC_API_KEY`. Orders "+
			"continue once CoCalc accepts the key.", t.Args["key"])
	case "captcha":
		return t.say("CoCalc sells only to people in its store, not to the account of the API key %s. Ask CoCalc to add the "+
			"account to its partner group.", t.Args["key"])
	case "no-credit":
		short := text("")
		if t.has("missing") {
			short = t.say(" (%s short)", t.money("missing"))
		}
		return t.say("The CoCalc account doesn't have enough credit for an order%s. Add credit at %s.", short,
			t.Args["payments"])
	case "too-little-credit":
		return t.say("The CoCalc account has %s in credit, but an order costs %s. Add credit at %s.", t.money("credit"),
			t.money("price"), t.Args["payments"])
	case "credit-unknown":
		return t.say("`LEAST_CREDIT` keeps %s of the CoCalc account's credit unspent, but this CoCalc server doesn't report "+
			"how much credit is left. "+
			"Remove that setting to allow orders.", t.money("least"))
	case "least-credit":
		return t.say(
			"The CoCalc account has %s in credit and an order costs %s, but `LEAST_CREDIT` keeps %s unspent. Add credit at %s.",
			t.money("credit"), t.money("price"), t.money("least"), t.Args["payments"])
	case "no-licenses":
		return t.say("The CoCalc server at `COCALC_URL` doesn't sell licenses. Check that setting.")
	}
	if !t.has("said") {
		return "CoCalc refused an order and didn't say why."
	}
	return t.say("CoCalc refused an order. It said: %s.", quote(t.Args["said"]))
}

// serverText describes, for admins, what the server is, what follows and what to do: a line for each paragraph.
func serverText(t renderer) text {
	at := t.say("The CoCalc server at `COCALC_URL` (%s) ", t.Args["site"])
	reason := text("")
	if t.has("reason") { // the log and `bot check` explain it
		reason = t.say(" (%s)", t.Args["reason"])
	}
	switch purchase.Condition(t.Args["condition"]) {
	case purchase.SellsMemberships:
		return at + "no longer sells licenses, only memberships, so I've stopped taking orders.\n" + successorText(t) +
			keyText(t) + "\n" + afterLicenses(t)
	case purchase.HasMoved:
		return at + t.say("redirects to %s: it has moved, so I've stopped taking orders. I didn't follow, and the API key "+
			"wasn't sent there. "+
			"If that is CoCalc's successor, it sells no licenses.\n", t.Args["host"]) + successorText(t) +
			"\n" + afterLicenses(t)
	case purchase.Misaddressed:
		if !t.has("address") {
			return at +
				"redirects to itself under another address. Orders wait. Check that setting, and the proxy in front of " +
				"the server."
		}
		return at + t.say("wants to be called by %s. Orders wait. Set `COCALC_URL` to that and restart me.",
			t.Args["address"])
	case purchase.IsDown:
		return at + t.say("has been down for %s%s. Orders wait.", t.duration("seconds"), reason)
	default:
		return t.say("What answers at `COCALC_URL` (%s) isn't CoCalc%s, so I've stopped taking orders. "+
			"Check that setting, and what stands in front of the server.", t.Args["site"], reason)
	}
}

func successorText(t renderer) text {
	return t.say("There, an API key can show whose it is and read the price list (`bot prices`). It can't buy anything, " +
		"and can't see credit, purchases or subscriptions.")
}

func afterLicenses(t renderer) text {
	return t.say("CoCalc's documents say that the unused part of paid licenses is offered as credit: sign in with the " +
		"same e-mail address and open " +
		"Settings → Billing → Legacy billing migration. `bot migrate-report` lists what was paid for.\n" +
		"To buy from a CoCalc server of your own that sells licenses, set `COCALC_URL` and `COCALC_API_KEY` for " +
		"it, start with a new ledger, and keep this one.")
}

// keyText says whether the server accepts the key.
func keyText(t renderer) text {
	key := t.Args["key"]
	switch proof := purchase.KeyProof(t.Args["proof"]); {
	case t.has("older-key"):
		return t.say(" The API key %s has a form that this server never accepts.", key)
	case proof == purchase.KeyValid:
		return t.say(" The API key %s is valid.", key)
	case proof == purchase.KeyRefused:
		return t.say(" The server doesn't accept the API key %s.", key)
	case proof == purchase.KeyLimited:
		return t.say(" The API key %s lacks the capability %s.", key, t.Args["capability"])
	}
	return ""
}
