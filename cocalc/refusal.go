package cocalc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// classifyStatus returns the error of an HTTP status other than 200 and the 404 of a missing route. CoCalc's handlers
// return only 200; another status comes from its HTTP layer, before a handler runs, or from a proxy in front of it.
func classifyStatus(endpoint string, what safety, a answer, now time.Time) (json.RawMessage, *Error) {
	e := &Error{
		Op: endpoint, Status: a.status, Text: summarize(a), Outcome: what.lostOutcome(), Err: a.err,
		Reason: statusReason(a.status),
	}
	switch s := a.status; {
	case s == http.StatusNotModified:
		// The server compares after the handler ran. The client never sends a condition, so this says nothing.
	case s >= 300 && s < 400:
		// CoCalc's own redirects come before a handler runs. A proxy may redirect after it forwarded the request, and many
		// programs answer a POST with a redirect, so a nonIdempotent request may have been carried out.
		e.Kind, e.Text = Redirected, fmt.Sprintf("the server redirects (%d)", s)
	case s == http.StatusBadRequest, s == http.StatusUnauthorized, s == http.StatusForbidden,
		s == http.StatusMethodNotAllowed,
		s == http.StatusRequestEntityTooLarge, s == http.StatusUnsupportedMediaType:
		e.Outcome = Rejected
	case s == http.StatusTooManyRequests && what == readOnly:
		e.Kind, e.Wait = Throttled, retryAfter(a.header.Get("Retry-After"), now)
	}
	return nil, e
}

// retryAfter parses a Retry-After header, which holds seconds or a date. It returns 0 if that is missing or in the
// past.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n > 0 && n < 1_000_000 {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

func isHTML(a answer) bool {
	return strings.HasPrefix(a.header.Get("Content-Type"), "text/html") ||
		bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<"))
}

// isStore reports whether an endpoint is part of the license store, which some servers do not have.
func isStore(endpoint string) bool {
	return strings.HasPrefix(endpoint, "shopping/") || strings.HasPrefix(endpoint, "purchases/") ||
		strings.HasPrefix(endpoint, "licenses/")
}

// summarize describes an answer in a line, without HTML.
func summarize(a answer) string {
	switch {
	case isHTML(a):
		return fmt.Sprintf("status %d with a page instead of JSON", a.status)
	case len(bytes.TrimSpace(a.body)) == 0:
		return fmt.Sprintf("status %d without a body", a.status)
	}
	return fmt.Sprintf("status %d: %s", a.status,
		shorten(strings.ToValidUTF8(string(a.body[:min(len(a.body), 4*maxText)]), "?"), maxText))
}

// cartErrorPrefixes are the recorded beginnings of errors of the server's cart and price code about a bad item. Listing
// the cart, checkout-params and checkout return them for the account's whole cart.
var cartErrorPrefixes = []string{
	"Invalid time value", "bug cost must not be null", "Cannot read properties of null",
	"Cannot read properties of undefined",
	"Cannot destructure property", "[DecimalError]", "unknown user", "computing cost of item of type", `field "custom_`,
	"invalid subscription cost", "invalid input syntax for type integer", "Voucher code creation", "unsupported period",
	"period must not be range", "start must be set", "end must be set", "if period is 'range'", "end date must be after",
	"license type", "can only compute cost", "num.toFixed is not a function",
}

// databaseErrors matches errors of the server's connection to its database. Such an error does not say whether the
// transaction was committed.
var databaseErrors = regexp.MustCompile(`(?i)connection (terminated|closed|reset|refused|ended|timeout|timed ` +
	`out|error)|terminating connection|closed the connection|econn|etimedout|epipe|connect e[a-z]+|timed? ?out|shutting ` +
	`down|starting up|server login|too many clients`)

// classifyText returns the error of an application error, whose status was 200.
func classifyText(endpoint string, what safety, text string) *Error {
	e := &Error{Op: endpoint, Outcome: Rejected, Text: shorten(text, maxText)}
	lower := strings.ToLower(text)
	blocked := endpoint == cartGet || endpoint == checkoutParams || isCheckout(endpoint)
	switch {
	case strings.HasPrefix(text, "API keys are not allowed to "):
		e.Kind = KeyNotAllowed
	case text == "browser sign-in is required":
		e.Kind = SignInRequired
	case strings.HasPrefix(text, "API key lacks required capability "):
		e.Kind, e.Capability = CapabilityMissing, namedCapability(text)
	case strings.Contains(lower, "must be signed in as"):
		// Only this permission is missing, which says nothing about the key.
	case strings.Contains(lower, "must be signed in"), strings.Contains(lower, "anonymous") &&
		strings.Contains(lower, "not allowed"):
		e.Kind = NotSignedIn
	case strings.Contains(lower, "captcha"):
		e.Kind = CaptchaRequired
	case strings.HasPrefix(lower, "insufficient credit"):
		e.Kind, e.Need = InsufficientCredit, neededAmount(text)
	case strings.HasPrefix(lower, "too many requests"):
		e.Kind, e.Outcome, e.Wait = Throttled, Transient, statedWait(text)
	case strings.HasPrefix(lower, "no item with id"), strings.HasPrefix(lower, "no license with id"),
		strings.HasPrefix(lower, "fatal: you do not have read access to this project"),
		strings.HasPrefix(lower, "invalid input syntax for type uuid"):
		e.Kind = NotFound
	case blocked && hasAnyPrefix(text, cartErrorPrefixes):
		e.Kind = CartBroken
	case what == readOnly && databaseErrors.MatchString(text):
		e.Outcome, e.Reason = Transient, DatabaseDown
	case what != readOnly && databaseErrors.MatchString(text):
		e.Outcome, e.Reason = Unknown, DatabaseDown
	}
	if endpoint == olderCheckout && e.Kind != NotSignedIn && e.Kind != CaptchaRequired {
		// The older checkout charges item after item without a transaction: an error may come after a charge.
		e.Outcome = Unknown
	}
	return e
}

func hasAnyPrefix(text string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}

var capabilityPattern = regexp.MustCompile(`^API key lacks required capability '([a-z]+(?:[:._-][a-z]+)*)'`)

// namedCapability returns the capability that an error names, such as account:read; empty if it names none.
func namedCapability(text string) string {
	if m := capabilityPattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

var needPattern = regexp.MustCompile(`you need (-?)\$([\d,]+)(?:\.(\d\d))?`)

// neededAmount returns the amount in an error such as "… (you need $1,043.75)"; 0 if it names none.
func neededAmount(text string) Cents {
	m := needPattern.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(m[2], ",", "")+(m[3] + "00")[:2], 10, 64)
	if err != nil {
		return 0
	}
	if m[1] == "-" {
		n = -n
	}
	return Cents(n)
}

var waitPattern = regexp.MustCompile(`try again in (\d+) (second|minute|hour)`)

// statedWait returns the wait in an error such as "try again in 54 seconds". If it can't be read, it is a minute, the
// second longest of the recorded limits.
func statedWait(text string) time.Duration {
	m := waitPattern.FindStringSubmatch(text)
	if m == nil {
		return time.Minute
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n > 100_000 {
		return time.Minute
	}
	unit := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour}[m[2]]
	return time.Duration(n) * unit
}
