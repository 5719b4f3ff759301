package socket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func TestClient_Run_WrongSetting(t *testing.T) {
	for _, code := range []string{
		"invalid_auth", "not_authed", "account_inactive", "token_revoked",
		"token_expired", "missing_scope", "not_allowed_token_type", "org_login_required",
	} {
		t.Run(code, func(t *testing.T) {
			s, log := newSlackServer(t), &logBuffer{}
			s.opening = refuseOpen(code)
			err := runToEnd(t, fastConfig(s, newFakeHandler(), log))
			var fatal *FatalError
			if !errors.As(err, &fatal) || fatal.Code != code || fatal.Remedy == "" {
				t.Errorf("got %v, want a *FatalError with the code %q and a remedy", err, code)
			}
		})
	}
	t.Run("nothing at the address", func(t *testing.T) {
		s, log := newSlackServer(t), &logBuffer{}
		cfg := fastConfig(s, newFakeHandler(), log)
		cfg.API = NewAPI(s.server.URL+"/elsewhere", "xoxb-1", "xapp-1", s.http, log.logger())
		err := runToEnd(t, cfg)
		if err == nil || !strings.Contains(err.Error(), "SLACK_API_URL") {
			t.Errorf("got %v, want an error that names SLACK_API_URL", err)
		}
	})
}

// After the first hello a refusal ends the program only when it repeats, by all sockets.
func TestClient_Run_RefusedAfterHello(t *testing.T) {
	for name, tt := range map[string]struct {
		leaves  int                                                      // sockets that Slack closes
		opening func(n int, w http.ResponseWriter, r *http.Request) bool // from then on
		ends    bool
	}{
		"once, at a refresh":       {1, firstOnly(refuseOpen("invalid_auth")), false},
		"by one socket, for long":  {1, refuseOpen("token_revoked"), false},
		"by all sockets, for long": {2, refuseOpen("token_revoked"), true},
		"a disabled workspace":     {2, refuseOpen("team_disabled"), true},
		"now and then, by all":     {2, alternate(refuseOpen("invalid_auth"), refuseOpen("internal_error")), false},
		"a page that is not found": {2, func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(404)
			return true
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
			cfg := fastConfig(s, h, log)
			cfg.LostFor, cfg.FirstRetry, cfg.MaxRetry = 300*time.Millisecond, 10*time.Millisecond, 20*time.Millisecond
			c, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer stop()
			result := make(chan error, 1)
			go func() { result <- c.Run(ctx) }()
			s.waitForSockets(2)
			s.mu.Lock()
			s.opening = tt.opening
			leaving := slices.Clone(s.usable()[:tt.leaves])
			s.mu.Unlock()
			for _, one := range leaving {
				s.disconnect(one, "refresh_requested")
			}
			err = <-result
			if _, fatal := errors.AsType[*FatalError](err); fatal != tt.ends || ctx.Err() == nil != tt.ends {
				t.Errorf("got %v, want a *FatalError: %t", err, tt.ends)
			}
		})
	}
}

// firstOnly answers the first call, and lets those after it succeed.
func firstOnly(answer func(int, http.ResponseWriter, *http.Request) bool) func(int, http.ResponseWriter,
	*http.Request) bool {
	var calls atomic.Int32
	return func(n int, w http.ResponseWriter, r *http.Request) bool { return calls.Add(1) == 1 && answer(n, w, r) }
}

// alternate answers with one, and every third time with other.
func alternate(one, other func(int, http.ResponseWriter, *http.Request) bool) func(int, http.ResponseWriter,
	*http.Request) bool {
	var calls atomic.Int32
	return func(n int, w http.ResponseWriter, r *http.Request) bool {
		if calls.Add(1)%3 == 0 {
			return other(n, w, r)
		}
		return one(n, w, r)
	}
}

func TestClient_Run_RetriesAndLogsOnce(t *testing.T) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	s.http.Timeout = 100 * time.Millisecond
	s.opening = func(n int, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case n <= 6:
			w.WriteHeader(http.StatusBadGateway)
		case n <= 8:
			<-r.Context().Done() // no answer at all
		case n <= 11:
			fmt.Fprint(w, `<html>maintenance</html>`)
		case n <= 13:
			return refuseOpen("internal_error")(n, w, r)
		default:
			return false
		}
		return true
	}
	cfg := fastConfig(s, h, log)
	cfg.Sockets = 1
	c, _ := start(t, cfg)
	s.waitForSockets(1)
	s.deliver(commandFrame("e", "list"))
	s.waitForAck("e")
	for what, want := range map[string]int{
		`"trouble":"HTTP 502"`: 1, `"trouble":"timeout"`: 1, `"trouble":"network"`: 1,
		`"trouble":"internal_error"`: 1, "connect to Slack": 1,
	} {
		if n := strings.Count(log.String(), what); n != want {
			t.Errorf("%s: got %d log lines, want %d", what, n, want)
		}
	}
	if st := c.Status(); st.Connected != 1 || st.Sockets[0].Trouble != "" {
		t.Errorf("got the status %+v, want one connection without trouble", st)
	}
}

func TestClient_Run_Stagger(t *testing.T) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	cfg := fastConfig(s, h, log)
	cfg.Stagger = time.Hour
	_, stop := start(t, cfg)
	for i := range 50 {
		s.deliver(commandFrame(fmt.Sprint(i), "list"))
		s.waitForAck(fmt.Sprint(i))
	}
	if err := stop(); err != nil { // which does not wait for the second
		t.Error(err)
	}
	if s.opens != 1 {
		t.Errorf("got %d sockets, want 1", s.opens)
	}
}

func TestClient_Status(t *testing.T) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	cfg := fastConfig(s, h, log)
	c, stop := start(t, cfg)
	if st := c.Status(); st.LastEnvelope.IsZero() != true || len(st.Sockets) != 2 {
		t.Errorf("got the status %+v, want two sockets and no envelope", st)
	}
	began := time.Now()
	s.waitForSockets(2)
	s.deliver(commandFrame("e", "list"))
	s.waitForAck("e")
	waitFor(t, "both are greeted", func() bool {
		st := c.Status()
		return st.Connected == 2 && !st.Sockets[0].LastHello.IsZero() && !st.Sockets[1].LastHello.IsZero()
	})
	st := c.Status()
	if st.LastEnvelope.Before(began) || st.Handled != 1 || st.Stopping || st.Queued != 0 {
		t.Errorf("got the status %+v, want one handled delivery", st)
	}
	if one := st.Sockets[1]; one.AppConnections != 2 || one.Host != "applink-2" || one.Trouble != "" ||
		one.Since.Before(began.Add(-time.Second)) {
		t.Errorf("got the socket %+v, want two connections of the app, to applink-2", one)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if st := c.Status(); st.Connected != 0 || !st.Stopping {
		t.Errorf("got the status %+v, want no connection, and stopping", st)
	}
}

func TestClient_Run_SecretsNotLogged(t *testing.T) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	s.opening = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n%2 == 0 {
			return false
		}
		// A socket's address that leads nowhere brings its ticket into an error.
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"ok":true,"url":"ws://127.0.0.1:1/link?ticket=secretticket%d"}`, n)
		return true
	}
	h.command = func(context.Context, slack.SlashCommand) Reply {
		panic("cannot post to http://127.0.0.1:1/commands/T1/2/secretpath with xoxb-1-secretbot")
	}
	_, stop := start(t, fastConfig(s, h, log))
	s.waitForSockets(2)
	s.deliver(commandFrame("e", "x"))
	s.waitForAck("e")
	s.deliver(`{"type":"slash_commands","envelope_id":"bad","payload":{"text":7,"token":"secretverification",` +
		`"response_url":"http://127.0.0.1:1/commands/T1/2/secretpath"}}`)
	s.waitForAck("bad")
	if err := stop(); err != nil {
		t.Error(err)
	}
	if text := log.String(); !strings.Contains(text, "cannot post to") || strings.Contains(text, "secret1") ||
		strings.Contains(strings.ReplaceAll(text, "[secret]", ""), "secret") {
		t.Errorf("got this log, want the failed post without secrets: %s", text)
	}
}

func TestNew_Refusals(t *testing.T) {
	api := slack.New("xoxb-1")
	for name, cfg := range map[string]Config{
		"no API":           {Handler: newFakeHandler()},
		"no handler":       {API: api},
		"too many sockets": {API: api, Handler: newFakeHandler(), Sockets: 11},
		"fewer than none":  {API: api, Handler: newFakeHandler(), Sockets: -1},
		"no workers":       {API: api, Handler: newFakeHandler(), Workers: -1},
		"no queue":         {API: api, Handler: newFakeHandler(), Queue: -1},
		"no finishers":     {API: api, Handler: newFakeHandler(), Finishers: -1},
	} {
		if c, err := New(cfg); err == nil || c != nil {
			t.Errorf("%s: got %v, want an error", name, c)
		}
	}
}
