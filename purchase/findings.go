package purchase

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Finding is a contradiction within the ledger, or between the ledger and CoCalc.
type Finding struct {
	Record   string // "budget 2026-11", "order 01J…", "entry 3", "audit record 17", "account"
	Code     FindingCode
	Args     []string // the arguments of Sentence, in its order
	Sentence string   // the finding in words for people, with the record's name
}

func (f Finding) String() string { return f.Sentence }

// FindingCode names a kind of finding. Ledgers store codes, so a code never changes its meaning.
type FindingCode string

// What CheckBooks finds, and what storage finds in the audit chain.
const (
	FoundEntriesOfOneLicense  FindingCode = "entries-of-one-license"
	FoundEntriesOfOnePurchase FindingCode = "entries-of-one-purchase"
	FoundEntryWithoutOrder    FindingCode = "entry-without-order"
	FoundPauseUnrecorded      FindingCode = "pause-unrecorded"
	FoundResumeUnrecorded     FindingCode = "resume-unrecorded"
	FoundRecordWithoutOrder   FindingCode = "record-without-order"
	FoundRecordImpossible     FindingCode = "record-impossible"
	FoundRecordPrice          FindingCode = "record-price"
	FoundBudgetSpent          FindingCode = "budget-spent"
	FoundBudgetReserved       FindingCode = "budget-reserved"
	FoundBudgetCount          FindingCode = "budget-count"
	FoundBudgetPerson         FindingCode = "budget-person"
	FoundOrderState           FindingCode = "order-state"
	FoundOrderNotSent         FindingCode = "order-not-sent"
	FoundOrderSentUnrecorded  FindingCode = "order-sent-unrecorded"
	FoundEntryOfUnbought      FindingCode = "entry-of-unbought"
	FoundReceiptOfUnbought    FindingCode = "receipt-of-unbought"
	FoundNoReceipt            FindingCode = "no-receipt"
	FoundEntryMonth           FindingCode = "entry-month"
	FoundOrderNotLogged       FindingCode = "order-not-logged"
	FoundOrderLoggedTwice     FindingCode = "order-logged-twice"
	FoundReceiptLicense       FindingCode = "receipt-license"
	FoundReceiptAmount        FindingCode = "receipt-amount"
	FoundReceiptExtra         FindingCode = "receipt-extra"
	FoundChainBroken          FindingCode = "chain-broken"
)

// What Claims.Compare finds.
const (
	FoundOtherAccount     FindingCode = "other-account"
	FoundLicenseNotListed FindingCode = "license-not-listed"
	FoundPurchaseMissing  FindingCode = "purchase-missing"
	FoundOtherLicense     FindingCode = "other-license"
	FoundOtherAmount      FindingCode = "other-amount"
	FoundNotLogged        FindingCode = "not-logged"
	FoundUnknownTag       FindingCode = "unknown-tag"
)

// findingWords are the sentences of the findings, with their arguments in order.
var findingWords = map[FindingCode]string{
	FoundEntriesOfOneLicense:  "Entries %d and %d of the purchase log both name license %s.",
	FoundEntriesOfOnePurchase: "Entries %d and %d of the purchase log both name CoCalc purchase %d.",
	FoundEntryWithoutOrder:    "Entry %d of the purchase log is for order %q, which isn't in the ledger.",
	FoundPauseUnrecorded:      "Buying is paused, but no audit record says so.",
	FoundResumeUnrecorded:     "Buying isn't paused, but no audit record says that it was resumed.",
	FoundRecordWithoutOrder:   "Audit record %d says that order %q became %s, but there is no such order.",
	FoundRecordImpossible:     "Audit record %d says that order %s became %s, which can't follow %s.",
	FoundRecordPrice:          "Audit record %d says that order %s costs %s, but the order says %s.",
	FoundBudgetSpent:          "The budget for %s says that %s was spent, but the purchase log adds up to %s.",
	FoundBudgetReserved:       "The budget for %s says that %s is reserved, but its open orders add up to %s.",
	FoundBudgetCount:          "The budget for %s counts %d licenses, but the purchase log has %d.",
	FoundBudgetPerson:         "The budget for %s says that %s spent %s and has %s reserved, but the log and the orders add up to %s and %s.",
	FoundOrderState:           "Order %s is %s, but its last audit record (%d) says %s.",
	FoundOrderNotSent:         "Order %s reached checkout, but doesn't say that checkout was sent.",
	FoundOrderSentUnrecorded:  "Order %s says that checkout was sent, but no audit record does.",
	FoundEntryOfUnbought:      "Order %s is %s, but entry %d of the purchase log says that it was bought.",
	FoundReceiptOfUnbought:    "Order %s is %s, but has a receipt.",
	FoundNoReceipt:            "Order %s was bought, but has no receipt.",
	FoundEntryMonth:           "Order %s counts in %s, but its entry %d of the purchase log counts in %s.",
	FoundOrderNotLogged:       "Order %s was bought, but isn't in the purchase log.",
	FoundOrderLoggedTwice:     "Order %s is in the purchase log %d times, but none of these is marked as a duplicate.",
	FoundReceiptLicense:       "Order %s has license %q on its receipt, but another one in the purchase log.",
	FoundReceiptAmount:        "Order %s cost %s according to its receipt, but %s according to the purchase log.",
	FoundReceiptExtra:         "Extra purchases of order %s: %d according to its receipt (%s), but %d according to the purchase log (%s).",
	FoundChainBroken:          "The audit chain is broken: %s %s.",
	FoundOtherAccount:         "The API key belongs to CoCalc account %s, but this ledger belongs to account %s, so the two can't be compared.",
	FoundLicenseNotListed:     "CoCalc doesn't list license %s of entry %d (order %s).",
	FoundPurchaseMissing:      "CoCalc has no purchase that matches entry %d of the log (order %s, license %s, %s).",
	FoundOtherLicense:         "Entry %d of the log names license %s, but CoCalc purchase %d is for license %s.",
	FoundOtherAmount:          "Entry %d of the log (license %s) says %s, but CoCalc charged %s (purchase %d).",
	FoundNotLogged:            "%s is for order %s, but isn't in the purchase log.",
	FoundUnknownTag:           "%s has the tag of order %s, which isn't in this ledger: another licensebot buys with this account, or the ledger is an older copy.",
}

// NewFinding returns a finding about a record.
func NewFinding(record string, code FindingCode, args ...any) Finding {
	f := Finding{Record: record, Code: code, Sentence: fmt.Sprintf(findingWords[code], args...)}
	for _, arg := range args {
		f.Args = append(f.Args, fmt.Sprint(arg))
	}
	return f
}

// digest identifies findings, independently of their sentences.
func digest(findings []Finding) string {
	type key struct {
		Record string
		Code   FindingCode
		Args   []string
	}
	keys := make([]key, 0, len(findings))
	for _, f := range findings {
		keys = append(keys, key{f.Record, f.Code, f.Args})
	}
	data, _ := json.Marshal(keys) // only strings: it cannot fail
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
