package socket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func TestClient_Shutdown_FinishesWork(t *testing.T) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	handling, handled := make(chan struct{}), make(chan struct{})
	finishing, finished := make(chan struct{}), make(chan struct{})
	h.action = func(context.Context, slack.InteractionCallback) Reply {
		close(handling)
		<-handled
		return Reply{After: func(ctx context.Context) {
			close(finishing)
			<-finished
			if ctx.Err() != nil {
				t.Errorf("got %v in After, want nil within the grace period", ctx.Err())
			}
		}}
	}
	c, err := New(fastConfig(s, h, log))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- c.Run(ctx) }()
	<-c.Ready()
	s.waitForSockets(2)
	s.deliver(clickFrame("confirm", "confirm"))
	<-handling
	cancel()
	waitFor(t, "it stops", func() bool { return c.Status().Stopping && c.dispatcher.handling.isClosed() })

	s.deliver(commandFrame("late", "buy"))
	if ack := s.waitForAck("late"); ack.payload != `{"text":"stopping "}` {
		t.Errorf("got the answer %s to the late command, want \"stopping\"", ack.payload)
	}
	if acks := s.acksOf("confirm"); len(acks) != 0 {
		t.Errorf("got %d acks of the click before it was durable, want 0", len(acks))
	}
	close(handled)
	s.waitForAck("confirm")
	<-finishing
	s.waitForSockets(0)
	select {
	case err := <-result:
		t.Fatalf("got %v from Run while After ran, want it to wait", err)
	default:
	}
	close(finished)
	if err := <-result; err != nil {
		t.Error(err)
	}
	if n := h.called("buy"); n != 0 {
		t.Errorf("got %d calls for the late command, want 0", n)
	}
}

func TestClient_Shutdown_AcksFirst(t *testing.T) {
	const n = 300
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	release := make(chan struct{})
	h.command = func(_ context.Context, cmd slack.SlashCommand) Reply {
		<-release
		return Reply{Payload: answerText(cmd.Text)}
	}
	cfg := fastConfig(s, h, log)
	cfg.Workers, cfg.Linger = n, 0 // the default
	c, stop := start(t, cfg)
	s.waitForSockets(2)
	for i := range n {
		s.deliver(commandFrame(fmt.Sprint("e", i), fmt.Sprint("t", i)))
	}
	h.wait(t, "all are under way", func() bool { return len(h.calls) == n })
	go func() {
		waitFor(t, "it stops", func() bool { return c.Status().Stopping })
		close(release)
	}()
	if err := stop(); err != nil {
		t.Error(err)
	}
	for i := range n {
		id := fmt.Sprint("e", i)
		if ack := s.waitForAck(id); ack.payload != fmt.Sprintf(`{"text":"t%d"}`, i) {
			t.Errorf("%s: got the ack %q, want t%d", id, ack.payload, i)
		}
		if h.unsentTo(id) != nil {
			t.Errorf("%s: got %v sent another way, want nothing", id, h.unsentTo(id))
		}
	}
}

func TestClient_Shutdown_GraceOver(t *testing.T) {
	for name, obeys := range map[string]bool{"work that stops when told": true, "work that does not": false} {
		t.Run(name, func(t *testing.T) {
			s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
			running, release := make(chan struct{}), make(chan struct{})
			h.action = func(context.Context, slack.InteractionCallback) Reply {
				return Reply{After: func(ctx context.Context) {
					close(running)
					if obeys {
						<-ctx.Done()
					} else {
						<-release
					}
				}}
			}
			cfg := fastConfig(s, h, log)
			cfg.Grace = 100 * time.Millisecond
			_, stop := start(t, cfg)
			s.waitForSockets(2)
			s.deliver(clickFrame("e", "x"))
			<-running
			err := stop()
			close(release)
			if obeys && err != nil || !obeys && !errors.Is(err, ErrUnfinished) {
				t.Errorf("got %v, want ErrUnfinished: %t", err, !obeys)
			}
			if !strings.Contains(log.String(), "the grace period is over") {
				t.Errorf("got this log, want the end of the grace period in it: %s", log)
			}
		})
	}
}

func refuseOpen(code string) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"ok":false,"error":%q}`, code)
		return true
	}
}

func (p *pool) isClosed() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.closed
}
