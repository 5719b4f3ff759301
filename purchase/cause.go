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

// Cause is a reason as a code with arguments. Decisions compare causes, never sentences. Package bot makes sentences
// from causes for people, which can be reworded in any release.
type Cause struct {
	Code CauseCode `json:"code,omitempty"`
	Args Args      `json:"args,omitempty"`
	// Causes are what the cause rests on: the reasons of a pause, or the refusal behind a failure.
	Causes []Cause `json:"causes,omitempty"`
}

// Args are the named arguments of a cause. Amounts are in cents, times in RFC 3339, people are named by Slack's ids.
type Args map[string]string

// CauseCode names a kind of cause. Ledgers store codes, so a code never changes its meaning.
type CauseCode string

// What an order waits for (Wait).
const (
	WaitsForResume   CauseCode = "paused"        // buying is paused
	WaitsForLedger   CauseCode = "ledger-away"   // the ledger's file is not where it belongs
	WaitsForCheckout CauseCode = "lingering"     // another order's checkout may still be at work
	WaitsForSlack    CauseCode = "slack-silent"  // Slack does not say whether the requester may still buy
	WaitsForTurn     CauseCode = "throttled"     // CoCalc asks to wait: seconds, where it says for how long
	WaitsForKey      CauseCode = "key-refused"   // CoCalc does not accept the key: key, told
	WaitsForCart     CauseCode = "cart-broken"   // an item blocks the cart
	WaitsForCoCalc   CauseCode = "not-answering" // CoCalc does not answer properly
	WaitsForServer   CauseCode = "server"        // the server sells no licenses now: condition, host, told, has
)

// Why the outcome of a checkout is unknown (Hold).
const (
	HeldNotShown   CauseCode = "success-not-shown"  // success was answered, and the item does not show as bought
	HeldStopped    CauseCode = "stopped"            // the program was stopped during the checkout
	HeldAnswerLost CauseCode = "answer-lost"        // no answer, or none that can be read
	HeldUnreadable CauseCode = "success-unreadable" // success was answered, and CoCalc cannot be read
)

// Why buying is paused (Incident), with their arguments.
const (
	IncidentSaid        CauseCode = "said"                 // a person paused buying: reason
	IncidentForeignKey  CauseCode = "foreign-key"          // key, account (of the key), ledger (its account)
	IncidentUnknown     CauseCode = "second-unknown"       // first, second: orders
	IncidentCharged     CauseCode = "charged"              // order, charged, agreed
	IncidentUnexplained CauseCode = "unexplained-purchase" // license, purchase, amount: in no budget
	// IncidentUnattributed has license, purchase, amount and order: counted, and no ledger names the person.
	IncidentUnattributed CauseCode = "unattributed-purchase"
	IncidentDoubleBuy    CauseCode = "double-buy" // order, item, times, amount
	IncidentNewLedger    CauseCode = "new-ledger" // purchases: how many have tags of a ledger that is missing
	IncidentBooks        CauseCode = "books"      // finding, record, more, digest; beneath it the first finding
	IncidentOther        CauseCode = "other"      // text: a sentence of an older version that has no code
)

// LeftOut is the cause of what a resume says of purchases that paused buying and count in no budget: purchases, amount.
const LeftOut CauseCode = "left-out"

// CartItem is the cause of an audit record (Event) about an item of the cart: item, product, title, added.
const CartItem CauseCode = "item"

// SettledByAdmin is why an order of unknown outcome ended: by, name (of the admin), verdict, reason; watched if CoCalc
// is watched still.
const SettledByAdmin CauseCode = "settled-by-admin"

// Untranslated is the cause of what records of the first schema tell in a sentence alone: text.
const Untranslated CauseCode = "text"

// AcceptsNewLedger is the cause of a resume (Event) that accepts a new ledger in place of a missing one.
const AcceptsNewLedger CauseCode = "accepts-new-ledger"

// Is reports whether two causes have the same code and arguments, and rest on the same causes.
func (c Cause) Is(other Cause) bool {
	return c.Code == other.Code && maps.Equal(c.Args, other.Args) && slices.EqualFunc(c.Causes, other.Causes, Cause.Is)
}

// String returns the code and the arguments, for logs: "over-order-limit limit=5000 price=6375".
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

// NewCause returns a cause with arguments, given as names and values. Empty values are left out.
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

// With returns the cause with one more argument.
func (c Cause) With(name, value string) Cause {
	c.Args = maps.Clone(c.Args)
	if c.Args == nil {
		c.Args = Args{}
	}
	c.Args[name] = value
	return c
}

// ArgSomeCents formats an amount as an argument; empty if it is not known.
func ArgSomeCents(amount Cents) string {
	if amount <= 0 {
		return ""
	}
	return ArgCents(amount)
}

// ArgSomeID formats CoCalc's number of something as an argument; empty if it is not known.
func ArgSomeID(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// ArgSeconds formats a duration as an argument, rounded up.
func ArgSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((max(d, 0)+time.Second-1)/time.Second), 10)
}

// ArgTime formats a time as an argument; the zero time is empty.
func ArgTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// ArgFlag formats a condition as an argument: "true", or empty if it does not hold.
func ArgFlag(is bool) string {
	if is {
		return "true"
	}
	return ""
}

// ArgCents formats an amount as an argument.
func ArgCents(amount Cents) string { return strconv.FormatInt(int64(amount), 10) }

// Incident is one reason of a pause.
type Incident struct {
	Cause
	Time time.Time `json:"time"`
	By   string    `json:"by"` // a person's id, or "licensebot"
}

// CauseOf returns the cause of what the pause keeps from being done: since, by and name (of who paused), and the
// incidents.
func (p *Pause) CauseOf(code CauseCode) Cause {
	c := NewCause(code, "since", ArgTime(p.Since), "by", p.By, "name", p.Name)
	for _, in := range p.AllIncidents() {
		c.Causes = append(c.Causes, in.Cause)
	}
	return c
}

// Cause returns why buying is paused: since, by and name (of who paused), and the reasons beneath it.
func (p *Pause) Cause() Cause { return p.CauseOf(Paused) }

// PersonSaid returns the cause of a pause by a person.
func PersonSaid(reason string) Cause { return Cause{Code: IncidentSaid, Args: Args{"reason": reason}} }

// Records from before causes had codes hold sentences only. They are never rewritten: their causes are derived from
// these sentences, which are those of that version and never change.

// Why returns why the order waits; the zero Cause if it doesn't.
func (w *Blocked) Why() Cause {
	if w == nil {
		return Cause{}
	}
	return w.Cause
}

// UnmarshalJSON reads a wait of any schema. The first one has a sentence (why), and from some version on a cause.
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
	switch w.Args["told"] { // was a sentence
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

// What CheckConsistency finds, and what storage finds in the audit chain.
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

// What LedgerView.Compare finds.
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

// A license's id works like a key: anyone who knows it can use the license on a project of their own, and CoCalc can't
// take it off again. So the requester, and people who may see licenses, read whole ids in private. Channels and logs
// show the end of an id, which tells licenses apart.

// idEnd is how many characters of an id are shown in public.
const idEnd = 4

// ShortID returns an id as everyone may read it: "…1a2b". An empty id stays empty.
func ShortID(id string) string {
	r := []rune(id)
	if len(r) == 0 {
		return ""
	}
	return "…" + string(r[max(0, len(r)-idEnd):])
}

var wholeID = regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)

// ShortenIDs shortens every whole id in a text. Use it for people's text and stored text that is shown in a channel, or
// to people who may not see licenses.
func ShortenIDs(text string) string { return wholeID.ReplaceAllStringFunc(text, ShortID) }
