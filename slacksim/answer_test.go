package slacksim_test

import (
	"errors"
	"testing"

	"licensebot/slacksim"
	"licensebot/slacksim/blockkit"
)

// The workspace remembers which answers it has checked. Each is a message of its own nevertheless, and the rules are
// those of the moment.
func TestWorkspace_Answers_Equal(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	s := dial(t, ws, srv)
	alice := ws.Person(slacksim.Alice)
	command := func() error {
		done := make(chan error, 1)
		go func() { done <- alice.Command(patience(t), slacksim.General, "/order", "help") }()
		s.ack(s.next(), map[string]any{"text": "help", "blocks": []any{
			map[string]any{"type": "markdown", "text": "help"},
			map[string]any{"type": "actions", "elements": []any{map[string]any{
				"type": "button", "text": map[string]any{"type": "plain_text", "text": "More"},
			}}},
		}})
		return <-done
	}
	for range 2 {
		if err := command(); err != nil {
			t.Fatal(err)
		}
	}
	seen := alice.Messages(slacksim.General)
	if len(seen) != 2 || seen[0].ContentText() != seen[1].ContentText() || seen[0].TS == seen[1].TS {
		t.Fatalf("got %+v, want two messages with the same content", seen)
	}
	first, _ := seen[0].Button("More")
	second, _ := seen[1].Button("More")
	for _, e := range []blockkit.Element{first, second} {
		if e.BlockID == "" || e.ActionID == "" || e.BlockID == e.ActionID {
			t.Errorf("got the button %+v, want two ids", e)
		}
	}
	if first.BlockID == second.BlockID || first.ActionID == second.ActionID {
		t.Errorf("got the buttons %+v and %+v, want ids of their own", first, second)
	}

	ws.SetFaults(slacksim.Faults{NoNewBlocks: true})
	var f *slacksim.Failure
	if err := command(); !errors.As(err, &f) || f.Code != "invalid_blocks" {
		t.Errorf("the same answer without new blocks: got error %v, want invalid_blocks", err)
	}
	ws.SetFaults(slacksim.Faults{})
	if err := command(); err != nil {
		t.Errorf("the same answer with new blocks again: got error %v, want none", err)
	}
}
