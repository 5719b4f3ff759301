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
	FoundEntriesOfOneLicense:  "Entries %d and %d of the purchase log are both of license %s.",
	FoundEntriesOfOnePurchase: "Entries %d and %d of the purchase log are both CoCalc's purchase %d.",
	FoundEntryWithoutOrder:    "Entry %d of the purchase log is of order %q, which is not in the ledger.",
	FoundPauseUnrecorded:      "Buying is paused, and no audit record says so.",
	FoundResumeUnrecorded:     "Buying is not paused, and the audit records do not say that it was resumed.",
	FoundRecordWithoutOrder:   "Audit record %d says that order %q became %s, and there is no such order.",
	FoundRecordImpossible:     "Audit record %d says that order %s became %s, which it could not after %s.",
	FoundRecordPrice:          "Audit record %d says that order %s costs %s, and the order says %s.",
	FoundBudgetSpent:          "The budget of %s says that %s was spent, and the purchase log adds up to %s.",
	FoundBudgetReserved:       "The budget of %s says that %s is reserved, and the orders that are promised add up to %s.",
	FoundBudgetCount:          "The budget of %s counts %d licenses, and the purchase log has %d.",
	FoundBudgetPerson:         "The budget of %s says that %s spent %s and has %s reserved; log and orders add up to %s and %s.",
	FoundOrderState:           "Order %s is %s, and its last audit record (%d) says %s.",
	FoundOrderNotSent:         "Order %s was about to be checked out, and does not say that checkout was sent.",
	FoundOrderSentUnrecorded:  "Order %s says that checkout was sent, and no audit record does.",
	FoundEntryOfUnbought:      "Order %s is %s, and entry %d of the purchase log says that it was bought.",
	FoundReceiptOfUnbought:    "Order %s is %s, and has a receipt.",
	FoundNoReceipt:            "Order %s was bought, and has no receipt.",
	FoundEntryMonth:           "Order %s counts in %s, and its entry %d of the purchase log in %s.",
	FoundOrderNotLogged:       "Order %s was bought, and is not in the purchase log.",
	FoundOrderLoggedTwice:     "Order %s is %d times in the purchase log, and none of these is marked as a double buy.",
	FoundReceiptLicense:       "Order %s has license %q on its receipt, and another one in the purchase log.",
	FoundReceiptAmount:        "Order %s cost %s by its receipt, and %s by the purchase log.",
	FoundReceiptExtra:         "Order %s was bought %d times too often by its receipt (%s), and %d times by the purchase log (%s).",
	FoundChainBroken:          "Its audit chain is broken: %s %s.",
	FoundOtherAccount:         "The API key is of CoCalc account %s, and this ledger is of account %s: what that one sold says nothing about it.",
	FoundLicenseNotListed:     "CoCalc does not list license %s of entry %d (order %s).",
	FoundPurchaseMissing:      "CoCalc has no purchase like entry %d of the log (order %s, license %s, %s).",
	FoundOtherLicense:         "Entry %d of the log names license %s, and CoCalc's purchase %d is of license %s.",
	FoundOtherAmount:          "Entry %d of the log (license %s) says %s, and CoCalc charged %s (its purchase %d).",
	FoundNotLogged:            "%s is of order %s, and is not in the purchase log.",
	FoundUnknownTag:           "%s has the tag of order %s, which this ledger does not know: another licensebot buys with this account, or the ledger is an older copy.",
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
