package socket

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

func TestReadUnparsed(t *testing.T) {
	now := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		raw                   string
		id                    string
		kind                  Kind
		user, channel, answer string
	}{
		"a command with a wrong field": {
			raw: `{"envelope_id":"e1","type":"slash_commands","payload":{"user_id":"U1","channel_id":"C1",` +
				`"response_url":"https://hooks/1","is_enterprise_install":"perhaps","team_id":7}}`,
			id:   "e1",
			kind: KindCommand, user: "U1", channel: "C1", answer: "https://hooks/1",
		},
		"a click whose state is of another shape": {
			raw: `{"envelope_id":"e2","type":"interactive","payload":{"type":"block_actions","user":{"id":"U1"},` +
				`"channel":{"id":"C1"},"state":3,"response_url":"https://hooks/2"}}`,
			id: "e2", kind: KindAction, user: "U1", channel: "C1", answer: "https://hooks/2",
		},
		"a command without payload": {raw: `{"envelope_id":"e3","type":"slash_commands"}`, id: "e3", kind: KindCommand},
		"a shortcut": {
			raw: `{"envelope_id":"e4","type":"interactive","payload":{"type":"shortcut"}}`,
			id:  "e4",
		},
		"a kind of tomorrow":    {raw: `{"envelope_id":"e5","type":"telepathy","payload":[]}`, id: "e5"},
		"no id":                 {raw: `{"type":"telepathy"}`},
		"an id that is no text": {raw: `{"envelope_id":12}`},
		"no object":             {raw: `[1,2]`},
		"no JSON":               {raw: `{"envelope_id":`},
	} {
		t.Run(name, func(t *testing.T) {
			d := readUnparsed(json.RawMessage(tt.raw), now)
			user, channel, answer := d.Origin()
			if d.EnvelopeID != tt.id || d.Kind != tt.kind || user != tt.user || channel != tt.channel || answer != tt.answer {
				t.Errorf("got %q %q by %q in %q with the URL %q, want %+v", d.EnvelopeID, d.Kind, user, channel, answer, tt)
			}
		})
	}
}

func FuzzReadUnparsed(f *testing.F) {
	f.Add([]byte(`{"envelope_id":"e","type":"interactive","payload":{"type":"view_closed","user":null}}`))
	f.Add([]byte(`{"payload":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := readUnparsed(raw, time.Time{})
		if d.Kind == KindCommand != (d.Command != nil) {
			t.Errorf("got the kind %q with the command %v, want a command with that kind alone", d.Kind, d.Command)
		}
		d.Origin() // must not find a nil
	})
}

func TestRead_NotHandled(t *testing.T) {
	event := func(data any) socketmode.Event {
		return socketmode.Event{Data: data, Request: &socketmode.Request{EnvelopeID: "e"}}
	}
	opened := func(tab string) slackevents.EventsAPIEvent {
		return slackevents.EventsAPIEvent{InnerEvent: slackevents.EventsAPIInnerEvent{
			Data: &slackevents.AppHomeOpenedEvent{User: "U1", Tab: tab},
		}}
	}
	for name, tt := range map[string]struct {
		data any
		kind Kind
	}{
		"the home tab":     {opened("home"), KindHome},
		"the messages tab": {opened("messages"), ""},
		"a message": {
			slackevents.EventsAPIEvent{InnerEvent: slackevents.EventsAPIInnerEvent{Data: &slackevents.MessageEvent{}}}, "",
		},
		"a click":             {slack.InteractionCallback{Type: slack.InteractionTypeBlockActions}, KindAction},
		"a message shortcut":  {slack.InteractionCallback{Type: slack.InteractionTypeMessageAction}, ""},
		"a closed modal":      {slack.InteractionCallback{Type: slack.InteractionTypeViewClosed}, KindClosed},
		"a typed-in select":   {slack.InteractionCallback{Type: slack.InteractionTypeBlockSuggestion}, KindSuggestion},
		"a submitted modal":   {slack.InteractionCallback{Type: slack.InteractionTypeViewSubmission}, KindSubmission},
		"a command":           {slack.SlashCommand{}, KindCommand},
		"something else yet?": {42, ""},
	} {
		if d := read(event(tt.data), time.Time{}); d.Kind != tt.kind || d.EnvelopeID != "e" {
			t.Errorf("%s: got the kind %q of the envelope %q, want %q of \"e\"", name, d.Kind, d.EnvelopeID, tt.kind)
		}
	}
}

func TestDedup_Add_DropsOldest(t *testing.T) {
	start := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	s := newDedup(3, time.Minute)
	steps := []struct {
		id    string
		after time.Duration
		first bool
	}{
		{"a", 0, true},
		{"a", time.Second, false},
		{"b", 2 * time.Second, true},
		{"c", 3 * time.Second, true},
		{"d", 4 * time.Second, true}, // pushes a out
		{"a", 5 * time.Second, true}, // and a pushes b out
		{"d", 6 * time.Second, false},
		{"d", 64 * time.Second, false},
		{"d", 65 * time.Second, true}, // a minute is over
		{"", 66 * time.Second, true},  // without an id each is the first
		{"", 66 * time.Second, true},
	}
	for i, step := range steps {
		if _, first := s.add(step.id, nil, start.Add(step.after)); first != step.first {
			t.Errorf("step %d, %q: got first=%t, want %t", i, step.id, first, step.first)
		}
	}
}

func TestDedup_Forget_StaysBounded(t *testing.T) {
	s := newDedup(8, time.Hour)
	now := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	for i := range 1000 {
		id := fmt.Sprint(i % 5)
		s.add(id, nil, now)
		s.forget(id)
	}
	if len(s.order) > 8 || len(s.byID) != 0 {
		t.Errorf("got %d entries and %d acks, want at most 8 and 0", len(s.order), len(s.byID))
	}
	// The place of a forgotten delivery must not take the newer ticket with it.
	first, _ := s.add("0", nil, now)
	for i := range 7 {
		s.add(fmt.Sprint("other", i), nil, now)
	}
	if again, isFirst := s.add("0", nil, now); isFirst || again != first {
		t.Errorf("got another ack (first: %t), want the newer one kept", isFirst)
	}
}
