package firstschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"licensebot/purchase"
)

// order is an order of the first schema.
type order struct {
	ID        purchase.OrderID `json:"id"`
	Rev       int              `json:"rev"`
	State     purchase.State   `json:"state"`
	Requester purchase.Actor   `json:"requester"`
	Place     purchase.Channel `json:"place"`
	Spec      purchase.Spec    `json:"spec"`
	Reason    string           `json:"reason,omitempty"`
	Price     purchase.Cents   `json:"price_cents"`
	Renews    purchase.Cents   `json:"renews_cents,omitempty"`
	Created   time.Time        `json:"created"`
	Updated   time.Time        `json:"updated"`
	Expires   time.Time        `json:"expires"`

	Confirmed time.Time           `json:"confirmed,omitzero"`
	Approvals []purchase.Approval `json:"approvals,omitempty"`
	ApproveBy time.Time           `json:"approve_by,omitzero"`
	RemindAt  time.Time           `json:"remind_at,omitzero"`
	Month     string              `json:"month,omitempty"`
	Day       string              `json:"day,omitempty"`

	Sent    json.RawMessage `json:"sent,omitempty"`
	AddSent time.Time       `json:"add_sent,omitzero"`
	ItemID  int64           `json:"item_id,omitempty"`
	Amount  purchase.Cents  `json:"amount_cents,omitempty"`

	CheckoutSent time.Time               `json:"checkout_sent,omitzero"`
	Answer       purchase.CheckoutAnswer `json:"checkout_answer,omitempty"`
	AnswerText   string                  `json:"checkout_answer_text,omitempty"`

	Failure    *failure         `json:"failure,omitempty"`
	Receipt    *receipt         `json:"receipt,omitempty"`
	WatchUntil time.Time        `json:"watch_until,omitzero"`
	ReplacedBy purchase.OrderID `json:"replaced_by,omitempty"`
	Messages   []message        `json:"messages,omitempty"`
}

type failure struct {
	Code     purchase.FailureCode `json:"code"`
	Sentence string               `json:"sentence"`
	NewPrice purchase.Cents       `json:"new_price,omitempty"`
}

type receipt struct {
	LicenseID  string                       `json:"license_id"`
	Time       time.Time                    `json:"time"`
	Charged    purchase.Cents               `json:"charged_cents"`
	PurchaseID int64                        `json:"purchase_id,omitempty"`
	Expires    time.Time                    `json:"expires,omitzero"`
	Unchecked  bool                         `json:"unchecked,omitempty"`
	Extra      []purchase.DuplicatePurchase `json:"extra,omitempty"`
	Adopted    bool                         `json:"adopted,omitempty"`
	Settled    string                       `json:"settled,omitempty"`
}

type message struct {
	Kind        purchase.MessageKind `json:"kind"`
	Channel     string               `json:"channel,omitempty"`
	TS          string               `json:"ts,omitempty"`
	ResponseURL string               `json:"response_url,omitempty"`
	Uses        int                  `json:"uses,omitempty"`
	Expires     time.Time            `json:"expires,omitzero"`
	Shown       int                  `json:"shown"`
	Problem     string               `json:"problem,omitempty"`
}

// share is a person's part of a month, in the first schema.
type share struct {
	Spent    purchase.Cents `json:"spent_cents,omitempty"`
	Reserved purchase.Cents `json:"reserved_cents,omitempty"`
	Days     map[string]int `json:"days,omitempty"`
}

type budget struct {
	Month    string           `json:"month"`
	Spent    purchase.Cents   `json:"spent_cents"`
	Reserved purchase.Cents   `json:"reserved_cents"`
	Bought   int              `json:"bought"`
	People   map[string]share `json:"people,omitempty"`
}

// account is what the first schema knows of the CoCalc account while nothing is wrong with it.
type account struct {
	CoCalc        string            `json:"cocalc,omitempty"`
	Watching      time.Time         `json:"watching,omitzero"`
	Reconciled    time.Time         `json:"reconciled,omitzero"`
	LastUnknown   purchase.OrderID  `json:"last_unknown,omitempty"`
	LastUnknownAt time.Time         `json:"last_unknown_at,omitzero"`
	Settings      map[string]string `json:"settings,omitempty"`
}

// event is an audit record of the first schema. Its hash is computed with an empty Hash.
type event struct {
	Number uint64           `json:"number"`
	Time   time.Time        `json:"time"`
	Kind   string           `json:"kind"`
	Order  purchase.OrderID `json:"order,omitempty"`
	By     string           `json:"by"`
	Place  string           `json:"place,omitempty"`
	Note   string           `json:"note,omitempty"`
	Amount purchase.Cents   `json:"amount_cents,omitempty"`
	Prev   string           `json:"prev"`
	Hash   string           `json:"hash"`
}

// newOrder returns an order in the first schema. It must not wait for CoCalc, hold other items or have an unknown
// outcome.
func newOrder(o purchase.Order) (order, error) {
	if o.Blocked != nil || o.Unresolved != nil || len(o.HeldItems) > 0 || o.Project != nil {
		return order{}, fmt.Errorf("order %s is being bought, or has what the first schema lacks", o.ID)
	}
	old := order{
		ID: o.ID, Rev: o.Rev, State: o.State, Requester: o.Requester, Place: o.Channel, Spec: o.Spec, Reason: o.Reason,
		Price: o.Price, Renews: o.Renews, Created: o.Created, Updated: o.Updated, Expires: o.Expires,
		Confirmed: o.Confirmed, Approvals: o.Approvals, ApproveBy: o.ApproveBy, RemindAt: o.RemindAt, Month: o.Month,
		Day: o.Day, Sent: o.Sent, AddSent: o.AddSent, ItemID: o.ItemID, Amount: o.Amount, CheckoutSent: o.CheckoutSent,
		Answer: o.Answer, AnswerText: o.AnswerText, WatchUntil: o.WatchUntil, ReplacedBy: o.ReplacedBy,
	}
	if f := o.Failure; f != nil {
		old.Failure = &failure{f.Code, sentence(f.Cause), f.NewPrice}
	}
	if r := o.Receipt; r != nil {
		old.Receipt = &receipt{
			LicenseID: r.LicenseID, Time: r.Time, Charged: r.Charged, PurchaseID: r.PurchaseID, Expires: r.Expires,
			Unchecked: r.Unchecked, Extra: r.Duplicates, Adopted: r.Adopted,
		}
		if r.Settled != nil {
			old.Receipt.Settled = sentence(*r.Settled)
		}
	}
	for _, m := range o.Messages {
		old.Messages = append(old.Messages, message{
			m.Kind, m.Channel, m.TS, m.ResponseURL, m.Uses, m.Expires, m.PublishedRev, m.Problem,
		})
	}
	return old, nil
}

// newAccount returns the account in the first schema. Nothing may be wrong with it.
func newAccount(a purchase.AccountState) (account, error) {
	if a.Pause != nil || a.Restored != nil || a.Diagnosis != nil || len(a.Notifications)+len(a.Twins) > 0 {
		return account{}, errors.New("something is wrong with the account, or it has what the first schema lacks")
	}
	return account{a.CoCalc, a.Watching, a.Reconciled, a.LastUnknown, a.LastUnknownAt, a.Settings}, nil
}

func newBudget(b purchase.Budget) budget {
	old := budget{b.Month, b.Spent, b.Reserved, b.Bought, map[string]share{}}
	for id, s := range b.People {
		old.People[id] = share{s.Spent, s.Reserved, s.Days}
	}
	return old
}

// newEvent returns an audit record in the first schema, after the one with the hash prev.
func newEvent(e purchase.Event, prev string) event {
	old := event{
		Number: e.Number, Time: e.Time, Kind: e.Kind, Order: e.Order, By: e.By, Place: e.Place, Note: e.Note,
		Amount: e.Amount, Prev: prev,
	}
	if old.Note == "" && e.Code != "" {
		old.Note = sentence(e.Cause)
	}
	return old
}

// sentence returns the sentence that the first schema has in place of a cause.
func sentence(c purchase.Cause) string {
	switch c.Code {
	case purchase.IncidentUnknown:
		return fmt.Sprintf("the outcome of two checkouts was unknown within a day: of order %s and of order %s",
			c.Args["first"], c.Args["second"])
	case purchase.SettledByAdmin:
		return fmt.Sprintf("%s settled it as %s. Their reason: “%s”.", c.Args["name"], strings.ReplaceAll(c.Args["verdict"],
			"-", " "), c.Args["reason"])
	case purchase.FailCart:
		return "Somebody changed the item in the CoCalc cart before it was paid. Nothing was bought. Please try again."
	case purchase.FailSettled:
		return "CoCalc's answer to the checkout was lost, and it shows no purchase: nothing was bought. Please try again."
	case purchase.IncidentSaid:
		return c.Args["reason"]
	default:
		return c.String()
	}
}
