package bot

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/desk"
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
				t.Errorf("got %s (error %v), want %q in it", raw, err, c.says)
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
			t.Errorf("%s: got %+v, want an error of the field %s", form, reply.Payload, field)
		}
	}
}

// A direct message is known by its id: people choose the names of channels.
func TestNewPlace(t *testing.T) {
	for _, c := range []struct {
		channel, name string
		direct        bool
	}{
		{"D0ALICE", "directmessage", true},
		{"D0ALICE", "", true},
		{"", "", true}, // the Home tab
		{"C0MATH", "directmessage", false},
		{"C0MATH", "mpdm-alice--bob-1", false},
		{"G0MATH", "privategroup", false},
	} {
		if p := newPlace(c.channel, c.name); p.Direct != c.direct || p.ID != c.channel || p.Name != c.name {
			t.Errorf("%s %q: got %+v, want Direct %t, and the same id and name", c.channel, c.name, p, c.direct)
		}
	}
}

// newTriggerHandler returns a Handler for which alice may buy, and a function that counts the cards of the ledger.
func newTriggerHandler(t *testing.T) (a *Handler, cards func() int) {
	p := newPublisherEnv(t)
	desk := desk.New(desk.Options{
		Ledger: p.ledger, Now: func() time.Time { return at }, Log: zerolog.Nop(),
		Policy: purchase.Policy{
			Everyone: true, OrderLimit: purchase.Limit{None: true},
			MonthlyBudget: purchase.Limit{None: true},
		},
	})
	a = New(Options{
		Desk: desk, Slack: &slackDirectory{users: map[string]slack.User{"UALICE": {ID: "UALICE", TeamID: "TOWN"}}},
		Now: func() time.Time { return at }, Log: zerolog.Nop(), Defaults: cocalc.DefaultSpec(),
	})
	return a, func() (n int) {
		err := p.ledger.View(t.Context(), func(r purchase.Reader) error {
			events, err := r.Events(1, 1000)
			for _, e := range events {
				if e.Kind == string(purchase.Proposed) {
					n++
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// A command that Slack delivers twice, in two envelopes, makes one card; the same text in two commands makes two.
func TestTriggers_Command_Twice(t *testing.T) {
	a, cards := newTriggerHandler(t)
	typed := func(trigger string) socket.Reply {
		return a.Command(t.Context(), slack.SlashCommand{
			UserID: "UALICE", TeamID: "TOWN", ChannelID: "CMATH",
			Text: "buy ram=16 cpu=2", TriggerID: trigger,
		})
	}
	var mu sync.Mutex
	answers := 0
	var both sync.WaitGroup
	for range 2 { // also at the same time, on two sockets
		both.Go(func() {
			if reply := typed("t1"); reply.Payload != nil {
				mu.Lock()
				answers++
				mu.Unlock()
			}
		})
	}
	both.Wait()
	if answers != 1 || cards() != 1 {
		t.Errorf("got %d answers, %d cards; want 1, 1", answers, cards())
	}
	for i, trigger := range []string{"t2", "t3", "", ""} {
		if reply := typed(trigger); reply.Payload == nil || cards() != i+2 {
			t.Errorf("trigger %q: got %d cards, answer %v; want %d, an answer", trigger, cards(), reply.Payload, i+2)
		}
	}
}

// Over a restart too: the second delivery of a command, a click or a form brings the card of the same order. An hour
// later the trigger is forgotten.
func TestTriggers_Claim_AfterRestart(t *testing.T) {
	p := newPublisherEnv(t)
	now := at
	start := func() *Handler {
		desk := desk.New(desk.Options{
			Ledger: p.ledger, Now: func() time.Time { return now }, Log: zerolog.Nop(),
			Policy: purchase.Policy{
				Everyone: true, OrderLimit: purchase.Limit{None: true},
				MonthlyBudget: purchase.Limit{None: true},
			},
		})
		people := map[string]slack.User{"UALICE": {ID: "UALICE", TeamID: "TOWN"}, "UBOB": {ID: "UBOB", TeamID: "TOWN"}}
		return New(Options{Desk: desk, Slack: &slackDirectory{users: people}, Now: func() time.Time {
			return now
		}, Log: zerolog.Nop(), Defaults: cocalc.DefaultSpec()})
	}
	buys := func(a *Handler, who, trigger string) string {
		reply := a.Command(t.Context(), slack.SlashCommand{
			UserID: who, TeamID: "TOWN", ChannelID: "CMATH",
			Text: "buy ram=16 cpu=2", TriggerID: trigger,
		})
		text := fmt.Sprint(reply.Payload.(slack.Msg).Text)
		for _, b := range reply.Payload.(slack.Msg).Blocks.BlockSet {
			raw, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			text += string(raw)
		}
		return anOrder.FindString(text)
	}
	first, other := buys(start(), "UALICE", "t1"), ""
	if first == "" {
		t.Fatalf("first card: got order %q, want one", first)
	}
	now = now.Add(5 * time.Minute)
	a := start()
	if again := buys(a, "UALICE", "t1"); again != first {
		t.Errorf("second delivery: got order %s, want %s", again, first)
	}
	if other = buys(a, "UALICE", "t2"); other == first {
		t.Errorf("another command: got order %s, want other than %s", other, first)
	}
	if bobs := buys(start(), "UBOB", "t1"); bobs == first || bobs == "" {
		t.Errorf("bob's card: got order %q, want one other than %s", bobs, first)
	}
	now = now.Add(56 * time.Minute)
	if later := buys(start(), "UALICE", "t1"); later == first {
		t.Errorf("trigger after an hour: got order %s, want other than %s", later, first)
	}
	if later := buys(start(), "UALICE", "t2"); later != other {
		t.Errorf("trigger within an hour: got order %s, want %s", later, other)
	}
}

var anOrder = regexp.MustCompile(`01[0-9A-Z]{24}`)

// An answer that no way brought to the person is no card: the second delivery is answered.
func TestTriggers_Forget_AnswerLost(t *testing.T) {
	a, cards := newTriggerHandler(t)
	a.slack = &busySlack{limit: &slack.RateLimitedError{RetryAfter: time.Hour}, times: 10}
	cmd := slack.SlashCommand{
		UserID: "UALICE", TeamID: "TOWN", ChannelID: "CMATH", Text: "buy ram=16 cpu=2",
		TriggerID: "t1",
	}
	first := a.Command(t.Context(), cmd)
	a.Unsent(t.Context(), socket.Delivery{Kind: socket.KindCommand, Command: &cmd}, first.Payload)
	if second := a.Command(t.Context(), cmd); second.Payload == nil || cards() != 2 {
		t.Errorf("second delivery: got %d cards, answer %v; want 2, an answer", cards(), second.Payload)
	}
	if third := a.Command(t.Context(), cmd); third.Payload != nil || cards() != 2 {
		t.Errorf("third delivery: got %d cards, answer %v; want 2, none", cards(), third.Payload)
	}
}

// So does a form. One that was wrong stays open also when it comes twice.
func TestTriggers_Submission_Twice(t *testing.T) {
	a, cards := newTriggerHandler(t)
	sent := func(trigger, ram string) socket.Reply {
		view := slack.View{
			CallbackID: callbackEditor, PrivateMetadata: `{"channel":"CMATH"}`,
			State: &slack.ViewState{Values: map[string]map[string]slack.BlockAction{
				"ram": {inputOf: {Type: "number_input", Value: ram}},
				"cpu": {inputOf: {Type: "static_select", SelectedOption: slack.OptionBlockObject{Value: "2"}}},
			}},
		}
		return a.Submission(t.Context(), slack.InteractionCallback{
			User:      slack.User{ID: "UALICE", TeamID: "TOWN"},
			TriggerID: trigger, View: view,
		})
	}
	first := fmt.Sprint(sent("t1", "1000000").Payload)
	if second := fmt.Sprint(sent("t1", "1000000").Payload); second == "<nil>" || len(second) != len(first) ||
		cards() != 0 {
		t.Errorf("a wrong form: got %s, and then %s; want the same twice, and no card", first, second)
	}
	if reply := sent("t2", "16"); reply.Payload != nil || reply.After == nil || cards() != 1 {
		t.Fatalf("form: got answer %v, %d cards; want none, work afterwards, 1 card", reply.Payload, cards())
	}
	if reply := sent("t2", "16"); reply.Payload != nil || reply.After != nil || cards() != 1 {
		t.Errorf("form again: got answer %v, %d cards; want none, no work afterwards, 1 card", reply.Payload, cards())
	}
	if sent("t3", "16"); cards() != 2 {
		t.Errorf("two forms: got %d cards, want 2", cards())
	}
}

// What is remembered is bounded in number and in time.
func TestTriggers_Claim_Bounded(t *testing.T) {
	now := at
	o := newTriggers(func() time.Time { return now })
	for i := range 3 * maxTriggers {
		if _, first := o.claim(fmt.Sprint(i)); !first {
			t.Fatal(i)
		}
	}
	if len(o.first) > maxTriggers || len(o.order) > maxTriggers {
		t.Errorf("got %d triggers, in a list of %d; want at most %d", len(o.first), len(o.order), maxTriggers)
	}
	now = now.Add(triggerLife + time.Second)
	if _, first := o.claim(fmt.Sprint(3*maxTriggers - 1)); !first || len(o.first) != 1 {
		t.Errorf("triggers after their time: got %d, first %t; want 1, true", len(o.first), first)
	}
}
