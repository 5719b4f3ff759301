package bot

import (
	"testing"
	"time"

	"licensebot/purchase/desk"
)

// What changes before the publisher runs, or while it works, is not lost; many changes are one wake-up.
func TestChanges_Add_WakesOnce(t *testing.T) {
	c := NewChanges(nil)
	c.turns.sleep("A", nil)
	if c.turns.due("A") {
		t.Fatal("order A: got it due, want it asleep")
	}
	for range 3 {
		c.Add("A")
	}
	c.Add("")
	select {
	case <-c.wake:
	default:
		t.Error("publisher: got no wake-up, want one")
	}
	select {
	case <-c.wake:
		t.Error("publisher: got two wake-ups, want one")
	default:
	}
	if !c.turns.due("A") {
		t.Error("got order A not due after its change, want it due")
	}
	if !c.turns.due("B") {
		t.Error("got order B not due, want it due: it never slept")
	}
}

func TestNewPublisher_SharesChanges(t *testing.T) {
	c, front := NewChanges(time.Now), desk.New(desk.Options{})
	if p := NewPublisher(Options{Desk: front, Account: front.Account, Outbox: front.Outbox, Changes: c}); p.changes != c ||
		p.turns != c.turns {
		t.Error("got a publisher with changes of its own, want those of the options")
	}
	if p := NewPublisher(Options{Desk: front, Account: front.Account, Outbox: front.Outbox}); p.changes == nil ||
		p.turns != p.changes.turns {
		t.Error("got no changes without an option, want the publisher's own")
	}
}
