package slacksim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"licensebot/slacksim"
)

// respond posts to a response URL and returns status, body and content type.
func respond(t *testing.T, url string, body any) (int, string, string) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp := do(t, req)
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header.Get("Content-Type")
}

// commandURL is the response URL of a command that alice typed into channel.
func commandURL(t *testing.T, ws *slacksim.Workspace, s *socket, channel string) string {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- ws.Person(slacksim.Alice).Command(patience(t), channel, "/order", "") }()
	f := s.next()
	s.ack(f, nil)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return f.field(t, "response_url")
}

// clickURL is the response URL of alice's click on the first button of m.
func clickURL(t *testing.T, ws *slacksim.Workspace, s *socket, m slacksim.Message) string {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- ws.Person(slacksim.Alice).Click(patience(t), m, m.Buttons()[0]) }()
	f := s.next()
	s.ack(f, nil)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return f.field(t, "response_url")
}

func text(s string) map[string]any { return map[string]any{"text": s} }

func button(label, value string) map[string]any {
	return map[string]any{"text": label, "blocks": []any{map[string]any{"type": "actions", "elements": []any{
		map[string]any{
			"type": "button", "action_id": "b", "value": value, "text": map[string]any{"type": "plain_text", "text": label},
		},
	}}}}
}

func TestResponseURL_Command(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dial(t, ws, srv)
	// The app is not a member of this channel: the URL works nevertheless.
	url := commandURL(t, ws, s, slacksim.Random)
	alice, bob := ws.Person(slacksim.Alice), ws.Person(slacksim.Bob)

	status, _, kind := respond(t, url, text("one"))
	if status != http.StatusOK || kind == "" {
		t.Fatalf("got status %d, Content-Type %q; want 200 with a type", status, kind)
	}
	if len(bob.Messages(slacksim.Random)) != 0 {
		t.Error("Bob's messages: got an answer for Alice, want none without in_channel")
	}
	respond(t, url, map[string]any{"text": "two", "response_type": "in_channel"})
	if seen := bob.Messages(slacksim.Random); len(seen) != 1 || seen[0].Text != "two" {
		t.Errorf("Bob's messages: got %+v, want two", seen)
	}
	respond(t, url, map[string]any{"text": "three", "replace_original": true})
	if n := len(alice.Messages(slacksim.Random)); n != 3 {
		t.Errorf("Alice's messages: got %d, want 3: a command has nothing to replace", n)
	}
	if status, body, _ := respond(t, url, map[string]any{}); status != http.StatusBadRequest || body != "no_text" {
		t.Errorf("got %d %s, want 400 no_text", status, body)
	}
	respond(t, url, text("five"))
	if status, body, _ := respond(t, url, text("six")); status != http.StatusNotFound || body != "used_url" {
		t.Errorf("the sixth use: got %d %s, want 404 used_url", status, body)
	}
}

func TestResponseURL_Click(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dial(t, ws, srv)
	respond(t, commandURL(t, ws, s, slacksim.General), button("Buy", "42"))
	alice := ws.Person(slacksim.Alice)
	card := alice.Messages(slacksim.General)[0]
	if !card.Ephemeral() {
		t.Fatal("card: got Ephemeral false, want true, for Alice only")
	}
	url := clickURL(t, ws, s, card)
	respond(t, url, map[string]any{"text": "bought", "replace_original": "true"}) // some clients send a string
	now, there := ws.Current(card)
	if !there || now.Text != "bought" || len(now.Buttons()) != 0 || !now.Ephemeral() {
		t.Errorf("got the card %+v, want bought, without buttons", now)
	}
	respond(t, url, text("thanks"))
	if n := len(alice.Messages(slacksim.General)); n != 2 {
		t.Errorf("got %d messages, want 2: without replace_original it is a new one", n)
	}
	respond(t, url, map[string]any{"delete_original": true})
	if _, there := ws.Current(card); there {
		t.Error("deleted card: got it still there, want it gone")
	}
	// A click on the deleted card still sends its action.
	if url := clickURL(t, ws, s, card); url == "" {
		t.Error("got no response URL, want one")
	} else if status, body, _ := respond(
		t, url, map[string]any{"text": "again", "replace_original": true},
	); status == http.StatusOK {
		t.Errorf("got %d %s for a message that is gone, want an error", status, body)
	}
}

func TestResponseURL_Expired(t *testing.T) {
	clock := &still{now: time.Unix(1_800_000_000, 0)}
	ws, srv := start(t, slacksim.Options{Now: clock.Now})
	s := dial(t, ws, srv)
	url := commandURL(t, ws, s, slacksim.General)
	clock.now = clock.now.Add(30 * time.Minute)
	if status, body, _ := respond(t, url, text("just in time")); status != http.StatusOK {
		t.Errorf("got %d %s, want 200", status, body)
	}
	clock.now = clock.now.Add(time.Second)
	if status, body, _ := respond(t, url, text("too late")); status != http.StatusNotFound || body != "expired_url" {
		t.Errorf("got %d %s, want 404 expired_url", status, body)
	}
}

func TestResponseURL_Faults(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dial(t, ws, srv)
	url := commandURL(t, ws, s, slacksim.General)
	ws.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"response_url": {Status: 500, Times: 1}}})
	if status, _, _ := respond(t, url, text("lost")); status != http.StatusInternalServerError {
		t.Errorf("got status %d, want 500", status)
	}
	if status, body, _ := respond(
		t, url, map[string]any{"blocks": []any{map[string]any{"type": "x"}}},
	); status != http.StatusBadRequest || body != "invalid_blocks" {
		t.Errorf("got %d %s, want 400 invalid_blocks", status, body)
	}
	if status, _, _ := respond(t, srv.URL+"/commands/T1/1/made-up", text("hi")); status != http.StatusNotFound {
		t.Errorf("unknown URL: got status %d, want 404", status)
	}
}
