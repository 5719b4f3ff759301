package purchase

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cause is a reason as a code with arguments. Program logic compares causes, never sentences. Package bot renders
// causes as sentences, so a release can reword them.
type Cause struct {
	Code CauseCode `json:"code,omitempty"`
	Args Args      `json:"args,omitempty"`
	// Causes are the underlying causes: the reasons of a pause, or the refusal behind a failure.
	Causes []Cause `json:"causes,omitempty"`
}

// Args are the named arguments of a cause. Amounts are in cents, times in RFC 3339 (UTC), people are Slack user ids.
type Args map[string]string

// CauseCode identifies a kind of cause. Ledgers store codes, so a code never changes its meaning.
type CauseCode string

// The reasons why an order waits (Blocked).
const (
	WaitsForResume   CauseCode = "paused"        // buying is paused
	WaitsForLedger   CauseCode = "ledger-away"   // the ledger's file is not where it belongs
	WaitsForCheckout CauseCode = "lingering"     // another order's checkout may still be in progress
	WaitsForSlack    CauseCode = "slack-silent"  // Slack does not return whether the requester may still buy
	WaitsForTurn     CauseCode = "throttled"     // CoCalc throttles requests: seconds, if CoCalc sent them
	WaitsForKey      CauseCode = "key-refused"   // CoCalc does not accept the key: key, told
	WaitsForCart     CauseCode = "cart-broken"   // an item blocks the cart
	WaitsForCoCalc   CauseCode = "not-answering" // CoCalc does not answer, or not as expected
	WaitsForServer   CauseCode = "server"        // the server sells no licenses now: condition, host, told, has
)

// The reasons why the outcome of a checkout is unknown (Unresolved).
const (
	HeldNotShown   CauseCode = "success-not-shown"  // checkout returned success, but the item is not purchased
	HeldStopped    CauseCode = "stopped"            // the program was stopped during the checkout
	HeldAnswerLost CauseCode = "answer-lost"        // no answer, or an unreadable one
	HeldUnreadable CauseCode = "success-unreadable" // checkout returned success, and then CoCalc could not be read
)

// The reasons why buying is paused (Incident), with their arguments.
const (
	IncidentSaid        CauseCode = "said"                 // a person paused buying: reason
	IncidentForeignKey  CauseCode = "foreign-key"          // key, account (of the key), ledger (its account)
	IncidentUnknown     CauseCode = "second-unknown"       // first, second: orders
	IncidentCharged     CauseCode = "charged"              // order, charged, agreed
	IncidentUnexplained CauseCode = "unexplained-purchase" // license, purchase, amount: in no budget
	// IncidentUnattributed has license, purchase, amount and order: the purchase counts in the budget, but no ledger
	// contains its requester.
	IncidentUnattributed CauseCode = "unattributed-purchase"
	IncidentDoubleBuy    CauseCode = "double-buy" // order, item, times, amount
	IncidentNewLedger    CauseCode = "new-ledger" // purchases: how many have tags of a ledger that is missing
	IncidentBooks        CauseCode = "books"      // finding, record, more, digest; Causes has the first finding
	IncidentOther        CauseCode = "other"      // text: a sentence of an older version that has no code
)

// LeftOut is the cause of a resume that leaves purchases out of every budget, because nothing explains them: purchases
// (their number), amount.
const LeftOut CauseCode = "left-out"

// CartItem is the cause of an audit record (Event) about a cart item: item, product, title, added.
const CartItem CauseCode = "item"

// ChainVerified is the cause of an audit record (Event) that the whole ledger was verified without a fault: record (the
// number of the last audit record then), hash (of that record), entries (of the purchase log), month and spent (of the
// newest budget).
const ChainVerified CauseCode = "chain-verified"

// The causes of audit records about the upkeep of a license: license, amount, purchase (CoCalc's number), at, until;
// refunds (the number of the purchase whose charge was given back).
const (
	ResultRenewed  CauseCode = "renewed"
	ResultEdited   CauseCode = "edited"
	ResultRefunded CauseCode = "refunded"
	// ResultRefundRequested is the cause of a record, and of an answer, that an admin asked CoCalc for a refund of one of
	// two charges that had one effect: license, purchase, by (a person's id).
	ResultRefundRequested CauseCode = "refund-requested"
	// ResultRefundDone is the answer if CoCalc gave the refund already: license, purchase, refund (CoCalc's purchase).
	ResultRefundDone CauseCode = "refund-done"
	// ResultNotDouble is the answer if the ledger knows no such charge: license, purchase.
	ResultNotDouble CauseCode = "not-double"
)

// The causes of audit records about a subscription that changed at CoCalc: license, subscription, amount (per period),
// period ("month" or "year"), until (when it is paid up).
const (
	SubscriptionCancelled CauseCode = "subscription-cancelled"
	SubscriptionResumed   CauseCode = "subscription-resumed"
	SubscriptionRepriced  CauseCode = "subscription-repriced"
)

// The causes of a person's decision about a subscription, of its audit records and of the notices of its outcome; see
// SubscriptionDecision.Cause for the arguments. Those of an outcome also have amount (per period) and period. already
// is set if the subscription was as wished before anything was sent.
const (
	SubscriptionEnded CauseCode = "subscription-ended"
	SubscriptionKept  CauseCode = "subscription-kept"
	// SubscriptionUnchanged has why: "not-confirmed" (CoCalc was asked, and doesn't show it), "refused", "not-sent"
	// (CoCalc couldn't be asked), "period-over" (keeping it would cost money), "gone" (there is no such subscription) or
	// "restored" (the ledger is a restored backup).
	SubscriptionUnchanged CauseCode = "subscription-unchanged"
	SubscriptionAsked     CauseCode = "subscription-asked"   // the answer to a click that counts
	SubscriptionPending   CauseCode = "subscription-pending" // the answer while an earlier decision has no outcome yet
	SubscriptionStale     CauseCode = "subscription-stale"   // the answer if another decision came after what was shown
)

// The causes of the audit records of a decision about a subscription, and of the intent to send its request; see
// SubscriptionDecision.Cause for the arguments.
const (
	EndRequested  CauseCode = "end-requested"
	KeepRequested CauseCode = "keep-requested"
	EndSent       CauseCode = "end-sent"
	KeepSent      CauseCode = "keep-sent"
)

// SettledByAdmin is the cause when an admin resolved an order of unknown outcome: by, name (of the admin), verdict,
// reason; watched if the bot still watches for a late purchase.
const SettledByAdmin CauseCode = "settled-by-admin"

// Untranslated is the cause of a record of the first schema that has only a sentence: text.
const Untranslated CauseCode = "text"

// AcceptsNewLedger is the cause of a resume (Event) that accepts a new ledger in place of a missing one.
const AcceptsNewLedger CauseCode = "accepts-new-ledger"

// Is reports whether c and other have equal codes, arguments and underlying causes.
func (c Cause) Is(other Cause) bool {
	return c.Code == other.Code && maps.Equal(c.Args, other.Args) && slices.EqualFunc(c.Causes, other.Causes, Cause.Is)
}

// String returns the code, the arguments and the underlying causes, for logs: `over-order-limit limit="5000"
// price="6375"`.
func (c Cause) String() string {
	words := []string{string(c.Code)}
	for _, name := range slices.Sorted(maps.Keys(c.Args)) {
		words = append(words, name+"="+strconv.Quote(c.Args[name]))
	}
	for _, under := range c.Causes {
		words = append(words, "("+under.String()+")")
	}
	return strings.Join(words, " ")
}

// NewCause returns a cause with arguments, given as alternating names and values. Empty values are left out.
func NewCause(code CauseCode, pairs ...string) Cause {
	c := Cause{Code: code}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		if c.Args == nil {
			c.Args = Args{}
		}
		c.Args[pairs[i]] = pairs[i+1]
	}
	return c
}

// With returns a copy of the cause with one more argument.
func (c Cause) With(name, value string) Cause {
	c.Args = maps.Clone(c.Args)
	if c.Args == nil {
		c.Args = Args{}
	}
	c.Args[name] = value
	return c
}

// ArgSomeCents formats an amount in cents as an argument; empty if it is 0 or less, which means unknown.
func ArgSomeCents(amount Cents) string {
	if amount <= 0 {
		return ""
	}
	return ArgCents(amount)
}

// ArgSomeID formats a CoCalc id as an argument; empty if it is 0, which means unknown.
func ArgSomeID(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// ArgSeconds formats a duration as an argument in whole seconds, rounded up; a negative one is 0.
func ArgSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((max(d, 0)+time.Second-1)/time.Second), 10)
}

// ArgTime formats a time as an argument in RFC 3339 (UTC); empty for the zero time.
func ArgTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// ArgFlag formats a condition as an argument: "true", or empty if it is false.
func ArgFlag(is bool) string {
	if is {
		return "true"
	}
	return ""
}

// ArgCents formats an amount in cents as an argument.
func ArgCents(amount Cents) string { return strconv.FormatInt(int64(amount), 10) }

// Incident is one reason of a pause.
type Incident struct {
	Cause
	Time time.Time `json:"time"`
	By   string    `json:"by"` // a person's id, or "licensebot"
}

// CauseOf returns a cause with this code for something that the pause prevents: since, by and name (of the person who
// paused), and the incidents as underlying causes.
func (p *Pause) CauseOf(code CauseCode) Cause {
	c := NewCause(code, "since", ArgTime(p.Since), "by", p.By, "name", p.Name)
	for _, in := range p.AllIncidents() {
		c.Causes = append(c.Causes, in.Cause)
	}
	return c
}

// Cause returns the cause Paused, with CauseOf's arguments.
func (p *Pause) Cause() Cause { return p.CauseOf(Paused) }

// PersonSaid returns the cause of a pause by a person, who gave the reason.
func PersonSaid(reason string) Cause { return Cause{Code: IncidentSaid, Args: Args{"reason": reason}} }

// Records of the first schema have sentences only. They are never rewritten: their causes are derived from those
// sentences, which are fixed.

// Why returns the reason of the wait; the zero Cause if w is nil.
func (w *Blocked) Why() Cause {
	if w == nil {
		return Cause{}
	}
	return w.Cause
}

// UnmarshalJSON reads a wait of any schema. The first schema has a sentence (why), and in its later versions also a
// cause.
func (w *Blocked) UnmarshalJSON(data []byte) error {
	type plain Blocked
	var read struct {
		plain
		Why string `json:"why"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	*w = Blocked(read.plain)
	if read.Why == "" {
		return nil
	}
	if w.Code == "" {
		w.Cause = NewCause(Untranslated, "text", read.Why)
		for _, old := range oldWaits {
			if strings.HasPrefix(read.Why, old.begins) {
				w.Cause = Cause{Code: old.code}
			}
		}
	}
	switch w.Args["told"] { // a sentence in the first schema
	case "", "yes", "no":
	case "Please tell your admins.":
		w.Cause = w.With("told", "no")
	default:
		w.Cause = w.With("told", "yes")
	}
	return nil
}

// Finding is a contradiction within the ledger, or between the ledger and CoCalc.
type Finding struct {
	Record string // "budget 2026-11", "order 01J…", "entry 3", "audit record 17", "account"
	Code   FindingCode
	Args   []string // in the order of the finding's sentence
}

// Cause returns the finding as a cause: record, and its arguments named "1", "2" and so on.
func (f Finding) Cause() Cause {
	c := NewCause(f.Code, "record", f.Record)
	for i, arg := range f.Args {
		c = c.With(strconv.Itoa(i+1), arg)
	}
	return c
}

func (f Finding) String() string { return f.Cause().String() }

// FindingCode identifies a kind of finding.
type FindingCode = CauseCode

// The findings of CheckConsistency, and of storage about damage and the audit chain.
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

	FoundUpkeepWithoutPurchase FindingCode = "upkeep-without-purchase"
	FoundBudgetUpkeep          FindingCode = "budget-upkeep"
	FoundBudgetPersonUpkeep    FindingCode = "budget-person-upkeep"

	FoundOrderState          FindingCode = "order-state"
	FoundOrderNotSent        FindingCode = "order-not-sent"
	FoundOrderSentUnrecorded FindingCode = "order-sent-unrecorded"
	FoundEntryOfUnbought     FindingCode = "entry-of-unbought"
	FoundReceiptOfUnbought   FindingCode = "receipt-of-unbought"
	FoundNoReceipt           FindingCode = "no-receipt"
	FoundEntryMonth          FindingCode = "entry-month"
	FoundOrderNotLogged      FindingCode = "order-not-logged"
	FoundOrderLoggedTwice    FindingCode = "order-logged-twice"
	FoundReceiptLicense      FindingCode = "receipt-license"
	FoundReceiptAmount       FindingCode = "receipt-amount"
	FoundReceiptExtra        FindingCode = "receipt-extra"
	FoundChainBroken         FindingCode = "chain-broken"
	FoundDamaged             FindingCode = "damaged"
)

// The findings of LedgerView.Compare.
const (
	FoundOtherAccount     FindingCode = "other-account"
	FoundLicenseNotListed FindingCode = "license-not-listed"
	FoundPurchaseMissing  FindingCode = "purchase-missing"
	FoundOtherLicense     FindingCode = "other-license"
	FoundOtherAmount      FindingCode = "other-amount"
	FoundNotLogged        FindingCode = "not-logged"
	FoundUpkeepNotLogged  FindingCode = "upkeep-not-logged"
	FoundUnknownTag       FindingCode = "unknown-tag"
)

// NewFinding returns a finding about a record. The arguments are formatted with fmt.Sprint.
func NewFinding(record string, code FindingCode, args ...any) Finding {
	f := Finding{Record: record, Code: code}
	for _, arg := range args {
		f.Args = append(f.Args, fmt.Sprint(arg))
	}
	return f
}

// Digest returns a hex SHA-256 that identifies findings by record, code and arguments, independently of their
// sentences.
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
	data, _ := json.Marshal(keys) // strings alone: Marshal cannot fail
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// A license's id works like a key: anyone who knows it can use the license on their own project, and CoCalc offers no
// way to stop them. So only the requester, and people who may see licenses, read whole ids, in private. Channels and
// logs show the end of an id, which suffices to tell licenses apart.

// idEnd is the number of characters of an id that are shown in public.
const idEnd = 4

// ShortID returns the end of an id, for public places: "…1a2b". An empty id stays empty.
func ShortID(id string) string {
	r := []rune(id)
	if len(r) == 0 {
		return ""
	}
	return "…" + string(r[max(0, len(r)-idEnd):])
}

var wholeID = regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)

// ShortenIDs shortens every whole license id in a text. Use it for stored text and for text written by people, when it
// is shown in a channel or to people who may not see licenses.
func ShortenIDs(text string) string { return wholeID.ReplaceAllStringFunc(text, ShortID) }

// UnmarshalJSON reads a receipt of any schema. The first schema has an admin's resolution as a sentence (settled).
func (r *Receipt) UnmarshalJSON(data []byte) error {
	type plain Receipt
	var read struct {
		plain
		Sentence string `json:"settled"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if *r = Receipt(read.plain); read.Sentence != "" {
		word := NewCause(Untranslated, "text", read.Sentence)
		r.Settled = &word
	}
	return nil
}

// Legible returns the event with invalid UTF-8 replaced in the same way in which JSON replaces it. A ledger hashes the
// result, so that the hash matches what is read again later.
func (e Event) Legible() Event {
	for _, text := range []*string{&e.Kind, (*string)(&e.Order), &e.By, &e.Place, &e.Note} {
		*text = strings.ToValidUTF8(*text, "\ufffd")
	}
	e.Cause = e.Cause.legible()
	return e
}

// legible returns the cause, and the causes that it rests on, with bytes that are no text replaced.
func (c Cause) legible() Cause {
	for name, value := range c.Args {
		if legible := strings.ToValidUTF8(value, "\ufffd"); legible != value {
			c.Args = maps.Clone(c.Args)
			c.Args[name] = legible
		}
	}
	c.Causes = slices.Clone(c.Causes)
	for i, inner := range c.Causes {
		c.Causes[i] = inner.legible()
	}
	return c
}

// Cause returns what the audit record of the checkpoint says.
func (c Checkpoint) Cause() Cause {
	return NewCause(ChainVerified, "record", strconv.FormatUint(c.Number, 10), "hash", c.Hash,
		"entries", strconv.FormatUint(c.Entries, 10), "month", c.Month, "spent", ArgSomeCents(c.Spent))
}
