package cocalc

import (
	"errors"
	"fmt"
	"time"
)

// Outcome is what a failed request did on the server. It is the part of an error that matters for money.
type Outcome int

const (
	// Unknown means that the request may have been carried out, in part, wholly or not at all. It is the zero value, so
	// that an unclassified error is treated with the most care.
	Unknown Outcome = iota
	// Rejected means that the server refused the request, and nothing happened.
	Rejected
	// Transient means that the request did not reach the server's handler, the server refused it for now, or it only
	// reads. The same request may be sent again later.
	Transient
)

func (o Outcome) String() string {
	return [...]string{"unknown", "rejected", "transient"}[o]
}

// Kind is the kind of an error, for decisions of callers.
type Kind int

// The kinds.
const (
	Other              Kind = iota
	NotSignedIn             // the key is wrong, expired or revoked, or the database is down: never final by itself
	CaptchaRequired         // an older server requires a captcha in the store
	InsufficientCredit      // Need is the amount that the server asks for
	Throttled               // nothing was done; Wait says for how long
	CartBroken              // an item makes the cart unusable for the whole account; ItemID if it is known
	NotSoldHere             // the server has no license store, or no longer has one
	NotFound                // the item, license or project does not exist or belongs to other people
	KeyNotAllowed           // this server does not allow API keys to do this, valid or not
	SignInRequired          // this server allows only people who are signed in to do this
	CapabilityMissing       // the key is valid but lacks the capability Capability
	Redirected              // the server redirected to Redirect, which the client did not follow
)

// Error is the error of a request to CoCalc that did not succeed.
type Error struct {
	Op      string // the endpoint: "shopping/cart/add"
	Outcome Outcome
	Kind    Kind
	Text    string        // the server's own words, shortened; for the log and the ledger, never for a sentence to people
	Status  int           // HTTP status; 0 if there was no answer
	Wait    time.Duration // Throttled: how long the server asks to wait
	Need    Cents         // InsufficientCredit: the amount that the server asks for
	ItemID  int64         // CartBroken: the item at fault; 0 if it is not known
	Err     error         // the cause if the request failed before an answer could be read

	Capability string   // CapabilityMissing: such as "account:read"
	Redirect   Redirect // Redirected: where to
	Reason     Reason   // why there is no usable answer; empty for a refusal by CoCalc
}

func (e *Error) Error() string {
	what := e.Text
	if what == "" && e.Err != nil {
		what = e.Err.Error()
	}
	return fmt.Sprintf("cocalc %s: %s (%s)", e.Op, what, e.Outcome)
}

func (e *Error) Unwrap() error { return e.Err }

// kindOf returns the kind of an error by this package, and Other for any other error.
func kindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Other
}
