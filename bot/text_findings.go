package bot

import (
	"licensebot/purchase"
)

// findingWords has the sentences of contradictions within a ledger, or between a ledger and CoCalc.
var findingWords = map[purchase.CauseCode]wording{
	purchase.FoundEntriesOfOneLicense:  template("Entries %s and %s of the purchase log both name license %s."),
	purchase.FoundEntriesOfOnePurchase: template("Entries %s and %s of the purchase log both name CoCalc purchase %s."),
	purchase.FoundEntryWithoutOrder: template(
		"Entry %s of the purchase log is for order %q, which isn't in the ledger."),
	purchase.FoundPauseUnrecorded:  template("Buying is paused, but no audit record says so."),
	purchase.FoundResumeUnrecorded: template("Buying isn't paused, but no audit record says that it was resumed."),
	purchase.FoundRecordWithoutOrder: template(
		"Audit record %s says that order %q became %s, but there is no such order."),
	purchase.FoundRecordImpossible: template("Audit record %s says that order %s became %s, which can't follow %s."),
	purchase.FoundRecordPrice:      template("Audit record %s says that order %s costs %s, but the order says %s."),
	purchase.FoundBudgetSpent: template(
		"The budget for %s says that %s was spent, but the purchase log adds up to %s."),
	purchase.FoundBudgetReserved: template(
		"The budget for %s says that %s is reserved, but its open orders add up to %s."),
	purchase.FoundBudgetCount: template("The budget for %s counts %s licenses, but the purchase log has %s."),
	purchase.FoundBudgetPerson: template(
		"The budget for %s says that %s spent %s and has %s reserved, but the log and the orders add up to %s and %s."),
	purchase.FoundUpkeepWithoutPurchase: template(
		"Entry %s of the purchase log is about license %s, which no entry says was bought."),
	purchase.FoundBudgetUpkeep: template(
		"The budget for %s says that renewals, changes and refunds cost %s, but the purchase log adds up to %s."),
	purchase.FoundBudgetPersonUpkeep: template(
		"The budget for %s says that renewals, changes and refunds of %s cost %s, but the purchase log adds up to %s."),
	purchase.FoundOrderState:          template("Order %s is %s, but its last audit record (%s) says %s."),
	purchase.FoundOrderNotSent:        template("Order %s reached checkout, but doesn't say that checkout was sent."),
	purchase.FoundOrderSentUnrecorded: template("Order %s says that checkout was sent, but no audit record does."),
	purchase.FoundEntryOfUnbought: template(
		"Order %s is %s, but entry %s of the purchase log says that it was bought."),
	purchase.FoundReceiptOfUnbought: template("Order %s is %s, but has a receipt."),
	purchase.FoundNoReceipt:         template("Order %s was bought, but has no receipt."),
	purchase.FoundEntryMonth:        template("Order %s counts in %s, but its entry %s of the purchase log counts in %s."),
	purchase.FoundOrderNotLogged:    template("Order %s was bought, but isn't in the purchase log."),
	purchase.FoundOrderLoggedTwice: template(
		"Order %s is in the purchase log %s times, but none of these is marked as a duplicate."),
	purchase.FoundReceiptLicense: template(
		"Order %s has license %q on its receipt, but another one in the purchase log."),
	purchase.FoundReceiptAmount: template(
		"Order %s cost %s according to its receipt, but %s according to the purchase log."),
	purchase.FoundReceiptExtra: template(
		"Extra purchases of order %s: %s according to its receipt (%s), but %s according to the purchase log (%s)."),
	purchase.FoundChainBroken: template("The audit chain is broken: %s %s."),
	purchase.FoundDamaged:     template("The ledger is damaged: %s %s."),
	purchase.FoundOtherAccount: template(
		"The API key belongs to CoCalc account %s, but this ledger belongs to account %s, so the two can't be compared."),
	purchase.FoundLicenseNotListed: template("CoCalc doesn't list license %s of entry %s (order %s)."),
	purchase.FoundPurchaseMissing: template(
		"CoCalc has no purchase that matches entry %s of the log (order %s, license %s, %s)."),
	purchase.FoundOtherLicense: template(
		"Entry %s of the log names license %s, but CoCalc purchase %s is for license %s."),
	purchase.FoundOtherAmount: template("Entry %s of the log (license %s) says %s, but CoCalc charged %s (purchase %s)."),
	purchase.FoundNotLogged: func(t renderer) text {
		return rowText(t, "1", "2", "3", "4") + t.say(" is for order %s, but isn't in the purchase log.", t.Args["5"])
	},
	purchase.FoundUpkeepNotLogged: func(t renderer) text {
		return rowText(t, "1", "2", "3", "4") + " is a renewal, change or refund of a license in the purchase log, but " +
			"isn't in the log."
	},
	purchase.FoundUnknownTag: func(t renderer) text {
		return rowText(t, "1", "2", "3", "4") + t.say(" has the tag of order %s, which isn't in this ledger: another "+
			"licensebot buys with this account, or the ledger is an older copy.", t.Args["5"])
	},
}

// FindingWords returns the text of a finding for an operator.
func FindingWords(f purchase.Finding, r Reader) string { return Words(Findings, f.Cause(), r) }

// comparisonWords has the sentences of other results of comparing a ledger with CoCalc.
var comparisonWords = map[purchase.CauseCode]wording{
	purchase.NotedByWord: func(t renderer) text {
		return t.say(
			"Entry %s of the purchase log (order %s, %s) was marked as bought by an admin; CoCalc shows no such purchase.",
			t.Args["entry"], t.Args["order"], t.money("charged"))
	},
	purchase.NotedCounting: func(t renderer) text {
		return t.say(
			"Entry %s of the purchase log says %s, but CoCalc charged %s. The bot will check it and correct the log.",
			t.Args["entry"], t.money("logged"), t.money("charged"))
	},
	purchase.NotedNotManaged: func(t renderer) text {
		return t.say("The account no longer manages license %s of entry %s.", t.Args["license"], t.Args["entry"])
	},
	purchase.NotedNotFollowed: func(t renderer) text {
		return rowText(t, "purchase", "at", "license", "amount") +
			" is a renewal, change or refund that the bot hasn't entered yet."
	},
	purchase.NotedChargedTwice: func(t renderer) text {
		said := t.say("CoCalc charged twice for license %s, with one effect: purchases %s and %s (%s). ", t.Args["license"],
			t.Args["other"], t.Args["purchase"], t.money("amount"))
		if t.is("state", "requested") {
			return said + "A refund was requested."
		}
		return said + "Ask CoCalc's support for a refund."
	},
	purchase.NotedSubscription: func(t renderer) text {
		return t.say("The subscription of license %s changed since the bot last looked: it was %s, and is %s.",
			t.Args["license"], t.Args["was"], t.Args["is"])
	},
	purchase.NotedUnderWay: func(t renderer) text {
		return rowText(t, "purchase", "at", "license", "amount") +
			t.say(" belongs to order %s, which the bot is working on.", t.Args["order"])
	},
	purchase.NotedStranger: func(t renderer) text {
		row := rowText(t, "purchase", "at", "license", "amount")
		switch t.Args["but"] {
		case "reported":
			return row + ", already reported."
		case "copied":
			return row + t.say(", from a copy of the cart item of order %s.", t.Args["order"])
		case "older":
			return row + t.say(", which has the tag of order %s but is older than its item.", t.Args["order"])
		}
		return row + "."
	},
}

// rowText names a purchase that CoCalc lists: purchase, at, license and amount are the names of its arguments. An older
// server has no numbers and amounts of purchases.
func rowText(t renderer, purchase, at, license, amount string) text {
	t.Zone = nil // as the list of purchases has it
	if n := t.Args[purchase]; n == "" || n == "0" {
		return t.say("License %s of %s", t.Args[license], t.dateTime(at))
	}
	return t.say("CoCalc purchase %s of %s (license %s, %s)", t.Args[purchase], t.dateTime(at), t.Args[license],
		t.money(amount))
}
