package socket

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// restUnsaid is how long to wait for a rate limit that names no time.
	restUnsaid = 30 * time.Second
	// restMost bounds a Retry-After: a wrong one must not silence the bot for a day.
	restMost = 10 * time.Minute
)

// limited rewrites the Retry-After of every 429 in whole seconds, the only form that slack-go reads: without the header
// it returns a StatusCodeError, and with a date an error of strconv.
type limited struct {
	*http.Transport
	now func() time.Time
}

// RoundTrip implements http.RoundTripper.
func (l limited) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.Transport.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		resp.Header.Set("Retry-After", strconv.Itoa(int(restSaid(resp.Header.Get("Retry-After"), l.now())/time.Second)))
	}
	return resp, err
}

// restSaid parses a Retry-After: seconds, or an HTTP date. It returns whole seconds, rounded up, at least one.
func restSaid(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	rest := restUnsaid
	if seconds, err := strconv.ParseFloat(header, 64); err == nil {
		rest = time.Duration(min(max(seconds, 0), restMost.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(header); err == nil {
		rest = at.Sub(now)
	}
	rest = min(max(rest, time.Second), restMost)
	return (rest + time.Second - 1).Truncate(time.Second)
}
