package purchase

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
)

// CoCalc's types that code about orders needs, under this package's names, so that code that shows orders does not
// import CoCalc's client.
type (
	// Cents is an amount of money.
	Cents = cocalc.Cents
	// Spec describes a license.
	Spec = cocalc.LicenseSpec
	// License is a license as CoCalc lists it.
	License = cocalc.License
	// Quote is a price.
	Quote = cocalc.Quote
	// Mistakes are what is wrong with a specification, each a sentence with the name of its field.
	Mistakes = cocalc.Mistakes
)

// What CoCalc takes of a title and a description, in characters.
const (
	MaxTitle       = cocalc.MaxTitle
	MaxDescription = cocalc.MaxDescription
)

// OrderID is a ULID: 26 characters that sort by time of creation.
type OrderID string

// tagPrefix starts the tag by which an order's cart item, and later its license, is recognized.
const tagPrefix = "order "

// Tag is the text that marks the order's cart item and license: "order 01J…".
func (id OrderID) Tag() string { return tagPrefix + string(id) }

// ParseTag reports which order's tag a cart item or license carries in its description, if any.
func ParseTag(text string) (OrderID, bool) {
	i := strings.LastIndex(text, tagPrefix)
	if i < 0 {
		return "", false
	}
	id := text[i+len(tagPrefix):]
	if len(id) != 26 || strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z')
	}) {
		return "", false
	}
	return OrderID(id), true
}

// Order is one wish for one license, from the first card to the receipt. It is stored whole.
type Order struct {
	ID        OrderID `json:"id"`
	Rev       int     `json:"rev"` // grows with every visible change
	State     State   `json:"state"`
	Requester Actor   `json:"requester"`
	Channel   Channel `json:"place"`
	Spec      Spec    `json:"spec"`
	// Project is set if the specification names one.
	Project *OnProject `json:"project,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Price   Cents      `json:"price_cents"`            // as shown: the most that may be charged
	Renews  Cents      `json:"renews_cents,omitempty"` // per month or year until cancelled; 0 for a fixed term
	Saves   Cents      `json:"saves_cents,omitempty"`  // per year, compared with monthly prices
	Created time.Time  `json:"created"`
	Updated time.Time  `json:"updated"`
	Expires time.Time  `json:"expires"` // of the proposal
	// Trigger is Slack's id of the command, click or form that made the order.
	Trigger string `json:"trigger,omitempty"`

	Confirmed time.Time `json:"confirmed,omitzero"`
	// Approvals are what approvers said, in the order in which they did.
	Approvals []Approval `json:"approvals,omitempty"`
	// ApproveBy is until when approvers can decide; RemindAt when they are reminded, zero once they were.
	ApproveBy time.Time `json:"approve_by,omitzero"`
	RemindAt  time.Time `json:"remind_at,omitzero"`
	// AskedDirectly is when approvers were asked in direct messages, since their channel gets no prices. They are asked
	// once.
	AskedDirectly time.Time `json:"asked_directly,omitzero"`
	// Month is the budget month ("2026-11") in which the money was promised. Reservation and spending of an order
	// count in that month, also when the purchase happens minutes after its end.
	Month string `json:"month,omitempty"`
	// Auto is set if the order was reserved without approval although there are approvers. It then counts in the
	// requester's automatic sum of the day.
	Auto bool `json:"auto,omitempty"`
	// Day is the day of the yes ("2026-11-23"), in which the order counts among its requester's.
	Day string `json:"day,omitempty"`

	Sent    json.RawMessage `json:"sent,omitempty"` // the description as it goes, or went, to the cart
	AddSent time.Time       `json:"add_sent,omitzero"`
	// AddedAfter is CoCalc's time when the add was about to be sent: nothing of the order is older there. Zero:
	// unknown.
	AddedAfter time.Time `json:"added_after,omitzero"`
	ItemID     int64     `json:"item_id,omitempty"` // in the cart
	HeldItems  []int64   `json:"parked,omitempty"`  // other people's items that the bot unchecked, and has to check again
	// Amount is what the server said, at the last look before paying, that checkout would charge; 0 when it told nothing.
	Amount Cents `json:"amount_cents,omitempty"`

	// CheckoutSent is written before checkout is sent. Once it is set, checkout is never sent for this order again.
	CheckoutSent time.Time `json:"checkout_sent,omitzero"`
	// PaidAfter is CoCalc's time when checkout was about to be sent. Zero: unknown.
	PaidAfter  time.Time      `json:"paid_after,omitzero"`
	Answer     CheckoutAnswer `json:"checkout_answer,omitempty"`
	AnswerText string         `json:"checkout_answer_text,omitempty"` // the server's words

	Blocked    *Blocked    `json:"wait,omitempty"`
	Unresolved *Unresolved `json:"hold,omitempty"`
	Failure    *Failure    `json:"failure,omitempty"`
	Receipt    *Receipt    `json:"receipt,omitempty"`
	// WatchUntil is the end of the ended order's watch for late events: an item that was added after all, or another
	// checkout that had begun already. Zero: not watched.
	WatchUntil time.Time `json:"watch_until,omitzero"`

	// Released is when an order of unknown outcome stopped holding other orders and the budget, since CoCalc can't tell
	// any more. Zero: it holds them.
	Released time.Time `json:"released,omitzero"`

	// Restored is set if the restore of an older ledger ended the order, or brought a ledger in which it had ended. It may
	// have been bought since.
	Restored bool `json:"restored,omitempty"`

	// ReplacedBy is the order made from this one, when its price had moved and the requester agreed to the new one, or
	// when they changed what they ask for. It has taken over this one's card.
	ReplacedBy OrderID `json:"replaced_by,omitempty"`

	Messages []Message `json:"messages,omitempty"`
}

// CheckoutAnswer is what checkout answered, as far as it is known.
type CheckoutAnswer string

// What checkout can answer.
const (
	AnswerNone    CheckoutAnswer = ""        // not sent, or nothing was heard
	AnswerSuccess CheckoutAnswer = "success" // which the server also says when it bought nothing
	AnswerRefused CheckoutAnswer = "refused" // definite: this checkout bought nothing
	AnswerUnclear CheckoutAnswer = "unclear" // lost, late or unreadable
)

// Blocked says why an order is not moving right now, and until when.
type Blocked struct {
	Cause
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Troubled is since when CoCalc has not been working for this order; zero while it waits for something else. The
	// patience of an order is measured from here.
	Troubled time.Time `json:"troubled,omitzero"`
	// Held is WaitsForServer's: for how long the server had been so (Server.Held) when the wait began.
	Held time.Duration `json:"held_ns,omitempty"`
}

// Unresolved is kept with an order whose outcome is unknown.
type Unresolved struct {
	Cause
	Since   time.Time `json:"since"`
	Removed time.Time `json:"removed,omitzero"` // when the item was taken out of the cart, which proves nothing by itself
	Until   time.Time `json:"until"`            // the end of the current settle window
	// RemovedThere is Removed by CoCalc's clock; zero if that was unknown.
	RemovedThere time.Time `json:"removed_there,omitzero"`
}

// Failure says why certainly nothing was bought. If a refusal is why, the cause rests on that one's.
type Failure struct {
	Cause
	NewPrice Cents `json:"new_price,omitempty"` // FailPriceMoved: what it costs now
	// Until is the time until which the requester can confirm NewPrice. Zero: no longer.
	Until time.Time `json:"until,omitzero"`
}

// FailureCode is the code of a failure.
type FailureCode = CauseCode

// Why an order failed.
const (
	FailPriceMoved  FailureCode = "price-moved"
	FailNoCredit    FailureCode = "no-credit"
	FailKey         FailureCode = "key-refused"
	FailUnreachable FailureCode = "unreachable"
	FailRefused     FailureCode = "refused"
	FailCart        FailureCode = "cart"
	FailNotSold     FailureCode = "not-sold"
	FailSettled     FailureCode = "settled" // was unknown; reading showed that nothing was bought
	FailTermOver    FailureCode = "term-over"
	FailByAdmin     FailureCode = "settled-by-admin"
	FailPolicy      FailureCode = "policy"       // a limit or a right that changed while it waited
	FailNobodyAsked FailureCode = "nobody-asked" // the approvers could not be reached
	FailProject     FailureCode = "project"      // the account is not, or no longer, in the project
	FailRestored    FailureCode = "restored"     // promised in an older copy of the ledger that was restored
)

// Receipt proves a purchase.
type Receipt struct {
	LicenseID  string    `json:"license_id"`
	Time       time.Time `json:"time"`
	Charged    Cents     `json:"charged_cents"`
	PurchaseID int64     `json:"purchase_id,omitempty"` // CoCalc's row; 0 on a server without a purchase list
	Expires    time.Time `json:"expires,omitzero"`
	// Unchecked: the item says it was bought, but the list of purchases could not be read yet to see that it was
	// bought only once.
	Unchecked bool `json:"unchecked,omitempty"`
	// Duplicates are further purchases of the same cart item: a double buy by overlapping checkouts.
	Duplicates []DuplicatePurchase `json:"extra,omitempty"`
	// Adopted is set if another checkout bought the item while it was in the cart.
	Adopted bool `json:"adopted,omitempty"`
	// Settled says which admin said, and why, that it was bought, where CoCalc did not tell; nil if CoCalc did.
	Settled *Cause `json:"settled_by,omitempty"`
}

// DuplicatePurchase is one purchase too many.
type DuplicatePurchase struct {
	PurchaseID int64  `json:"purchase_id"`
	LicenseID  string `json:"license_id"`
	Charged    Cents  `json:"charged_cents"`
}

// Message is one place where people see the order.
type Message struct {
	Kind    MessageKind `json:"kind"`
	Channel string      `json:"channel,omitempty"`
	TS      string      `json:"ts,omitempty"` // of a posted message
	// ResponseURL reaches a card that only the requester sees; Slack takes Uses more posts to it until Expires.
	ResponseURL  string    `json:"response_url,omitempty"`
	Uses         int       `json:"uses,omitempty"`
	Expires      time.Time `json:"expires,omitzero"`
	PublishedRev int       `json:"shown"` // the Rev it shows
	// Bare is set if MessageAsk shows no price and no buttons, because others than members read the channel.
	Bare bool `json:"bare,omitempty"`
	// Problem says why the message cannot be shown ("not_in_channel"); it is not tried again for this Rev.
	Problem string `json:"problem,omitempty"`
}

// MessageKind says who sees a message and when it is made.
type MessageKind string

// The messages that show an order.
const (
	MessageCard MessageKind = "card" // the requester's own, only visible to them
	MessageLine MessageKind = "line" // the one line in the channel, once bought
	MessageAsk  MessageKind = "ask"  // the approvers' card, in their channel
	MessageNote MessageKind = "note" // a direct message to the requester, when the card cannot be reached any more
)

// Message returns the order's message of that kind, or nil. The pointer is into the order.
func (o *Order) Message(kind MessageKind) *Message {
	for i := range o.Messages {
		if o.Messages[i].Kind == kind {
			return &o.Messages[i]
		}
	}
	return nil
}

// Stale reports whether some message of the order does not show its current state yet.
func (o *Order) Stale() bool {
	for _, m := range o.Messages {
		if m.PublishedRev < o.Rev {
			return true
		}
	}
	return false
}

// Open reports whether there is still something to do for the order: to wait for the requester, to buy, to settle,
// to count, to put back what was parked, or to watch for what comes late.
func (o *Order) Open() bool { return o.NeedsWork() || o.HasOffer() }

// HasOffer reports whether the order failed because its price had moved, and its card offers the new price.
func (o *Order) HasOffer() bool {
	f := o.Failure
	return o.State == Failed && f != nil && f.Code == FailPriceMoved && o.ReplacedBy == "" && !f.Until.IsZero()
}

// Offers reports whether the requester can still confirm the new price of an order that failed because its price had
// moved.
func (o *Order) Offers(now time.Time) bool { return o.HasOffer() && now.Before(o.Failure.Until) }

// NeedsWork reports whether the order needs work other than waiting for an answer to a new price.
func (o *Order) NeedsWork() bool {
	return !o.State.Final() || len(o.HeldItems) > 0 || !o.WatchUntil.IsZero() || (o.Receipt != nil && o.Receipt.Unchecked)
}

// Promised reports whether the order's price counts as reserved in its budget month.
func (o *Order) Promised() bool { return o.State.promised() && o.Released.IsZero() }

// NeverAdded reports whether nothing of the order can be in the cart.
func (o *Order) NeverAdded() bool { return o.AddSent.IsZero() && o.ItemID == 0 }

// State is where an order stands. docs/architecture.md draws the graph.
type State string

const (
	// Proposed is a card with a price; nothing is reserved. It expires.
	Proposed State = "proposed"
	// AwaitingApproval says that the requester confirmed, and the order needs approval. Budget is reserved from here on.
	AwaitingApproval State = "awaiting_approval"
	// Approved may be bought, and waits for its turn on the account.
	Approved State = "approved"
	// Adding is about to be added to the cart, or was added without an answer. No money moves.
	Adding State = "adding"
	// Carted has an item with a known id, whose content was read back and compared.
	Carted State = "carted"
	// Paying is about to be checked out, or was checked out and the outcome is not proven yet.
	Paying State = "paying"
	// Unknown may have been bought. It keeps its reservation and holds the account; only reading resolves it.
	Unknown State = "unknown"
	// Purchased is proven by reading the item back.
	Purchased State = "purchased"
	// Failed says that nothing was bought. If CoCalc shows a purchase while the order is still watched (another checkout
	// had begun before the item was taken out), the order becomes Purchased.
	Failed State = "failed"
	// Denied was refused by an approver.
	Denied State = "denied"
	// Cancelled was withdrawn by the requester before anything was sent.
	Cancelled State = "cancelled"
	// Expired was not decided in time.
	Expired State = "expired"
)

// States lists every state, in the order in which people meet them.
func States() []State {
	return []State{
		Proposed, AwaitingApproval, Approved, Adding, Carted, Paying, Unknown, Purchased, Failed, Denied,
		Cancelled, Expired,
	}
}

// Known reports whether s is a state of orders.
func (s State) Known() bool { return slices.Contains(States(), s) }

// Final reports whether the order has ended: nothing more is bought for it.
func (s State) Final() bool {
	switch s {
	case Purchased, Failed, Denied, Cancelled, Expired:
		return true
	default:
		return false
	}
}

// promised reports whether an order in this state holds a reservation.
func (s State) promised() bool {
	switch s {
	case AwaitingApproval, Approved, Adding, Carted, Paying, Unknown:
		return true
	default:
		return false
	}
}

// UnderWay reports whether the worker has begun with the order, so that it must be brought to an end before any other.
func (s State) UnderWay() bool {
	switch s {
	case Adding, Carted, Paying, Unknown:
		return true
	default:
		return false
	}
}

// CanBecome reports whether an event leads from s to next.
func (s State) CanBecome(next State) bool {
	return slices.ContainsFunc(transitions, func(t transition) bool { return t.From == s && t.To == next })
}

// RemoveMessage forgets a message that cannot be reached any more.
func (o *Order) RemoveMessage(kind MessageKind) {
	o.Messages = slices.DeleteFunc(o.Messages, func(m Message) bool { return m.Kind == kind })
}

// SetMessage keeps a message, in place of an earlier one of its kind.
func (o *Order) SetMessage(m Message) {
	o.RemoveMessage(m.Kind)
	o.Messages = append(o.Messages, m)
}

// UnmarshalJSON reads a receipt of any schema. The first one has what the admin said as a sentence (settled).
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

// PriceOf returns what a specification costs if it is bought now. Mistakes come as [Mistakes], all at once.
func PriceOf(spec Spec, now time.Time) (Quote, error) {
	if mistakes := spec.Validate(now); len(mistakes) > 0 {
		return Quote{}, mistakes
	}
	return cocalc.Price(spec, now)
}
