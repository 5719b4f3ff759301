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

// fakeHandler is a Handler that answers with its functions, or with an empty reply where there is none. It records the
// calls of Refused and Unsent.
type fakeHandler struct {
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

func newFakeHandler() *fakeHandler {
	return &fakeHandler{changed: make(chan struct{}), calls: map[string]int{}, unsent: map[string]any{}}
}

func (a *fakeHandler) update(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
	close(a.changed)
	a.changed = make(chan struct{})
}

// wait waits until is reports true. It calls is with mu held.
func (a *fakeHandler) wait(t testing.TB, what string, is func() bool) {
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

func (a *fakeHandler) called(what string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[what]
}

func (a *fakeHandler) refusedDeliveries() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.refusals)
}

func (a *fakeHandler) unsentTo(envelope string) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unsent[envelope]
}

func (a *fakeHandler) Command(ctx context.Context, cmd slack.SlashCommand) Reply {
	a.update(func() { a.calls[cmd.Text]++ })
	if a.command == nil {
		return Reply{Payload: answerText("done: " + cmd.Text)}
	}
	return a.command(ctx, cmd)
}

func (a *fakeHandler) Action(ctx context.Context, cb slack.InteractionCallback) Reply {
	a.update(func() { a.calls[cb.TriggerID]++ })
	if a.action == nil {
		return Reply{}
	}
	return a.action(ctx, cb)
}

func (a *fakeHandler) Submission(ctx context.Context, cb slack.InteractionCallback) Reply {
	a.update(func() { a.calls[cb.TriggerID]++ })
	if a.submission == nil {
		return Reply{}
	}
	return a.submission(ctx, cb)
}

func (a *fakeHandler) Closed(_ context.Context, cb slack.InteractionCallback) Reply {
	a.update(func() { a.calls["closed by "+cb.User.ID]++ })
	return Reply{}
}

func (a *fakeHandler) Suggestion(context.Context, slack.InteractionCallback) Reply {
	return Reply{Payload: slack.OptionsResponse{Options: []*slack.OptionBlockObject{{Value: "one"}}}}
}

func (a *fakeHandler) HomeOpened(ctx context.Context, ev *slackevents.AppHomeOpenedEvent) Reply {
	a.update(func() { a.calls["home of "+ev.User]++ })
	if a.home == nil {
		return Reply{}
	}
	return a.home(ctx, ev)
}

func (a *fakeHandler) Refused(d Delivery, why Refusal, ref string) Reply {
	a.update(func() { a.refusals = append(a.refusals, string(why)+" "+d.EnvelopeID) })
	if a.refused != nil {
		return a.refused(d, why, ref)
	}
	return Reply{Payload: answerText(string(why) + " " + ref)}
}

func (a *fakeHandler) Unsent(_ context.Context, d Delivery, payload any) {
	a.update(func() { a.unsent[d.EnvelopeID] = payload })
}

// message is the smallest answer to a command.
type message struct {
	Text string `json:"text"`
}

func answerText(text string) message { return message{Text: text} }

// fakeConn is a conn that records its acks as a socket would send them.
type fakeConn struct {
	mu     sync.Mutex
	broken bool
	acks   []string // "e1 {…}" or "e1"
	lost   map[string]func(error)
}

func (w *fakeConn) ack(id string, payload json.RawMessage, _ time.Duration, lost func(error)) error {
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

func (w *fakeConn) sent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.acks)
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBuffer) logger() zerolog.Logger { return zerolog.New(l) }

// sequentialRefs returns a function that returns ref1, ref2 and so on.
func sequentialRefs() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("ref%d", n)
	}
}
