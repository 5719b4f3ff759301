package slacksim_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"licensebot/slacksim"
	"licensebot/slacksim/blockkit"
)

func TestPerson_Click_Message(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	if answer := call(t, a.srv, a.ws.BotToken(), "chat.postMessage", card); answer["ok"] != true {
		t.Fatalf("chat.postMessage: got %v, want ok", answer)
	}
	m, err := a.alice.WaitForText(patience(t), slacksim.General, "coffees")
	if err != nil {
		t.Fatal(err)
	}
	if want := "Order\n*3* coffees\nPrice\n$9.00\nordered by alice today"; m.ContentText() != want {
		t.Errorf("message: got %q, want %q", m.ContentText(), want)
	}
	if fmt.Sprint(m.Buttons()) != "[Buy Cancel]" {
		t.Errorf("buttons: got %v, want Buy and Cancel", m.Buttons())
	}
	buy, _ := m.Button("Buy")
	if buy.Style != "primary" || buy.Confirm == nil || buy.Confirm.Text != "It costs $9.00." {
		t.Errorf("got %+v, want a primary button with a confirm dialog", buy)
	}
	said, err := a.alice.ClickAndDecline(m, "Buy")
	if err != nil || said != (blockkit.Confirm{Title: "Sure?", Text: "It costs $9.00.", Confirm: "Buy it", Deny: "No"}) {
		t.Errorf("got %+v, %v; want the texts of the dialog", said, err)
	}
	if _, err := a.alice.ClickAndDecline(m, "Cancel"); err == nil {
		t.Error("declining a button without a dialog: got no error, want one")
	}
	if _, sent := a.ws.LastEnvelope(""); sent {
		t.Error("declined dialog: got an envelope for the app, want none")
	}

	a.during(t, func(ctx context.Context) error { return a.alice.Click(ctx, m, "Buy") }, func(f frame) any {
		p := payload(t, f)
		act := p.Actions[0]
		if f.Type != "interactive" || f.Accepts || p.Type != "block_actions" ||
			act["action_id"] != "buy" || act["block_id"] != "a" ||
			act["value"] != "42" || act["type"] != "button" || act["action_ts"] == "" {
			t.Errorf("got %s, want the action of the button", f.Payload)
		}
		if p.Container["message_ts"] != m.TS || p.Container["channel_id"] != slacksim.General ||
			p.Container["is_ephemeral"] != false ||
			p.Message == nil || p.Channel == nil || p.Response == nil || p.Trigger == "" {
			t.Errorf("got %s, want the message, its channel, a response URL and a trigger id", f.Payload)
		}
		return nil
	})
	a.during(t, func(ctx context.Context) error { return a.alice.Choose(ctx, m, "", "Forget") }, func(f frame) any {
		chosen, _ := payload(t, f).Actions[0]["selected_option"].(map[string]any)
		if chosen["value"] != "f" {
			t.Errorf("got %s, want the option f", f.Payload)
		}
		return nil
	})
	a.during(t, func(ctx context.Context) error {
		return a.alice.Choose(ctx, m, "Extras", "Milk", "sugar")
	}, func(f frame) any {
		if chosen, _ := payload(t, f).Actions[0]["selected_options"].([]any); len(chosen) != 2 {
			t.Errorf("got %s, want two options", f.Payload)
		}
		return nil
	})
	a.during(t, func(ctx context.Context) error {
		return a.alice.Use(ctx, m, "a", "day", "2027-01-31")
	}, func(f frame) any {
		var p struct {
			State struct {
				Values map[string]map[string]map[string]any `json:"values"`
			} `json:"state"`
		}
		decode(t, f, &p)
		if p.State.Values["a"]["day"]["selected_date"] != "2027-01-31" || len(
			p.State.Values["a"]["extras"]["selected_options"].([]any),
		) != 2 {
			t.Errorf("got %s, want the date and two options in the state", f.Payload)
		}
		return nil
	})

	if err := a.alice.Click(patience(t), m, "Sell"); !errors.Is(err, blockkit.ErrNotFound) ||
		!strings.Contains(err.Error(), `"Buy"`) {
		t.Errorf("got %v, want ErrNotFound with the labels that are there", err)
	}
	if err := a.alice.Choose(patience(t), m, "Extras", "Salt"); !errors.Is(err, blockkit.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestPerson_Click_EarlierMessage(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	answer := call(t, a.srv, a.ws.BotToken(), "chat.postMessage", card)
	old := a.alice.Messages(slacksim.General)[0]
	call(t, a.srv, a.ws.BotToken(), "chat.update", map[string]any{
		"channel": slacksim.General, "ts": answer["ts"], "text": "Done", "blocks": []any{
			map[string]any{"type": "header", "text": plain("Done")},
		},
	})
	now, err := a.alice.WaitForUpdate(patience(t), old, func(m slacksim.Message) bool { return m.ContentText() == "Done" })
	if err != nil || len(now.Buttons()) != 0 {
		t.Fatalf("got %+v, %v; want the message without buttons", now, err)
	}
	a.during(t, func(ctx context.Context) error { return a.alice.Click(ctx, old, "Cancel") }, func(f frame) any {
		if p := payload(t, f); p.Actions[0]["action_id"] != "cancel" {
			t.Errorf("got %s, want the action cancel", f.Payload)
		}
		return nil
	})
	if err := a.alice.Click(patience(t), now, "Cancel"); !errors.Is(err, blockkit.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound for the button that is gone", err)
	}
}

func TestPerson_Click_EphemeralMessage(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	only := map[string]any{"user": slacksim.Alice}
	for k, v := range card {
		only[k] = v
	}
	if answer := call(t, a.srv, a.ws.BotToken(), "chat.postEphemeral", only); answer["ok"] != true {
		t.Fatalf("chat.postEphemeral: got %v, want ok", answer)
	}
	m := a.alice.Messages(slacksim.General)[0]
	if err := a.ws.Person(slacksim.Bob).Click(patience(t), m, "Buy"); err == nil {
		t.Error("Bob's click on a message for Alice only: got no error, want one")
	}
	a.during(t, func(ctx context.Context) error { return a.alice.Click(ctx, m, "Buy") }, func(f frame) any {
		p := payload(t, f)
		if p.Container["is_ephemeral"] != true || p.Message != nil || p.Response == nil {
			t.Errorf("got %s, want no message: Slack doesn't store ephemeral ones", f.Payload)
		}
		return nil
	})
}

func TestPerson_Suggest_OptionsOfTheApp(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	v, _ := a.open(t, orderForm(map[string]any{"blocks": []any{map[string]any{
		"type": "input", "block_id": "project", "label": plain("Project"), "element": map[string]any{
			"type": "external_select", "action_id": "v", "min_query_length": 1,
		},
	}}}))
	a.during(t, func(ctx context.Context) error {
		got, err := a.alice.Suggest(ctx, v, "Project", "ma")
		if len(got) != 1 || got[0].Text != "Maths" || got[0].Value != "p1" {
			t.Errorf("got the options %+v, want Maths", got)
		}
		return err
	}, func(f frame) any {
		if !f.Accepts || f.field(t, "type") != "block_suggestion" || f.field(t, "value") != "ma" ||
			f.field(t, "block_id") != "project" {
			t.Errorf("got %s, want a block_suggestion", f.Payload)
		}
		return map[string]any{"options": []any{map[string]any{"text": plain("Maths"), "value": "p1"}}}
	})
}
