package purchase

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
)

// Names of this package for CoCalc's types, so that code that shows orders does not import CoCalc's client.
type (
	// Cents is an amount of money in cents of a US dollar.
	Cents = cocalc.Cents
	// Spec describes a license that is or was ordered.
	Spec = cocalc.LicenseSpec
	// License is a license as CoCalc returns it.
	License = cocalc.License
	// Quote is a computed price.
	Quote = cocalc.Quote
	// Mistakes lists the invalid fields of a specification, each with a sentence.
	Mistakes = cocalc.Mistakes
)

// The maximum lengths of a license's title and description, in characters.
const (
	MaxTitle       = cocalc.MaxTitle
	MaxDescription = cocalc.MaxDescription
)

// OrderID is a ULID: 26 characters. Ids sort by time of creation.
type OrderID string

// tagPrefix begins the tag that identifies an order's cart item, and later its license.
const tagPrefix = "order "

// Tag returns the tag of the order's cart item and license: "order 01J…".
func (id OrderID) Tag() string { return tagPrefix + string(id) }

// ParseTag returns the order whose tag the description of a cart item or license contains; false if it contains none.
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

// Order is a person's request for one license, from the first card to the receipt. The ledger stores it as a whole.
type Order struct {
	ID        OrderID `json:"id"`
	Rev       int     `json:"rev"` // revision; grows with every visible change
	State     State   `json:"state"`
	Requester Actor   `json:"requester"`
	Channel   Channel `json:"place"`
	Spec      Spec    `json:"spec"`
	// Project describes the license's project; nil if the specification names none.
	Project *OnProject `json:"project,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Price   Cents      `json:"price_cents"`            // as shown and confirmed; the maximum charge
	Renews  Cents      `json:"renews_cents,omitempty"` // per month or year until cancelled; 0 for a fixed term
	Saves   Cents      `json:"saves_cents,omitempty"`  // per year, compared with monthly prices
	Created time.Time  `json:"created"`
	Updated time.Time  `json:"updated"`
	Expires time.Time  `json:"expires"` // when the proposal expires
	// Trigger is Slack's id of the command, click or form that created the order.
	Trigger string `json:"trigger,omitempty"`

	Confirmed time.Time `json:"confirmed,omitzero"`
	// Approvals are the approvers' decisions, in chronological order.
	Approvals []Approval `json:"approvals,omitempty"`
	// ApproveBy is the deadline for approvers. RemindAt is when they are reminded; zero once they were.
	ApproveBy time.Time `json:"approve_by,omitzero"`
	RemindAt  time.Time `json:"remind_at,omitzero"`
	// AskedDirectly is when approvers were asked in direct messages, because their channel shows no prices. They are asked
	// once.
	AskedDirectly time.Time `json:"asked_directly,omitzero"`
	// Month is the budget month ("2026-11") in which the money was reserved. The order counts in that month even if the
	// purchase completes minutes after its end.
	Month string `json:"month,omitempty"`
	// Again is what renewals of the license cost in that month; reserved with the price. 0 if the budget didn't deduct
	// renewals then.
	Again Cents `json:"again_cents,omitempty"`
	// Auto is set if the order was reserved without approval although the policy has approvers. The price then counts in
	// the requester's Share.Auto of the day.
	Auto bool `json:"auto,omitempty"`
	// Day is the day ("2026-11-23") of the requester's confirmation, in which the order counts in Share.Days.
	Day string `json:"day,omitempty"`

	Sent    json.RawMessage `json:"sent,omitempty"` // the description that is sent, or was sent, to the cart
	AddSent time.Time       `json:"add_sent,omitzero"`
	// AddedAfter is CoCalc's time just before the add was sent: nothing that belongs to the order is older at CoCalc. Zero
	// if it was unknown.
	AddedAfter time.Time `json:"added_after,omitzero"`
	ItemID     int64     `json:"item_id,omitempty"` // in the cart
	HeldItems  []int64   `json:"parked,omitempty"`  // other people's items that the bot unchecked and must check again
	// Amount is the charge that the server announced just before checkout; 0 before that, and if the server announced
	// none.
	Amount Cents `json:"amount_cents,omitempty"`

	// CheckoutSent is stored before checkout is sent. Once it is set, checkout is never sent for this order again.
	CheckoutSent time.Time `json:"checkout_sent,omitzero"`
	// PaidAfter is CoCalc's time just before checkout was sent. Zero if it was unknown.
	PaidAfter  time.Time      `json:"paid_after,omitzero"`
	Answer     CheckoutAnswer `json:"checkout_answer,omitempty"`
	AnswerText string         `json:"checkout_answer_text,omitempty"` // the server's message

	Blocked    *Blocked    `json:"wait,omitempty"`
	Unresolved *Unresolved `json:"hold,omitempty"`
	Failure    *Failure    `json:"failure,omitempty"`
	Receipt    *Receipt    `json:"receipt,omitempty"`
	// WatchUntil is the end of the time for which an ended order is watched for late events: an add that takes effect
	// late, or another checkout that had already begun. Zero if it is not watched.
	WatchUntil time.Time `json:"watch_until,omitzero"`

	// Released is when an order of unknown outcome stopped blocking other orders and its reservation was released, because
	// CoCalc could no longer show the outcome. Zero if that has not happened.
	Released time.Time `json:"released,omitzero"`

	// Restored is set if the restore of a backup ended the order, or if the order had already ended in the backup. CoCalc
	// may have sold it after the backup was made.
	Restored bool `json:"restored,omitempty"`

	// ReplacedBy is the order that replaced this one, because the requester confirmed a new price or edited the proposal.
	// It has taken over this order's card.
	ReplacedBy OrderID `json:"replaced_by,omitempty"`

	Messages []Message `json:"messages,omitempty"`
}

// CheckoutAnswer is the answer to a checkout, as far as it is known.
type CheckoutAnswer string

// The answers to a checkout.
const (
	AnswerNone    CheckoutAnswer = ""        // not sent, or no answer was stored
	AnswerSuccess CheckoutAnswer = "success" // the server also returns it if it bought nothing
	AnswerRefused CheckoutAnswer = "refused" // certain: this checkout bought nothing
	AnswerUnclear CheckoutAnswer = "unclear" // lost, late or unreadable
)

// Blocked describes why an order is waiting, and until when.
type Blocked struct {
	Cause
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Troubled is when CoCalc stopped working for this order; zero if the order waits for something else. Timing.Patience
	// is measured from here.
	Troubled time.Time `json:"troubled,omitzero"`
	// Held is, for WaitsForServer, how long the server had been in its condition (Server.Held) when the wait began.
	Held time.Duration `json:"held_ns,omitempty"`
}

// Unresolved describes why the outcome of an order is unknown, and until when the bot looks for it.
type Unresolved struct {
	Cause
	Since   time.Time `json:"since"`
	Removed time.Time `json:"removed,omitzero"` // when the bot removed the item from the cart, which alone proves nothing
	Until   time.Time `json:"until"`            // the end of the current settle window
	// RemovedThere is Removed by CoCalc's clock; zero if that was unknown.
	RemovedThere time.Time `json:"removed_there,omitzero"`
}

// Failure describes why an order ended and certainly nothing was bought. If a refusal is the reason, it is the
// underlying cause.
type Failure struct {
	Cause
	NewPrice Cents `json:"new_price,omitempty"` // FailPriceMoved: the current price
	// Until is the deadline for confirming NewPrice. Zero if it can no longer be confirmed.
	Until time.Time `json:"until,omitzero"`
}

// FailureCode is the code of a failure.
type FailureCode = CauseCode

// The reasons why orders fail.
const (
	FailPriceMoved  FailureCode = "price-moved"
	FailNoCredit    FailureCode = "no-credit"
	FailKey         FailureCode = "key-refused"
	FailUnreachable FailureCode = "unreachable"
	FailRefused     FailureCode = "refused"
	FailCart        FailureCode = "cart"
	FailNotSold     FailureCode = "not-sold"
	FailSettled     FailureCode = "settled" // the outcome was unknown, and reading showed no purchase
	FailTermOver    FailureCode = "term-over"
	FailByAdmin     FailureCode = "settled-by-admin"
	FailPolicy      FailureCode = "policy"       // a limit or a permission changed while the order waited
	FailNobodyAsked FailureCode = "nobody-asked" // the approvers could not be reached
	FailProject     FailureCode = "project"      // the account is not, or no longer, in the project
	FailRestored    FailureCode = "restored"     // the order was reserved in a backup that was restored
)

// Receipt proves a purchase.
type Receipt struct {
	LicenseID  string    `json:"license_id"`
	Time       time.Time `json:"time"`
	Charged    Cents     `json:"charged_cents"`
	PurchaseID int64     `json:"purchase_id,omitempty"` // CoCalc's id; 0 if the server has no list of purchases
	Expires    time.Time `json:"expires,omitzero"`
	// Unchecked is set if the cart item is marked as purchased, but the list of purchases has not been read yet to verify
	// that it was purchased only once.
	Unchecked bool `json:"unchecked,omitempty"`
	// Duplicates are further purchases of the same cart item, by overlapping checkouts.
	Duplicates []DuplicatePurchase `json:"extra,omitempty"`
	// Adopted is set if a checkout other than the order's own bought the item.
	Adopted bool `json:"adopted,omitempty"`
	// Settled describes the decision of the admin who marked the order as bought; nil if CoCalc showed the purchase.
	Settled *Cause `json:"settled_by,omitempty"`
}

// DuplicatePurchase is a purchase beyond the one that the order asked for.
type DuplicatePurchase struct {
	PurchaseID int64  `json:"purchase_id"`
	LicenseID  string `json:"license_id"`
	Charged    Cents  `json:"charged_cents"`
}

// Message is a Slack message that shows the order.
type Message struct {
	Kind    MessageKind `json:"kind"`
	Channel string      `json:"channel,omitempty"`
	TS      string      `json:"ts,omitempty"` // of a posted message
	// ResponseURL is the URL for updating a card that only the requester sees. Slack accepts Uses more posts to it, until
	// Expires.
	ResponseURL  string    `json:"response_url,omitempty"`
	Uses         int       `json:"uses,omitempty"`
	Expires      time.Time `json:"expires,omitzero"`
	PublishedRev int       `json:"shown"` // the Rev that the message shows
	// Bare is set if a MessageAsk shows no price and no buttons, because people other than members read the channel.
	Bare bool `json:"bare,omitempty"`
	// Problem is Slack's error if the message cannot be posted ("not_in_channel"). The bot does not try again for this
	// Rev.
	Problem string `json:"problem,omitempty"`
}

// MessageKind is the audience of a message.
type MessageKind string

// The kinds of messages that show an order.
const (
	MessageCard MessageKind = "card" // the requester's card, visible only to them
	MessageLine MessageKind = "line" // the announcement in the channel, once bought
	MessageAsk  MessageKind = "ask"  // the approvers' card in their channel
	MessageNote MessageKind = "note" // a direct message to the requester, if the card can no longer be updated
)

// Message returns a pointer to the order's message of that kind, within o.Messages; nil if there is none.
func (o *Order) Message(kind MessageKind) *Message {
	for i := range o.Messages {
		if o.Messages[i].Kind == kind {
			return &o.Messages[i]
		}
	}
	return nil
}

// Stale reports whether a message shows an older revision of the order.
func (o *Order) Stale() bool {
	for _, m := range o.Messages {
		if m.PublishedRev < o.Rev {
			return true
		}
	}
	return false
}

// Open reports whether anything remains to be done for the order: wait for a person, buy, resolve the outcome, count
// purchases, check held items again, or watch for late events.
func (o *Order) Open() bool { return o.NeedsWork() || o.HasOffer() }

// HasOffer reports whether the order failed because its price had changed, and its card still offers the new price.
func (o *Order) HasOffer() bool {
	f := o.Failure
	return o.State == Failed && f != nil && f.Code == FailPriceMoved && o.ReplacedBy == "" && !f.Until.IsZero()
}

// Offers reports whether the requester can confirm the new price of a failed order at the time now.
func (o *Order) Offers(now time.Time) bool { return o.HasOffer() && now.Before(o.Failure.Until) }

// NeedsWork reports whether anything other than confirming a new price remains to be done for the order.
func (o *Order) NeedsWork() bool {
	return !o.State.Final() || len(o.HeldItems) > 0 || !o.WatchUntil.IsZero() || (o.Receipt != nil && o.Receipt.Unchecked)
}

// Reservation is what is reserved for the order in its budget month, while IsReserved.
func (o *Order) Reservation() Cents { return o.Price + o.Again }

// IsReserved reports whether the order's price is reserved in its budget month.
func (o *Order) IsReserved() bool { return o.State.promised() && o.Released.IsZero() }

// NeverAdded reports whether the order's item was certainly never added to the cart.
func (o *Order) NeverAdded() bool { return o.AddSent.IsZero() && o.ItemID == 0 }

// State is the state of an order. docs/architecture.md draws the transitions.
type State string

const (
	// Proposed orders have a card with a price, and no reservation. They expire.
	Proposed State = "proposed"
	// AwaitingApproval orders were confirmed by the requester and need approval. The price is reserved from here on.
	AwaitingApproval State = "awaiting_approval"
	// Approved orders may be bought, and wait for their turn on the CoCalc account.
	Approved State = "approved"
	// Adding orders are about to be added to the cart, or the answer to the add is missing. No money moves.
	Adding State = "adding"
	// Carted orders have a cart item whose id is known and whose content was read back and compared.
	Carted State = "carted"
	// Paying orders are about to be checked out, or were, and the outcome is not verified yet.
	Paying State = "paying"
	// Unknown orders may have been bought. They keep their reservation and block other orders until reading resolves the
	// outcome.
	Unknown State = "unknown"
	// Purchased orders were bought: CoCalc showed the purchase, or an admin confirmed it.
	Purchased State = "purchased"
	// Failed orders were not bought. If CoCalc shows a purchase while the order is still watched (another checkout had
	// begun before the item was removed), the order becomes Purchased.
	Failed State = "failed"
	// Denied orders were denied by an approver.
	Denied State = "denied"
	// Cancelled orders were cancelled or replaced by the requester before anything was sent to CoCalc.
	Cancelled State = "cancelled"
	// Expired orders were not decided in time.
	Expired State = "expired"
)

// States returns every state, in the order in which people usually see them.
func States() []State {
	return []State{
		Proposed, AwaitingApproval, Approved, Adding, Carted, Paying, Unknown, Purchased, Failed, Denied,
		Cancelled, Expired,
	}
}

// Known reports whether s is one of States.
func (s State) Known() bool { return slices.Contains(States(), s) }

// Final reports whether orders in this state have ended, so nothing is bought for them any more.
func (s State) Final() bool {
	switch s {
	case Purchased, Failed, Denied, Cancelled, Expired:
		return true
	default:
		return false
	}
}

// promised reports whether orders in this state have a reservation.
func (s State) promised() bool {
	switch s {
	case AwaitingApproval, Approved, Adding, Carted, Paying, Unknown:
		return true
	default:
		return false
	}
}

// UnderWay reports whether the worker has begun with the order, and must finish it before any other.
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

// RemoveMessage removes the message of a kind, if there is one.
func (o *Order) RemoveMessage(kind MessageKind) {
	o.Messages = slices.DeleteFunc(o.Messages, func(m Message) bool { return m.Kind == kind })
}

// SetMessage stores a message in place of an earlier one of its kind.
func (o *Order) SetMessage(m Message) {
	o.RemoveMessage(m.Kind)
	o.Messages = append(o.Messages, m)
}

// PriceOf returns what a specification costs if it is bought now. Mistakes come as [Mistakes], all at once.
func PriceOf(spec Spec, now time.Time) (Quote, error) {
	if mistakes := spec.Validate(now); len(mistakes) > 0 {
		return Quote{}, mistakes
	}
	return cocalc.Price(spec, now)
}
