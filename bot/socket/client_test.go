package socket

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

// fastConfig is a configuration whose waits are short. Connections count as steady at once, so
// that slack-go reconnects by itself as it does after hours.
func fastConfig(s *slackServer, h Handler, log *logBuffer) Config {
	return Config{
		API: s.api(log), Handler: h, Log: log.logger(),
		Stagger: -1, Linger: 50 * time.Millisecond, Grace: 10 * time.Second,
		FirstRetry: 2 * time.Millisecond, MaxRetry: 20 * time.Millisecond, MinUptime: time.Nanosecond,
		NewRef: sequentialRefs(),
	}
}

// start runs a client, adjusted before it runs. stop ends it and returns what Run did; the test's end stops it too.
func start(t testing.TB, cfg Config, adjust ...func(*Client)) (c *Client, stop func() error) {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range adjust {
		change(c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- c.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-result
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("got %v from Run, want nil", err)
		}
	})
	return c, stop
}

// runToEnd waits until Run returns by itself.
func runToEnd(t *testing.T, cfg Config) error {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = c.Run(ctx)
	if ctx.Err() != nil {
		t.Fatal("got no result of Run, want an error")
	}
	return err
}

func TestClient_Run_SocketClosed(t *testing.T) {
	// Slack says farewell behind what it has sent, so all of that is read, handled and answered.
	for _, reason := range []string{"warning", "refresh_requested", "too_many_websockets", "link_disabled"} {
		t.Run(reason, func(t *testing.T) {
			unread := closeSocketsUnderLoad(t, func(s *slackServer, c *slackConn) { s.disconnect(c, reason) })
			if len(unread) > 0 {
				t.Errorf("got no call for %q, want one each", unread)
			}
		})
	}
	// A connection that breaks can take what was not read yet with it; the person sees Slack's own
	// error. What was handled is answered all the same.
	t.Run("the network", func(t *testing.T) {
		unread := closeSocketsUnderLoad(t, func(s *slackServer, c *slackConn) {
			s.update(func() { c.leave = true })
			c.ws.Close()
		})
		t.Logf("%d of %d were not read", len(unread), rounds*eachRound)
	})
}

const rounds, eachRound = 6, 60

// closeSocketsUnderLoad closes one of two sockets in the middle of a stream of commands, several times. It
// checks that what was handled was handled once and answered, and returns what was not handled.
func closeSocketsUnderLoad(t *testing.T, closing func(*slackServer, *slackConn)) (unread []string) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	c, _ := start(t, fastConfig(s, h, log), func(c *Client) {
		for _, l := range c.links {
			l.ackGrace = writeTimeout // how late the end is noticed on a busy machine must not matter here
		}
	})
	s.waitForSockets(2)
	for round := range rounds {
		s.mu.Lock()
		victim := s.usable()[round%2]
		s.mu.Unlock()
		for i := range eachRound {
			if i == eachRound/2 {
				closing(s, victim)
			}
			id := fmt.Sprintf("%d-%d", round, i)
			s.deliver(commandFrame(id, id))
		}
		s.waitForSockets(2)
		// What comes behind has been read, so what came before has been as well.
		for i := range 2 {
			id := fmt.Sprintf("end of %d on %d", round, i)
			s.deliver(commandFrame(id, id))
			s.waitForAck(id)
		}
		waitFor(t, "the workers are done", func() bool { st := c.Status(); return st.Queued == 0 && st.Handling == 0 })
	}
	for round := range rounds {
		for i := range eachRound {
			id := fmt.Sprintf("%d-%d", round, i)
			switch n := h.called(id); n {
			case 0:
				unread = append(unread, id)
			case 1:
				waitFor(t, id+" is answered", func() bool {
					for _, ack := range s.acksOf(id) {
						if ack.payload != "" {
							return true
						}
					}
					return h.unsentTo(id) != nil
				})
			default:
				t.Errorf("%s: got %d calls, want 1", id, n)
			}
		}
	}
	return unread
}

func TestClient_Run_Burst(t *testing.T) {
	const n = 500
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	var after atomic.Int64
	h.command = func(_ context.Context, cmd slack.SlashCommand) Reply {
		return Reply{Payload: answerText(cmd.Text), After: func(context.Context) { after.Add(1) }}
	}
	_, stop := start(t, fastConfig(s, h, log))
	s.waitForSockets(2)
	sent := time.Now()
	for i := range n {
		s.deliver(commandFrame(fmt.Sprint("e", i), fmt.Sprint("t", i)))
	}
	for i := range n {
		ack := s.waitForAck(fmt.Sprint("e", i))
		if want := fmt.Sprintf(`{"text":"t%d"}`, i); ack.payload != want {
			t.Errorf("ack %d: got %s, want %s", i, ack.payload, want)
		}
		if late := ack.at.Sub(sent); late > 3*time.Second {
			t.Errorf("ack %d: got it after %v, want at most 3s", i, late)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	for i := range n {
		if acks := s.acksOf(fmt.Sprint("e", i)); len(acks) != 1 {
			t.Errorf("envelope %d: got %d acks, want 1", i, len(acks))
		}
	}
	if after.Load() != n {
		t.Errorf("got %d runs of After, want %d", after.Load(), n)
	}
}

func TestClient_Run_AnswerAfterDisconnect(t *testing.T) {
	const n = 40
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	release := make(chan struct{})
	h.command = func(_ context.Context, cmd slack.SlashCommand) Reply {
		<-release
		return Reply{Payload: answerText(cmd.Text)}
	}
	c, _ := start(t, fastConfig(s, h, log))
	s.waitForSockets(2)
	waitFor(t, "the client knows both", func() bool { return c.Status().Connected == 2 })
	s.mu.Lock()
	dying, other := s.usable()[0], s.usable()[1]
	s.opening = func(_ int, w http.ResponseWriter, _ *http.Request) bool { // it stays closed
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	s.mu.Unlock()
	for i := range n {
		dying.send(commandFrame(fmt.Sprint("e", i), fmt.Sprint("t", i)))
	}
	h.wait(t, "all are under way", func() bool { return len(h.calls) == n })
	s.disconnect(dying, "refresh_requested")
	s.waitForSockets(1)
	waitFor(t, "the client knows", func() bool { return c.Status().Connected == 1 })
	close(release)
	for i := range n {
		id := fmt.Sprint("e", i)
		h.wait(t, "the answer to "+id, func() bool { return h.unsent[id] == answerText(fmt.Sprint("t", i)) })
		if ack := s.waitForAck(id); ack.payload != "" || ack.conn != other.number {
			t.Errorf("%s: got an ack %q on socket %d, want an empty one on %d", id, ack.payload, ack.conn, other.number)
		}
	}
}

// waitFor polls what tells no one that it has changed.
func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("got no %s in time, want it", what)
		}
	}
}

func TestClient_Run_BadFrames(t *testing.T) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	cfg := fastConfig(s, h, log)
	cfg.Sockets = 1
	start(t, cfg)
	s.waitForSockets(1)
	for _, frame := range []string{
		`{"envelope_id":`,
		`not even JSON`,
		``,
		`null`,
		`[1,2,3]`,
		`{"type":"hello"}`,
		`{"type":7,"envelope_id":"type7"}`,
		`{"type":"telepathy","envelope_id":"telepathy","payload":{}}`,
		`{"type":"events_api","envelope_id":"event","payload":{"type":"event_callback","event":{"type":"moon_rose"}}}`,
		`{"type":"slash_commands","envelope_id":"command","payload":{"text":7,"user_id":"U1"}}`,
		`{"type":"interactive","envelope_id":"click","payload":{"type":"block_actions","actions":7}}`,
		`{"type":"interactive","envelope_id":"shortcut","payload":{"type":"shortcut","callback_id":"x"}}`,
	} {
		s.deliver(frame)
	}
	s.deliver(commandFrame("good", "list"))
	if ack := s.waitForAck("good"); ack.payload != `{"text":"done: list"}` || ack.conn != 1 {
		t.Errorf("got %+v after the bad frames, want a list on socket 1", ack)
	}
	for id, want := range map[string]string{
		"type7": "", "telepathy": "", "event": "", "shortcut": "",
		"command": `{"text":"unreadable `, "click": "",
	} {
		if ack := s.waitForAck(id); !strings.HasPrefix(ack.payload, want) || want == "" && ack.payload != "" {
			t.Errorf("%s: got the ack %q, want %q", id, ack.payload, want)
		}
	}
}

func TestClient_Run_Redelivery(t *testing.T) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	c, _ := start(t, fastConfig(s, h, log))
	s.waitForSockets(2)
	s.deliver(clickFrame("e1", "confirm"))
	s.waitForAck("e1")
	s.deliver(clickFrame("e1", "confirm")) // on the other socket
	s.wait("a second ack", func() bool { return len(s.acks["e1"]) == 2 })
	if n := h.called("confirm"); n != 1 {
		t.Errorf("got %d calls, want 1", n)
	}
	acks := s.acksOf("e1")
	if acks[0].conn == acks[1].conn {
		t.Errorf("got both acks on socket %d, want one on each", acks[0].conn)
	}
	if n := c.Status().Repeated; n != 1 {
		t.Errorf("got %d repeated deliveries in the status, want 1", n)
	}
}

func TestClient_OtherConn(t *testing.T) {
	open, alsoOpen, closed := newTestLink(), newTestLink(), newTestLink()
	closed.noteEnd(nil)
	c := &Client{links: []*link{closed, open, alsoOpen}}
	if other := c.otherConn(open); other != conn(alsoOpen) {
		t.Errorf("got %v, want the other open connection", other)
	}
	if other := c.otherConn(closed); other != conn(open) {
		t.Errorf("got %v, want the open connection", other)
	}
	alsoOpen.noteEnd(nil)
	if other := c.otherConn(open); other != nil {
		t.Errorf("got %v, want nil", other)
	}
}

// Slack may still count a connection that the bot has just closed; that is no other program's.
func TestClient_OwnConnections(t *testing.T) {
	open, refreshed, down := newTestLink(), newTestLink(), newTestLink()
	refreshed.noteEnd(nil)
	refreshed.noteOpen(time.Now())
	down.noteEnd(nil)
	c := &Client{links: []*link{open, refreshed, down}}
	if n := c.ownConnections(time.Now()); n != 4 {
		t.Errorf("connections that Slack may count: got %d, want 4", n)
	}
	if n := c.ownConnections(time.Now().Add(reconnectTime)); n != 2 {
		t.Errorf("later: got %d connections, want 2", n)
	}
}
