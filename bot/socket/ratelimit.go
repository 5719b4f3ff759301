package socket

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"licensebot/internal/backoff"
)

const (
	// defaultRetryAfter is how long to wait for a rate limit that names no time.
	defaultRetryAfter = 30 * time.Second
	// maxRetryAfter bounds a Retry-After: a wrong one must not silence the bot for a day.
	maxRetryAfter = 10 * time.Minute
)

// retryAfterFixer rewrites the Retry-After of every 429 in whole seconds, the only form that slack-go reads: without
// the header it returns a StatusCodeError, and with a date an error of strconv.
type retryAfterFixer struct {
	*http.Transport
	now func() time.Time
}

// RoundTrip implements http.RoundTripper.
func (l retryAfterFixer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.Transport.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		wait := parseRetryAfter(resp.Header.Get("Retry-After"), l.now())
		resp.Header.Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	}
	return resp, err
}

// parseRetryAfter parses a Retry-After: seconds, or an HTTP date. It returns whole seconds, rounded up, at least one.
func parseRetryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	rest := defaultRetryAfter
	if seconds, err := strconv.ParseFloat(header, 64); err == nil {
		rest = time.Duration(min(max(seconds, 0), maxRetryAfter.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(header); err == nil {
		rest = at.Sub(now)
	}
	rest = min(max(rest, time.Second), maxRetryAfter)
	return (rest + time.Second - 1).Truncate(time.Second)
}

// retryDelay returns how long to wait before the next attempt to reach Slack, after a number of failures in a row. If
// Slack names a wait, the delay comes on top of it, since other programs got the same time.
func retryDelay(p backoff.Policy, failures int, cause error) time.Duration {
	delay := p.Delay(failures)
	if answer := Classify(cause); answer.Outcome == OutcomeRateLimited {
		delay += answer.Wait
	}
	return delay
}
