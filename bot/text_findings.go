package bot

import (
	"strconv"

	"licensebot/purchase"
)

// findingWords say what contradicts itself within a ledger, or between a ledger and CoCalc.
var findingWords = map[purchase.CauseCode]wording{
	purchase.FoundEntriesOfOneLicense:  finding("Entries %s and %s of the purchase log both name license %s."),
	purchase.FoundEntriesOfOnePurchase: finding("Entries %s and %s of the purchase log both name CoCalc purchase %s."),
	purchase.FoundEntryWithoutOrder: finding(
		"Entry %s of the purchase log is for order %q, which isn't in the ledger."),
	purchase.FoundPauseUnrecorded:  finding("Buying is paused, but no audit record says so."),
	purchase.FoundResumeUnrecorded: finding("Buying isn't paused, but no audit record says that it was resumed."),
	purchase.FoundRecordWithoutOrder: finding(
		"Audit record %s says that order %q became %s, but there is no such order."),
	purchase.FoundRecordImpossible: finding("Audit record %s says that order %s became %s, which can't follow %s."),
	purchase.FoundRecordPrice:      finding("Audit record %s says that order %s costs %s, but the order says %s."),
	purchase.FoundBudgetSpent: finding(
		"The budget for %s says that %s was spent, but the purchase log adds up to %s."),
	purchase.FoundBudgetReserved: finding(
		"The budget for %s says that %s is reserved, but its open orders add up to %s."),
	purchase.FoundBudgetCount: finding("The budget for %s counts %s licenses, but the purchase log has %s."),
	purchase.FoundBudgetPerson: finding(
		"The budget for %s says that %s spent %s and has %s reserved, but the log and the orders add up to %s and %s."),
	purchase.FoundOrderState:          finding("Order %s is %s, but its last audit record (%s) says %s."),
	purchase.FoundOrderNotSent:        finding("Order %s reached checkout, but doesn't say that checkout was sent."),
	purchase.FoundOrderSentUnrecorded: finding("Order %s says that checkout was sent, but no audit record does."),
	purchase.FoundEntryOfUnbought: finding(
		"Order %s is %s, but entry %s of the purchase log says that it was bought."),
	purchase.FoundReceiptOfUnbought: finding("Order %s is %s, but has a receipt."),
	purchase.FoundNoReceipt:         finding("Order %s was bought, but has no receipt."),
	purchase.FoundEntryMonth:        finding("Order %s counts in %s, but its entry %s of the purchase log counts in %s."),
	purchase.FoundOrderNotLogged:    finding("Order %s was bought, but isn't in the purchase log."),
	purchase.FoundOrderLoggedTwice: finding(
		"Order %s is in the purchase log %s times, but none of these is marked as a duplicate."),
	purchase.FoundReceiptLicense: finding(
		"Order %s has license %q on its receipt, but another one in the purchase log."),
	purchase.FoundReceiptAmount: finding(
		"Order %s cost %s according to its receipt, but %s according to the purchase log."),
	purchase.FoundReceiptExtra: finding(
		"Extra purchases of order %s: %s according to its receipt (%s), but %s according to the purchase log (%s)."),
	purchase.FoundChainBroken: finding("The audit chain is broken: %s %s."),
	purchase.FoundOtherAccount: finding(
		"The API key belongs to CoCalc account %s, but this ledger belongs to account %s, so the two can't be compared."),
	purchase.FoundLicenseNotListed: finding("CoCalc doesn't list license %s of entry %s (order %s)."),
	purchase.FoundPurchaseMissing: finding(
		"CoCalc has no purchase that matches entry %s of the log (order %s, license %s, %s)."),
	purchase.FoundOtherLicense: finding("Entry %s of the log names license %s, but CoCalc purchase %s is for license %s."),
	purchase.FoundOtherAmount:  finding("Entry %s of the log (license %s) says %s, but CoCalc charged %s (purchase %s)."),
	purchase.FoundNotLogged: func(t teller) text {
		return rowText(t, "1", "2", "3", "4") + t.say(" is for order %s, but isn't in the purchase log.", t.Args["5"])
	},
	purchase.FoundUnknownTag: func(t teller) text {
		return rowText(t, "1", "2", "3", "4") + t.say(" has the tag of order %s, which isn't in this ledger: another "+
			"licensebot buys with this account, or the ledger is an older copy.", t.Args["5"])
	},
}

// finding fills a template with the finding's arguments, in their order.
func finding(template string) wording {
	return func(t teller) text {
		var args []any
		for i := 1; ; i++ {
			arg, ok := t.Args[strconv.Itoa(i)]
			if !ok {
				return t.say(template, args...)
			}
			args = append(args, arg)
		}
	}
}

// FindingWords tells a finding to an operator.
func FindingWords(f purchase.Finding, r Reader) string { return Words(Findings, f.Cause(), r) }

// comparisonWords say what came of comparing a ledger with CoCalc, besides contradictions.
var comparisonWords = map[purchase.CauseCode]wording{
	purchase.NotedByWord: func(t teller) text {
		return t.say(
			"Entry %s of the purchase log (order %s, %s) was marked as bought by an admin; CoCalc shows no such purchase.",
			t.Args["entry"], t.Args["order"], t.money("charged"))
	},
	purchase.NotedCounting: func(t teller) text {
		return t.say(
			"Entry %s of the purchase log says %s, but CoCalc charged %s. The bot will check it and correct the log.",
			t.Args["entry"], t.money("logged"), t.money("charged"))
	},
	purchase.NotedNotManaged: func(t teller) text {
		return t.say("The account no longer manages license %s of entry %s.", t.Args["license"], t.Args["entry"])
	},
	purchase.NotedUnderWay: func(t teller) text {
		return rowText(t, "purchase", "at", "license", "amount") +
			t.say(" belongs to order %s, which the bot is working on.", t.Args["order"])
	},
	purchase.NotedStranger: func(t teller) text {
		row := rowText(t, "purchase", "at", "license", "amount")
		switch t.Args["but"] {
		case "reported":
			return row + ", already reported."
		case "copied":
			return row + t.say(", from a copy of the cart item of order %s.", t.Args["order"])
		}
		return row + "."
	},
}

// rowText names a purchase that CoCalc lists: purchase, at, license and amount are the names of its arguments. An older
// server has no numbers and amounts of purchases.
func rowText(t teller, purchase, at, license, amount string) text {
	t.Zone = nil // as the list of purchases has it
	if n := t.Args[purchase]; n == "" || n == "0" {
		return t.say("License %s of %s", t.Args[license], t.moment(at))
	}
	return t.say("CoCalc purchase %s of %s (license %s, %s)", t.Args[purchase], t.moment(at), t.Args[license],
		t.money(amount))
}
