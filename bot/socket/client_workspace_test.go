package socket

import (
	"context"
	"net/http"
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

// Two bots with one app: the second one says so, once, and what to do.
func TestClient_Run_TwoBots(t *testing.T) {
	s, log := newSlackServer(t), &logBuffer{}
	cfg := fastConfig(s, newFakeHandler(), log)
	cfg.Sockets = 1
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.links[0].noteOpen(now)
	for i := range 4 {
		c.noteConnections(now.Add(time.Duration(i)*reconnectTime), 3)
	}
	if n := strings.Count(log.String(), "give each bot an app of its own"); n != 1 || c.Status().Others != 2 {
		t.Errorf("got %d other connections and %d warnings, want 2 and 1:\n%s", c.Status().Others, n, log)
	}
}
