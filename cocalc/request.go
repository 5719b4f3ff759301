package cocalc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"licensebot/internal/backoff"
)

// safety is what sending a request again would do.
type safety int

const (
	readOnly      safety = iota // changes nothing
	idempotent                  // changes something; the same request again changes nothing more
	nonIdempotent               // adds or buys again each time: it is sent only once
)

// retries are the pauses between attempts.
var retries = backoff.Policy{First: 250 * time.Millisecond, Max: time.Minute}

// answer is the response to a request, if there was one.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // why there is no answer, or why its body is incomplete
	unsent bool  // whether certainly no byte of the request was sent
}

// call sends a request and returns the JSON of a success. Unless the request is nonIdempotent, it is sent again after
// errors that may pass. The error is an *Error.
func (c *Client) call(ctx context.Context, what safety, endpoint string, params any) (json.RawMessage, error) {
	tries := 1
	if what != nonIdempotent {
		tries += max(c.options.Retries, 0)
	}
	uncertain := false // whether an earlier attempt may have been carried out
	for try := 1; ; try++ {
		body, err := c.attempt(ctx, what, endpoint, params)
		if err == nil {
			return body, nil
		}
		pause, again := c.pause(err, what, try)
		if uncertain = uncertain || err.Outcome == Unknown; uncertain {
			err.Outcome = Unknown
		}
		if !again || try >= tries || ctx.Err() != nil {
			return nil, err
		}
		if sleepErr := c.options.Sleep(ctx, pause); sleepErr != nil {
			return nil, err
		}
	}
}

// pause returns how long to wait before another attempt, and whether to make one. A refusal is final here: NotSignedIn
// may be an outage, but one that lasts longer than these pauses.
func (c *Client) pause(err *Error, what safety, try int) (time.Duration, bool) {
	delay := retries.Delay(try - 1)
	switch {
	case what == nonIdempotent || err.Outcome == Rejected || err.Kind == Redirected || errors.Is(err.Err, errTooLarge):
		return 0, false
	case err.Kind == Throttled:
		return max(err.Wait, delay), err.Wait <= c.options.MaxWait
	}
	return delay, true
}

func (c *Client) attempt(ctx context.Context, what safety, endpoint string, params any) (json.RawMessage, *Error) {
	started := c.options.Now()
	a := c.send(ctx, what, endpoint, params)
	body, err := classify(endpoint, what, a, c.options.Now())
	event := c.options.Log.Debug().Str("endpoint", endpoint).Int("status", a.status).Int64("took_ms",
		c.options.Now().Sub(started).Milliseconds()).Int("bytes", len(a.body))
	if err != nil {
		err.Text = c.redactKey(err.Text)
		if err.Err != nil && c.redactKey(err.Err.Error()) != err.Err.Error() {
			err.Err = redactedError{text: c.redactKey(err.Err.Error()), cause: err.Err}
		}
		if err.Kind == NotSoldHere {
			err.Kind = c.missing(endpoint)
		}
		if err.Kind == Redirected {
			err.Redirect = c.redirect(endpoint, a)
			err.Reason, err.Text = err.Redirect.reason(), err.Text+err.Redirect.words()
		}
		event = event.Stringer("outcome", err.Outcome).AnErr("error", err)
	}
	event.Msg("send a request to CoCalc")
	return body, err
}

// redactedError is an error whose text contained the key.
type redactedError struct {
	text  string
	cause error
}

func (s redactedError) Error() string { return s.text }

func (s redactedError) Unwrap() error { return s.cause }

// send sends one HTTP request. When ctx ends or the timeout passes, send returns, but the server continues with what it
// received.
func (c *Client) send(ctx context.Context, what safety, endpoint string, params any) answer {
	timeout, client := c.options.Timeout, c.reading
	if what == nonIdempotent {
		client = c.spending
	}
	if isCheckout(endpoint) {
		timeout = c.options.CheckoutTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	body, err := encodeJSON(params)
	if err != nil {
		return answer{err: fmt.Errorf("encode the request: %w", err), unsent: true}
	}
	if err := ctx.Err(); err != nil {
		return answer{err: err, unsent: true}
	}
	// The request was certainly not sent if the transport asked for a connection and never got one. A transport that does
	// not report to httptrace proves nothing.
	var looked, got atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { looked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+endpoint, bytes.NewReader(body))
	if err != nil {
		return answer{err: fmt.Errorf("make the request: %w", err), unsent: true}
	}
	req.GetBody = nil // so that net/http cannot send the body a second time
	req.Header.Set("Authorization", c.auth)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "licensebot")
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err, unsent: looked.Load() && !got.Load()}
	}
	defer resp.Body.Close()
	c.noteDate(resp.StatusCode, resp.Header)
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, a.err = io.ReadAll(io.LimitReader(resp.Body, c.options.MaxAnswer+1))
	if int64(len(a.body)) > c.options.MaxAnswer {
		a.body, a.err = nil, fmt.Errorf("%w: more than %d bytes", errTooLarge, c.options.MaxAnswer)
	}
	return a
}

var errTooLarge = errors.New("the answer is too large")

func encodeJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// maxText is the largest number of characters of the server's words that an error keeps.
const maxText = 300

// classify returns the JSON of a successful answer, or the error of any other.
func classify(endpoint string, what safety, a answer, now time.Time) (json.RawMessage, *Error) {
	fail := func(outcome Outcome, kind Kind, reason Reason, text string, cause error) (json.RawMessage, *Error) {
		return nil, &Error{
			Op: endpoint, Outcome: outcome, Kind: kind, Text: shorten(text, maxText), Status: a.status,
			Err: cause, Reason: reason,
		}
	}
	lostOutcome := what.lostOutcome()
	if a.unsent {
		lostOutcome = Transient
	}
	switch {
	case a.status == 0:
		return fail(lostOutcome, Other, networkReason(a.err), "", a.err)
	case a.status == http.StatusNotFound && isHTML(a):
		// There is no such route, so nothing was executed.
		kind := Other
		if isStore(endpoint) {
			kind = NotSoldHere
		}
		return fail(Rejected, kind, NoEndpoint, "the server has no such endpoint", nil)
	case a.status != http.StatusOK:
		return classifyStatus(endpoint, what, a, now)
	case a.err != nil:
		return fail(lostOutcome, Other, cutReason(a.err), "", fmt.Errorf("read the answer: %w", a.err))
	}
	body := bytes.TrimSpace(a.body)
	if !json.Valid(body) {
		return fail(lostOutcome, Other, textReason(a), "the answer is not JSON: "+summarize(a), nil)
	}
	if text, ok := errorText(body); ok {
		e := classifyText(endpoint, what, text)
		e.Status = a.status
		return nil, e
	}
	return body, nil
}

// lostOutcome returns the outcome of a request that may have arrived and whose answer was lost.
func (s safety) lostOutcome() Outcome {
	if s == readOnly {
		return Transient // it can be sent again in any case
	}
	return Unknown
}

// errorText returns the application error of an answer: the field "error" of an object. A value that is not a string is
// returned as JSON. ok is false for all other answers.
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

// unexpectedAnswer returns the error of a read whose answer has an unknown shape. Its outcome is Transient, since a
// read can be repeated.
func (c *Client) unexpectedAnswer(endpoint string, body []byte, cause error) error {
	return &Error{
		Op: endpoint, Outcome: Transient, Status: 200, Reason: OtherJSON,
		Text: c.redactKey(fmt.Sprintf("unexpected answer: %v: %s", cause, c.excerpt(body))),
	}
}

func (c *Client) excerpt(body []byte) string {
	return c.redactKey(shorten(strings.ToValidUTF8(string(body[:min(len(body), 400)]), "?"), 100))
}

// shorten returns the first n runes of a text, followed by … if there are more.
func shorten(s string, n int) string {
	runes := 0
	for i := range s {
		if runes == n {
			return s[:i] + "…"
		}
		runes++
	}
	return s
}

// decodeList decodes a JSON list. It returns an error for null, so that an answer without a list is never read as
// empty.
func decodeList[T any](body []byte) ([]T, error) {
	if !bytes.HasPrefix(body, []byte("[")) {
		return nil, errors.New("the answer is not a list")
	}
	var list []T
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	return list, nil
}

// The types below decode values of answers. Columns of the server's database are decoded strictly: a wrong type there
// means that the answer is not understood. Values that people and other programs write (descriptions, titles, quotas)
// are decoded leniently: an odd value of one item must not hide the rest of a list.

// lenient decodes a value of type T, and any other JSON as T's zero value.
type lenient[T any] struct{ v T }

func (l *lenient[T]) UnmarshalJSON(data []byte) error {
	var v T
	if json.Unmarshal(data, &v) != nil {
		var zero T
		v = zero
	}
	l.v = v
	return nil
}

// lenientText decodes a string as it is, null as empty, and any other value as its JSON.
type lenientText string

func (t *lenientText) UnmarshalJSON(data []byte) error {
	s, isText := unquoteJSON(data)
	if !isText && string(data) != "null" {
		s = string(data)
	}
	*t = lenientText(s)
	return nil
}

// amountJSON decodes an amount in dollars: a float of the server's database (93.7, 87.399994) or a numeric string. It
// rounds to cents; set is false for null.
type amountJSON struct {
	cents Cents
	set   bool
}

func (a *amountJSON) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > maxDollars {
		return fmt.Errorf("%s is not an amount of money", shorten(string(data), 40))
	}
	a.cents, a.set = toCents(f), true
	return nil
}

// timestamp decodes a time: ISO text in carts, purchases and subscriptions, milliseconds since 1970 in licenses. null
// is the zero time.
type timestamp struct{ time.Time }

func (m *timestamp) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	var isDate bool
	if s, isText := unquoteJSON(data); isText {
		m.Time, isDate = parseDate(s)
	} else if f, err := strconv.ParseFloat(text, 64); err == nil {
		m.Time, isDate = millisDate(f)
	}
	if !isDate {
		m.Time = time.Time{}
		return fmt.Errorf("%s is not a date", shorten(text, 40))
	}
	// JavaScript's dates span 270,000 years, Go's JSON dates end with the year 9999. A date that can't be stored is an
	// error.
	if year := m.Year(); year < 0 || year > 9999 {
		m.Time = time.Time{}
		return fmt.Errorf("%s is a date in the year %d", shorten(text, 40), year)
	}
	return nil
}

// maxID is the length of the longest accepted ID, in bytes. CoCalc's are UUIDs.
const maxID = 200

// idText decodes an ID of at most maxID bytes. null is an empty ID.
type idText string

func (t *idText) UnmarshalJSON(data []byte) error {
	s, isText := unquoteJSON(data)
	if !isText && string(data) != "null" || len(s) > maxID {
		return fmt.Errorf("%s is not an id", shorten(string(data), 40))
	}
	*t = idText(s)
	return nil
}

// unquoteJSON decodes a JSON string; ok is false for any other value.
func unquoteJSON(data []byte) (text string, ok bool) {
	if len(data) == 0 || data[0] != '"' {
		return "", false
	}
	err := json.Unmarshal(data, &text)
	return text, err == nil
}
