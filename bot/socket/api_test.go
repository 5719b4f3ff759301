package socket

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
)

// fakeIdentity answers auth.test.
type fakeIdentity struct {
	err    error
	scopes string
}

func (i fakeIdentity) AuthTestContext(context.Context) (*slack.AuthTestResponse, error) {
	r := &slack.AuthTestResponse{}
	r.Header = http.Header{"X-Oauth-Scopes": {i.scopes}}
	return r, i.err
}

func TestAccess_Observe(t *testing.T) {
	code := func(c string) error { return slack.SlackErrorResponse{Err: c} }
	scope := slack.SlackErrorResponse{Err: "missing_scope", Needed: "im:write,mpim:write"}
	type heard struct {
		method string
		err    error
	}
	for name, tt := range map[string]struct {
		heard []heard
		probe *fakeIdentity
		later time.Duration
		lost  string // the method; empty: nothing is
	}{
		"nothing":         {nil, nil, 0, ""},
		"a revoked token": {[]heard{{"chat.update", code("token_revoked")}}, nil, 0, "chat.update"},
		"a removed user": {
			[]heard{{"chat.update", code("user_removed_from_team")}},
			nil, 0,
			"chat.update",
		},
		"an answer to the same token": {
			[]heard{{"chat.update", code("invalid_auth")}, {"users.info", nil}},
			nil, 0,
			"",
		},
		"a refusal by a Slack that knows it": {[]heard{
			{"chat.update", code("invalid_auth")},
			{"chat.update", code("channel_not_found")},
		}, nil, 0, ""},
		"a failure of Slack's": {[]heard{
			{"chat.update", code("invalid_auth")},
			{"chat.update", code("internal_error")},
		}, nil, 0, "chat.update"},
		"an answer to the other token": {[]heard{
			{"apps.connections.open", code("invalid_auth")},
			{"users.info", nil},
		}, nil, 0, "apps.connections.open"},
		"a socket that opens again": {[]heard{
			{"apps.connections.open", code("invalid_auth")},
			{"apps.connections.open", nil},
		}, nil, 0, ""},
		"a missing scope, and another method": {
			[]heard{{"conversations.open", scope}, {"users.info", nil}},
			nil, 0,
			"conversations.open",
		},
		"a missing scope that was added": {
			[]heard{{"conversations.open", scope}, {"conversations.open", nil}},
			nil, 0,
			"",
		},
		"no loss": {[]heard{
			{"chat.update", code("is_archived")},
			{"chat.update", code("ratelimited")},
			{"chat.update", code("a_code_of_tomorrow")},
		}, nil, 0, ""},
		"asked: it is back": {[]heard{{"chat.update", code("account_inactive")}}, &fakeIdentity{}, 0, ""},
		"asked: it is not": {
			[]heard{{"chat.update", code("account_inactive")}},
			&fakeIdentity{err: code("account_inactive")}, 0, "auth.test",
		},
		"asked: no answer": {
			[]heard{{"chat.update", code("account_inactive")}},
			&fakeIdentity{err: context.DeadlineExceeded}, 0, "chat.update",
		},
		"asked: the scope is still missing": {
			[]heard{{"conversations.open", scope}},
			&fakeIdentity{scopes: "chat:write"},
			time.Hour, "conversations.open",
		},
		"asked: one of the scopes is there": {
			[]heard{{"conversations.open", scope}},
			&fakeIdentity{scopes: "chat:write, mpim:write"}, 0, "",
		},
		"asked: nobody says which scope, soon": {
			[]heard{{"conversations.open", code("no_permission")}},
			&fakeIdentity{scopes: "chat:write"}, 0, "conversations.open",
		},
		"asked: nobody says which, later": {
			[]heard{{"conversations.open", code("no_permission")}},
			&fakeIdentity{scopes: "chat:write"}, time.Minute, "",
		},
		"asked: the sockets are not let in": {
			[]heard{{"apps.connections.open", code("token_revoked")}},
			&fakeIdentity{},
			time.Hour, "apps.connections.open",
		},
	} {
		t.Run(name, func(t *testing.T) {
			now, log, changes := time.Now(), &logBuffer{}, 0
			a := NewAccess(func() time.Time { return now }, log.logger())
			a.OnChange(func() { changes++ })
			a.Observe("auth.test", nil)
			a.Observe("apps.connections.open", nil)
			ever := false
			for _, h := range tt.heard {
				a.Observe(h.method, h.err)
				_, lost := a.Lost()
				ever = ever || lost
			}
			if now = now.Add(tt.later); tt.probe != nil {
				a.Probe(t.Context(), tt.probe)
			}
			loss, lost := a.Lost()
			if lost != (tt.lost != "") || loss.Method != tt.lost {
				t.Errorf("got the loss %+v, %t, want of %q", loss, lost, tt.lost)
			}
			if strings.Count(log.String(), `"level":"error"`) != count(ever) || changes != count(ever)+
				count(ever && !lost) {
				t.Errorf("got %d changes and this log, want %d and %d errors:\n%s", changes, count(ever)+count(ever && !lost),
					count(ever), log)
			}
		})
	}
}

func count(happened bool) int {
	if happened {
		return 1
	}
	return 0
}

// Every answer of the Web API is heard on its way, and nothing else that the same client carries.
func TestAccess_ObserveClient(t *testing.T) {
	s, log := newSlackServer(t), &logBuffer{}
	a := NewAccess(nil, log.logger())
	a.ObserveClient(s.http, s.server.URL+"/api")
	api := s.api(log)
	if err := CheckSocketMode(t.Context(), api); err != nil {
		t.Fatal(err)
	}
	s.opening = refuseOpen("token_revoked")
	if err := CheckSocketMode(t.Context(), api); err == nil || !strings.Contains(err.Error(), "token_revoked") {
		t.Errorf("got the error %v, want one that contains token_revoked", err)
	}
	if loss, lost := a.Lost(); !lost || loss.Code != "token_revoked" || !strings.Contains(loss.Remedy, "SLACK_APP_TOKEN") {
		t.Errorf("got the loss %+v, %t, want token_revoked with a remedy for SLACK_APP_TOKEN", loss, lost)
	}
	s.opening = nil
	if err := CheckSocketMode(t.Context(), api); err != nil {
		t.Error(err)
	}
	if loss, lost := a.Lost(); lost {
		t.Errorf("got the loss %+v, want none", loss)
	}
	resp, err := s.http.Get(s.server.URL + "/elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if n := strings.Count(log.String(), `"level":"error"`); n != 1 {
		t.Errorf("got %d errors in the log, want 1:\n%s", n, log)
	}
}

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

func TestRedact(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"tokens":         {"token xoxb-1-2-abc and xapp-1-A1-2-def.", "token [secret] and [secret]"},
		"rotated tokens": {"xoxe.xoxb-1-Mi0y", "[secret]"},
		"a ticket": {
			`dial wss://wss-primary.slack.com/link/?ticket=abc-def&app_id=1: EOF`,
			`dial wss://wss-primary.slack.com/link/?[secret]&app_id=1: EOF`,
		},
		"a response_url": {`Post "https://hooks.slack.com/commands/T1/2/abc": EOF`, `Post "[secret]": EOF`},
		"another server": {
			`Post "http://127.0.0.1:4000/commands/T1/2/abc": EOF`,
			`Post "http://127.0.0.1:4000[secret]": EOF`,
		},
		"an API address": {`Post "https://slack.com/api/auth.test": EOF`, `Post "https://slack.com/api/auth.test": EOF`},
		"a person":       {"U012 in C034 typed /license", "U012 in C034 typed /license"},
	} {
		if got := redact(tt.text); got != tt.want {
			t.Errorf("%s: %q, not %q", name, got, tt.want)
		}
	}
}

func TestLibraryLog_Output(t *testing.T) {
	log := &logBuffer{}
	if err := (libraryLog{log.logger()}).Output(2, "using xoxb-1-2-3\n"); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); got != `{"level":"debug","from":"slack-go","message":"using [secret]"}`+"\n" {
		t.Errorf("got the log %s, want the token hidden", got)
	}
}
