package slacksim_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/slacksim"
)

// TestWorkspace_Apps_SocketModeClient checks the workspace with Slack's own Socket Mode client for Node, version 3.1:
// what it sends where slack-go sends something else, and how it takes planned disconnects.
func TestWorkspace_Apps_SocketModeClient(t *testing.T) {
	t.Parallel()
	// The deadline is long enough for a busy machine. One command waits for it: that whose acknowledgement Slack drops.
	ws, srv := start(t, slacksim.Options{AckTimeout: 8 * time.Second, WarnAhead: time.Second})
	acked := startNode(t, srv, "socketmode.js")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := ws.WaitForSocket(ctx); err != nil {
		t.Fatal(err)
	}
	alice := ws.Person(slacksim.Alice)
	command := func(text string) error {
		t.Helper()
		err := alice.Command(ctx, slacksim.General, "/order", text)
		select {
		case line := <-acked:
			if line != "acknowledged "+text {
				t.Errorf("%s: got %q from the client, want %q", text, line, "acknowledged "+text)
			}
		case <-ctx.Done():
			t.Fatalf("%s: got nothing from the client, want its acknowledgement", text)
		}
		return err
	}
	shown := func() int { return len(ws.Person(slacksim.Alice).Messages(slacksim.General)) }

	// An empty acknowledgement has the payload {}, which shows nothing and is not an error.
	if err := command("nothing"); err != nil {
		t.Error(err)
	}
	if e, _ := ws.LastEnvelope("slash_commands"); !e.Acked || string(e.Answer) != "{}" {
		t.Errorf("got the acknowledgement %q, want {}", e.Answer)
	}
	if n := shown(); n != 0 || len(alice.Notices()) != 0 {
		t.Errorf("after an empty acknowledgement got %d messages and %v, want none", n, alice.Notices())
	}
	// As the answer to a submission, it closes the modal.
	if err := command("form"); err != nil {
		t.Error(err)
	}
	view, err := alice.WaitForModal(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.Fill(ctx, view, "What", "cocoa"); err != nil {
		t.Fatal(err)
	}
	if problems, err := alice.Submit(ctx); err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v; want no problems", problems, err)
	}
	if line := <-acked; line != "acknowledged view_submission" {
		t.Errorf("got %q from the client, want %q", line, "acknowledged view_submission")
	}
	if err := alice.WaitForNoModal(ctx); err != nil {
		t.Error(err)
	}

	// Slack drops an acknowledgement of 20 KB without an error. The client sends it, and reports success to its app.
	if err := command("say 19000"); err != nil {
		t.Errorf("19,000 characters: got %v, want no error", err)
	}
	if _, err := alice.WaitForText(ctx, slacksim.General, strings.Repeat("x", 19000)); err != nil {
		t.Error(err)
	}
	var failure *slacksim.Failure
	if err := command("say 20480"); !errors.As(err, &failure) || failure.Code != slacksim.OperationTimeout {
		t.Errorf("20 KB: got error %v, want %s", err, slacksim.OperationTimeout)
	}
	if n := shown(); n != 1 {
		t.Errorf("got %d messages, want 1", n)
	}

	// After a planned disconnect, and after the warning before it, the client connects again.
	for _, reason := range []string{slacksim.Warning, slacksim.RefreshRequested, slacksim.TooManySockets} {
		before := ws.Connected()
		if n := ws.Disconnect(reason); n != 1 {
			t.Errorf("sockets that got %s: got %d, want 1", reason, n)
		}
		if err := ws.WaitForReconnect(ctx, before); err != nil {
			t.Fatalf("after %s: got %v, want another connection", reason, err)
		}
		if err := command("nothing"); err != nil {
			t.Errorf("after %s: got %v, want no error", reason, err)
		}
		if n := ws.Sockets(); n != 1 {
			t.Errorf("after %s: got %d sockets, want 1", reason, n)
		}
	}
	for _, c := range ws.Calls() {
		if c.Error != "" {
			t.Errorf("%s: got %s, want ok", c.Method, c.Error)
		}
	}
}
