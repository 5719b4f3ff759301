package slacksim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/slacksim"
)

// card is a message with an element of each kind that people use in messages.
var card = map[string]any{"channel": slacksim.General, "text": "Order", "blocks": []any{
	map[string]any{"type": "header", "text": plain("Order")},
	map[string]any{
		"type": "section", "block_id": "s", "text": map[string]any{"type": "mrkdwn", "text": "*3* coffees"},
		"fields": []any{
			plain("Price"), plain("$9.00"),
		}, "accessory": map[string]any{"type": "overflow", "action_id": "more", "options": []any{
			map[string]any{"text": plain("Details"), "value": "d"}, map[string]any{"text": plain("Forget"), "value": "f"},
		}},
	},
	map[string]any{"type": "actions", "block_id": "a", "elements": []any{
		map[string]any{
			"type": "button", "action_id": "buy", "text": plain("Buy"), "value": "42", "style": "primary",
			"confirm": map[string]any{
				"title": plain("Sure?"), "text": plain("It costs $9.00."), "confirm": plain("Buy it"), "deny": plain("No"),
			},
		},
		map[string]any{"type": "button", "action_id": "cancel", "text": plain("Cancel")},
		map[string]any{"type": "multi_static_select", "action_id": "extras", "placeholder": plain("Extras"), "options": []any{
			map[string]any{"text": plain("Milk"), "value": "milk"}, map[string]any{"text": plain("Sugar"), "value": "sugar"},
		}},
		map[string]any{"type": "datepicker", "action_id": "day", "placeholder": plain("Day")},
	}},
	map[string]any{"type": "context", "elements": []any{plain("ordered by alice"), plain("today")}},
}}

func TestPerson_Command_NotMember(t *testing.T) {
	ws, _ := start(t, slacksim.Options{})
	ws.AddUser(slacksim.User{ID: "U0DAVE", Name: "dave", TeamID: "T0OTHER", Stranger: true})
	err := ws.Person("U0DAVE").Command(t.Context(), slacksim.General, "/order", "")
	if !errors.Is(err, slacksim.ErrNotMember) {
		t.Errorf("got %v, want ErrNotMember", err)
	}
	if _, err := ws.Person("U0NOBODY").Say(slacksim.General, "hi"); err == nil {
		t.Error("got no error for a person who does not exist, want one")
	}
}

// A guest from another workspace acts in a shared channel: the payload names both.
func TestPerson_Command_OtherWorkspace(t *testing.T) {
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
		t.Errorf("got %s, want Dave of T0OTHER in T0ACME", f.Payload)
	}
}

func TestPerson_Command_NoScope(t *testing.T) {
	ws, _ := start(t, slacksim.Options{App: slacksim.App{BotScopes: []string{"chat:write"}}})
	var f *slacksim.Failure
	if err := ws.Person(slacksim.Alice).Command(t.Context(), slacksim.General, "/order", ""); !errors.As(err, &f) ||
		f.Code != slacksim.InvalidCommand {
		t.Errorf("got %v, want a Failure with InvalidCommand", err)
	}
}

func TestPerson_Command_Deactivated(t *testing.T) {
	ws, _ := start(t, slacksim.Options{})
	ws.AddUser(slacksim.User{ID: slacksim.Bob, Name: "bob", Deleted: true})
	if err := ws.Person(slacksim.Bob).Command(t.Context(), "#general", "/order", ""); err == nil {
		t.Error("command from a deactivated account: got no error, want one")
	}
}

func TestPerson_Command_Payload(t *testing.T) {
	ws, srv := start(
		t, slacksim.Options{App: slacksim.App{Commands: []slacksim.SlashCommand{{Name: "/order", ShouldEscape: true}}}},
	)
	s := dial(t, ws, srv)
	done := make(chan error, 1)
	go func() {
		done <- ws.Person(slacksim.Alice).Command(patience(t), slacksim.General, "/order", "  2 > 1 & @bob in #random <@U1> ")
	}()
	f := s.next()
	if f.Type != "slash_commands" || !f.Accepts {
		t.Errorf("got the envelope %+v, want a slash command that accepts an answer", f)
	}
	for name, want := range map[string]string{
		"command": "/order", "user_id": slacksim.Alice, "user_name": "alice", "channel_id": slacksim.General,
		"channel_name": "general", "team_id": "T0ACME", "team_domain": "acme", "api_app_id": "A0APP",
		"is_enterprise_install": "false",
		"text":                  "2 &gt; 1 &amp; <@U0BOB|bob> in <#C0RANDOM|random> &lt;@U1&gt;",
	} {
		if got := f.field(t, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"response_url", "trigger_id", "token"} {
		if f.field(t, name) == "" {
			t.Errorf("got no %s, want one", name)
		}
	}
	s.ack(f, nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPerson_Command_NoAnswer(t *testing.T) {
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
			"the app acknowledges nothing", func(t *testing.T, ws *slacksim.Workspace, srv *slacksim.Server) {
				dial(t, ws, srv)
			},
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
				t.Fatalf("got error %v, want %s", err, tt.code)
			}
			n, err := alice.WaitForNotice(patience(t), tt.code)
			if err != nil {
				t.Fatal(err)
			}
			if n.Text != tt.text || n.Channel != slacksim.General {
				t.Errorf("notice: got %q in %s, want %q in %s", n.Text, n.Channel, tt.text, slacksim.General)
			}
			if others := ws.Person(slacksim.Bob).Notices(); len(others) != 0 {
				t.Errorf("Bob's notices: got %v, want none", others)
			}
			ws.Person(slacksim.Alice).DismissNotice(n.ID)
			if left := alice.Notices(); len(left) != 0 {
				t.Errorf("after DismissNotice got %v, want none", left)
			}
		})
	}
}
