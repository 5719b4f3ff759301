package bot

import (
	"slices"
	"strings"

	"licensebot/purchase"
)

const exampleSite = "https://cocalc.example"

// noticeExamples are what notices say: each code, with every argument that changes its words.
var noticeExamples = slices.Concat(outcomeExamples(), []purchase.Cause{
	cause(purchase.NotificationRenewals, "licenses", "300", "monthly", "230850", "yearly", "61200", "most", "292050",
		"limit", "100000"),
	cause(purchase.NotificationRenewals, "licenses", "300", "monthly", "230850", "most", "230850", "limit", "300000",
		"counted", "true"),
	cause(purchase.NotificationChargedTwice, "license", exampleLicense, "order", exampleOrder, "account", "8c7e9a10",
		"purchase", "127", "amount", "2476", "at", exampleTime, "other", "126", "other-amount", "2476", "other-at",
		"2026-11-22T11:59:58Z"),
	cause(purchase.NotificationChargedTwice, "license", exampleLicense, "order", exampleOrder, "account", "8c7e9a10",
		"purchase", "145", "amount", "744", "at", exampleTime, "other", "144", "other-amount", "1230", "other-at",
		"2026-11-22T11:59:58Z", "differs", "true"),
	paused(purchase.NotificationPaused, "UDANA", "dana", incidents[0]),
	incidents[1], incidents[2], incidents[3], incidents[5], incidents[7],
	incidents[8].With("told", "yes"),
	cause(purchase.NotificationResumed, "by", "UDANA", "name", "dana"),
	under(cause(purchase.NotificationResumed, "by", "operator root", "name", "operator root", "reason", "it was paid",
		"paused-again", "true"),
		cause(purchase.LeftOut, "purchases", "1", "amount", "12750")),
	cause(purchase.NotificationDoubleBuy, "order", exampleOrder, "item", "7", "times", "2", "amount", "6375",
		"licenses", exampleLicense+" aaaaaaaa-7b64-4d0a-9c8e-1b2d3f4a5c6e"),
	cause(purchase.NotificationForeign, "license", exampleLicense, "purchase", "77", "amount", "6375", "at", exampleTime),
	cause(purchase.NotificationForeign, "license", exampleLicense, "purchase", "0", "amount", "0", "at", exampleTime,
		"why",
		"older", "order", exampleOrder),
	cause(purchase.NotificationForeign, "license", exampleLicense, "purchase", "77", "amount", "6375", "at", exampleTime,
		"why",
		"copied", "order", exampleOrder, "item", "7"),
	cause(purchase.NotificationUnexplained, "license", exampleLicense, "purchase", "77", "amount", "6375", "at",
		exampleTime,
		"why", "never-sent", "order", exampleOrder),
	cause(purchase.NotificationUnexplained, "license", exampleLicense, "purchase", "77", "amount", "6375", "at",
		exampleTime,
		"why", "unknown-order", "order", exampleOrder),
	cause(purchase.NotificationBrokenItem, "item", "77", "cart", exampleSite+"/store/cart"),
	cause(purchase.NotificationBrokenItem, "item", "77", "product", "voucher", "title", hostile, "added", exampleTime,
		"cart",
		exampleSite+"/store/cart"),
	cause(purchase.NotificationHead, "at", exampleTime, "record", "12", "hash", "abcdef"),
	under(cause(purchase.NotificationSettled, "order", exampleOrder, "price", "6375"),
		*settledBy("dana", "bought", "support said so")),
	cause(purchase.NotificationReminder, "by", "UALICE", "name", "alice", "since", exampleTime, "license", "16 GB RAM",
		"price",
		"6375", "expires", "2026-11-25T12:00:00Z"),
	cause(purchase.NotificationAsk, "by", "UALICE", "name", "alice", "price", "6375", "period", "monthly", "license",
		"16 GB RAM", "reason", hostile, "expires", "2026-11-25T12:00:00Z"),
	cause(purchase.NotificationRestored, "entered", "1", "sum", "6375"),
	cause(purchase.NotificationRestored, "record", "12", "last", exampleTime),
	cause(purchase.NotificationRestored, "record", "12", "last", exampleTime, "entered", "3", "sum", "19125", "by-word",
		"1",
		"by-word-sum", "6375",
		"unattributed", "2", "unattributed-sum", "12750", "outside", "1"),
	cause(purchase.NotificationLedgerAway),
	cause(purchase.NotificationLedgerBack),
	cause(purchase.NotificationUncertain, "counted", "yes"),
	cause(purchase.NotificationUncertain, "counted", "yes", "order", exampleOrder, "look", exampleOrder),
	cause(purchase.NotificationUncertain, "counted", "yes", "typed", "true", "unshown", "true"),
	cause(purchase.NotificationUncertain, "counted", "no", "typed", "true"),
	cause(purchase.NotificationUncertain, "counted", "no", "order", exampleOrder, "buys", "true"),
	cause(purchase.NotificationUncertain, "counted", "no", "order", exampleOrder, "look", exampleOrder),
	cause(purchase.NotificationTrouble, "why", "key-refused", "key", "sk-…f3Xa"),
	cause(purchase.NotificationTrouble, "why", "captcha", "key", "sk-…f3Xa"),
	cause(purchase.NotificationTrouble, "why", "no-credit", "payments", exampleSite+"/settings/payments"),
	cause(purchase.NotificationTrouble, "why", "no-credit", "missing", "6275", "payments",
		exampleSite+"/settings/payments"),
	cause(purchase.NotificationTrouble, "why", "too-little-credit", "credit", "100", "price", "6375", "payments",
		exampleSite+
			"/settings/payments"),
	cause(purchase.NotificationTrouble, "why", "credit-unknown", "least", "10000"),
	cause(purchase.NotificationTrouble, "why", "least-credit", "credit", "10100", "price", "6375", "least", "10000",
		"payments",
		exampleSite+"/settings/payments"),
	cause(purchase.NotificationTrouble, "why", "no-licenses"),
	cause(purchase.NotificationTrouble, "why", "refused"),
	cause(purchase.NotificationTrouble, "why", "refused", "said", "you are not in the `partner` group"),
	cause(purchase.NotificationServerBack),
	cause(purchase.NotificationReleased, "order", exampleOrder, "price", "6375"),
	cause(purchase.NotificationUndelivered, "group", "S0BOSSES", "why", "unlisted"),
	under(cause(purchase.NotificationUndelivered, "group", "S0BOSSES", "why", "empty"),
		cause(purchase.NotificationBrokenItem, "item", "77", "cart", exampleSite+"/store/cart")),
	cause(purchase.NotificationOutsiders, "why", string(purchase.OutsidersShared)),
	cause(purchase.NotificationOutsiders, "why", string(purchase.OutsidersGuests)),
	cause(purchase.NotificationOutsiders, "why", string(purchase.OutsidersUnknown)),
}, []purchase.Cause{
	server(purchase.SellsMemberships, "proof", string(purchase.KeyValid)),
	server(purchase.SellsMemberships, "proof", string(purchase.KeyRefused)),
	server(purchase.SellsMemberships, "proof", string(purchase.KeyLimited), "capability", "account:read"),
	server(purchase.SellsMemberships, "older-key", "true"),
	server(purchase.HasMoved, "host", "cocalc.ai"),
	server(purchase.Misaddressed),
	server(purchase.Misaddressed, "address", exampleSite),
	server(purchase.IsDown, "reason", "server-error"),
	server(purchase.IsForeign, "reason", "not-json"),
})

// server returns what admins are told of a CoCalc server.
func server(condition purchase.Condition, args ...string) purchase.Cause {
	return cause(purchase.NotificationServer, append(args, "condition", string(condition), "site", exampleSite, "key",
		"sk-…f3Xa", "seconds", "600")...)
}

// findingExamples are one finding of each code.
func findingExamples() (all []purchase.Cause) {
	for code := range findingWords {
		if slices.Contains([]purchase.FindingCode{
			purchase.FoundNotLogged, purchase.FoundUnknownTag, purchase.FoundUpkeepNotLogged,
		}, code) {
			all = append(all, purchase.NewFinding("record", code, 77, exampleTime, exampleLicense, 6375, exampleOrder).Cause())
			continue
		}
		args := []any{"one", "two", "three", "four", "five", "six"}
		n := slices.IndexFunc([]int{0, 1, 2, 3, 4, 5, 6}, func(n int) bool {
			return !strings.Contains(
				string(findingWords[code](renderer{Cause: purchase.NewFinding("record", code, args[:n]...).Cause()})), "%!")
		})
		all = append(all, purchase.NewFinding("record", code, args[:n]...).Cause())
	}
	slices.SortFunc(all, func(a, b purchase.Cause) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return all
}

var comparisonExamples = []purchase.Cause{
	cause(purchase.NotedNotFollowed, "purchase", "126", "at", exampleTime, "license", exampleLicense, "amount", "6375"),
	cause(purchase.NotedChargedTwice, "license", exampleLicense, "purchase", "127", "other", "126", "amount", "6375",
		"state", "open"),
	cause(purchase.NotedChargedTwice, "license", exampleLicense, "purchase", "127", "other", "126", "amount", "6375",
		"state", "requested"),
	cause(purchase.NotedSubscription, "license", exampleLicense, "was", "active, $63.75 a month, paid to 2026-12-28", "is",
		"canceled, $63.75 a month, paid to 2026-12-28"),
	cause(purchase.NotedByWord, "entry", "2", "order", exampleOrder, "charged", "6375"),
	cause(purchase.NotedCounting, "entry", "2", "logged", "6375", "charged", "7013"),
	cause(purchase.NotedNotManaged, "license", exampleLicense, "entry", "2"),
	cause(purchase.NotedUnderWay, "purchase", "77", "at", exampleTime, "license", exampleLicense, "amount", "6375",
		"order", exampleOrder),
	cause(purchase.NotedStranger, "purchase", "77", "at", exampleTime, "license", exampleLicense, "amount", "6375"),
	cause(purchase.NotedStranger, "at", exampleTime, "license", exampleLicense, "amount", "0", "but", "reported"),
	cause(purchase.NotedStranger, "purchase", "77", "at", exampleTime, "license", exampleLicense, "amount", "6375", "but",
		"copied", "order", exampleOrder),
	cause(purchase.NotedStranger, "purchase", "77", "at", exampleTime, "license", exampleLicense, "amount", "6375", "but",
		"older", "order", exampleOrder),
}
