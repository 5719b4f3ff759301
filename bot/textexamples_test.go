package bot

import (
	"slices"

	"licensebot/purchase"
)

// cause returns a cause with arguments, given as names and values.
func cause(code purchase.CauseCode, args ...string) purchase.Cause {
	c := purchase.Cause{Code: code}
	for i := 0; i+1 < len(args); i += 2 {
		if c.Args == nil {
			c.Args = purchase.Args{}
		}
		c.Args[args[i]] = args[i+1]
	}
	return c
}

// under returns the cause resting on others.
func under(c purchase.Cause, others ...purchase.Cause) purchase.Cause {
	c.Causes = others
	return c
}

// settledBy returns what an admin said of an order of unknown outcome.
func settledBy(name, verdict, reason string) *purchase.Cause {
	c := cause(purchase.SettledByAdmin, "by", "UDANA", "name", name, "verdict", verdict, "reason", reason)
	return &c
}

const (
	exampleOrder   = "01JD8Z3V5TQ4X6B7N8M9P0RSTV"
	exampleLicense = "0b6c9f2e-7b64-4d0a-9c8e-1b2d3f4a5c6e"
	exampleTime    = "2026-11-22T12:00:00Z"
)

// incidents are examples of why buying is paused.
var incidents = []purchase.Cause{
	cause(purchase.IncidentSaid, "reason", hostile),
	cause(purchase.IncidentForeignKey, "key", "sk-…f3Xa", "account", "8c7e9a10", "ledger", "1d2e3f40"),
	cause(purchase.IncidentUnknown, "first", exampleOrder, "second", "01JD8Z3V5TQ4X6B7N8M9P0RSTW"),
	cause(purchase.IncidentCharged, "order", exampleOrder, "charged", "7013", "agreed", "6375"),
	cause(purchase.IncidentUnexplained, "license", exampleLicense, "purchase", "77", "amount", "6375"),
	cause(purchase.IncidentUnattributed, "license", exampleLicense, "purchase", "77", "amount", "6375", "order",
		exampleOrder),
	cause(purchase.IncidentDoubleBuy, "order", exampleOrder, "item", "7", "times", "2", "amount", "6375"),
	cause(purchase.IncidentNewLedger, "purchases", "3"),
	under(cause(purchase.IncidentBooks, "more", "2"), purchase.NewFinding("order "+exampleOrder, purchase.FoundNoReceipt,
		exampleOrder).Cause()),
	cause(purchase.IncidentOther, "text", "something of an older version"),
}

func paused(code purchase.CauseCode, by, name string, why ...purchase.Cause) purchase.Cause {
	return under(cause(code, "since", exampleTime, "by", by, "name", name), why...)
}

// examples are causes of every noun: each code, with every argument that changes its words.
var examples = map[Noun][]purchase.Cause{
	Refusals: slices.Concat([]purchase.Cause{
		cause(purchase.NotABuyer, "setting", "BUYERS"),
		cause(purchase.NotABuyer, "setting", "BUYERS", "buyers", "none"),
		cause(purchase.NotABuyer, "setting", "BUYERS", "uncharged", "true"),
		cause(purchase.NotHere, "setting", "CHANNELS", "channels", "C0LICENSES"),
		cause(purchase.WrongPeriod, "setting", "PERIODS", "period", "monthly", "allowed", "range"),
		cause(purchase.WrongPeriod, "setting", "PERIODS", "period", "monthly", "allowed", "range yearly", "renewing", "true"),
		cause(purchase.TooLarge, "setting", "MAX_RAM", "size", "ram", "asked", "16", "limit", "8"),
		cause(purchase.TooLarge, "setting", "MAX_CPU", "size", "cpu", "asked", "2", "limit", "1"),
		cause(purchase.TooLarge, "setting", "MAX_DISK", "size", "disk", "asked", "20", "limit", "10"),
		cause(purchase.TooLarge, "setting", "MAX_RUN_LIMIT", "size", "run_limit", "asked", "2", "limit", "1"),
		cause(purchase.TooLarge, "setting", "MAX_DAYS", "size", "days", "asked", "30", "limit", "29"),
		cause(purchase.OverOrderLimit, "setting", "ORDER_LIMIT", "price", "6375", "limit", "5000"),
		cause(purchase.OverBudget, "setting", "MONTHLY_BUDGET", "price", "6375", "left", "5000", "limit", "10000", "resets",
			"2026-12-01T00:00:00Z"),
		cause(purchase.OverBudget, "setting", "MONTHLY_BUDGET", "price", "6375", "left", "5000", "limit", "10000", "resets",
			"2026-12-01T00:00:00Z", "again", "6375", "due", "1275"),
		cause(purchase.OverRenewals, "setting", "RENEWALS_LIMIT", "price", "6375", "left", "5000", "limit", "100000"),
		cause(purchase.OverPersonBudget, "setting", "PERSON_BUDGET", "price", "6375", "left", "999", "limit", "6999",
			"resets", "2026-12-01T00:00:00Z"),
		cause(purchase.TooMany, "setting", "PERSON_ORDERS", "limit", "1", "ordered", "1", "zone", "Europe/Vienna"),
		cause(purchase.Outsider, "unknown", "groups"),
		cause(purchase.Outsider, "unknown", "requester"),
		cause(purchase.Outsider, "unknown", "approver", "by", "UERIN", "name", "erin"),
		cause(purchase.Outsider, "unknown", "buyer"),
	}, standings("buy"), standings("see"), []purchase.Cause{
		cause(purchase.NotYours),
		cause(purchase.NotYours, "doing", "see"),
		cause(purchase.NotAViewer),
		cause(purchase.NotYourLicense),
		cause(purchase.NotAnAdmin),
		cause(purchase.NotAnAdmin, "admins", "none"),
		cause(purchase.NotAnApprover),
		cause(purchase.OwnOrder, "doing", "approve", "order", exampleOrder),
		cause(purchase.OwnOrder, "doing", "settle"),
		cause(purchase.OwnOrder, "doing", "settle", "watched", "true"),
		cause(purchase.NotAgreed, "needs", "1", "has", "0"),
		cause(purchase.NotAgreed, "needs", "2", "has", "1"),
		cause(purchase.NobodyToAsk, "lacks", "channel"),
		cause(purchase.NobodyToAsk, "lacks", "approvers", "approvals", "1"),
		cause(purchase.NobodyToAsk, "lacks", "approvers", "approvals", "2"),
		cause(purchase.NobodyToAsk, "lacks", "access", "problem", "not_in_channel"),
		cause(purchase.NobodyToAsk, "lacks", "access", "problem", "is_archived"),
		cause(purchase.NoReason, "doing", "pause"),
		cause(purchase.NoReason, "doing", "deny"),
		cause(purchase.NoReason, "doing", "settle"),
		cause(purchase.NoReason, "doing", "approval"),
		cause(purchase.NoSuchOrder),
		paused(purchase.AlreadyDone, "UDANA", "dana", incidents[0]).With("doing", "pause"),
		cause(purchase.AlreadyDone, "doing", "resume"),
		cause(purchase.AlreadyDone, "doing", "approve", "needs", "0"),
		cause(purchase.AlreadyDone, "doing", "approve", "needs", "1"),
		cause(purchase.AlreadyDone, "doing", "approve", "needs", "2"),
	}, inStates(purchase.AlreadyDone, "confirm"), inStates(purchase.TooLate, "confirm"), []purchase.Cause{
		cause(purchase.AlreadyDone, "doing", "confirm", "state", "failed", "charged", "maybe"),
		cause(purchase.TooLate, "doing", "confirm", "state", "cancelled", "replaced", exampleOrder),
		cause(purchase.TooLate, "doing", "confirm", "state", "proposed", "price", "6375"),
		cause(purchase.TooLate, "doing", "confirm", "new-price", "7013"),
	}, inStates(purchase.TooLate, "cancel"), inStates(purchase.TooLate, "settle"), inStates(purchase.TooLate, "decide"),
		[]purchase.Cause{
			cause(purchase.TooLate, "doing", "change", "state", "cancelled", "replaced", exampleOrder),
			cause(purchase.TooLate, "doing", "cancel", "state", "purchased", "subscriptions",
				"https://cocalc.com/settings/subscriptions"),
			cause(purchase.TooLate, "doing", "decide", "state", "denied", "decision", "denied", "by", "UERIN", "name", "erin",
				"decided", exampleTime),
			cause(purchase.TooLate, "doing", "decide", "state", "purchased", "decision", "approved", "by", "UERIN", "name",
				"erin", "decided", exampleTime),
			cause(purchase.TooLate, "doing", "decide", "state", "cancelled", "requester", "UALICE", "requester-name", "alice",
				"at", exampleTime,
				"decision", "approved", "by", "UERIN", "name", "erin", "decided", exampleTime),
			cause(purchase.StaleCard),
			cause(purchase.Elsewhere),
			cause(purchase.TooFast, "cards", "40"),
			cause(purchase.Unreadable, "what", "verdict"),
			cause(purchase.Unreadable, "what", "license", "license", exampleLicense, "order", exampleOrder),
			cause(purchase.NotBroken, "item", "77"),
			cause(purchase.NoSuchProject, "project", "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51"),
			cause(purchase.NoSuchProject, "project", "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51", "deleted", "true"),
			cause(purchase.ProjectUnread),
			under(cause(purchase.ProjectUnread), cause(purchase.NotRead, "why", "key-refused", "told", "yes")),
			paused(purchase.Paused, "UDANA", "dana", incidents[0]),
			paused(purchase.Paused, purchase.BotName, "", incidents[1:]...),
			cause(purchase.ShuttingDown),
			cause(purchase.ShuttingDown, "undone", "true"),
			cause(purchase.LedgerAway, "told", "yes"),
			cause(purchase.Doubtful, "answered", "true"),
			cause(purchase.Doubtful, "typed", "true", "answered", "true", "order", exampleOrder),
			cause(purchase.Doubtful, "order", exampleOrder),
			cause(purchase.Doubtful, "typed", "true"),
			cause(purchase.DiskFull),
			cause(purchase.AccessLost),
			cause(purchase.Restoring),
			cause(purchase.NotSold, "condition", string(purchase.SellsMemberships), "told", "yes"),
			cause(purchase.NotSold, "condition", string(purchase.HasMoved), "host", "cocalc.ai", "told", "yes"),
			cause(purchase.NotSold, "condition", string(purchase.IsForeign), "told", "no"),
			cause(purchase.NotRead),
			cause(purchase.NotRead, "why", "key-refused", "told", "no"),
			cause(purchase.NotRead, "why", "unknown-license"),
			cause(purchase.NotRead, "why", "no-licenses"),
			cause(purchase.NotRead, "why", "not-for-keys"),
			cause(purchase.NotRead, "why", "capability", "told", "yes"),
			cause(purchase.NotRead, "why", "redirected", "told", "yes"),
			cause(purchase.NotRead, "why", "throttled", "seconds", "30"),
			cause(purchase.NotRead, "why", "no-answer"),
			cause(purchase.NoRenewals, "why", "not-for-keys"),
			cause(purchase.NoRenewals, "why", "no-list"),
			under(cause(purchase.NoRenewals), cause(purchase.NotRead, "why", "no-answer")),
		}),
	Failures: {
		cause(purchase.FailPriceMoved, "was", "6375", "now", "7013"),
		cause(purchase.FailPriceMoved, "was", "6375", "now", "7013", "waited", "true"),
		under(cause(purchase.FailPriceMoved), cause(purchase.Untranslated, "text", "What `older` versions *said*.")),
		cause(purchase.FailNoCredit, "told", "yes"),
		cause(purchase.FailNoCredit, "missing", "6275", "told", "no"),
		cause(purchase.FailNoCredit, "unknown", "true", "told", "yes"),
		cause(purchase.FailKey, "told", "yes"),
		cause(purchase.FailUnreachable),
		cause(purchase.FailUnreachable, "why", "throttled"),
		cause(purchase.FailUnreachable, "why", "down"),
		cause(purchase.FailUnreachable, "why", "address"),
		cause(purchase.FailRefused, "told", "yes"),
		under(cause(purchase.FailRefused), paused(purchase.Paused, "UDANA", "dana", incidents[0])),
		under(cause(purchase.FailRefused), cause(purchase.Restoring)),
		cause(purchase.FailCart, "why", "edited"),
		cause(purchase.FailCart, "why", "removed"),
		cause(purchase.FailCart, "why", "different"),
		cause(purchase.FailCart, "why", "not-added"),
		cause(purchase.FailCart, "why", "blocked", "cart", "https://cocalc.com/store/cart"),
		cause(purchase.FailCart, "why", "blocked", "item", "77", "cart", "https://cocalc.com/store/cart"),
		cause(purchase.FailNotSold, "why", "captcha", "told", "yes"),
		cause(purchase.FailNotSold, "why", "no-licenses", "told", "yes"),
		cause(purchase.FailNotSold, "why", "redirected", "told", "yes"),
		cause(purchase.FailNotSold, "why", "server", "condition", string(purchase.SellsMemberships)),
		cause(purchase.FailNotSold, "why", "server", "condition", string(purchase.HasMoved)),
		under(cause(purchase.FailSettled, "seconds", "1200"), cause(purchase.HeldAnswerLost)),
		under(cause(purchase.FailSettled, "seconds", "1200"),
			cause(purchase.Untranslated, "text", "The hold of an older version")),
		under(cause(purchase.FailSettled), cause(purchase.Untranslated, "text", "The failure of an older version.")),
		cause(purchase.FailTermOver),
		*settledBy("dana", "not-bought", hostile),
		settledBy("dana", "not-bought", "asked support").With("watched", "true"),
		under(cause(purchase.FailPolicy), cause(purchase.NotABuyer, "setting", "BUYERS")),
		under(cause(purchase.FailNobodyAsked), cause(purchase.NobodyToAsk, "lacks", "access", "problem", "not_in_channel")),
		under(cause(purchase.FailProject), cause(purchase.NoSuchProject, "project", "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51",
			"deleted", "true")),
		cause(purchase.FailRestored),
	},
	Waits: {
		cause(purchase.WaitsForResume),
		cause(purchase.WaitsForLedger),
		cause(purchase.WaitsForCheckout),
		cause(purchase.WaitsForSlack),
		cause(purchase.WaitsForTurn),
		cause(purchase.WaitsForTurn, "seconds", "90"),
		cause(purchase.WaitsForKey, "key", "sk-…f3Xa", "told", "yes"),
		cause(purchase.WaitsForKey),
		cause(purchase.WaitsForCart),
		cause(purchase.WaitsForCoCalc),
		cause(purchase.WaitsForServer, "condition", string(purchase.SellsMemberships), "told", "yes"),
		cause(purchase.WaitsForServer, "condition", string(purchase.HasMoved)),
		cause(purchase.WaitsForServer, "condition", string(purchase.IsForeign)),
		cause(purchase.WaitsForServer, "condition", string(purchase.Misaddressed), "told", "no"),
		cause(purchase.WaitsForServer, "condition", string(purchase.IsDown)),
		cause(purchase.WaitsForServer, "condition", string(purchase.IsDown), "has", "item"),
		cause(purchase.WaitsForServer, "condition", string(purchase.Misaddressed), "has", "item"),
		cause(purchase.WaitsForServer, "condition", string(purchase.HasMoved), "has", "checkout"),
		cause(purchase.Untranslated, "text", "What `older` versions *said*."),
	},
	Holds: {
		cause(purchase.HeldNotShown),
		cause(purchase.HeldStopped),
		cause(purchase.HeldAnswerLost),
		cause(purchase.HeldUnreadable),
	},
	Incidents: append(slices.Clone(incidents),
		under(cause(purchase.IncidentBooks), cause(purchase.Untranslated, "text", "The books of an older version.")),
		under(cause(purchase.IncidentUnattributed),
			cause(purchase.Untranslated, "text", "A purchase with its order, of an older version."))),
	Notices:   noticeExamples,
	Findings:  findingExamples(),
	Comparing: comparisonExamples,
	Evidence: {
		cause(purchase.ShowsNeverSent),
		cause(purchase.ShowsTagged, "license", exampleLicense),
		cause(purchase.ShowsTagged, "license", exampleLicense, "but", "older"),
		cause(purchase.ShowsTagged, "license", exampleLicense, "but", "different"),
		cause(purchase.ShowsNoTagged),
		cause(purchase.ShowsNoTagged, "licenses", "3"),
		cause(purchase.ShowsUnread, "what", "cart"),
		cause(purchase.ShowsIncompletely),
		cause(purchase.ShowsItem),
		cause(purchase.ShowsItem, "item", "7", "state", "deleted"),
		cause(purchase.ShowsItem, "item", "7", "state", "bought", "at", exampleTime, "license", exampleLicense),
		cause(purchase.ShowsItem, "item", "7", "state", "removed", "at", exampleTime),
		cause(purchase.ShowsItem, "item", "7", "state", "in-cart"),
		cause(purchase.ShowsNoPurchases),
		cause(purchase.ShowsNoPurchases, "rows", "4"),
		cause(purchase.ShowsNoPurchases, "older", "true"),
		cause(purchase.ShowsPurchase, "purchase", "77", "at", exampleTime, "license", exampleLicense, "amount", "6375"),
		cause(purchase.ShowsPurchase, "purchase", "77", "at", exampleTime, "license", exampleLicense, "amount", "6375", "but",
			"older"),
		cause(purchase.ShowsPurchase, "purchase", "77", "at", exampleTime, "license", exampleLicense, "amount", "6375", "but",
			"copied"),
		cause(purchase.ShowsAccount, "account", "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51"),
	},
	Results: slices.Concat(decisionExamples(), []purchase.Cause{
		cause(purchase.ItemTakenOut, "item", "77", "cart", "https://cocalc.com/store/cart"),
		cause(purchase.ItemGone, "item", "77"),
		cause(purchase.ItemBought, "item", "77"),
		*settledBy("dana", "bought", "CoCalc's support said so"),
		cause(purchase.CartItem, "item", "77", "product", "voucher", "title", "Statistics", "added", exampleTime),
		cause(purchase.LeftOut, "purchases", "2", "amount", "12750"),
		purchase.Checkpoint{Number: 700, Hash: "0f3a9c", Entries: 80, Month: "2026-11", Spent: 6375}.Cause(),
		cause(purchase.ResultRenewed, "license", exampleLicense, "amount", "6375", "purchase", "126", "until", exampleTime),
		cause(purchase.ResultEdited, "license", exampleLicense, "amount", "1230", "purchase", "144", "until", exampleTime),
		cause(purchase.ResultEdited, "license", exampleLicense, "amount", "-1230", "purchase", "145", "until", exampleTime),
		cause(purchase.ResultRefunded, "license", exampleLicense, "amount", "-6375", "purchase", "150", "refunds", "126"),
		cause(purchase.ResultRefundRequested, "license", exampleLicense, "purchase", "127", "by", "UDANA"),
		cause(purchase.ResultRefundDone, "license", exampleLicense, "purchase", "127", "refund", "130"),
		cause(purchase.ResultNotDouble, "license", exampleLicense, "purchase", "127"),
		cause(purchase.SubscriptionCancelled, "license", exampleLicense, "subscription", "44", "amount", "6375", "period",
			"month", "until", exampleTime),
		cause(purchase.SubscriptionResumed, "license", exampleLicense, "subscription", "44", "amount", "6375", "period",
			"month", "until", exampleTime),
		cause(purchase.SubscriptionRepriced, "license", exampleLicense, "subscription", "44", "amount", "12750", "period",
			"year", "until", exampleTime),
		cause(purchase.HistoryPruned, "through", "512", "records", "31", "orders", "1", "before", "2025-10-25", "digest",
			"0f3a9c"),
	}),
}

// standings are refusals of everyone who is no full member.
func standings(doing string) (all []purchase.Cause) {
	for _, s := range []purchase.Membership{
		purchase.Guest, purchase.Robot, purchase.Deactivated, purchase.Foreign,
		purchase.Unverified,
	} {
		all = append(all, cause(purchase.Outsider, "doing", doing, "standing", string(s)))
	}
	return all
}

// inStates are refusals of one thing in every state of an order.
func inStates(code purchase.CauseCode, doing string) (all []purchase.Cause) {
	for _, s := range []purchase.State{
		purchase.Proposed, purchase.AwaitingApproval, purchase.Approved, purchase.Paying, purchase.Unknown,
		purchase.Purchased, purchase.Failed, purchase.Cancelled, purchase.Expired, purchase.Denied,
	} {
		late := doing == "confirm" && (s == purchase.Cancelled || s == purchase.Expired)
		if doing == "confirm" && late != (code == purchase.TooLate) {
			continue
		}
		c := cause(code, "doing", doing, "state", string(s))
		switch {
		case doing == "cancel":
			c = c.With("order", exampleOrder)
		case doing == "decide" && s == purchase.Cancelled:
			c = c.With("requester", "UALICE").With("requester-name", "alice").With("at", exampleTime)
		case doing == "decide":
			c = c.With("at", exampleTime)
		}
		all = append(all, c)
	}
	return all
}
