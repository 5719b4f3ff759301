package cocalc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
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

// Reason is why a request has no usable answer. Ledgers and logs store it, so a value is never renamed.
type Reason string

// The reasons.
const (
	NoHost        Reason = "no-host"        // the host name does not exist
	NoConnection  Reason = "no-connection"  // the host refuses connections or can't be reached
	NoTLS         Reason = "no-tls"         // the certificate is not trusted, or the server does not use TLS
	NoAnswer      Reason = "no-answer"      // there was no answer in time
	CutOff        Reason = "cut-off"        // the answer was incomplete
	ServerError   Reason = "server-error"   // status 5xx: a fault, or maintenance
	Busy          Reason = "busy"           // status 429
	DatabaseDown  Reason = "database-down"  // CoCalc reports that its database is not available
	NoEndpoint    Reason = "no-endpoint"    // the page of a missing route
	Page          Reason = "page"           // an HTML page
	NotJSON       Reason = "not-json"       // another text, or an answer above Options.MaxAnswer
	OtherJSON     Reason = "other-json"     // JSON of another program, or of an unknown version of CoCalc
	OtherStatus   Reason = "other-status"   // a status that CoCalc does not return
	RedirectsAway Reason = "redirects-away" // to another host
	RedirectsHere Reason = "redirects-here" // to the same host with another scheme or path
	RedirectsPage Reason = "redirects-page" // to another page of the same host, such as a sign-in page
	RedirectsOdd  Reason = "redirects-odd"  // to something that is not an address
)

// isTemporary reports whether the reason is typical of a server that is down or out of reach.
func (r Reason) isTemporary() bool {
	switch r {
	case NoHost, NoConnection, NoTLS, NoAnswer, CutOff, ServerError, Busy, DatabaseDown:
		return true
	default:
		return false
	}
}

// networkReason returns the reason of a network error.
func networkReason(err error) Reason {
	var (
		dns       *net.DNSError
		untrusted *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		plain     tls.RecordHeaderError
		alert     tls.AlertError
		slow      net.Error
	)
	switch {
	case errors.As(err, &dns):
		return NoHost
	case errors.As(err, &untrusted), errors.As(err, &authority), errors.As(err, &plain), errors.As(err, &alert),
		errors.Is(err, http.ErrSchemeMismatch):
		return NoTLS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return NoAnswer
	}
	return NoConnection
}

// cutReason returns the reason of an error of reading a body.
func cutReason(err error) Reason {
	if errors.Is(err, errTooLarge) {
		return NotJSON
	}
	return CutOff
}

func textReason(a answer) Reason {
	if isHTML(a) {
		return Page
	}
	return NotJSON
}

// statusReason returns the reason of a status other than 200 and those of redirects.
func statusReason(status int) Reason {
	switch {
	case status == http.StatusTooManyRequests:
		return Busy
	case status >= 500:
		return ServerError
	}
	return OtherStatus
}
