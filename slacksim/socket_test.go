package slacksim_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"licensebot/slacksim"
)

// quick gives up on the app after a moment, so that no test waits three seconds.
var quick = slacksim.Options{AckTimeout: 100 * time.Millisecond}

func TestSocketSaysHelloAndPingsAtOnce(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dialURL(t, socketURL(t, ws, srv))
	hello := s.next()
	if hello.Type != "hello" || hello.Sockets != 1 || hello.ConnInfo.AppID != "A0APP" {
		t.Errorf("hello is %+v", hello)
	}
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	select {
	case <-s.pings:
	case <-soon.Done():
		t.Error("no ping came at once; the next regular one is 10 s away")
	}
}

func TestSocketURLWorksOnce(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	url := socketURL(t, ws, srv)
	dialURL(t, url)
	_, resp, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if err == nil {
		t.Fatal("the URL worked twice")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestCommandReachesTheAppAsSlackSendsIt(t *testing.T) {
	ws, srv := start(t, slacksim.Options{App: slacksim.App{Commands: []slacksim.SlashCommand{{Name: "/order", ShouldEscape: true}}}})
	s := dial(t, ws, srv)
	done := make(chan error, 1)
	go func() {
		done <- ws.Person(slacksim.Alice).Command(patience(t), slacksim.General, "/order", "  2 > 1 & @bob in #random <@U1> ")
	}()
	f := s.next()
	if f.Type != "slash_commands" || !f.Accepts {
		t.Errorf("envelope %+v", f)
	}
	for name, want := range map[string]string{
		"command": "/order", "user_id": slacksim.Alice, "user_name": "alice", "channel_id": slacksim.General,
		"channel_name": "general", "team_id": "T0ACME", "team_domain": "acme", "api_app_id": "A0APP",
		"is_enterprise_install": "false",
		"text":                  "2 &gt; 1 &amp; <@U0BOB|bob> in <#C0RANDOM|random> &lt;@U1&gt;",
	} {
		if got := f.field(t, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"response_url", "trigger_id", "token"} {
		if f.field(t, name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
	s.ack(f, nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhatThePersonSeesWhenTheAppDoesNotAnswer(t *testing.T) {
	tests := []struct {
		name    string
		app     func(*testing.T, *slacksim.Workspace, *slacksim.Server)
		command string
		code    string
		text    string
	}{
		{
			"no socket is open", func(*testing.T, *slacksim.Workspace, *slacksim.Server) {},
			"/order", slacksim.DispatchFailed, `/order failed with the error "dispatch_failed"`,
		},
		{
			"the app acknowledges nothing", func(t *testing.T, ws *slacksim.Workspace, srv *slacksim.Server) { dial(t, ws, srv) },
			"/order", slacksim.OperationTimeout, `/order failed with the error "operation_timeout"`,
		},
		{
			"the acknowledgement is 20 KB, which Slack drops",
			func(t *testing.T, ws *slacksim.Workspace, srv *slacksim.Server) {
				s := dial(t, ws, srv)
				go func() { s.ack(s.next(), map[string]any{"text": strings.Repeat("x", 20*1024)}) }()
			},
			"/order", slacksim.OperationTimeout, `/order failed with the error "operation_timeout"`,
		},
		{
			"no app has the command", func(*testing.T, *slacksim.Workspace, *slacksim.Server) {},
			"/odrer", slacksim.InvalidCommand, "/odrer is not a valid command.",
		},
		{
			"the app answers with blocks that Slack refuses",
			func(t *testing.T, ws *slacksim.Workspace, srv *slacksim.Server) {
				s := dial(t, ws, srv)
				go func() { s.ack(s.next(), map[string]any{"blocks": []any{map[string]any{"type": "nonsense"}}}) }()
			},
			"/order", "invalid_blocks", `/order failed with the error "invalid_blocks"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts := quick
			opts.AckTimeout = 500 * time.Millisecond
			opts.App.Commands = []slacksim.SlashCommand{{Name: "/order"}}
			ws, srv := start(t, opts)
			tt.app(t, ws, srv)
			alice := ws.Person(slacksim.Alice)
			err := alice.Command(patience(t), slacksim.General, tt.command, "")
			var f *slacksim.Failure
			if !errors.As(err, &f) || f.Code != tt.code {
				t.Fatalf("the error is %v, want %s", err, tt.code)
			}
			n, err := alice.WaitForNotice(patience(t), tt.code)
			if err != nil {
				t.Fatal(err)
			}
			if n.Text != tt.text || n.Channel != slacksim.General {
				t.Errorf("alice reads %q in %s", n.Text, n.Channel)
			}
			if others := ws.Person(slacksim.Bob).Notices(); len(others) != 0 {
				t.Errorf("bob reads it too: %v", others)
			}
			ws.DismissNotice(slacksim.Alice, n.ID)
			if left := alice.Notices(); len(left) != 0 {
				t.Errorf("dismissed, but there is %v", left)
			}
		})
	}
}

func TestEnvelopesGoToOneSocketEachInTurn(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	a, b := dial(t, ws, srv), dial(t, ws, srv)
	alice := ws.Person(slacksim.Alice)
	counts := map[*socket]int{}
	for range 4 {
		done := make(chan error, 1)
		go func() { done <- alice.Command(patience(t), slacksim.General, "/order", "") }()
		select {
		case f := <-a.frames:
			counts[a]++
			a.ack(f, nil)
		case f := <-b.frames:
			counts[b]++
			b.ack(f, nil)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if counts[a] != 2 || counts[b] != 2 {
		t.Errorf("%d and %d envelopes, want 2 each", counts[a], counts[b])
	}
	if n := len(a.frames) + len(b.frames); n != 0 {
		t.Errorf("%d frames too many", n)
	}
}

func TestAtMostTenSockets(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	for range slacksim.MaxSockets {
		dial(t, ws, srv)
	}
	s := dialURL(t, socketURL(t, ws, srv))
	if f := s.next(); f.Type != "disconnect" || f.Reason != slacksim.TooManySockets {
		t.Errorf("the eleventh gets %+v", f)
	}
	if f := s.next(); f.Type != "" {
		t.Errorf("the eleventh stays open and gets %+v", f)
	}
}

func TestDisconnect(t *testing.T) {
	t.Run("a warned socket gets work only while there is no other, and ends", func(t *testing.T) {
		ws, srv := start(t, slacksim.Options{WarnAhead: 300 * time.Millisecond})
		old := dial(t, ws, srv)
		if n := ws.Disconnect(slacksim.Warning); n != 1 {
			t.Errorf("%d sockets", n)
		}
		if f := old.next(); f.Type != "disconnect" || f.Reason != slacksim.Warning {
			t.Fatalf("%+v", f)
		}
		fresh := dial(t, ws, srv)
		for range 3 { // in turn, the old one would get at least one of them
			done := make(chan error, 1)
			go func() { done <- ws.Person(slacksim.Bob).Command(patience(t), slacksim.General, "/order", "") }()
			fresh.ack(fresh.next(), nil)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if f := old.next(); f.Reason != slacksim.RefreshRequested {
			t.Errorf("%+v", f)
		}
		if f := old.next(); f.Type != "" {
			t.Errorf("still open: %+v", f)
		}
	})
	for _, reason := range []string{slacksim.RefreshRequested, slacksim.TooManySockets, slacksim.LinkDisabled} {
		t.Run(reason+" ends the socket at once", func(t *testing.T) {
			ws, srv := start(t, slacksim.Options{})
			s := dial(t, ws, srv)
			ws.Disconnect(reason)
			if f := s.next(); f.Type != "disconnect" || f.Reason != reason {
				t.Errorf("%+v", f)
			}
			if f := s.next(); f.Type != "" {
				t.Errorf("still open: %+v", f)
			}
		})
	}
	t.Run("a network drops sockets without a word", func(t *testing.T) {
		ws, srv := start(t, slacksim.Options{})
		s := dial(t, ws, srv)
		ws.DropSockets()
		if f := s.next(); f.Type != "" {
			t.Errorf("%+v", f)
		}
		if err := ws.Wait(patience(t), func() bool { return ws.Sockets() == 0 }); err != nil {
			t.Error(err)
		}
	})
}

// The pause between warning and end, and the ticket of a socket nobody opens, must not
// keep a workspace from closing.
func TestClosingEndsEverythingAtOnce(t *testing.T) {
	ws := slacksim.New(slacksim.Options{})
	srv, err := ws.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range slacksim.MaxSockets {
		dial(t, ws, srv)
	}
	socketURL(t, ws, srv)
	ws.Disconnect(slacksim.Warning)
	if err := ws.Person(slacksim.Alice).Home(); err != nil { // nobody acknowledges the event
		t.Fatal(err)
	}
	began := time.Now()
	srv.Close()
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

// An app that stops and starts again leaves its old socket behind for a moment.
func TestWaitingForASocketMeansOneThatAnswers(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	dial(t, ws, srv)
	if err := ws.WaitForSockets(patience(t), 1); err != nil {
		t.Fatal(err)
	}
	// A connection that nobody reads from answers no ping.
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), socketURL(t, ws, srv), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	resp.Body.Close()
	if err := ws.Wait(patience(t), func() bool { return ws.Sockets() == 2 }); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := ws.WaitForSockets(soon, 2); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the silent socket counts: %v", err)
	}
	dial(t, ws, srv)
	if err := ws.WaitForSockets(patience(t), 2); err != nil {
		t.Error(err)
	}
}
