package cocalc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
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
	event.Msg("ask CoCalc")
	return body, err
}

// redactedError is an error whose text contained the key.
type redactedError struct {
	text  string
	cause error
}

func (s redactedError) Error() string { return s.text }
func (s redactedError) Unwrap() error { return s.cause }

// send sends one HTTP request. When ctx ends or the timeout passes, send returns, but the server goes on with what it
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
