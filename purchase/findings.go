package purchase

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// Finding is a contradiction within the ledger, or between the ledger and CoCalc.
type Finding struct {
	Record string // "budget 2026-11", "order 01J…", "entry 3", "audit record 17", "account"
	Code   FindingCode
	Args   []string // in the order of the finding's words
}

// Cause returns the finding as a cause: record, and its arguments by their number from 1 on.
func (f Finding) Cause() Cause {
	c := NewCause(f.Code, "record", f.Record)
	for i, arg := range f.Args {
		c = c.With(strconv.Itoa(i+1), arg)
	}
	return c
}

func (f Finding) String() string { return f.Cause().String() }

// FindingCode names a kind of finding.
type FindingCode = CauseCode

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

// NewFinding returns a finding about a record.
func NewFinding(record string, code FindingCode, args ...any) Finding {
	f := Finding{Record: record, Code: code}
	for _, arg := range args {
		f.Args = append(f.Args, fmt.Sprint(arg))
	}
	return f
}

// Digest identifies findings, independently of their sentences.
func Digest(findings []Finding) string {
	type key struct {
		Record string
		Code   FindingCode
		Args   []string
	}
	keys := make([]key, 0, len(findings))
	for _, f := range findings {
		keys = append(keys, key(f))
	}
	data, _ := json.Marshal(keys) // only strings: it cannot fail
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
