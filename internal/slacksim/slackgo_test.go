package slacksim_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"licensebot/internal/slacksim"
)

// The deadline that Slack gives an app, in real time.
func TestAppsHaveThreeSeconds(t *testing.T) {
	t.Parallel()
	ws := slacksim.New(slacksim.Options{})
	dial(t, ws, ws.Start(t))
	began := time.Now()
	err := ws.Person(slacksim.Alice).Command(patience(t), slacksim.General, "/order", "")
	var f *slacksim.Failure
	if !errors.As(err, &f) || f.Code != slacksim.OperationTimeout {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took < 3*time.Second {
		t.Errorf("it ended after %v", took)
	}
}

// TestSlackGoStaysConnected keeps a slack-go client connected for over a minute of real
// time: slack-go drops a socket whose last ping is older than 30 s, which it checks every
// 30 s, so a server that pings too rarely is found out at the second check.
func TestSlackGoStaysConnected(t *testing.T) {
	t.Parallel()
	ws, srv := start(t, slacksim.Options{})
	var connected, trouble atomic.Int32
	runApp(t, ws, srv, func(sm *socketmode.Client, e socketmode.Event) {
		switch e.Type {
		case socketmode.EventTypeConnected:
			connected.Add(1)
		case socketmode.EventTypeConnectionError, socketmode.EventTypeIncomingError, socketmode.EventTypeErrorBadMessage:
			trouble.Add(1)
		case socketmode.EventTypeSlashCommand:
			if err := sm.Ack(*e.Request); err != nil {
				t.Error(err)
			}
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 65*time.Second)
	defer cancel()
	err := ws.Wait(ctx, func() bool { return ws.Connected() > 1 || ws.Sockets() == 0 })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it lost its connection: %d connections, %v", ws.Connected(), err)
	}
	if connected.Load() != 1 || trouble.Load() != 0 {
		t.Errorf("%d connections, %d errors", connected.Load(), trouble.Load())
	}
	if err := ws.Person(slacksim.Alice).Command(patience(t), slacksim.General, "/order", ""); err != nil {
		t.Errorf("after a minute: %v", err)
	}
}

// The whole round with slack-go, as apps are written.
func TestSlackGoOpensAModalAndPublishesAHome(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	var api *slack.Client
	ready := make(chan struct{})
	api = runApp(t, ws, srv, func(sm *socketmode.Client, e socketmode.Event) {
		<-ready
		if e.Request == nil || e.Request.EnvelopeID == "" {
			return
		}
		var answer any
		switch data := e.Data.(type) {
		case slack.SlashCommand:
			name := slack.NewInputBlock("name", slack.NewTextBlockObject("plain_text", "Name", false, false), nil,
				slack.NewPlainTextInputBlockElement(nil, "v"))
			_, err := api.OpenView(data.TriggerID, slack.ModalViewRequest{
				Type: slack.VTModal, Title: slack.NewTextBlockObject("plain_text", "Hello", false, false),
				Submit: slack.NewTextBlockObject("plain_text", "Send", false, false), Blocks: slack.Blocks{BlockSet: []slack.Block{name}},
			})
			if err != nil {
				t.Errorf("views.open: %v", err)
			}
		case slack.InteractionCallback:
			if got := data.View.State.Values["name"]["v"].Value; got != "Alice" {
				t.Errorf("the app reads %q", got)
			}
			answer = slack.NewErrorsViewSubmissionResponse(map[string]string{"name": "Taken."})
		default:
			greeting := slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", "Welcome", false, false))
			_, err := api.PublishView(slacksim.Alice, slack.HomeTabViewRequest{
				Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{greeting}},
			}, "")
			if err != nil {
				t.Errorf("views.publish: %v", err)
			}
		}
		if err := sm.Ack(*e.Request, answer); err != nil {
			t.Error(err)
		}
	})
	close(ready)
	alice, ctx := ws.Person(slacksim.Alice), patience(t)
	if err := alice.Command(ctx, slacksim.General, "/order", ""); err != nil {
		t.Fatal(err)
	}
	v, err := alice.WaitForModal(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.Fill(ctx, v, "Name", "Alice"); err != nil {
		t.Fatal(err)
	}
	if problems, err := alice.Submit(ctx); err != nil || problems["name"] != "Taken." {
		t.Errorf("%v, %v", problems, err)
	}
	if err := alice.Home(); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForHome(ctx, func(v slacksim.View) bool { return v.ContentText() == "Welcome" }); err != nil {
		t.Error(err)
	}
}
