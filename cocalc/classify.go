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

// maxText is how many characters of the server's words an error keeps.
const maxText = 300

// classify turns what came back into the JSON of a success or an error with its outcome.
func classify(endpoint string, what effect, a answer, now time.Time) (json.RawMessage, *Error) {
	fail := func(outcome Outcome, kind Kind, reason Reason, text string, cause error) (json.RawMessage, *Error) {
		return nil, &Error{Op: endpoint, Outcome: outcome, Kind: kind, Text: shorten(text, maxText), Status: a.status, Err: cause, Reason: reason}
	}
	lost := what.lost()
	if a.unsent {
		lost = Transient
	}
	switch {
	case a.status == 0:
		return fail(lost, Other, networkReason(a.err), "", a.err)
	case a.status == http.StatusNotFound && isHTML(a):
		// No route of that name: nothing was executed.
		kind := Other
		if isStore(endpoint) {
			kind = NotSoldHere
		}
		return fail(Rejected, kind, NoEndpoint, "the server has no such endpoint", nil)
	case a.status != http.StatusOK:
		return classifyStatus(endpoint, what, a, now)
	case a.err != nil:
		return fail(lost, Other, cutReason(a.err), "", fmt.Errorf("read the answer: %w", a.err))
	}
	body := bytes.TrimSpace(a.body)
	if !json.Valid(body) {
		return fail(lost, Other, textReason(a), "the answer is not JSON: "+summarize(a), nil)
	}
	if text, ok := errorText(body); ok {
		e := classifyText(endpoint, what, text)
		e.Status = a.status
		return nil, e
	}
	return body, nil
}

// lost is the outcome of a request that may have arrived, without an answer to tell.
func (e effect) lost() Outcome {
	if e == reads {
		return Transient // whatever happened to it, it can be sent again
	}
	return Unknown
}

// classifyStatus decides on an HTTP status other than 200 and the 404 of a missing route. CoCalc's handlers answer 200
// only; what else comes is its HTTP layer, which speaks before a handler runs, or something in front of it.
func classifyStatus(endpoint string, what effect, a answer, now time.Time) (json.RawMessage, *Error) {
	e := &Error{Op: endpoint, Status: a.status, Text: summarize(a), Outcome: what.lost(), Err: a.err, Reason: statusReason(a.status)}
	switch s := a.status; {
	case s == http.StatusNotModified:
		// The server compares after the handler ran. The client never asks for it, so this says nothing.
	case s >= 300 && s < 400:
		// CoCalc's own redirects come before a handler runs. One of a program in front may come after it handed the request
		// on, and answers to a POST with a redirect are usual elsewhere: what spends may be done.
		e.Kind, e.Text = Redirected, fmt.Sprintf("the server redirects (%d)", s)
	case s == http.StatusBadRequest, s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusMethodNotAllowed,
		s == http.StatusRequestEntityTooLarge, s == http.StatusUnsupportedMediaType:
		e.Outcome = Rejected
	case s == http.StatusTooManyRequests && what == reads:
		e.Kind, e.Wait = Throttled, retryAfter(a.header.Get("Retry-After"), now)
	}
	return nil, e
}

// retryAfter reads the header of that name: seconds or a date. 0 when it is missing or in the past.
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
	return strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<"))
}

// isStore says whether an endpoint is part of the license store, which some servers do not have.
func isStore(endpoint string) bool {
	return strings.HasPrefix(endpoint, "shopping/") || strings.HasPrefix(endpoint, "purchases/") || strings.HasPrefix(endpoint, "licenses/")
}

// summarize says what an answer looks like, without the HTML.
func summarize(a answer) string {
	switch {
	case isHTML(a):
		return fmt.Sprintf("status %d with a page instead of JSON", a.status)
	case len(bytes.TrimSpace(a.body)) == 0:
		return fmt.Sprintf("status %d without a body", a.status)
	}
	return fmt.Sprintf("status %d: %s", a.status, shorten(strings.ToValidUTF8(string(a.body[:min(len(a.body), 4*maxText)]), "?"), maxText))
}

// errorText finds the application error in an answer. Lists and numbers are none, and neither is an object without the
// field; what is not text in it is quoted as JSON.
func errorText(body []byte) (string, bool) {
	if len(body) == 0 || body[0] != '{' {
		return "", false
	}
	var object struct {
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(body, &object); err != nil || len(object.Error) == 0 || string(object.Error) == "null" {
		return "", false
	}
	var text string
	if json.Unmarshal(object.Error, &text) != nil {
		text = string(object.Error)
	}
	if text == "" {
		text = "an error without a message"
	}
	return text, true
}

// cartTexts begin the errors of the server's cart and price code about an item that it cannot take, as they were
// recorded. A list of the cart, checkout-params and checkout answer them for the account's whole cart.
var cartTexts = []string{
	"Invalid time value", "bug cost must not be null", "Cannot read properties of null", "Cannot read properties of undefined",
	"Cannot destructure property", "[DecimalError]", "unknown user", "computing cost of item of type", `field "custom_`,
	"invalid subscription cost", "invalid input syntax for type integer", "Voucher code creation", "unsupported period",
	"period must not be range", "start must be set", "end must be set", "if period is 'range'", "end date must be after",
	"license type", "can only compute cost", "num.toFixed is not a function",
}

// lostDatabase are words of errors in which the server's connection to its database broke. Whether the transaction was
// committed, such an error does not say.
var lostDatabase = regexp.MustCompile(`(?i)connection (terminated|closed|reset|refused|ended|timeout|timed out|error)|terminating connection|closed the connection|econn|etimedout|epipe|connect e[a-z]+|timed? ?out|shutting down|starting up|server login|too many clients`)

// classifyText decides on the text of an application error, which came with status 200.
func classifyText(endpoint string, what effect, text string) *Error {
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
		// A right to this one thing is missing, which says nothing about the key.
	case strings.Contains(lower, "must be signed in"), strings.Contains(lower, "anonymous") && strings.Contains(lower, "not allowed"):
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
	case blocked && hasPrefixOf(text, cartTexts):
		e.Kind = CartBroken
	case what == reads && lostDatabase.MatchString(text):
		e.Outcome, e.Reason = Transient, DatabaseDown
	case what != reads && lostDatabase.MatchString(text):
		e.Outcome, e.Reason = Unknown, DatabaseDown
	}
	if endpoint == olderCheckout && e.Kind != NotSignedIn && e.Kind != CaptchaRequired {
		// The older checkout charges item after item without a transaction: an error may come after a charge.
		e.Outcome = Unknown
	}
	return e
}

func hasPrefixOf(text string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}

var capabilityPattern = regexp.MustCompile(`^API key lacks required capability '([a-z]+(?:[:._-][a-z]+)*)'`)

// namedCapability reads "API key lacks required capability 'account:read'". Empty when the text names none.
func namedCapability(text string) string {
	if m := capabilityPattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

var needPattern = regexp.MustCompile(`you need (-?)\$([\d,]+)(?:\.(\d\d))?`)

// neededAmount reads "(you need $1,043.75)". 0 when the text names no amount.
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

// statedWait reads "try again in 54 seconds". An unreadable wait is a minute, the longest of the recorded rules but one.
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
