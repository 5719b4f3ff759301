package cocalc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
)

// Reason says why an answer is of no use, where it is no refusal of CoCalc's. Ledgers and logs keep it: a value is
// never renamed.
type Reason string

// What comes in the place of an answer by CoCalc.
const (
	NoHost        Reason = "no-host"        // the name is not known
	NoConnection  Reason = "no-connection"  // nothing listens, or there is no way to it
	NoTLS         Reason = "no-tls"         // no secure connection: the certificate is not trusted, or it does not speak TLS
	NoAnswer      Reason = "no-answer"      // none came in time
	CutOff        Reason = "cut-off"        // the answer ended before its end
	ServerError   Reason = "server-error"   // status 5xx: a fault, or maintenance
	Busy          Reason = "busy"           // status 429
	DatabaseDown  Reason = "database-down"  // CoCalc says that it has lost its database
	NoEndpoint    Reason = "no-endpoint"    // the page of a missing route
	Page          Reason = "page"           // a page for people
	NotJSON       Reason = "not-json"       // some other text, or far too much of it
	OtherJSON     Reason = "other-json"     // JSON of another program, or of a CoCalc that is not known
	OtherStatus   Reason = "other-status"   // a status that CoCalc does not answer
	RedirectsAway Reason = "redirects-away" // to another host
	RedirectsHere Reason = "redirects-here" // to the same host by another scheme or path
	RedirectsPage Reason = "redirects-page" // to another page of the same host, such as one to sign in
	RedirectsOdd  Reason = "redirects-odd"  // to what is no address
)

// passes reports whether the reason is one that a server has while it is down or out of reach.
func (r Reason) passes() bool {
	switch r {
	case NoHost, NoConnection, NoTLS, NoAnswer, CutOff, ServerError, Busy, DatabaseDown:
		return true
	}
	return false
}

// networkReason says why no answer came.
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

// cutReason says why a body could not be read.
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

// statusReason is the reason of a status other than 200 and a redirect's.
func statusReason(status int) Reason {
	switch {
	case status == http.StatusTooManyRequests:
		return Busy
	case status >= 500:
		return ServerError
	}
	return OtherStatus
}
