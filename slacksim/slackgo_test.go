package slacksim_test

import (
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"licensebot/slacksim"
)

// An app on slack-go opens a modal, finds an error in its submission, and publishes a Home tab.
func TestWorkspace_Apps_SlackGo(t *testing.T) {
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
				Submit: slack.NewTextBlockObject("plain_text", "Send", false, false),
				Blocks: slack.Blocks{BlockSet: []slack.Block{name}},
			})
			if err != nil {
				t.Errorf("views.open: got %v, want no error", err)
			}
		case slack.InteractionCallback:
			if got := data.View.State.Values["name"]["v"].Value; got != "Alice" {
				t.Errorf("submitted name: got %q, want %q", got, "Alice")
			}
			answer = slack.NewErrorsViewSubmissionResponse(map[string]string{"name": "Taken."})
		default:
			greeting := slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", "Welcome", false, false))
			_, err := api.PublishView(slacksim.Alice, slack.HomeTabViewRequest{
				Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{greeting}},
			}, "")
			if err != nil {
				t.Errorf("views.publish: got %v, want no error", err)
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
		t.Errorf("got %v, %v; want the problem of the app", problems, err)
	}
	if err := alice.Home(); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForHome(ctx, func(v slacksim.View) bool { return v.ContentText() == "Welcome" }); err != nil {
		t.Error(err)
	}
}
