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
	// onceKept is how long a trigger is remembered, and mostOnce how many are. Slack delivers again within minutes.
	onceKept = 15 * time.Minute
	mostOnce = 4096
)

// once remembers what made a card. Slack gives each command, click and form a trigger of its own, and can deliver the same one
// in two envelopes: the second makes no second card. What people typed is not looked at: the same text twice is two wishes.
type once struct {
	now func() time.Time

	mu    sync.Mutex
	seen  map[string]*making
	order []string // oldest first
}

// making is the first delivery of a trigger.
type making struct {
	at    time.Time
	done  chan struct{} // closed when it was answered
	reply socket.Reply
}

func newOnce(now func() time.Time) *once { return &once{now: now, seen: map[string]*making{}} }

// claim answers the first delivery of a trigger, and whether this is it. A trigger without an id cannot be recognized: it is
// always the first.
func (o *once) claim(trigger string) (m *making, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	for len(o.order) > 0 && (len(o.order) >= mostOnce || now.Sub(o.seen[o.order[0]].at) > onceKept) {
		delete(o.seen, o.order[0])
		o.order = o.order[1:]
	}
	if m := o.seen[trigger]; m != nil {
		return m, false
	}
	m = &making{at: now, done: make(chan struct{})}
	if trigger != "" {
		o.seen[trigger] = m
		o.order = append(o.order, trigger)
	}
	return m, true
}

// forget lets the next delivery of a trigger be answered like the first, whose answer did not reach the person.
func (o *once) forget(trigger string) {
	if o == nil || trigger == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[trigger] != nil {
		delete(o.seen, trigger)
		o.order = slices.DeleteFunc(o.order, func(t string) bool { return t == trigger })
	}
}

// once lets something that makes a card answer the first delivery of its trigger. A further one is acknowledged as the first
// was where that decides what the person sees (a form stays open or closes), and without anything else.
func (a *App) once(ctx context.Context, trigger string, answer func() socket.Reply) socket.Reply {
	m, first := a.triggers.claim(trigger)
	if first {
		defer close(m.done)
		m.reply = answer()
		return m.reply
	}
	a.log.Info().Msg("find a command, click or form that Slack delivered twice; it makes one card")
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
