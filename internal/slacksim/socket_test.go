package slacksim_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/socketmode"
	"golang.org/x/sync/errgroup"

	"licensebot/internal/slacksim"
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

func TestAckMayCarryTheAnswer(t *testing.T) {
	tests := []struct {
		name    string
		payload any
		onlyFor string
		want    string
	}{
		{"ephemeral unless it says otherwise", map[string]any{"text": "hello"}, slacksim.Alice, "hello"},
		{"for the whole channel", map[string]any{"text": "hello", "response_type": "in_channel"}, "", "hello"},
		{"a bare string", "hello", slacksim.Alice, "hello"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ws, srv := start(t, slacksim.Options{})
			s := dial(t, ws, srv)
			go func() { s.ack(s.next(), tt.payload) }()
			alice := ws.Person(slacksim.Alice)
			if err := alice.Command(patience(t), slacksim.Random, "/order", ""); err != nil {
				t.Fatal(err)
			}
			// The answer is there when the command returns, also where the app is no member.
			seen := alice.Messages(slacksim.Random)
			if len(seen) != 1 || seen[0].Text != tt.want || seen[0].OnlyFor != tt.onlyFor {
				t.Errorf("alice sees %+v", seen)
			}
		})
	}
}

func TestLateAcknowledgementChangesNothing(t *testing.T) {
	ws, srv := start(t, quick)
	s := dial(t, ws, srv)
	alice := ws.Person(slacksim.Alice)
	if err := alice.Command(patience(t), slacksim.General, "/order", ""); err == nil {
		t.Fatal("nobody acknowledged")
	}
	s.ack(s.next(), map[string]any{"text": "sorry, late"})
	err := ws.Wait(patience(t), func() bool { e, _ := ws.LastEnvelope(""); return e.Acked })
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := ws.LastEnvelope("slash_commands"); !e.Late || e.Took < quick.AckTimeout {
		t.Errorf("the envelope is %+v, want late", e)
	}
	if seen := alice.Messages(slacksim.General); len(seen) != 0 {
		t.Errorf("alice sees %+v", seen)
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

func TestDeliveredMoreThanOnce(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dial(t, ws, srv)
	command := func() (frame, error) {
		done := make(chan error, 1)
		go func() { done <- ws.Person(slacksim.Alice).Command(patience(t), slacksim.General, "/order", "") }()
		f := s.next()
		s.ack(f, nil)
		return f, <-done
	}
	first, err := command()
	if err != nil {
		t.Fatal(err)
	}
	sent, _ := ws.LastEnvelope("slash_commands")
	again := func(resend func(context.Context, slacksim.Envelope) error) frame {
		done := make(chan error, 1)
		go func() { done <- resend(patience(t), sent) }()
		f := s.next()
		s.ack(f, nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if string(f.Payload) != string(first.Payload) {
			t.Errorf("the payload changed:\n%s\n%s", first.Payload, f.Payload)
		}
		return f
	}
	if f := again(ws.Redeliver); f.EnvelopeID != first.EnvelopeID {
		t.Error("Redeliver changed the envelope id")
	}
	if f := again(ws.Repeat); f.EnvelopeID == first.EnvelopeID {
		t.Error("Repeat kept the envelope id")
	}

	ws.SetFaults(slacksim.Faults{Duplicate: true})
	twin, err := command()
	if err != nil {
		t.Fatal(err)
	}
	if f := s.next(); f.EnvelopeID != twin.EnvelopeID {
		t.Error("with Duplicate, the second frame is another envelope")
	}
}

func TestLateDeliveryReachesTheAppAfterThePersonWasTold(t *testing.T) {
	ws, srv := start(t, quick)
	s := dial(t, ws, srv)
	ws.SetFaults(slacksim.Faults{Late: 2 * quick.AckTimeout})
	var f *slacksim.Failure
	if err := ws.Person(slacksim.Alice).Command(patience(t), slacksim.General, "/order", ""); !errors.As(err, &f) || f.Code != slacksim.OperationTimeout {
		t.Errorf("%v, want operation_timeout", err)
	}
	if f := s.next(); f.Type != "slash_commands" {
		t.Errorf("%+v", f)
	}
}

func TestEventsAreRepeatedUntilAcknowledged(t *testing.T) {
	opts := quick
	opts.EventRetries = []time.Duration{0, 10 * time.Millisecond, 10 * time.Millisecond}
	ws, srv := start(t, opts)
	s := dial(t, ws, srv)
	if err := ws.Person(slacksim.Alice).Home(); err != nil {
		t.Fatal(err)
	}
	first := s.next()
	if first.Type != "events_api" || first.Attempt != 0 {
		t.Errorf("%+v", first)
	}
	second := s.next()
	if second.Attempt != 1 || string(second.Payload) != string(first.Payload) {
		t.Errorf("%+v", second)
	}
	s.ack(second, nil)
	if err := ws.Wait(patience(t), func() bool { e, _ := ws.LastEnvelope(""); return e.Acked }); err != nil {
		t.Fatal(err)
	}
	if n := len(ws.Envelopes()); n != 2 {
		t.Errorf("%d envelopes, want 2: it was acknowledged", n)
	}
	if notices := ws.Person(slacksim.Alice).Notices(); len(notices) != 0 {
		t.Errorf("alice is told about an event: %v", notices)
	}
}

func TestPeopleActOnlyWhereTheyAre(t *testing.T) {
	ws, _ := start(t, slacksim.Options{})
	ws.AddUser(slacksim.User{ID: "U0DAVE", Name: "dave", TeamID: "T0OTHER", Stranger: true})
	err := ws.Person("U0DAVE").Command(t.Context(), slacksim.General, "/order", "")
	if !errors.Is(err, slacksim.ErrNotMember) {
		t.Errorf("%v", err)
	}
	if _, err := ws.Person("U0NOBODY").Say(slacksim.General, "hi"); err == nil {
		t.Error("somebody who does not exist spoke")
	}
}

func TestABurstOfCommandsIsAcknowledgedByOneClient(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	runApp(t, ws, srv, func(sm *socketmode.Client, e socketmode.Event) {
		if e.Type == socketmode.EventTypeSlashCommand {
			if err := sm.Ack(*e.Request, map[string]any{"text": "done"}); err != nil {
				t.Error(err)
			}
		}
	})
	const burst = 200
	ctx := patience(t)
	var people errgroup.Group
	for range burst {
		people.Go(func() error { return ws.Person(slacksim.Alice).Command(ctx, slacksim.General, "/order", "") })
	}
	if err := people.Wait(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range ws.Person(slacksim.Alice).Messages(slacksim.General) {
		seen[m.TS] = true
	}
	if len(seen) != burst {
		t.Errorf("%d messages with different timestamps, want %d", len(seen), burst)
	}
	for _, e := range ws.Envelopes() {
		if !e.Acked || e.Late || e.Sent != 1 {
			t.Errorf("%+v", e)
		}
	}
}

// A guest from another workspace acts in a shared channel: the payload names both.
func TestPeopleFromAnotherWorkspace(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dial(t, ws, srv)
	ws.AddUser(slacksim.User{ID: "U0DAVE", Name: "dave", TeamID: "T0OTHER", Stranger: true})
	ws.Invite(slacksim.General, "U0DAVE")
	call(t, srv, ws.BotToken(), "chat.postMessage", card)
	dave := ws.Person("U0DAVE")
	m := dave.Messages(slacksim.General)[0]
	done := make(chan error, 1)
	go func() { done <- dave.Click(patience(t), m, "Cancel") }()
	f := s.next()
	s.ack(f, nil)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var p struct {
		Team struct{ ID string }
		User struct {
			ID     string `json:"id"`
			TeamID string `json:"team_id"`
		}
	}
	decode(t, f, &p)
	if p.Team.ID != "T0ACME" || p.User.TeamID != "T0OTHER" || p.User.ID != "U0DAVE" {
		t.Errorf("%s", f.Payload)
	}
}

func TestAppsWithoutTheCommandsScopeHaveNoCommands(t *testing.T) {
	ws, _ := start(t, slacksim.Options{App: slacksim.App{BotScopes: []string{"chat:write"}}})
	var f *slacksim.Failure
	if err := ws.Person(slacksim.Alice).Command(t.Context(), slacksim.General, "/order", ""); !errors.As(err, &f) || f.Code != slacksim.InvalidCommand {
		t.Errorf("%v", err)
	}
}

func TestAPersonWhoLeftDoesNothing(t *testing.T) {
	ws, _ := start(t, slacksim.Options{})
	ws.AddUser(slacksim.User{ID: slacksim.Bob, Name: "bob", Deleted: true})
	if err := ws.Person(slacksim.Bob).Command(t.Context(), "#general", "/order", ""); err == nil {
		t.Error("a deactivated account typed a command")
	}
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
