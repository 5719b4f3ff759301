package slacksim_test

import (
	"context"
	"testing"
	"time"

	"github.com/slack-go/slack/socketmode"
	"golang.org/x/sync/errgroup"

	"licensebot/slacksim"
)

func TestEnvelope_Acknowledgement_Answer(t *testing.T) {
	tests := []struct {
		name    string
		payload any
		onlyFor string
		want    string
	}{
		{"ephemeral unless it says otherwise", map[string]any{"text": "hello"}, slacksim.Alice, "hello"},
		{"for the whole channel", map[string]any{"text": "hello", "response_type": "in_channel"}, "", "hello"},
		{"a bare string", "hello", slacksim.Alice, "hello"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ws, srv := start(t, slacksim.Options{})
			s := dial(t, ws, srv)
			go func() { s.ack(s.next(), tt.payload) }()
			alice := ws.Person(slacksim.Alice)
			if err := alice.Command(patience(t), slacksim.Random, "/order", ""); err != nil {
				t.Fatal(err)
			}
			// The answer is there when the command returns, also if the app is not a member.
			seen := alice.Messages(slacksim.Random)
			if len(seen) != 1 || seen[0].Text != tt.want || seen[0].OnlyFor != tt.onlyFor {
				t.Errorf("Alice's messages: got %+v, want %q for %q", seen, tt.want, tt.onlyFor)
			}
		})
	}
}

func TestEnvelope_Acknowledgement_Late(t *testing.T) {
	ws, srv := start(t, quick)
	s := dial(t, ws, srv)
	alice := ws.Person(slacksim.Alice)
	if err := alice.Command(patience(t), slacksim.General, "/order", ""); err == nil {
		t.Fatal("got no error without an acknowledgement, want one")
	}
	s.ack(s.next(), map[string]any{"text": "sorry, late"})
	err := ws.Wait(patience(t), func() bool { e, _ := ws.LastEnvelope(""); return e.Acked })
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := ws.LastEnvelope("slash_commands"); !e.Late || e.Took < quick.AckTimeout {
		t.Errorf("envelope: got %+v, want late", e)
	}
	if seen := alice.Messages(slacksim.General); len(seen) != 0 {
		t.Errorf("Alice's messages: got %+v, want none", seen)
	}
}

func TestWorkspace_Redeliver_AndRepeat(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dial(t, ws, srv)
	command := func() (frame, error) {
		done := make(chan error, 1)
		go func() { done <- ws.Person(slacksim.Alice).Command(patience(t), slacksim.General, "/order", "") }()
		f := s.next()
		s.ack(f, nil)
		return f, <-done
	}
	first, err := command()
	if err != nil {
		t.Fatal(err)
	}
	sent, _ := ws.LastEnvelope("slash_commands")
	again := func(resend func(context.Context, slacksim.Envelope) error) frame {
		done := make(chan error, 1)
		go func() { done <- resend(patience(t), sent) }()
		f := s.next()
		s.ack(f, nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if string(f.Payload) != string(first.Payload) {
			t.Errorf("payload: got\n%s\nwant\n%s", f.Payload, first.Payload)
		}
		return f
	}
	if f := again(ws.Redeliver); f.EnvelopeID != first.EnvelopeID {
		t.Errorf("envelope id after Redeliver: got %s, want %s", f.EnvelopeID, first.EnvelopeID)
	}
	if f := again(ws.Repeat); f.EnvelopeID == first.EnvelopeID {
		t.Errorf("envelope id after Repeat: got %s, want a new one", f.EnvelopeID)
	}

	ws.SetFaults(slacksim.Faults{Duplicate: true})
	twin, err := command()
	if err != nil {
		t.Fatal(err)
	}
	if f := s.next(); f.EnvelopeID != twin.EnvelopeID {
		t.Errorf("second envelope id with Duplicate: got %s, want %s", f.EnvelopeID, twin.EnvelopeID)
	}
}

func TestEnvelope_Event_Retries(t *testing.T) {
	opts := quick
	opts.EventRetries = []time.Duration{0, 10 * time.Millisecond, 10 * time.Millisecond}
	ws, srv := start(t, opts)
	s := dial(t, ws, srv)
	if err := ws.Person(slacksim.Alice).Home(); err != nil {
		t.Fatal(err)
	}
	first := s.next()
	if first.Type != "events_api" || first.Attempt != 0 {
		t.Errorf("got %+v, want the first attempt of an event", first)
	}
	second := s.next()
	if second.Attempt != 1 || string(second.Payload) != string(first.Payload) {
		t.Errorf("got %+v, want the second attempt with the same payload", second)
	}
	s.ack(second, nil)
	if err := ws.Wait(patience(t), func() bool { e, _ := ws.LastEnvelope(""); return e.Acked }); err != nil {
		t.Fatal(err)
	}
	if n := len(ws.Envelopes()); n != 2 {
		t.Errorf("envelopes: got %d, want 2, since it was acknowledged", n)
	}
	if notices := ws.Person(slacksim.Alice).Notices(); len(notices) != 0 {
		t.Errorf("Alice's notices: got %v, want none about an event", notices)
	}
}

func TestEnvelope_Burst_SlackGo(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	runApp(t, ws, srv, func(sm *socketmode.Client, e socketmode.Event) {
		if e.Type == socketmode.EventTypeSlashCommand {
			if err := sm.Ack(*e.Request, map[string]any{"text": "done"}); err != nil {
				t.Error(err)
			}
		}
	})
	const burst = 200
	ctx := patience(t)
	var people errgroup.Group
	for range burst {
		people.Go(func() error { return ws.Person(slacksim.Alice).Command(ctx, slacksim.General, "/order", "") })
	}
	if err := people.Wait(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range ws.Person(slacksim.Alice).Messages(slacksim.General) {
		seen[m.TS] = true
	}
	if len(seen) != burst {
		t.Errorf("messages with different timestamps: got %d, want %d", len(seen), burst)
	}
	for _, e := range ws.Envelopes() {
		if !e.Acked || e.Late || e.Sent != 1 {
			t.Errorf("got %+v, want it sent once and acknowledged in time", e)
		}
	}
}
