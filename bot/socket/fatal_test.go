package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/internal/backoff"
)

func TestFatalErrorOf(t *testing.T) {
	code := func(c string) error { return slack.SlackErrorResponse{Err: c} }
	for name, tt := range map[string]struct {
		method  string
		err     error
		reached bool
		says    []string // empty: worth another attempt
	}{
		"no app token": {
			methodOpen, code("not_authed"), false,
			[]string{"SLACK_APP_TOKEN", "xapp-", "App-Level Tokens"},
		},
		"unknown app token": {methodOpen, code("invalid_auth"), false, []string{"SLACK_APP_TOKEN", "Basic Information"}},
		"unknown bot token": {
			methodTest, code("invalid_auth"), false,
			[]string{"SLACK_BOT_TOKEN", "xoxb-", "OAuth & Permissions"},
		},
		"app removed": {methodTest, code("account_inactive"), true, []string{"SLACK_BOT_TOKEN", "Install App"}},
		"revoked":     {methodOpen, code("token_revoked"), true, []string{"SLACK_APP_TOKEN", "revoked"}},
		"expired":     {methodTest, code("token_expired"), true, []string{"SLACK_BOT_TOKEN", "rotation"}},
		"missing scope, named": {
			methodTest,
			slack.SlackErrorResponse{Err: "missing_scope", Needed: "users:read"},
			false,
			[]string{"users:read"},
		},
		"missing scope of app": {methodOpen, code("missing_scope"), false, []string{"connections:write"}},
		"tokens mixed up":      {methodOpen, code("not_allowed_token_type"), false, []string{"SLACK_APP_TOKEN", "xapp-"}},
		"organization's login": {methodOpen, code("org_login_required"), false, []string{"organization"}},
		"workspace not granted": {
			methodTest, code("team_access_not_granted"), false,
			[]string{"SLACK_BOT_TOKEN", "organization"},
		},
		"wrong address": {
			methodOpen,
			slack.StatusCodeError{Code: 404, Status: "404 Not Found"},
			false,
			[]string{"SLACK_API_URL"},
		},
		"wrapped": {methodOpen, fmt.Errorf("open: %w", code("invalid_auth")), false, []string{"SLACK_APP_TOKEN"}},

		"a page not found later":   {methodOpen, slack.StatusCodeError{Code: 404}, true, nil},
		"rate limited":             {methodOpen, &slack.RateLimitedError{RetryAfter: time.Second}, false, nil},
		"rate limited, by code":    {methodOpen, code("ratelimited"), false, nil},
		"Slack is broken":          {methodOpen, slack.StatusCodeError{Code: 503}, false, nil},
		"Slack says so":            {methodOpen, code("internal_error"), false, nil},
		"workspace is being moved": {methodOpen, code("team_added_to_org"), false, nil},
		"a code of tomorrow":       {methodOpen, code("full_moon"), false, nil},
		"no network":               {methodOpen, &net.OpError{Op: "dial", Err: errors.New("refused")}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			fatal := fatalError(tt.method, tt.err, tt.reached)
			if (fatal != nil) != (tt.says != nil) {
				t.Fatalf("got %v, want an error: %t", fatal, tt.says != nil)
			}
			if fatal == nil {
				return
			}
			for _, want := range tt.says {
				if !strings.Contains(fatal.Error(), want) {
					t.Errorf("got %q, want %q in it", fatal, want)
				}
			}
			if strings.ContainsAny(fatal.Error(), "{}") {
				t.Errorf("got %q, want no placeholder in it", fatal)
			}
			if cause := errors.Unwrap(fatal); cause == nil || cause.Error() != tt.err.Error() {
				t.Errorf("got the cause %v, want %v", cause, tt.err)
			}
		})
	}
}

// Every remedy is filled in for both tokens, whatever Slack answers.
func TestFatalErrorOf_Remedies(t *testing.T) {
	for code, known := range errorCodes {
		if known.outcome != OutcomeFatal && known.outcome != OutcomeAccessLost {
			continue
		}
		for method := range credentials {
			fatal := fatalError(method, slack.SlackErrorResponse{Err: code}, true)
			if fatal == nil || strings.ContainsAny(fatal.Error(), "{}") || !strings.HasSuffix(fatal.Error(), ".") ||
				!strings.Contains(fatal.Error(), code) {
				t.Errorf("%s, %s: got %v, want a remedy with the code and without placeholders", method, code, fatal)
			}
		}
	}
}

// The log has one line per kind of trouble: what differs from attempt to attempt must not count.
func TestReasonOf(t *testing.T) {
	from := func(port int) error {
		return &url.Error{Op: "Post", Err: &net.OpError{
			Op: "read", Source: &net.TCPAddr{Port: port},
			Err: errors.New("reset"),
		}}
	}
	if a, b := reasonOf(from(1)), reasonOf(from(2)); a != b || a != "network" {
		t.Errorf("got %q and %q, want network twice", a, b)
	}
	for want, err := range map[string]error{
		"timeout":                         &url.Error{Op: "Post", Err: context.DeadlineExceeded},
		"rate limited":                    fmt.Errorf("open: %w", &slack.RateLimitedError{}),
		"HTTP 503":                        slack.StatusCodeError{Code: 503},
		"internal_error":                  slack.SlackErrorResponse{Err: "internal_error"},
		"closed soon after it was opened": errShortLived,
	} {
		if got := reasonOf(err); got != want {
			t.Errorf("%v: %q, not %q", err, got, want)
		}
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
