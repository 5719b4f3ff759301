package slacksim_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

// A workspace with the snapshot of another shows the same, continues its ids, and accepts its response URLs.
func TestWorkspace_Restore_Continues(t *testing.T) {
	var mu sync.Mutex
	var kept []byte
	first := slacksim.New(slacksim.Options{Keep: func(snapshot []byte) { mu.Lock(); kept = snapshot; mu.Unlock() }})
	srv := slacktest.Serve(t, first)
	api := slack.New(first.BotToken(), slack.OptionAPIURL(srv.APIURL))
	blocks := slack.MsgOptionBlocks(slack.NewActionBlock(
		"a", slack.NewButtonBlockElement("buy:1", "v", slack.NewTextBlockObject("plain_text", "Buy", false, false)),
	))
	if _, _, err := api.PostMessage(slacksim.General, slack.MsgOptionText("for all", false), blocks); err != nil {
		t.Fatal(err)
	}
	if _, err := api.PostEphemeral(slacksim.General, slacksim.Alice, slack.MsgOptionText("for Alice", false)); err != nil {
		t.Fatal(err)
	}
	dm := first.DM(slacksim.Bob)
	_, ts, err := api.PostMessage(dm, slack.MsgOptionText("for Bob", false))
	if err != nil {
		t.Fatal(err)
	}
	home := slack.HomeTabViewRequest{Type: "home", Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewDividerBlock()}}}
	if _, err := api.PublishView(slacksim.Alice, home, ""); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	snapshot := kept // without an end of the first program: as when it was killed
	mu.Unlock()

	next := slacksim.New(slacksim.Options{})
	if err := next.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	again := slacktest.Serve(t, next)
	for _, channel := range []string{slacksim.General, dm} {
		if diff := cmp.Diff(first.Messages(channel), next.Messages(channel)); diff != "" {
			t.Errorf("%s (-want +got): %s", channel, diff)
		}
	}
	if next.DM(slacksim.Bob) != dm {
		t.Errorf("Bob's direct messages: got %s, want %s", next.DM(slacksim.Bob), dm)
	}
	before, _ := first.Person(slacksim.Alice).HomeTab()
	now, ok := next.Person(slacksim.Alice).HomeTab()
	if !ok || now.ID != before.ID || string(now.Blocks) != string(before.Blocks) {
		t.Errorf("Alice's Home tab: got %+v, want %+v", now, before)
	}
	api = slack.New(next.BotToken(), slack.OptionAPIURL(again.APIURL))
	if _, _, _, err := api.UpdateMessage(dm, ts, slack.MsgOptionText("for Bob, later", false)); err != nil {
		t.Errorf("got %v, want an update of the earlier message", err)
	}
	_, later, err := api.PostMessage(dm, slack.MsgOptionText("more", false))
	if err != nil || strings.Compare(later, ts) <= 0 {
		t.Errorf("got the timestamp %s, %v; want one after %s", later, err, ts)
	}
	if err := slacksim.New(slacksim.Options{}).Restore(snapshot[:len(snapshot)/2]); err == nil {
		t.Error("restoring half a snapshot: got no error, want one")
	}
}

// A response URL that the app has received works after a kill, although people saw no change since then.
func TestWorkspace_KeepNow_BeforeResponseURLIsSent(t *testing.T) {
	var mu sync.Mutex
	var kept []byte
	ws, srv := start(t, slacksim.Options{Keep: func(snapshot []byte) { mu.Lock(); kept = snapshot; mu.Unlock() }})
	s := dial(t, ws, srv)
	done := make(chan error, 1)
	go func() { done <- ws.Person(slacksim.Alice).Command(patience(t), slacksim.General, "/order", "") }()
	f := s.next()
	mu.Lock()
	snapshot := string(kept)
	mu.Unlock()
	if at, err := url.Parse(f.field(t, "response_url")); err != nil || !strings.Contains(snapshot, at.Path) {
		t.Errorf("got the snapshot\n%s\nwant %s in it (error %v)", snapshot, at, err)
	}
	s.ack(f, nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
