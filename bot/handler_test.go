package bot

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
)

// Whatever goes wrong inside, the person gets a sentence, and a form stays open with what was filled in.
func TestHandler_Refused(t *testing.T) {
	a := New(Options{})
	cases := []struct {
		name string
		kind socket.Kind
		why  socket.Refusal
		says string // in the acknowledgement; empty: it is said afterwards
	}{
		{"a command when there is too much to do", socket.KindCommand, socket.Busy, "I'm too busy right now"},
		{"a command at a restart", socket.KindCommand, socket.Stopping, "I'm restarting"},
		{"a command that could not be read", socket.KindCommand, socket.Unreadable, "abc123"},
		{"a command that crashed", socket.KindCommand, socket.Crashed, "nothing is bought twice"},
		{"a form that crashed", socket.KindSubmission, socket.Crashed, "abc123"},
		{"a click that crashed", socket.KindAction, socket.Crashed, ""},
		{"a command that crashed after its answer", socket.KindCommand, socket.CrashedAfter, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			reply := a.Refused(socket.Delivery{
				Kind: c.kind, Command: &slack.SlashCommand{},
				Interaction: &slack.InteractionCallback{},
			}, c.why, "abc123")
			if c.says == "" {
				if reply.Payload != nil || reply.After == nil {
					t.Errorf("got %+v; want reply.Payload = nil, reply.After not nil", reply)
				}
				return
			}
			raw, err := json.Marshal(reply.Payload)
			if err != nil || !strings.Contains(string(raw), c.says) {
				t.Errorf("says %s (%v); want no error, string(raw) with %q", raw, err, c.says)
			}
		})
	}
}

// A complaint is shown beside a field that the form has: beside any other Slack shows trouble of its own.
func TestHandler_Refused_FieldOfForm(t *testing.T) {
	a := New(Options{})
	for form, field := range map[string]string{callbackEditor: "ram", callbackSettle: inputReason} {
		cb := &slack.InteractionCallback{View: slack.View{CallbackID: form}}
		reply := a.Refused(socket.Delivery{Kind: socket.KindSubmission, Interaction: cb}, socket.Crashed, "abc123")
		if answer, ok := reply.Payload.(*slack.ViewSubmissionResponse); !ok || answer.Errors[field] == "" {
			t.Errorf("%s is answered %+v; want ok, answer.Errors[field] not empty", form, reply.Payload)
		}
	}
}
