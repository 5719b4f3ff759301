package purchase

import (
	"maps"
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
