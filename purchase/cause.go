package purchase

import (
	"maps"
	"strconv"
	"time"
)

// Cause is a reason as a code with arguments. Decisions compare causes, never sentences. Sentences are made from causes
// for people, and can be reworded in any release.
type Cause struct {
	Code CauseCode `json:"code,omitempty"`
	Args Args      `json:"args,omitempty"`
}

// Args are the named arguments of a cause. Amounts are in cents, times in RFC 3339.
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
	WaitsForKey      CauseCode = "key-refused"   // CoCalc does not accept the key: key
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
	IncidentSaid         CauseCode = "said"                  // a person paused buying: reason
	IncidentForeignKey   CauseCode = "foreign-key"           // key, account (of the key), ledger (its account)
	IncidentUnknown      CauseCode = "second-unknown"        // first, second: orders
	IncidentCharged      CauseCode = "charged"               // order, charged, agreed
	IncidentUnexplained  CauseCode = "unexplained-purchase"  // license, purchase, amount: in no budget
	IncidentUnattributed CauseCode = "unattributed-purchase" // license, purchase, amount: counted, and no ledger names the person
	IncidentDoubleBuy    CauseCode = "double-buy"            // order, item, times, amount
	IncidentNewLedger    CauseCode = "new-ledger"            // purchases: how many have tags of a ledger that is missing
	IncidentBooks        CauseCode = "books"                 // finding, record, more, digest
	IncidentOther        CauseCode = "other"                 // text: a sentence of an older version that has no code
)

// AcceptsNewLedger is the cause of a resume (Event) that accepts a new ledger in place of a missing one.
const AcceptsNewLedger CauseCode = "accepts-new-ledger"

// ServerFound is the cause of an audit record (Event) of what a probe found: condition, host, reason.
const ServerFound CauseCode = "server-found"

// Is reports whether two causes have the same code and arguments.
func (c Cause) Is(other Cause) bool { return c.Code == other.Code && maps.Equal(c.Args, other.Args) }

// cents formats an amount as an argument.
func cents(amount Cents) string { return strconv.FormatInt(int64(amount), 10) }

// Incident is one reason of a pause.
type Incident struct {
	Cause
	Time time.Time `json:"time"`
	By   string    `json:"by"`   // a person's id, or "licensebot"
	Text string    `json:"text"` // what people read; a person's own words as they wrote them
}

// said returns the cause of a pause by a person.
func said(reason string) Cause { return Cause{Code: IncidentSaid, Args: Args{"reason": reason}} }

// mostIncidents is how many reasons a pause keeps. Beyond it, the second oldest is dropped; the audit has all.
const mostIncidents = 100
