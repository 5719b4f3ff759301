package bot

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// What the bot remembers of things that are over does not add up.

func TestHandler_OnlyOnce_RemembersNoCard(t *testing.T) {
	h := &Handler{triggers: newTriggers(time.Now), log: zerolog.Nop()}
	for name, c := range map[string]struct{ payload, want any }{
		"a card":                {slack.Msg{Text: "a card"}, nil},
		"a form that stays":     {"look at the form", "look at the form"},
		"nothing to be shown":   {nil, nil},
		"a form that is closed": {map[string]string{}, map[string]string{}},
	} {
		answer := func() socket.Reply {
			return socket.Reply{Payload: c.payload, After: func(context.Context) {}}
		}
		got := h.onlyOnce(t.Context(), name, answer)
		if fmt.Sprint(got.Payload) != fmt.Sprint(c.payload) || got.After == nil {
			t.Errorf("%s, the first delivery: got %+v, want all of the answer", name, got)
		}
		if got := h.triggers.first[name].form; fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: got %v remembered, want %v", name, got, c.want)
		}
		got = h.onlyOnce(t.Context(), name, answer)
		if fmt.Sprint(got.Payload) != fmt.Sprint(c.want) || got.After != nil {
			t.Errorf("%s, the second delivery: got %+v, want the payload %v alone", name, got, c.want)
		}
	}
}

func TestFormUpdates_Change_ForgetsClosedForms(t *testing.T) {
	now := at
	f := &formUpdates{now: func() time.Time { return now }}
	for n := range 5 {
		f.change(fmt.Sprint("V", n))
		now = now.Add(25 * time.Minute)
	}
	if len(f.by) != 3 {
		t.Errorf("forms: got %d, want the three of the last hour", len(f.by))
	}
}

// A retry that only waits for a rate limit, and then has nothing left to show, leaves nothing behind.
func TestTurns_Prune_TriesOfALimitedRetry(t *testing.T) {
	s := newTurns(func() time.Time { return at })
	s.lock("line A")
	s.unlock("line A", errors.New("connection reset"))
	s.lock("line A")
	s.prune(func(turn) bool { return false })
	if s.tries["line A"] != 1 {
		t.Errorf("tries during the retry: got %v, want one of line A", s.tries)
	}
	s.unlock("line A", rateLimitError{limitProgress, at})
	s.prune(func(turn) bool { return false })
	if len(s.tries)+len(s.notBefore)+len(s.locked) != 0 {
		t.Errorf("got tries %v, waits %v, locks %v, want none", s.tries, s.notBefore, s.locked)
	}
}

// A card that a newer one replaced while the ledger's disk was full is forgotten with its order.
func TestPublisher_RestoreUnstored_ReplacedCard(t *testing.T) {
	o := order(bought)
	p := &Publisher{unstored: map[purchase.OrderID]map[purchase.MessageKind]purchase.Message{
		o.ID: {purchase.MessageCard: {Kind: purchase.MessageCard, ResponseURL: "https://hooks.slack.com/old"}},
	}}
	o.Messages = []purchase.Message{{Kind: purchase.MessageCard, ResponseURL: "https://hooks.slack.com/new"}}
	got, keep := p.restoreUnstored(o, kinds[partRequester])
	if len(keep) != 0 || got.Message(purchase.MessageCard).ResponseURL != "https://hooks.slack.com/new" {
		t.Errorf("got %+v to store, and the messages %+v; want nothing, and the newer card", keep, got.Messages)
	}
	if len(p.unstored) != 0 {
		t.Errorf("unstored: got %v, want nothing", p.unstored)
	}
}
