package socket

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"licensebot/internal/backoff"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
)

// A 429 is a rate limit however Slack, or a proxy before it, says how long it lasts.
func TestRetryAfterFixer_RoundTrip(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		header string
		want   time.Duration
	}{
		"seconds":                {"7", 7 * time.Second},
		"seconds with blanks":    {" 7 ", 7 * time.Second},
		"a part of a second":     {"0.2", time.Second},
		"nothing":                {"", 30 * time.Second},
		"no number":              {"soon", 30 * time.Second},
		"no time at all":         {"0", time.Second},
		"less than none":         {"-5", time.Second},
		"a date":                 {now.Add(12 * time.Second).Format(http.TimeFormat), 12 * time.Second},
		"a date that has passed": {now.Add(-time.Hour).Format(http.TimeFormat), time.Second},
		"a date in a year":       {now.AddDate(1, 0, 0).Format(http.TimeFormat), 10 * time.Minute},
		"more than a century":    {"99999999999999999999", 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tt.header != "" {
					w.Header().Set("Retry-After", tt.header)
				}
				w.WriteHeader(http.StatusTooManyRequests)
			}))
			defer server.Close()
			client := httpClient(func() time.Time { return now })
			defer client.CloseIdleConnections()
			_, err := NewAPI(server.URL, "xoxb-1", "xapp-1", client, zerolog.Nop()).AuthTestContext(t.Context())
			if got := Classify(err); got.Outcome != OutcomeRateLimited || got.Wait != tt.want {
				t.Errorf("%v is %+v, want a rate limit of %s", err, got, tt.want)
			}
		})
	}
}

func TestRetryDelay_RateLimit(t *testing.T) {
	p := backoff.Policy{First: 500 * time.Millisecond, Max: time.Minute}
	for _, c := range []struct {
		cause error
		want  time.Duration
	}{
		{errDown, time.Second},
		{&slack.RateLimitedError{RetryAfter: 30 * time.Second}, 31 * time.Second},
	} {
		if got := retryDelay(p, 1, c.cause); got != c.want {
			t.Errorf("after %v: got %v, want %v", c.cause, got, c.want)
		}
	}
}
