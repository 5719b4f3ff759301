package socket

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// restUnsaid is how long Slack is left alone that limits the rate and does not say for how long.
	restUnsaid = 30 * time.Second
	// restMost bounds what a Retry-After may ask for: one that is wrong must not silence the bot for a day.
	restMost = 10 * time.Minute
)

// limited writes the Retry-After of every 429 in whole seconds. slack-go reads no other form: without the header a rate
// limit is a StatusCodeError to it, and with a date in the header an error of strconv.
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

// restSaid reads a Retry-After: seconds, or a date as HTTP has them. It returns whole seconds, rounded up, at least one.
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
