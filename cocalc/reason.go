package cocalc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
)

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
