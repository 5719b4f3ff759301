package bot

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// purchases are so many orders that were bought, each with a line to post in one channel and a direct message.
func (p *publisherEnv) purchases(n int) {
	for i := range n {
		o := order(bought)
		o.ID = purchase.OrderID(fmt.Sprintf("01JDA8D4G0M6W9Q7VJX2C3%04d", i))
		o.Messages = []purchase.Message{
			{Kind: purchase.MessageLine, Channel: "CMATH"},
			{Kind: purchase.MessageNote, Channel: "DUALICE", TS: "7"},
		}
		p.put(o)
	}
}

// A limit of the rate in a channel holds for everything that is posted there, and for nothing else. The first post that
// is limited lets the channel rest, for as long as Slack says.
func TestChannelLimits_Post_RateLimit(t *testing.T) {
	p := newPublisherEnv(t)
	p.purchases(20)
	p.slack.errIn = map[string]error{"CMATH": &slack.RateLimitedError{RetryAfter: 90 * time.Second}}
	if got := p.publishLater(); strings.Count(got, "post to CMATH") != 1 ||
		strings.Count(got, "update 7 in DUALICE") != 20 {
		t.Errorf("got %s, want one line and 20 messages", got)
	}
	for _, after := range []time.Duration{time.Second, 88 * time.Second} {
		p.now = p.now.Add(after)
		if got := p.publishNow(); got != "" {
			t.Errorf("while the channel rests, Slack was asked to %s; want empty", got)
		}
	}
	if pause, err := p.publishDue(t.Context()); err != nil || pause != time.Second {
		t.Errorf("the next look is in %s (%v); want no error, pause = %v", pause, err, time.Second)
	}
	p.slack.errIn = nil
	p.now = p.now.Add(2 * time.Second)
	if got := p.publishNow(); strings.Count(got, "post to CMATH") != 20 {
		t.Errorf("after the rest, Slack was asked to %s; want 20", got)
	}
}

// Another failure in a channel concerns the message alone.
func TestChannelLimits_Post_FailureInOneChannel(t *testing.T) {
	p := newPublisherEnv(t)
	p.purchases(3)
	p.slack.errIn = map[string]error{"CMATH": errors.New("connection reset")}
	if got := p.publishLater(); strings.Count(got, "post to CMATH") != 3 {
		t.Errorf("Slack was asked to %s; want 3", got)
	}
}

// An order that is clicked on while its line waits is shown at once.
func TestPublisher_Run_ClickWhileLineWaits(t *testing.T) {
	p := newPublisherEnv(t)
	p.purchases(1)
	p.slack.errIn = map[string]error{"CMATH": &slack.RateLimitedError{RetryAfter: time.Minute}}
	p.publishLater()
	p.publishNow() // finds that there is nothing to do before the channel has rested
	id := purchase.OrderID("01JDA8D4G0M6W9Q7VJX2C30000")
	o, err := p.desk.Outbox.Order(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	o.Rev++
	p.put(o)
	if got := p.publishNow(); got != "" {
		t.Errorf("without a word of the change, Slack was asked to %s; want empty", got)
	}
	p.changes.Add(id)
	if got := p.publishNow(); got != "update 7 in DUALICE" {
		t.Errorf("Slack was asked to %q; want %q", got, "update 7 in DUALICE")
	}
}

// Why the line could not be posted stands on the receipt, which was shown before that was known.
func TestReceiptCard_ChannelRefusesLine(t *testing.T) {
	p := newPublisherEnv(t)
	o := order(bought)
	o.Messages = []purchase.Message{
		{Kind: purchase.MessageLine, Channel: "CMATH"},
		{Kind: purchase.MessageNote, Channel: "DUALICE", TS: "7", PublishedRev: o.Rev},
	}
	p.put(o)
	p.slack.errIn = map[string]error{"CMATH": slack.SlackErrorResponse{Err: "not_in_channel"}}
	p.expectLater("at first", "post to CMATH")
	p.expectLater("when that is known", "update 7 in DUALICE")
	p.expectLater("after that", "")
	if o, err := p.desk.Outbox.Order(t.Context(), o.ID); err != nil || o.Stale() || lineProblem(o) != "not_in_channel" {
		t.Errorf("got %+v (%v), want the line's problem not_in_channel kept", o.Messages, err)
	}
}
