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

	"licensebot/internal/step"
)

// effect says what repeating a request would do.
type effect int

const (
	reads   effect = iota // changes nothing
	repeats               // changes something, and the same request again changes nothing more
	spends                // adds or buys once more each time: sent once
)

// retryPause is the pause before the second try; it doubles with every further one.
const retryPause = 250 * time.Millisecond

// answer is what came back for a request, if anything.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // the body could not be read to its end, or nothing came at all
	unsent bool  // certain that no byte of the request left
}

// call sends a request and returns the JSON of a success. What may be repeated is tried again where that can help.
func (c *Client) call(ctx context.Context, what effect, endpoint string, params any) (json.RawMessage, error) {
	tries := 1
	if what != spends {
		tries += max(c.options.Retries, 0)
	}
	uncertain := false // an earlier try may have been carried out
	for try := 1; ; try++ {
		body, err := c.once(ctx, what, endpoint, params)
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

// pause says whether and when a failed request is worth another try. A refusal is not; that the key is wrong may be an
// outage, but one that outlasts every pause here.
func (c *Client) pause(err *Error, what effect, try int) (time.Duration, bool) {
	backoff := retryPause << (try - 1)
	switch {
	case what == spends || err.Outcome == Rejected || err.Kind == Redirected || errors.Is(err.Err, errTooLarge):
		return 0, false
	case err.Kind == Throttled:
		return max(err.Wait, backoff), err.Wait <= c.options.MaxWait
	}
	return backoff, true
}

func (c *Client) once(ctx context.Context, what effect, endpoint string, params any) (json.RawMessage, *Error) {
	started := c.options.Now()
	moment := stepOf(endpoint, params)
	step.At(step.Before, moment)
	a := c.send(ctx, what, endpoint, params)
	step.At(step.After, moment)
	body, err := classify(endpoint, what, a, c.options.Now())
	event := c.options.Log.Debug().Str("endpoint", endpoint).Int("status", a.status).Int64("took_ms", c.options.Now().Sub(started).Milliseconds()).Int("bytes", len(a.body))
	if err != nil {
		err.Text = c.scrub(err.Text)
		if err.Err != nil && c.scrub(err.Err.Error()) != err.Err.Error() {
			err.Err = scrubbed{text: c.scrub(err.Err.Error()), cause: err.Err}
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

// scrubbed is an error whose text had the key in it.
type scrubbed struct {
	text  string
	cause error
}

func (s scrubbed) Error() string { return s.text }
func (s scrubbed) Unwrap() error { return s.cause }

// send makes one HTTP request. The context's end and the timeout cut it off; the server goes on with what it received.
func (c *Client) send(ctx context.Context, what effect, endpoint string, params any) answer {
	timeout, client := c.options.Timeout, c.reading
	if what == spends {
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
	// The request is certainly unsent when the transport looked for a connection and never got one. A transport that
	// does not report to httptrace proves nothing.
	var looked, got atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { looked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+endpoint, bytes.NewReader(body))
	if err != nil {
		return answer{err: fmt.Errorf("make the request: %w", err), unsent: true}
	}
	req.GetBody = nil // without it net/http cannot send the body a second time
	req.Header.Set("Authorization", c.auth)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "licensebot")
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err, unsent: looked.Load() && !got.Load()}
	}
	defer resp.Body.Close()
	c.heard(resp.StatusCode, resp.Header)
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
