package slacksim_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/slacksim"
)

// world is a workspace in which every error of these methods is possible.
func world(t *testing.T, opts slacksim.Options) (*slacksim.Workspace, *slacksim.Server) {
	t.Helper()
	ws, srv := start(t, opts)
	bot := ws.App().BotUserID
	ws.AddUser(slacksim.User{ID: "U0GONE", Name: "gone", Deleted: true})
	ws.AddUser(slacksim.User{ID: "U0GUEST", Name: "guest", Restricted: true})
	ws.AddUser(slacksim.User{ID: "U0ELSE", Name: "else", TeamID: "T0OTHER", Stranger: true})
	ws.AddUser(slacksim.User{ID: "U0OTHERBOT", Name: "otherbot", Bot: true})
	ws.AddChannel(slacksim.Channel{ID: "C0SECRET", Name: "secret", Private: true, Members: []string{slacksim.Alice}})
	ws.AddChannel(slacksim.Channel{ID: "C0OLD", Name: "old", Archived: true, Members: []string{slacksim.Alice, bot}})
	ws.SetUserGroups(
		slacksim.UserGroup{ID: "S0FIN", Handle: "finance", Users: []string{slacksim.Bob}},
		slacksim.UserGroup{ID: "S0OFF", Handle: "off", Disabled: true},
	)
	return ws, srv
}

func TestWebAPI_Methods_Refused(t *testing.T) {
	long := strings.Repeat("ä", 40_001)
	card := []any{map[string]any{"type": "section", "text": map[string]any{"type": "plain_text", "text": "hi"}}}
	many := make([]any, 5)
	for i := range many {
		many[i] = map[string]any{
			"type": "section", "text": map[string]any{"type": "plain_text", "text": strings.Repeat("x", 2700)},
		}
	}
	tests := []struct {
		name, method string
		args         map[string]any
		want         string
	}{
		{"no such method", "chat.postMassage", nil, "unknown_method"},
		{
			"a channel that does not exist", "chat.postMessage",
			map[string]any{"channel": "C0NONE", "text": "hi"},
			"channel_not_found",
		},
		{"no channel", "chat.postMessage", map[string]any{"text": "hi"}, "channel_not_found"},
		{
			"a public channel without the app", "chat.postMessage",
			map[string]any{"channel": slacksim.Random, "text": "hi"},
			"not_in_channel",
		},
		{
			"a private channel without the app", "chat.postMessage",
			map[string]any{"channel": "C0SECRET", "text": "hi"},
			"channel_not_found",
		},
		{"an archived channel", "chat.postMessage", map[string]any{"channel": "C0OLD", "text": "hi"}, "is_archived"},
		{"nothing to say", "chat.postMessage", map[string]any{"channel": slacksim.General}, "no_text"},
		{"too much to say", "chat.postMessage", map[string]any{"channel": slacksim.General, "text": long}, "msg_too_long"},
		{
			"blocks that are an object", "chat.postMessage",
			map[string]any{"channel": slacksim.General, "blocks": map[string]any{}},
			"invalid_blocks_format",
		},
		{
			"a block of no known type", "chat.postMessage",
			map[string]any{"channel": slacksim.General, "blocks": []any{map[string]any{"type": "x"}}},
			"invalid_blocks",
		},
		{
			"blocks with too many characters together", "chat.postMessage",
			map[string]any{"channel": slacksim.General, "blocks": many},
			"msg_blocks_too_long",
		},
		{
			"a thread that does not exist", "chat.postMessage",
			map[string]any{"channel": slacksim.General, "text": "hi", "thread_ts": "1.2"},
			"invalid_thread_ts",
		},
		{"a person who left", "chat.postMessage", map[string]any{"channel": "U0GONE", "text": "hi"}, "channel_not_found"},
		{
			"only for a person who is not there", "chat.postEphemeral",
			map[string]any{"channel": slacksim.General, "user": "U0GUEST", "text": "hi"},
			"user_not_in_channel",
		},
		{
			"only for one person, without content", "chat.postEphemeral",
			map[string]any{"channel": slacksim.General, "user": slacksim.Alice},
			"no_text",
		},
		{
			"an update of nothing", "chat.update",
			map[string]any{"channel": slacksim.General, "ts": "1.2", "text": "hi"},
			"message_not_found",
		},
		{"an update without content", "chat.update", map[string]any{"channel": slacksim.General, "ts": "1.2"}, "no_text"},
		{
			"a deletion of nothing", "chat.delete",
			map[string]any{"channel": slacksim.General, "ts": "1.2"},
			"message_not_found",
		},
		{"a user who does not exist", "users.info", map[string]any{"user": "U0NONE"}, "user_not_found"},
		{"a bot that does not exist", "bots.info", map[string]any{"bot": "B0NONE"}, "bot_not_found"},
		{"a group that does not exist", "usergroups.users.list", map[string]any{"usergroup": "S0NONE"}, "no_such_subteam"},
		{"a group that is off", "usergroups.users.list", map[string]any{"usergroup": "S0OFF"}, "subteam_disabled"},
		{"direct messages without a person", "conversations.open", nil, "users_list_not_supplied"},
		{"direct messages with a bot", "conversations.open", map[string]any{"users": "U0OTHERBOT"}, "cannot_dm_bot"},
		{"direct messages with a person who left", "conversations.open", map[string]any{"users": "U0GONE"}, "user_disabled"},
		{
			"the facts of a private channel without the app", "conversations.info",
			map[string]any{"channel": "C0SECRET"},
			"channel_not_found",
		},
		{
			"a home tab for a bot", "views.publish",
			map[string]any{"user_id": "U0OTHERBOT", "view": map[string]any{"type": "home", "blocks": card}},
			"user_not_found",
		},
		{"a file without a length", "files.getUploadURLExternal", map[string]any{"filename": "a.csv"}, "invalid_arguments"},
		{
			"a file that was never sent", "files.completeUploadExternal",
			map[string]any{"files": []any{map[string]any{"id": "F1"}}},
			"file_not_found",
		},
	}
	ws, srv := world(t, slacksim.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, resp := callHTTP(t, srv, ws.BotToken(), tt.method, tt.args)
			if answer["ok"] != false || answer["error"] != tt.want {
				t.Errorf("got %v, want %s", answer, tt.want)
			}
			if resp.StatusCode != http.StatusOK {
				t.Errorf("got status %d, want 200 also for errors", resp.StatusCode)
			}
		})
	}
	if seen := ws.Messages(slacksim.General); len(seen) != 0 {
		t.Errorf("got %v, want no message", seen)
	}
}

func TestWebAPI_TokensAndScopes_Refused(t *testing.T) {
	tests := []struct {
		name, token, method, want string
		needed                    string
	}{
		{"no token", "", "auth.test", "not_authed", ""},
		{"an unknown token", "xoxb-made-up", "auth.test", "invalid_auth", ""},
		{"a bot token opens no socket", "bot", "apps.connections.open", "not_allowed_token_type", ""},
		{"an app token posts nothing", "app", "chat.postMessage", "not_allowed_token_type", ""},
		{"a scope that was not granted", "bot", "chat.postMessage", "missing_scope", "chat:write"},
		{"an app token without its scope", "app", "apps.connections.open", "missing_scope", "connections:write"},
		{"api.test needs no token", "", "api.test", "", ""},
	}
	ws, srv := start(t, slacksim.Options{App: slacksim.App{BotScopes: []string{"commands"}, AppScopes: []string{}}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token := tt.token
			switch token {
			case "bot":
				token = ws.BotToken()
			case "app":
				token = ws.AppToken()
			}
			answer := call(t, srv, token, tt.method, map[string]any{"channel": slacksim.General, "text": "hi"})
			got, _ := answer["error"].(string)
			if got != tt.want {
				t.Errorf("got %v, want %q", answer, tt.want)
			}
			if needed, _ := answer["needed"].(string); needed != tt.needed {
				t.Errorf("needed: got %q, want %q", needed, tt.needed)
			}
		})
	}
}

// All calls use slack-go, which tests the encoding of requests and answers as well.
func TestWebAPI_Methods_SlackGo(t *testing.T) {
	ws, srv := world(t, slacksim.Options{})
	api := client(ws, srv)
	who, err := api.AuthTest()
	if err != nil || who.UserID != ws.App().BotUserID || who.BotID != ws.App().BotID || who.TeamID != ws.Team().ID {
		t.Errorf("auth.test: got %+v, %v; want the app", who, err)
	}
	header := slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", "An order", true, false))
	section := slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", "*3* coffees", false, false), nil, nil)
	_, ts, err := api.PostMessage(
		slacksim.General, slack.MsgOptionText("An order", false), slack.MsgOptionBlocks(header, section),
	)
	if err != nil {
		t.Fatal(err)
	}
	alice := ws.Person(slacksim.Alice)
	m, err := alice.WaitForText(patience(t), slacksim.General, "*3* coffees")
	if err != nil {
		t.Fatal(err)
	}
	if m.TS != ts || m.ContentText() != "An order\n*3* coffees" || m.Text != "An order" {
		t.Errorf("Alice's message: got %+v, want the order", m)
	}
	var blocks slack.Blocks
	if err := json.Unmarshal(m.Blocks, &blocks); err != nil || len(blocks.BlockSet) != 2 || blocks.BlockSet[0].ID() == "" {
		t.Errorf("stored blocks: got %v (error %v), want two with ids", blocks, err)
	}

	// An update without blocks keeps the old ones.
	if _, _, _, err := api.UpdateMessage(slacksim.General, ts, slack.MsgOptionText("Changed", false)); err != nil {
		t.Fatal(err)
	}
	if m, _ = ws.Current(m); m.Text != "Changed" || len(m.Blocks) == 0 || !m.Edited || m.Revision != 1 {
		t.Errorf("after the update: got %+v, want the new text with the old blocks", m)
	}

	eph, err := api.PostEphemeral(slacksim.General, slacksim.Bob, slack.MsgOptionText("psst", false))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ws.Person(slacksim.Bob).Messages(slacksim.General)); n != 2 {
		t.Errorf("Bob's messages: got %d, want 2", n)
	}
	if n := len(alice.Messages(slacksim.General)); n != 1 {
		t.Errorf("Alice's messages: got %d, want 1", n)
	}
	_, _, _, err = api.UpdateMessage(slacksim.General, eph, slack.MsgOptionText("louder", false))
	wantError(t, err, "cant_update_message")
	said, err := alice.Say(slacksim.General, "I <3 it")
	if err != nil || said.Text != "I &lt;3 it" {
		t.Errorf("got %+v, %v; want the text with its escapes", said, err)
	}
	_, _, _, err = api.UpdateMessage(slacksim.General, said.TS, slack.MsgOptionText("mine", false))
	wantError(t, err, "cant_update_message")
	_, _, err = api.DeleteMessage(slacksim.General, said.TS)
	wantError(t, err, "cant_delete_message")
	if _, _, err = api.DeleteMessage(slacksim.General, ts); err != nil {
		t.Error(err)
	}
	if err := alice.WaitForGone(patience(t), m); err != nil {
		t.Errorf("got %v, want the message deleted", err)
	}

	dm, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{slacksim.Carol}})
	if err != nil || dm.ID != ws.DM(slacksim.Carol) {
		t.Errorf("conversations.open: got %+v, %v; want %s", dm, err, ws.DM(slacksim.Carol))
	}
	if _, _, err := api.PostMessage(slacksim.Carol, slack.MsgOptionText("hello", false)); err != nil {
		t.Error(err)
	}
	if _, err := ws.Person(slacksim.Carol).WaitForText(patience(t), dm.ID, "hello"); err != nil {
		t.Error(err)
	}
	group, _, _, err := api.OpenConversation(
		&slack.OpenConversationParameters{Users: []string{slacksim.Carol, slacksim.Bob}, ReturnIM: true},
	)
	if err != nil || !group.IsMpIM {
		t.Errorf("a conversation of several people: got %+v, %v; want an mpim", group, err)
	}

	u, err := api.GetUserInfo("U0ELSE")
	if err != nil || !u.IsStranger || u.TeamID != "T0OTHER" {
		t.Errorf("users.info: got %+v, %v; want a stranger of T0OTHER", u, err)
	}
	if u, err = api.GetUserInfo("U0GUEST"); err != nil || !u.IsRestricted || u.IsStranger || u.TeamID != ws.Team().ID {
		t.Errorf("users.info: got %+v, %v; want a guest of %s", u, err, ws.Team().ID)
	}
	ws.AddUser(slacksim.User{ID: "U0GRID", Name: "grid", TeamID: "T0OTHER", Teams: []string{"T0OTHER", ws.Team().ID}})
	if u, err = api.GetUserInfo("U0GRID"); err != nil || len(u.Enterprise.Teams) != 2 || u.IsStranger {
		t.Errorf("users.info: got %+v, %v; want two teams", u, err)
	}
	members, err := api.GetUserGroupMembers("S0FIN")
	if err != nil || len(members) != 1 || members[0] != slacksim.Bob {
		t.Errorf("usergroups.users.list: got %v, %v; want Bob", members, err)
	}
	c, err := api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: slacksim.Random})
	if err != nil || c.IsMember || c.Name != "random" {
		t.Errorf("conversations.info: got %+v, %v; want random without the app", c, err)
	}
	if b, err := api.GetBotInfo(slack.GetBotInfoParameters{Bot: ws.App().BotID}); err != nil ||
		b.UserID != ws.App().BotUserID {
		t.Errorf("bots.info: got %+v, %v; want the app", b, err)
	}
	_, err = api.UploadFile(slack.UploadFileParameters{
		Filename: "orders.csv", Content: "id,price\n1,6375\n", FileSize: 16, Channel: slacksim.General,
		InitialComment: "All orders",
	})
	if err != nil {
		t.Fatalf("upload: got %v, want no error", err)
	}
	m, err = alice.WaitForText(patience(t), slacksim.General, "All orders")
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Files) != 1 || string(m.Files[0].Content) != "id,price\n1,6375\n" || m.Files[0].Name != "orders.csv" {
		t.Errorf("got the files %+v, want orders.csv", m.Files)
	}
}

func wantError(t *testing.T, err error, code string) {
	t.Helper()
	var answer slack.SlackErrorResponse
	if !errors.As(err, &answer) || answer.Err != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

func TestWebAPI_Requests_FormsAndTokens(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	form := url.Values{
		"token": {ws.BotToken()}, "channel": {"#general"}, "text": {"by form"},
		"blocks": {`[{"type":"section","text":{"type":"plain_text","text":"by form"}}]`},
	}
	req, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, srv.APIURL+"chat.postMessage", strings.NewReader(form.Encode()),
	)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp := do(t, req); resp.StatusCode != http.StatusOK {
		t.Errorf("got status %d, want 200", resp.StatusCode)
	}
	if m, err := ws.Person(slacksim.Alice).WaitForText(patience(t), slacksim.General, "by form"); err != nil ||
		len(m.Blocks) == 0 {
		t.Errorf("got %+v, %v; want a message with blocks", m, err)
	}
	for _, c := range ws.Calls() {
		if _, there := c.Args["token"]; there {
			t.Error("got the token in the calls, want it left out")
		}
	}
}

// still is a clock that moves only when the test moves it.
type still struct{ now time.Time }

func (s *still) Now() time.Time { return s.now }
