package socket

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

// responseURLHandler brings what an ack could not carry through the response_url, as the bot does.
type responseURLHandler struct {
	*fakeHandler
	http *http.Client
	t    *testing.T
}

func (r responseURLHandler) Unsent(ctx context.Context, d Delivery, payload any) {
	_, _, url := d.Origin()
	msg := &slack.WebhookMessage{Text: payload.(message).Text}
	if err := slack.PostWebhookCustomHTTPContext(ctx, url, r.http, msg); err != nil {
		r.t.Errorf("got %v from the response URL, want nil", err)
	}
	r.fakeHandler.Unsent(ctx, d, payload)
}

// runInWorkspace connects a client to a simulated workspace, whose people get answers in the way
// that real people do.
func runInWorkspace(t *testing.T) (context.Context, *slacksim.Workspace, *fakeHandler, *slacksim.Person) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	ws := slacksim.New(slacksim.Options{Rates: slacksim.Rates{Off: true}, WarnAhead: 100 * time.Millisecond})
	server := slacktest.Serve(t, ws)
	client := HTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	h := newFakeHandler()
	start(t, Config{
		API:     NewAPI(server.APIURL, ws.BotToken(), ws.AppToken(), client, zerolog.Nop()),
		Handler: responseURLHandler{h, client, t}, Log: zerolog.Nop(),
		Stagger: -1, Linger: 50 * time.Millisecond, FirstRetry: 2 * time.Millisecond, MaxRetry: 50 * time.Millisecond,
		MinUptime: time.Nanosecond,
	})
	if err := ws.WaitForSockets(ctx, 2); err != nil {
		t.Fatal(err)
	}
	return ctx, ws, h, ws.Person(slacksim.Alice)
}

func TestClient_Run_EveryDisconnect(t *testing.T) {
	ctx, ws, _, alice := runInWorkspace(t)
	ask := func(text string) {
		t.Helper()
		if err := alice.Command(ctx, slacksim.General, "/license", text); err != nil {
			t.Fatal(err)
		}
		if _, err := alice.WaitForText(ctx, slacksim.General, "done: "+text); err != nil {
			t.Fatal(err)
		}
	}
	ask("at first")
	for _, reason := range []string{
		slacksim.Warning, slacksim.RefreshRequested, slacksim.TooManySockets,
		slacksim.LinkDisabled,
	} {
		before := ws.Connected()
		ws.Disconnect(reason)
		if err := ws.Wait(ctx, func() bool { return ws.Connected() >= before+2 && ws.Sockets() == 2 }); err != nil {
			t.Fatal(err)
		}
		ask("after " + reason)
	}
	before := ws.Connected()
	ws.DropSockets()
	if err := ws.Wait(ctx, func() bool { return ws.Connected() >= before+2 && ws.Sockets() == 2 }); err != nil {
		t.Fatal(err)
	}
	ask("after the network broke")
	if notices := alice.Notices(); len(notices) != 0 {
		t.Errorf("got the notices %+v, want none", notices)
	}
}

func TestClient_Run_AnswerTooLarge(t *testing.T) {
	ctx, _, h, alice := runInWorkspace(t)
	long := strings.Repeat("long ", 5000)
	h.command = func(context.Context, slack.SlashCommand) Reply { return Reply{Payload: answerText(long)} }
	if err := alice.Command(ctx, slacksim.General, "/license", "list all"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForText(ctx, slacksim.General, strings.TrimSpace(long)); err != nil {
		t.Fatal(err)
	}
}

func TestClient_Run_HandlerPanics(t *testing.T) {
	ctx, _, h, alice := runInWorkspace(t)
	h.command = func(context.Context, slack.SlashCommand) Reply { panic("no such card") }
	if err := alice.Command(ctx, slacksim.General, "/license", "buy"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForText(ctx, slacksim.General, "crashed "); err != nil {
		t.Fatal(err)
	}
}

func TestClient_Run_SecondDelivery(t *testing.T) {
	ctx, ws, h, alice := runInWorkspace(t)
	if err := alice.Command(ctx, slacksim.General, "/license", "buy"); err != nil {
		t.Fatal(err)
	}
	envelope, ok := ws.LastEnvelope("slash_commands")
	if !ok {
		t.Fatal("got no envelope, want one")
	}
	if err := ws.Redeliver(ctx, envelope); err != nil {
		t.Errorf("got %v, want the second delivery acknowledged", err)
	}
	if n := h.called("buy"); n != 1 {
		t.Errorf("got %d calls, want 1", n)
	}
	// Under a new envelope it is a new command to this package; the order knows better.
	if err := ws.Repeat(ctx, envelope); err != nil {
		t.Error(err)
	}
	if n := h.called("buy"); n != 2 {
		t.Errorf("got %d calls, want 2", n)
	}
}

func TestClient_Run_HomeOpened(t *testing.T) {
	_, _, h, alice := runInWorkspace(t)
	if err := alice.Home(); err != nil {
		t.Fatal(err)
	}
	h.wait(t, "the home tab", func() bool { return h.calls["home of "+slacksim.Alice] == 1 })
}

func TestIdentify(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	app := slacksim.App{BotScopes: []string{"commands", "chat:write"}}
	ws := slacksim.New(slacksim.Options{App: app, Rates: slacksim.Rates{Off: true}})
	server := slacktest.Serve(t, ws)
	client := HTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	log := &logBuffer{}
	cfg := Config{Log: log.logger(), FirstRetry: time.Millisecond, MaxRetry: 5 * time.Millisecond}

	ws.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"auth.test": {Status: 503, Times: 3}}})
	cfg.API = NewAPI(server.APIURL, ws.BotToken(), ws.AppToken(), client, cfg.Log)
	who, err := Identify(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if who.TeamID != ws.Team().ID || who.UserID != ws.App().BotUserID || who.BotID == "" {
		t.Errorf("got the identity %+v, want %s and %s", who, ws.Team().ID, ws.App().BotUserID)
	}
	if lacks := who.MissingScopes("chat:write", "users:read", "commands", "im:write"); !slices.Equal(lacks,
		[]string{"users:read", "im:write"}) {
		t.Errorf("got the missing scopes %q of %q, want users:read and im:write", lacks, who.Scopes)
	}
	if lacks := (Identity{}).MissingScopes("commands"); lacks != nil {
		t.Errorf("got the missing scopes %q where Slack lists none, want none", lacks)
	}
	if n := strings.Count(log.String(), "HTTP 503"); n != 1 {
		t.Errorf("got %d lines about three failures, want 1", n)
	}

	cfg.API = NewAPI(server.APIURL, "xoxb-wrong", ws.AppToken(), client, cfg.Log)
	var fatal *FatalError
	if _, err := Identify(ctx, cfg); !errors.As(err, &fatal) || !strings.Contains(err.Error(), "SLACK_BOT_TOKEN") {
		t.Errorf("got %v for a wrong token, want a *FatalError that names SLACK_BOT_TOKEN", err)
	}

	ws.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"auth.test": {Status: 503}}})
	cfg.API = NewAPI(server.APIURL, ws.BotToken(), ws.AppToken(), client, cfg.Log)
	soon, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	if _, err := Identify(soon, cfg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v without an answer, want %v", err, context.DeadlineExceeded)
	}
}

func TestCheckSocketMode_WrongToken(t *testing.T) {
	ws := slacksim.New(slacksim.Options{Rates: slacksim.Rates{Off: true}})
	server := slacktest.Serve(t, ws)
	client := HTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	check := func(appToken string) error {
		return CheckSocketMode(t.Context(), NewAPI(server.APIURL, ws.BotToken(), appToken, client, zerolog.Nop()))
	}
	if err := check(ws.AppToken()); err != nil {
		t.Error(err)
	}
	var fatal *FatalError
	if err := check(ws.BotToken()); !errors.As(err, &fatal) || !strings.Contains(err.Error(), "SLACK_APP_TOKEN") {
		t.Errorf("got %v for the bot token, want a *FatalError that names SLACK_APP_TOKEN", err)
	}
	ws.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"apps.connections.open": {Status: 500}}})
	if err := check(ws.AppToken()); err == nil || errors.As(err, &fatal) {
		t.Errorf("got %v for a broken Slack, want an error that is no *FatalError", err)
	}
}
