package cocalc

import (
	"errors"
	"fmt"
	"time"
)

// Outcome says what a failed request did on the server. It is the part of an error that matters for money.
type Outcome int

const (
	// Unknown: the request may have been carried out, wholly or not at all. It is the zero value, so that an
	// unclassified error is treated with the most care.
	Unknown Outcome = iota
	// Rejected: the server answered, and what was asked did not happen.
	Rejected
	// Transient: the request never reached the server's handler, or the server said "not now" before acting;
	// the same request may be sent again later.
	Transient
)

func (o Outcome) String() string {
	return [...]string{"unknown", "rejected", "transient"}[o]
}

// Kind names the refusals that callers decide on.
type Kind int

const (
	Other              Kind = iota
	NotSignedIn             // wrong, expired or revoked key; a database outage says the same: never final by itself
	CaptchaRequired         // an older server wants a person in the store
	InsufficientCredit      // Need says how much is missing
	Throttled               // Wait says for how long; nothing was done
	CartBroken              // an item makes the cart unusable for the whole account; ItemID where it could be found
	NotSoldHere             // the server has no license store (any more)
	NotFound                // no such item or license, or a project of other people
	KeyNotAllowed           // this server lets no API key do this, valid or not: it says nothing about the key
	SignInRequired          // this server lets only a person who is signed in do this
	CapabilityMissing       // the key is valid and has no right to this: Capability says which
	Redirected              // the server led elsewhere, and was not followed: Redirect says where
)

// Error is a request to CoCalc that did not succeed.
type Error struct {
	Op      string // the endpoint: "shopping/cart/add"
	Outcome Outcome
	Kind    Kind
	Text    string        // the server's own words, shortened; for the log and the ledger, never for a sentence to people
	Status  int           // HTTP status, 0 when there was no answer
	Wait    time.Duration // Throttled: how long the server asks to wait
	Need    Cents         // InsufficientCredit: what the server says is needed
	ItemID  int64         // CartBroken: the item at fault, 0 when it is not known
	Err     error         // the cause, when the request failed before an answer could be read

	Capability string   // CapabilityMissing: such as "account:read"
	Redirect   Redirect // Redirected: where the server leads
	Reason     Reason   // why the answer is of no use, where it is no refusal of CoCalc's
}

func (e *Error) Error() string {
	what := e.Text
	if what == "" && e.Err != nil {
		what = e.Err.Error()
	}
	return fmt.Sprintf("cocalc %s: %s (%s)", e.Op, what, e.Outcome)
}

func (e *Error) Unwrap() error { return e.Err }

// kindOf is the kind of an error by this package, and Other of any other.
func kindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Other
}
