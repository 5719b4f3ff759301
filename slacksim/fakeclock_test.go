package slacksim_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

// inABubble connects a slack-go client to a workspace, and runs both on a fake clock.
func inABubble(
	t *testing.T, opts slacksim.Options, handle func(*socketmode.Client, socketmode.Event),
	do func(context.Context, *slacksim.Workspace),
) {
	synctest.Test(t, func(t *testing.T) {
		w := slacktest.NewPipes()
		ws := slacksim.New(opts)
		ws.SetBaseURL("http://slack.test")
		server := &http.Server{Handler: ws.Handler(nil)}
		transport := &http.Transport{DialContext: w.Dial}
		api := slack.New(
			ws.BotToken(), slack.OptionAppLevelToken(ws.AppToken()), slack.OptionAPIURL("http://slack.test/api/"),
			slack.OptionHTTPClient(&http.Client{Transport: transport}),
		)
		sm := socketmode.New(api, socketmode.OptionDialer(&websocket.Dialer{NetDialContext: w.Dial}))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = server.Serve(w) })
		running.Go(func() { _ = sm.RunContext(ctx) })
		running.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-sm.Events:
					handle(sm, e)
				}
			}
		})
		if err := ws.WaitForSocket(ctx); err != nil {
			t.Fatal(err)
		}
		do(ctx, ws)
		cancel()
		ws.Close()
		transport.CloseIdleConnections()
		server.Close()
		running.Wait()
	})
}

// A slack-go client drops a socket whose last ping is older than 30 s. It checks this every 30 s, so a server that
// pings too rarely loses it at the second check.
func TestWorkspace_PingEvery_SlackGo(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration
		stays bool
	}{
		"with Slack's pings":          {0, true},
		"with pings that are too few": {40 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			connected, trouble := 0, 0
			acks := func(sm *socketmode.Client, e socketmode.Event) {
				switch e.Type {
				case socketmode.EventTypeConnected:
					connected++
				case socketmode.EventTypeConnectionError, socketmode.EventTypeIncomingError, socketmode.EventTypeErrorBadMessage:
					trouble++
				case socketmode.EventTypeSlashCommand:
					if err := sm.Ack(*e.Request); err != nil {
						t.Error(err)
					}
				default:
				}
			}
			inABubble(t, slacksim.Options{PingEvery: c.every}, acks, func(ctx context.Context, ws *slacksim.Workspace) {
				hour, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				err := ws.Wait(hour, func() bool { return ws.Connected() > 1 || ws.Sockets() == 0 })
				if stays := errors.Is(err, context.DeadlineExceeded); stays != c.stays {
					t.Fatalf("stays connected: got %v, want %v (%d connections, %v)", stays, c.stays, ws.Connected(), err)
				}
				if !c.stays {
					return
				}
				if err := ws.Person(slacksim.Alice).Command(ctx, slacksim.General, "/order", ""); err != nil {
					t.Errorf("after an hour: got %v, want no error", err)
				}
				synctest.Wait()
				if connected != 1 || trouble != 0 {
					t.Errorf("got %d connections, %d errors; want 1, 0", connected, trouble)
				}
			})
		})
	}
}

// An app has three seconds to acknowledge.
func TestWorkspace_AckTimeout_ThreeSeconds(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		late  bool
	}{
		"just in time":  {3*time.Second - time.Millisecond, false},
		"just too late": {3*time.Second + time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			acksLate := func(sm *socketmode.Client, e socketmode.Event) {
				if e.Type == socketmode.EventTypeSlashCommand {
					<-time.After(c.takes)
					if err := sm.Ack(*e.Request); err != nil {
						t.Error(err)
					}
				}
			}
			inABubble(t, slacksim.Options{}, acksLate, func(ctx context.Context, ws *slacksim.Workspace) {
				began := time.Now()
				err := ws.Person(slacksim.Alice).Command(ctx, slacksim.General, "/order", "")
				var f *slacksim.Failure
				if late := errors.As(err, &f) && f.Code == slacksim.OperationTimeout; late != c.late {
					t.Errorf("after %v: got %v, want a timeout: %v", c.takes, err, c.late)
				}
				if took := time.Since(began); took != min(c.takes, 3*time.Second) {
					t.Errorf("got a wait of %v, want %v", took, min(c.takes, 3*time.Second))
				}
				<-time.After(time.Second) // the late answer
				if e, _ := ws.LastEnvelope("slash_commands"); !e.Acked || e.Late != c.late || e.Took != c.takes {
					t.Errorf("got %+v, want an acknowledgement after %v, late: %v", e, c.takes, c.late)
				}
			})
		})
	}
}
