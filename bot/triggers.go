package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
)

const (
	// triggerLife is how long a trigger is remembered, and maxTriggers how many are. Slack redelivers within minutes.
	triggerLife = 15 * time.Minute
	maxTriggers = 4096
)

// triggers remembers the triggers that made a card. Slack gives each command, click and form its own trigger, and can
// deliver one in two envelopes; the second makes no second card. The typed text is not compared: the same text twice
// means two orders.
type triggers struct {
	now func() time.Time

	mu    sync.Mutex
	first map[string]*firstDelivery
	order []string // oldest first
}

// firstDelivery is the first delivery of a trigger.
type firstDelivery struct {
	at    time.Time
	done  chan struct{} // closed when it is answered
	reply socket.Reply
}

func newTriggers(now func() time.Time) *triggers {
	return &triggers{now: now, first: map[string]*firstDelivery{}}
}

// claim returns the first delivery of a trigger, and whether this is it. Without an id, every delivery counts as the
// first.
func (o *triggers) claim(trigger string) (m *firstDelivery, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	for len(o.order) > 0 && (len(o.order) >= maxTriggers || now.Sub(o.first[o.order[0]].at) > triggerLife) {
		delete(o.first, o.order[0])
		o.order = o.order[1:]
	}
	if m := o.first[trigger]; m != nil {
		return m, false
	}
	m = &firstDelivery{at: now, done: make(chan struct{})}
	if trigger != "" {
		o.first[trigger] = m
		o.order = append(o.order, trigger)
	}
	return m, true
}

// forget lets the next delivery of a trigger be answered like the first, whose answer did not reach the person.
func (o *triggers) forget(trigger string) {
	if o == nil || trigger == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.first[trigger] != nil {
		delete(o.first, trigger)
		o.order = slices.DeleteFunc(o.order, func(t string) bool { return t == trigger })
	}
}

// onlyOnce calls answer for the first delivery of a trigger, if answer makes a card. A repeated delivery gets the same
// acknowledgement if that decides what the person sees (whether a form stays open), and an empty one otherwise.
func (h *Handler) onlyOnce(ctx context.Context, trigger string, answer func() socket.Reply) socket.Reply {
	m, first := h.triggers.claim(trigger)
	if first {
		defer close(m.done)
		m.reply = answer()
		return m.reply
	}
	h.log.Info().Msg("find a command, click or form that Slack delivered twice; it makes one card")
	select {
	case <-m.done:
	case <-ctx.Done():
		return socket.Reply{}
	}
	if _, message := m.reply.Payload.(slack.Msg); message {
		return socket.Reply{}
	}
	return socket.Reply{Payload: m.reply.Payload}
}
