package bot

import (
	"strconv"
	"strings"

	"licensebot/purchase"
)

// refusalWords are the sentences of refusals. Each says what happened and what to do.
var refusalWords = map[purchase.CauseCode]wording{
	purchase.NotABuyer: withSetting(func(t renderer) text {
		if t.is("buyers", "none") {
			return "No one can buy licenses here yet. Your admins can change that."
		}
		return "You aren't on the list of people who can buy licenses. Your admins can add you."
	}),
	purchase.NotHere: withSetting(func(t renderer) text {
		return "You can't buy licenses in this channel. Your admins can allow it."
	}),
	purchase.WrongPeriod: withSetting(wrongPeriod),
	purchase.TooLarge: withSetting(func(t renderer) text {
		return t.say("You asked for %s, but the limit is %s. Reduce it, or ask your admins for a higher limit.",
			sizeAsked(t.Args["size"], t.number("asked")), sizeOf(t.Args["size"], t.number("limit")))
	}),
	purchase.OverOrderLimit: withSetting(func(t renderer) text {
		return t.say("This costs %s, more than the limit of %s per order. Choose a smaller license, or ask your admins for "+
			"a higher limit.",
			t.money("price"), t.money("limit"))
	}),
	purchase.OverBudget: withSetting(func(t renderer) text {
		return costsText(t) + t.say(", but only %s of this month's budget of %s is left%s. The next budget starts on %s. "+
			"Wait until then, order less, or ask your admins for a higher limit. `/license budget` shows what's been "+
			"spent and reserved.",
			t.money("left"), t.money("limit"), dueText(t), t.date("resets"))
	}),
	purchase.OverPersonBudget: withSetting(func(t renderer) text {
		return costsText(t) + t.say(", but only %s of your monthly limit of %s is left%s. Your limit resets on %s. "+
			"Wait until then, order less, or ask your admins for a higher limit. `/license budget` shows what you've spent.",
			t.money("left"), t.money("limit"), dueText(t), t.date("resets"))
	}),
	purchase.OverRenewals: withSetting(func(t renderer) text {
		return t.say("This renews for %s a month, but only %s of the %s a month for all licenses that renew is left. "+
			"Choose a fixed term such as `days=30`, order less, or ask your admins for a higher limit.",
			t.money("price"), t.money("left"), t.money("limit"))
	}),
	purchase.TooMany: withSetting(func(t renderer) text {
		return t.say("You can order %s a day, and you've already ordered %d today (withdrawn requests count too). "+
			"Try again after midnight (%s), or ask your admins for a higher limit.",
			plural(t.number("limit"), "license"), t.number("ordered"), t.Args["zone"])
	}),

	purchase.Outsider: withUncharged(outsiderWords),
	purchase.NotYours: withUncharged(func(t renderer) text {
		if t.is("doing", "see") {
			return "This is someone else's order. Only its requester, approvers and admins can see it."
		}
		return t.say("Only the person who requested this order can do that. To order a license yourself, use `/license buy`.")
	}),
	purchase.NotAViewer: always("You can't see your team's licenses or what they cost. Your admins can change that."),
	purchase.NotYourLicense: always("Only the person who bought this license, approvers and admins can end or keep its " +
		"subscription."),
	purchase.NotAnAdmin: func(t renderer) text {
		if t.is("admins", "none") {
			return "Only admins can do that, and there are none yet."
		}
		return "Only admins can do that. Please ask one of your admins."
	},
	purchase.NotAnApprover: always("Only approvers can approve or deny this order. Your admins can make you one."),
	purchase.OwnOrder: func(t renderer) text {
		if t.is("doing", "approve") {
			return t.say("You can't approve your own order. Another approver has to. To withdraw it, use `/license cancel %s`.",
				t.Args["order"])
		}
		said := text("You can't resolve your own order. Another admin has to.")
		if t.has("watched") {
			said += " I'm still checking CoCalc, so it may resolve on its own."
		}
		return said
	},
	purchase.NotAgreed: withUncharged(func(t renderer) text {
		needs := "approval"
		if n := t.number("needs"); n > 1 {
			needs = string(t.say("%d approvals and has %d", n, t.number("has")))
		}
		return t.say(
			"The approval rules changed while this order was waiting: it now needs %s. To order again, use `/license buy`.",
			needs)
	}),
	purchase.NobodyToAsk: withUncharged(nobodyToAsk),
	purchase.NoReason: func(t renderer) text {
		switch t.Args["doing"] {
		case "pause":
			return t.say("Add a reason, e.g. `/license pause month-end close`. Anyone who tries to buy will see it.")
		case "deny":
			return "Add a reason for the requester."
		case "settle":
			return "Please say how you know. Your reason is kept on record."
		}
		return "This order needs approval. Tell the approvers why you need it."
	},

	purchase.NoSuchOrder: withUncharged(func(t renderer) text {
		return t.say("There's no order with that id. `/license history` shows past purchases.")
	}),
	purchase.AlreadyDone: alreadyDone,
	purchase.TooLate:     tooLate,
	purchase.StaleCard: withUncharged(
		always("This card is out of date, so your click didn't count. Use the newer one in this channel.")),
	purchase.Elsewhere: withUncharged(
		always("This order's card is in another channel, so your click didn't count. Use the buttons there.")),
	purchase.TooFast: withUncharged(func(t renderer) text {
		return t.say("You've made %d order cards in a short time. Wait a minute, then try again.", t.number("cards"))
	}),
	purchase.Unreadable: func(t renderer) text {
		if t.is("what", "license") {
			return t.say("License %s was already bought with order %s, so it can't belong to this order.", t.Args["license"],
				t.Args["order"])
		}
		return t.say("I couldn't tell whether you marked it as bought or as not bought. Please use `/license settle` again.")
	},
	purchase.NotBroken: func(t renderer) text {
		return t.say("Item %s doesn't block the cart now, so I left it there.", t.Args["item"])
	},
	purchase.NoSuchProject: withUncharged(func(t renderer) text {
		if t.has("deleted") {
			return t.say("The project `%s` was deleted on CoCalc. Use another one, or leave out `project`.", t.Args["project"])
		}
		return t.say("The team's CoCalc account isn't in a project with the id `%s`. Check the id, or leave out `project`.",
			t.Args["project"])
	}),
	purchase.ProjectUnread: withUncharged(func(t renderer) text {
		if len(t.Causes) > 0 {
			return t.inner(Refusals)
		}
		return "I couldn't check the project with CoCalc. Please try again in a minute."
	}),

	purchase.Paused: withUncharged(func(t renderer) text {
		who := text("An admin")
		if t.Admin {
			who = "You"
		}
		return t.say("Buying is paused. %s %s can resume it with `/license resume`.", pauseText(t), who)
	}),
	purchase.ShuttingDown: withUncharged(func(t renderer) text {
		if t.has("undone") {
			return "I'm restarting, so that didn't go through. Please try again in a minute."
		}
		return "I'm restarting. Please try again in a minute."
	}),
	purchase.LedgerAway: withUncharged(func(t renderer) text {
		return sentences("Buying is on hold until an admin puts my records back.", t.adminsNotified())
	}),
	purchase.Doubtful: doubtful,
	purchase.DiskFull: withUncharged(
		always("My disk is full, so I can't take new orders. Orders in progress will finish. " +
			"Ask your admins to free some space, then try again.")),
	purchase.AccessLost: withUncharged(
		always("I've lost access to Slack, so buying is paused. Please tell your admins: my log says what to fix.")),
	purchase.Restoring: withUncharged(
		always("My records were just restored from a backup, and I'm comparing them with CoCalc first, so nothing was " +
			"bought. " +
			"Please try again in a few minutes.")),
	purchase.NotSold: withUncharged(notSold),
	purchase.NotRead: notRead,
	purchase.NoRenewals: func(t renderer) text {
		switch t.Args["why"] {
		case "not-for-keys":
			return "CoCalc doesn't let API keys see renewals."
		case "no-list":
			return "This CoCalc server has no list of renewals."
		}
		return "I couldn't check renewals. " + t.inner(Refusals)
	},
}

func wrongPeriod(t renderer) text {
	if !t.has("renewing") {
		return t.say("Licenses that renew aren't allowed here. Order a fixed term, e.g. `days=30`, or ask your admins to " +
			"allow renewals.")
	}
	var allowed []string
	for _, period := range strings.Fields(t.Args["allowed"]) {
		allowed = append(allowed, "`period="+period+"`")
	}
	return t.say("`period=%s` isn't allowed here. Use "+strings.Join(allowed, " or ")+", or ask your admins to allow it.",
		t.Args["period"])
}

// sizeAsked and sizeOf say how large a license was wanted, and how large it may be.
func sizeAsked(size string, n int) string {
	switch size {
	case "ram":
		return sizeOf(size, n) + " of RAM"
	case "disk":
		return sizeOf(size, n) + " of disk"
	case "run_limit":
		return sizeOf(size, n) + " running at once"
	case "days":
		return "a term of " + sizeOf(size, n)
	}
	return sizeOf(size, n)
}

func sizeOf(size string, n int) string {
	switch size {
	case "cpu":
		return plural(n, "core")
	case "run_limit":
		return plural(n, "project")
	case "days":
		return plural(n, "day")
	}
	return strconv.Itoa(n) + " GB"
}

// outsiderWords refuse people who are not full members, and those whom Slack can't confirm.
func outsiderWords(t renderer) text {
	switch t.Args["unknown"] {
	case "groups":
		return "Slack didn't tell me which user groups you're in, so I couldn't check your permissions. Please try again " +
			"in a minute."
	case "requester":
		return "Slack didn't tell me whether the requester can still buy, so your approval doesn't count yet. Please try " +
			"again in a minute."
	case "approver":
		return t.say("Slack didn't tell me whether %s, who approved this order before you, is still an approver, so your "+
			"approval doesn't count yet. "+
			"Please try again in a minute.", t.person("by", "name"))
	case "buyer":
		return t.say("Slack didn't tell me whether you can still buy. To order again, use `/license buy`.")
	}
	can := "buy or approve licenses"
	if t.is("doing", "see") {
		can = "see licenses or what they cost"
	}
	switch purchase.Membership(t.Args["standing"]) {
	case purchase.Guest:
		return t.say("Guests can't %s. Ask a member of this workspace.", can)
	case purchase.Robot:
		return t.say("Apps can't %s. Ask a member of this workspace.", can)
	case purchase.Deactivated:
		return "Your account in this workspace is deactivated. Ask a member of this workspace."
	case purchase.Unverified:
		return "Slack didn't tell me who you are, so I couldn't check your permissions. Please try again in a minute."
	default:
		if !t.is("doing", "see") {
			can += " here"
		}
		return t.say("People from other workspaces can't %s. Ask a member of this workspace.", can)
	}
}

func nobodyToAsk(t renderer) text {
	switch t.Args["lacks"] {
	case "channel":
		return "This order needs approval, but no approvals channel is set up. Please tell your admins."
	case "approvers":
		if n := t.number("approvals"); n > 1 {
			return t.say("This order needs %d approvals, and there are too few approvers besides you. Your admins can add more.",
				n)
		}
		return "This order needs approval, and there are no approvers besides you. Your admins can add one."
	}
	switch problem := t.Args["problem"]; problem {
	case "not_in_channel", "channel_not_found":
		return t.say("This order needs approval, but I'm not in the approvers' channel (Slack says %s). "+
			"Ask someone there to type `/invite @licensebot`, then order again.", problem)
	default:
		return t.say("This order needs approval, but Slack doesn't let me post in the approvers' channel (it says %s). "+
			"Please tell your admins.", problem)
	}
}

// doubtful says that the next start will show whether a decision was stored.
func doubtful(t renderer) text {
	what := "click"
	if t.has("typed") {
		what = "command"
	}
	switch {
	case t.has("answered"):
		return t.say("I don't know yet whether your %s counted. I'll tell you.", what)
	case t.has("order"):
		return t.say("I don't know yet whether your %s counted. Please check `/license order %s` in a few minutes.", what,
			t.Args["order"])
	}
	return t.say("I don't know yet whether your %s counted. Please try again in a few minutes.", what)
}

const (
	lostCoCalc = "I've lost access to CoCalc."
	// goneCoCalc is what buyers read of a server that leads elsewhere. Admins read where to: a network's sign-in page
	// leads to another host just as a server that has moved does, so a buyer who read its name could take it for CoCalc.
	goneCoCalc = "I can't reach CoCalc where it was."
)

// stillHere says what can be read without CoCalc.
func stillHere(t renderer) text {
	return t.say("Your purchase history is still here: `/license history`.")
}

// notSold says why the CoCalc server sells nothing.
func notSold(t renderer) text {
	switch condition := purchase.Condition(t.Args["condition"]); {
	case condition == purchase.HasMoved && t.Admin:
		return sentences(t.say("The CoCalc server at `COCALC_URL` redirects to %s. I don't follow, so I can't buy licenses.",
			t.Args["host"]), stillHere(t))
	case condition == purchase.IsForeign && t.Admin:
		return sentences(t.say("What answers at `COCALC_URL` isn't CoCalc, so I can't buy licenses."), stillHere(t))
	case condition == purchase.HasMoved, condition == purchase.IsForeign:
		return sentences(goneCoCalc, t.adminsNotified(), stillHere(t))
	case t.Admin:
		return sentences("This CoCalc server no longer sells licenses, only memberships.", stillHere(t))
	}
	return sentences("This CoCalc server no longer sells licenses.", stillHere(t))
}

// notRead says why something could not be read: an unread list is not an empty one.
func notRead(t renderer) text {
	switch t.Args["why"] {
	case "":
		return "Something went wrong. Please try again. If it keeps happening, tell your admins."
	case "key-refused":
		return sentences(lostCoCalc, t.adminsNotified())
	case "unknown-license":
		return t.say("CoCalc doesn't know a license with that id. Use `/license list` to see the account's licenses.")
	case "no-licenses":
		return sentences("This CoCalc server no longer sells licenses, so they can't be read there.", stillHere(t))
	case "not-for-keys":
		return sentences("CoCalc doesn't let API keys see this.", stillHere(t))
	case "capability":
		return sentences("CoCalc doesn't let this bot see this.", t.adminsNotified())
	case "redirected":
		return sentences(goneCoCalc, t.adminsNotified())
	case "throttled":
		return t.say("CoCalc asked me to wait %s. Please try again then.", t.duration("seconds"))
	}
	return "CoCalc isn't responding. Please try again in a few minutes."
}

// costsText says what an order costs in its month.
func costsText(t renderer) text {
	if t.has("again") {
		return t.say("This costs %s, and %s again for its renewal in the same month", t.money("price"), t.money("again"))
	}
	return t.say("This costs %s", t.money("price"))
}

// dueText says what renewals still cost in the month.
func dueText(t renderer) text {
	if !t.has("due") {
		return ""
	}
	return t.say(", after %s for renewals that are due", t.money("due"))
}
