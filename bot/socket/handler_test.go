package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answering is a small bot: it answers with what its functions say, and with an empty reply
// where there is none. It remembers what came to Refused and Unsent.
type answering struct {
	command    func(context.Context, slack.SlashCommand) Reply
	action     func(context.Context, slack.InteractionCallback) Reply
	submission func(context.Context, slack.InteractionCallback) Reply
	home       func(context.Context, *slackevents.AppHomeOpenedEvent) Reply
	refused    func(Delivery, Refusal, string) Reply

	mu       sync.Mutex
	changed  chan struct{}
	calls    map[string]int // by the text of a command, the trigger of a click, the user of a home tab
	refusals []string       // "busy e1"
	unsent   map[string]any // the payload by envelope
}

func newAnswering() *answering {
	return &answering{changed: make(chan struct{}), calls: map[string]int{}, unsent: map[string]any{}}
}

func (a *answering) note(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
	close(a.changed)
	a.changed = make(chan struct{})
}

// wait waits until something is true of what the handler remembers.
func (a *answering) wait(t testing.TB, what string, is func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		a.mu.Lock()
		done, changed := is(), a.changed
		a.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("got no %s in time, want it", what)
		}
	}
}

func (a *answering) called(what string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[what]
}

func (a *answering) refusedSoFar() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.refusals)
}

func (a *answering) unsentTo(envelope string) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unsent[envelope]
}

func (a *answering) Command(ctx context.Context, cmd slack.SlashCommand) Reply {
	a.note(func() { a.calls[cmd.Text]++ })
	if a.command == nil {
		return Reply{Payload: words("done: " + cmd.Text)}
	}
	return a.command(ctx, cmd)
}

func (a *answering) Action(ctx context.Context, cb slack.InteractionCallback) Reply {
	a.note(func() { a.calls[cb.TriggerID]++ })
	if a.action == nil {
		return Reply{}
	}
	return a.action(ctx, cb)
}

func (a *answering) Submission(ctx context.Context, cb slack.InteractionCallback) Reply {
	a.note(func() { a.calls[cb.TriggerID]++ })
	if a.submission == nil {
		return Reply{}
	}
	return a.submission(ctx, cb)
}

func (a *answering) Closed(_ context.Context, cb slack.InteractionCallback) Reply {
	a.note(func() { a.calls["closed by "+cb.User.ID]++ })
	return Reply{}
}

func (a *answering) Suggestion(context.Context, slack.InteractionCallback) Reply {
	return Reply{Payload: slack.OptionsResponse{Options: []*slack.OptionBlockObject{{Value: "one"}}}}
}

func (a *answering) HomeOpened(ctx context.Context, ev *slackevents.AppHomeOpenedEvent) Reply {
	a.note(func() { a.calls["home of "+ev.User]++ })
	if a.home == nil {
		return Reply{}
	}
	return a.home(ctx, ev)
}

func (a *answering) Refused(d Delivery, why Refusal, ref string) Reply {
	a.note(func() { a.refusals = append(a.refusals, string(why)+" "+d.EnvelopeID) })
	if a.refused != nil {
		return a.refused(d, why, ref)
	}
	return Reply{Payload: words(string(why) + " " + ref)}
}

func (a *answering) Unsent(_ context.Context, d Delivery, payload any) {
	a.note(func() { a.unsent[d.EnvelopeID] = payload })
}

// message is the least that answers a command.
type message struct {
	Text string `json:"text"`
}

func words(text string) message { return message{Text: text} }

// wire remembers the acks that were handed to it, as a socket would send them.
type wire struct {
	mu     sync.Mutex
	broken bool
	acks   []string // "e1 {…}" or "e1"
	lost   map[string]func(error)
}

func (w *wire) ack(id string, payload json.RawMessage, _ time.Duration, lost func(error)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		return errors.New("broken pipe")
	}
	line := id
	if payload != nil {
		line += " " + string(payload)
	}
	w.acks = append(w.acks, line)
	if w.lost == nil {
		w.lost = map[string]func(error){}
	}
	w.lost[id] = lost
	return nil
}

func (w *wire) sent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.acks)
}

// logged is a log that tests can read while others write.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logged) logger() zerolog.Logger { return zerolog.New(l) }

// numbered returns ref1, ref2 and so on.
func numbered() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("ref%d", n)
	}
}
