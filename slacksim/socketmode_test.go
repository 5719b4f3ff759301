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
	// Long enough for a busy machine, and waited out once: by the acknowledgement that Slack drops.
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
				t.Errorf("%s: the client printed %q", text, line)
			}
		case <-ctx.Done():
			t.Fatalf("%s: the client did not say that it acknowledged", text)
		}
		return err
	}
	shown := func() int { return len(ws.MessagesFor(slacksim.Alice, slacksim.General)) }

	// An empty acknowledgement carries {} as its payload: nothing to show, and nothing wrong.
	if err := command("nothing"); err != nil {
		t.Error(err)
	}
	if e, _ := ws.LastEnvelope("slash_commands"); !e.Acked || string(e.Answer) != "{}" {
		t.Errorf("it was acknowledged with %q", e.Answer)
	}
	if n := shown(); n != 0 || len(alice.Notices()) != 0 {
		t.Errorf("an empty acknowledgement shows %d messages and %v", n, alice.Notices())
	}
	// In a form it closes the form.
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
		t.Errorf("%v, %v", problems, err)
	}
	if line := <-acked; line != "acknowledged view_submission" {
		t.Errorf("the client printed %q", line)
	}
	if err := alice.WaitForNoModal(ctx); err != nil {
		t.Error(err)
	}

	// Slack drops an acknowledgement of 20 KB without a word. The client sends it, and tells its app that all is well.
	if err := command("say 19000"); err != nil {
		t.Errorf("19,000 characters: %v", err)
	}
	if _, err := alice.WaitForText(ctx, slacksim.General, strings.Repeat("x", 19000)); err != nil {
		t.Error(err)
	}
	var failure *slacksim.Failure
	if err := command("say 20480"); !errors.As(err, &failure) || failure.Code != slacksim.OperationTimeout {
		t.Errorf("20 KB: %v, want %s", err, slacksim.OperationTimeout)
	}
	if n := shown(); n != 1 {
		t.Errorf("%d messages are shown", n)
	}

	// Planned disconnects: the client leaves at once, also at the warning that comes ahead, and comes back by itself.
	for _, reason := range []string{slacksim.Warning, slacksim.RefreshRequested, slacksim.TooManySockets} {
		before := ws.Connected()
		if n := ws.Disconnect(reason); n != 1 {
			t.Errorf("%s went to %d sockets", reason, n)
		}
		if err := ws.WaitForReconnect(ctx, before); err != nil {
			t.Fatalf("after %s it did not connect again: %v", reason, err)
		}
		if err := command("nothing"); err != nil {
			t.Errorf("after %s: %v", reason, err)
		}
		if n := ws.Sockets(); n != 1 {
			t.Errorf("after %s there are %d sockets", reason, n)
		}
	}
	for _, c := range ws.Calls() {
		if c.Error != "" {
			t.Errorf("%s was answered with %s", c.Method, c.Error)
		}
	}
}
