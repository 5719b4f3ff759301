package bot

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"licensebot/purchase"
)

// turnsOf are the turns of sends.
func turnsOf(sends []send) (turns []turn) {
	for _, s := range sends {
		turns = append(turns, s.turn)
	}
	return turns
}

// A state that has not been sent is replaced by the newer one.
func TestSendQueue_Put_NewestState(t *testing.T) {
	q := newSendQueue(newTestPace().pace)
	for _, p := range []priority{priorityProgress, priorityProgress, priorityAnswer} {
		q.put(send{turn: "card", priority: p, limits: []limit{limitCards}})
	}
	ready, pause := q.next()
	if len(ready) != 1 || ready[0].priority != priorityAnswer || pause != 0 {
		t.Errorf("got %d sends, the first with priority %v, and a pause of %s; want one with priority %v", len(ready),
			ready[0].priority, pause, priorityAnswer)
	}
	if ready, _ = q.next(); len(ready) != 0 {
		t.Errorf("afterwards: got %v, want none", turnsOf(ready))
	}
}

// In a channel, requests for approval go before lines, and older messages before newer ones; only one is under way at a
// time. Other channels don't wait for it.
func TestSendQueue_Next_Channels(t *testing.T) {
	p := newTestPace()
	q := newSendQueue(p.pace)
	limits := []limit{postsIn("C1"), limitPosts}
	for i, c := range []struct {
		turn turn
		priority
	}{
		{"line 1", priorityLine},
		{"line 2", priorityLine},
		{"ended", priorityEnded},
		{"ask 1", priorityApproval},
		{"notice", priorityNotice},
		{"ask 2", priorityApproval},
		{"line 3", priorityLine},
	} {
		q.put(send{turn: c.turn, priority: c.priority, limits: limits, since: at.Add(time.Duration(i))})
	}
	q.put(send{turn: "elsewhere", priority: priorityLine, limits: []limit{postsIn("C2"), limitPosts}})
	var sent []turn
	for range 5 {
		ready, pause := q.next()
		if pause != 0 {
			t.Errorf("within the burst: got a pause of %s, want none", pause)
		}
		sent = append(sent, turnsOf(ready)...)
		if more, _ := q.next(); len(more) != 0 {
			t.Errorf("while a post is under way: got %v, want none", turnsOf(more))
		}
		for _, s := range ready {
			p.end(s.limits)
		}
	}
	if want := []turn{"ask 1", "elsewhere", "ask 2", "notice", "ended", "line 1"}; !slices.Equal(sent, want) {
		t.Errorf("sent at once: got %v, want %v", sent, want)
	}
	for n := range 2 {
		if ready, pause := q.next(); len(ready) != 0 || pause != time.Second {
			t.Errorf("after the burst: got %v and a pause of %s, want none and %s", turnsOf(ready), pause, time.Second)
		}
		p.now = p.now.Add(time.Second)
		ready, _ := q.next()
		if want := []turn{turn(fmt.Sprintf("line %d", n+2))}; !slices.Equal(turnsOf(ready), want) {
			t.Errorf("a second later: got %v, want %v", turnsOf(ready), want)
		}
		p.end(limits)
	}
}

func TestSendQueue_Remove(t *testing.T) {
	q := newSendQueue(newTestPace().pace)
	q.put(send{turn: "a"})
	q.put(send{turn: "b"})
	q.remove(func(t turn) bool { return t == "a" })
	if ready, _ := q.next(); !slices.Equal(turnsOf(ready), []turn{"b"}) {
		t.Errorf("got %v, want [b]", turnsOf(ready))
	}
}

// What each message of an order waits for, and with which priority.
func TestPlanSend(t *testing.T) {
	now := at
	card := func(shown, uses int) purchase.Message {
		return purchase.Message{
			Kind: purchase.MessageCard, ResponseURL: "https://hooks.slack.com/1", Uses: uses, PublishedRev: shown,
			Expires: now.Add(time.Minute),
		}
	}
	line := purchase.Message{Kind: purchase.MessageLine, Channel: "CMATH"}
	ask := purchase.Message{Kind: purchase.MessageAsk, Channel: "CASK"}
	posted := func(m purchase.Message) purchase.Message { m.TS = "7"; return m }
	direct := directLimits("UALICE")
	for _, c := range []struct {
		name    string
		state   purchase.State
		part    part
		message purchase.Message
		priority
		limits []limit
	}{
		{"the answer to a click", purchase.Approved, partRequester, card(0, 4), priorityAnswer, []limit{limitCards}},
		{
			"a step of a purchase", purchase.Paying, partRequester, card(1, 3), priorityProgress,
			[]limit{limitCards, limitProgress},
		},
		{"the receipt", purchase.Purchased, partRequester, card(1, 2), priorityAnswer, []limit{limitCards}},
		{"the receipt of a card that is used up", purchase.Purchased, partRequester, card(1, 0), priorityAnswer, direct},
		{
			"an order that waits for its turn, on a card that is used up", purchase.Approved, partRequester, card(1, 0),
			priorityAnswer, nil,
		},
		{
			"a direct message", purchase.Purchased, partRequester,
			purchase.Message{Kind: purchase.MessageNote},
			priorityAnswer, direct,
		},
		{
			"a direct message that was posted", purchase.Purchased, partRequester,
			posted(purchase.Message{Kind: purchase.MessageNote}), priorityAnswer,
			[]limit{limitUpdates},
		},
		{"the line", purchase.Purchased, partLine, line, priorityLine, []limit{postsIn("CMATH"), limitPosts}},
		{"a line that was posted", purchase.Purchased, partLine, posted(line), priorityLine, []limit{limitUpdates}},
		{
			"a request for approval", purchase.AwaitingApproval, partApproval, ask, priorityApproval,
			[]limit{postsIn("CASK"), limitPosts},
		},
		{"a request that was withdrawn before it was posted", purchase.Cancelled, partApproval, ask, priorityEnded, nil},
		{"a request that was decided", purchase.Denied, partApproval, posted(ask), priorityEnded, []limit{limitUpdates}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := order(func(o *purchase.Order) {
				o.State, o.Rev, o.ApproveBy = c.state, 5, now.Add(time.Hour)
				o.Messages = []purchase.Message{c.message}
			})
			if s := planSend(o, c.part, now); s.priority != c.priority || !slices.Equal(s.limits, c.limits) {
				t.Errorf("got priority %d and the limits %v, want %d and %v", s.priority, s.limits, c.priority, c.limits)
			}
		})
	}
}

// A card has to show an order's state unless it is a step for which no use of its response URL is left. That isn't
// noted either, since a state that is shown follows.
func TestPart_Lacks(t *testing.T) {
	now := at
	for _, c := range []struct {
		name  string
		state purchase.State
		shown int // of 5 revisions
		uses  int
		until time.Time // of the response URL
		want  bool
	}{
		{"the answer to a click", purchase.Approved, 4, 4, now.Add(time.Minute), true},
		{"the newest state", purchase.Approved, 5, 4, now.Add(time.Minute), false},
		{"waiting for its turn, without a use", purchase.Approved, 4, 3, now.Add(time.Minute), true},
		{"adding, with a use to spare", purchase.Adding, 4, 4, now.Add(time.Minute), true},
		{"adding, without one", purchase.Adding, 4, 3, now.Add(time.Minute), false},
		{"checking, without one", purchase.Carted, 4, 3, now.Add(time.Minute), false},
		{"paying, with the use that is kept for it", purchase.Paying, 4, 3, now.Add(time.Minute), true},
		{"paying, without it", purchase.Paying, 4, 2, now.Add(time.Minute), false},
		{"paying, too late for the card", purchase.Paying, 4, 4, now, false},
		{"an unknown outcome, too late for the card", purchase.Unknown, 4, 4, now, true},
		{"the receipt, without a use", purchase.Purchased, 4, 0, now.Add(time.Minute), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := order(func(o *purchase.Order) {
				o.State, o.Rev = c.state, 5
				o.Messages = []purchase.Message{{
					Kind: purchase.MessageCard, ResponseURL: "https://hooks.slack.com/1", PublishedRev: c.shown, Uses: c.uses,
					Expires: c.until,
				}}
			})
			if got := partRequester.lacks(o, now); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
		})
	}
	note := order(func(o *purchase.Order) {
		o.State, o.Rev = purchase.Paying, 5
		o.Messages = []purchase.Message{{Kind: purchase.MessageCard}, {Kind: purchase.MessageNote, Channel: "D1", TS: "7"}}
	})
	if !partRequester.lacks(note, now) {
		t.Error("a direct message beside a card that skips the step: got no need to update it, want one")
	}
	if s := planSend(note, partRequester, now); !slices.Equal(s.limits, []limit{limitUpdates}) {
		t.Errorf("its limits: got %v, want %v", s.limits, []limit{limitUpdates})
	}
}
