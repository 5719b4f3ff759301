package socket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

// quick is a configuration whose waits are short. Connections count as steady at once, so
// that slack-go reconnects by itself as it does after hours.
func quick(s *plainSlack, h Handler, log *logged) Config {
	return Config{
		API: s.api(log), Handler: h, Log: log.logger(),
		Stagger: -1, Linger: 50 * time.Millisecond, Grace: 10 * time.Second,
		FirstRetry: 2 * time.Millisecond, MostRetry: 20 * time.Millisecond, Steady: time.Nanosecond,
		NewRef: numbered(),
	}
}

// start runs a client. stop ends it and returns what Run did; the test's end stops it too.
func start(t testing.TB, cfg Config) (c *Client, stop func() error) {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
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
			t.Errorf("Run: %v", err)
		}
	})
	return c, stop
}

// ended waits until Run returns by itself.
func ended(t *testing.T, cfg Config) error {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = c.Run(ctx)
	if ctx.Err() != nil {
		t.Fatal("Run did not end by itself")
	}
	return err
}

func TestNothingIsLostWhenSlackClosesASocket(t *testing.T) {
	// Slack says farewell behind what it has sent, so all of that is read, handled and answered.
	for _, reason := range []string{"warning", "refresh_requested", "too_many_websockets", "link_disabled"} {
		t.Run(reason, func(t *testing.T) {
			unread := closeSocketsUnderLoad(t, func(s *plainSlack, c *plainConn) { s.disconnect(c, reason) })
			if len(unread) > 0 {
				t.Errorf("never handled: %q", unread)
			}
		})
	}
	// A connection that breaks can take what was not read yet with it; the person sees Slack's own
	// error. What was handled is answered all the same.
	t.Run("the network", func(t *testing.T) {
		unread := closeSocketsUnderLoad(t, func(s *plainSlack, c *plainConn) {
			s.note(func() { c.leave = true })
			c.ws.Close()
		})
		t.Logf("%d of %d were not read", len(unread), rounds*eachRound)
	})
}

const rounds, eachRound = 6, 60

// closeSocketsUnderLoad closes one of two sockets in the middle of a stream of commands, several times. It
// checks that what was handled was handled once and answered, and returns what was not handled.
func closeSocketsUnderLoad(t *testing.T, closing func(*plainSlack, *plainConn)) (unread []string) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	c, _ := start(t, quick(s, h, log))
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
				t.Errorf("%s was handled %d times", id, n)
			}
		}
	}
	return unread
}

func TestABurstIsAnsweredInTime(t *testing.T) {
	const n = 500
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	var after atomic.Int64
	h.command = func(_ context.Context, cmd slack.SlashCommand) Reply {
		return Reply{Payload: words(cmd.Text), After: func(context.Context) { after.Add(1) }}
	}
	_, stop := start(t, quick(s, h, log))
	s.waitForSockets(2)
	sent := time.Now()
	for i := range n {
		s.deliver(commandFrame(fmt.Sprint("e", i), fmt.Sprint("t", i)))
	}
	for i := range n {
		ack := s.waitForAck(fmt.Sprint("e", i))
		if want := fmt.Sprintf(`{"text":"t%d"}`, i); ack.payload != want {
			t.Errorf("ack %d carries %s", i, ack.payload)
		}
		if late := ack.at.Sub(sent); late > 3*time.Second {
			t.Errorf("ack %d came after %v", i, late)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	for i := range n {
		if acks := s.acksOf(fmt.Sprint("e", i)); len(acks) != 1 {
			t.Errorf("envelope %d has %d acks", i, len(acks))
		}
	}
	if after.Load() != n {
		t.Errorf("After ran %d times", after.Load())
	}
}

func TestAnswersSurviveTheSocketTheyCameFor(t *testing.T) {
	const n = 40
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	release := make(chan struct{})
	h.command = func(_ context.Context, cmd slack.SlashCommand) Reply {
		<-release
		return Reply{Payload: words(cmd.Text)}
	}
	c, _ := start(t, quick(s, h, log))
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
		h.wait(t, "the answer to "+id, func() bool { return h.unsent[id] == words(fmt.Sprint("t", i)) })
		if ack := s.waitForAck(id); ack.payload != "" || ack.conn != other.number {
			t.Errorf("%s was acknowledged on socket %d with %q", id, ack.conn, ack.payload)
		}
	}
}

// waitFor polls what tells nobody that it has changed.
func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestBadFramesHarmNobody(t *testing.T) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	cfg := quick(s, h, log)
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
		t.Errorf("after the bad frames: %+v", ack)
	}
	for id, want := range map[string]string{
		"type7": "", "telepathy": "", "event": "", "shortcut": "",
		"command": `{"text":"unreadable `, "click": "",
	} {
		if ack := s.waitForAck(id); !strings.HasPrefix(ack.payload, want) || want == "" && ack.payload != "" {
			t.Errorf("%s was acknowledged with %q", id, ack.payload)
		}
	}
}

func TestARedeliveredEnvelopeIsNotHandledTwice(t *testing.T) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	c, _ := start(t, quick(s, h, log))
	s.waitForSockets(2)
	s.deliver(clickFrame("e1", "confirm"))
	s.waitForAck("e1")
	s.deliver(clickFrame("e1", "confirm")) // on the other socket
	s.wait("a second ack", func() bool { return len(s.acks["e1"]) == 2 })
	if n := h.called("confirm"); n != 1 {
		t.Errorf("handled %d times", n)
	}
	acks := s.acksOf("e1")
	if acks[0].conn == acks[1].conn {
		t.Error("both were acknowledged on one socket")
	}
	if n := c.Status().Repeated; n != 1 {
		t.Errorf("status counts %d", n)
	}
}

func TestShutdownFinishesWhatIsUnderWay(t *testing.T) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	handling, handled := make(chan struct{}), make(chan struct{})
	finishing, finished := make(chan struct{}), make(chan struct{})
	h.action = func(context.Context, slack.InteractionCallback) Reply {
		close(handling)
		<-handled
		return Reply{After: func(ctx context.Context) {
			close(finishing)
			<-finished
			if ctx.Err() != nil {
				t.Error("the context of After ended within the grace period")
			}
		}}
	}
	c, err := New(quick(s, h, log))
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
		t.Errorf("the late command was answered with %s", ack.payload)
	}
	if acks := s.acksOf("confirm"); len(acks) != 0 {
		t.Error("the click was acknowledged before it was durable")
	}
	close(handled)
	s.waitForAck("confirm")
	<-finishing
	s.waitForSockets(0)
	select {
	case err := <-result:
		t.Fatalf("Run returned %v while After ran", err)
	default:
	}
	close(finished)
	if err := <-result; err != nil {
		t.Error(err)
	}
	if n := h.called("buy"); n != 0 {
		t.Error("the late command was handled")
	}
}

func TestEveryAckIsOutBeforeTheSocketsAreClosed(t *testing.T) {
	const n = 300
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	release := make(chan struct{})
	h.command = func(_ context.Context, cmd slack.SlashCommand) Reply {
		<-release
		return Reply{Payload: words(cmd.Text)}
	}
	cfg := quick(s, h, log)
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
			t.Errorf("%s was acknowledged with %q", id, ack.payload)
		}
		if h.unsentTo(id) != nil {
			t.Errorf("%s was answered twice", id)
		}
	}
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	for name, obeys := range map[string]bool{"work that stops when told": true, "work that does not": false} {
		t.Run(name, func(t *testing.T) {
			s, h, log := newPlainSlack(t), newAnswering(), &logged{}
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
			cfg := quick(s, h, log)
			cfg.Grace = 100 * time.Millisecond
			_, stop := start(t, cfg)
			s.waitForSockets(2)
			s.deliver(clickFrame("e", "x"))
			<-running
			err := stop()
			close(release)
			if obeys && err != nil || !obeys && !errors.Is(err, ErrUnfinished) {
				t.Errorf("Run returned %v", err)
			}
			if !strings.Contains(log.String(), "the grace period is over") {
				t.Error("the log does not tell")
			}
		})
	}
}

func refusing(code string) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"ok":false,"error":%q}`, code)
		return true
	}
}

func TestAWrongSettingEndsItWithTheRemedy(t *testing.T) {
	for _, code := range []string{"invalid_auth", "not_authed", "account_inactive", "token_revoked",
		"token_expired", "missing_scope", "not_allowed_token_type", "org_login_required"} {
		t.Run(code, func(t *testing.T) {
			s, log := newPlainSlack(t), &logged{}
			s.opening = refusing(code)
			err := ended(t, quick(s, newAnswering(), log))
			var fatal *FatalError
			if !errors.As(err, &fatal) || fatal.Code != code || fatal.Remedy == "" {
				t.Errorf("Run returned %v", err)
			}
		})
	}
	t.Run("nothing at the address", func(t *testing.T) {
		s, log := newPlainSlack(t), &logged{}
		cfg := quick(s, newAnswering(), log)
		cfg.API = NewAPI(s.server.URL+"/elsewhere", "xoxb-1", "xapp-1", s.http, log.logger())
		err := ended(t, cfg)
		if err == nil || !strings.Contains(err.Error(), "SLACK_API_URL") {
			t.Errorf("Run returned %v", err)
		}
	})
	t.Run("while it runs", func(t *testing.T) {
		s, h, log := newPlainSlack(t), newAnswering(), &logged{}
		c, err := New(quick(s, h, log))
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		go func() { result <- c.Run(context.Background()) }()
		s.waitForSockets(2)
		s.mu.Lock()
		s.opening = refusing("token_revoked")
		one := s.usable()[0]
		s.mu.Unlock()
		s.disconnect(one, "link_disabled")
		if err := <-result; err == nil || !strings.Contains(err.Error(), "token_revoked") {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestItTriesAgainUntilSlackAnswersAndLogsEachTroubleOnce(t *testing.T) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	s.http.Timeout = 100 * time.Millisecond
	s.opening = func(n int, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case n <= 6:
			w.WriteHeader(http.StatusBadGateway)
		case n <= 8:
			<-r.Context().Done() // no answer at all
		case n <= 11:
			fmt.Fprint(w, `<html>maintenance</html>`)
		case n <= 13:
			return refusing("internal_error")(n, w, r)
		default:
			return false
		}
		return true
	}
	cfg := quick(s, h, log)
	cfg.Sockets = 1
	c, _ := start(t, cfg)
	s.waitForSockets(1)
	s.deliver(commandFrame("e", "list"))
	s.waitForAck("e")
	for what, want := range map[string]int{`"trouble":"HTTP 502"`: 1, `"trouble":"timeout"`: 1, `"trouble":"network"`: 1,
		`"trouble":"internal_error"`: 1, "connected to Slack": 1} {
		if n := strings.Count(log.String(), what); n != want {
			t.Errorf("%s is logged %d times, not %d", what, n, want)
		}
	}
	if st := c.Status(); st.Connected != 1 || st.Sockets[0].Trouble != "" {
		t.Errorf("status %+v", st)
	}
}

func TestAfterASteadyConnectionTheWaitsAreShortAgain(t *testing.T) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	s.opening = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n%9 == 0 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	cfg := quick(s, h, log)
	cfg.Sockets, cfg.FirstRetry, cfg.MostRetry = 1, time.Millisecond, time.Hour
	start(t, cfg)
	for range 2 { // each time eight failures: half a second of waits, but minutes if all were counted
		s.waitForSockets(1)
		s.mu.Lock()
		c := s.usable()[0]
		s.mu.Unlock()
		s.disconnect(c, "refresh_requested")
	}
	s.waitForSockets(1)
}

func TestTheSocketsAreOpenedOneAfterTheOther(t *testing.T) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	cfg := quick(s, h, log)
	cfg.Stagger = time.Hour
	_, stop := start(t, cfg)
	for i := range 50 {
		s.deliver(commandFrame(fmt.Sprint(i), "list"))
		s.waitForAck(fmt.Sprint(i))
	}
	if err := stop(); err != nil { // which does not wait for the second
		t.Error(err)
	}
	if s.opens != 1 {
		t.Errorf("%d were opened", s.opens)
	}
}

// With too many sockets Slack lets each in and closes it. slack-go alone would come back at once, without end.
func TestAConnectionThatIsClosedAtOnceIsNotReopenedAtOnce(t *testing.T) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	var closing atomic.Bool
	closing.Store(true)
	s.greeted = func(c *plainConn) {
		if closing.Load() {
			c.send(`{"type":"disconnect","reason":"too_many_websockets"}`)
		}
	}
	var waits atomic.Int64
	cfg := quick(s, h, log)
	cfg.Sockets, cfg.Steady = 1, time.Minute
	cfg.Jitter = func() float64 { waits.Add(1); return 0 }
	c, _ := start(t, cfg)
	waitFor(t, "it has waited six times", func() bool { return waits.Load() >= 6 })
	if n := strings.Count(log.String(), `"trouble":"closed soon after it was opened"`); n != 1 {
		t.Errorf("logged %d times", n)
	}
	closing.Store(false)
	s.waitForSockets(1)
	waitFor(t, "it is connected", func() bool { return c.Status().Connected == 1 })
}

func TestStatusTellsHowItStands(t *testing.T) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	cfg := quick(s, h, log)
	c, stop := start(t, cfg)
	if st := c.Status(); st.LastEnvelope.IsZero() != true || len(st.Sockets) != 2 {
		t.Errorf("before anything: %+v", st)
	}
	began := time.Now()
	s.waitForSockets(2)
	s.deliver(commandFrame("e", "list"))
	s.waitForAck("e")
	waitFor(t, "both are greeted", func() bool {
		st := c.Status()
		return st.Connected == 2 && !st.Sockets[0].LastHello.IsZero() && !st.Sockets[1].LastHello.IsZero()
	})
	st := c.Status()
	if st.LastEnvelope.Before(began) || st.Handled != 1 || st.Stopping || st.Queued != 0 {
		t.Errorf("status %+v", st)
	}
	if one := st.Sockets[1]; one.AppConnections != 2 || one.Host != "applink-2" || one.Trouble != "" || one.Since.Before(began.Add(-time.Second)) {
		t.Errorf("socket %+v", one)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if st := c.Status(); st.Connected != 0 || !st.Stopping {
		t.Errorf("after the end: %+v", st)
	}
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	s, h, log := newPlainSlack(t), newAnswering(), &logged{}
	s.opening = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n%2 == 0 {
			return false
		}
		// A socket's address that leads nowhere brings its ticket into an error.
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"ok":true,"url":"ws://127.0.0.1:1/link?ticket=secretticket%d"}`, n)
		return true
	}
	h.command = func(context.Context, slack.SlashCommand) Reply {
		panic("cannot post to http://127.0.0.1:1/commands/T1/2/secretpath with xoxb-1-secretbot")
	}
	_, stop := start(t, quick(s, h, log))
	s.waitForSockets(2)
	s.deliver(commandFrame("e", "x"))
	s.waitForAck("e")
	s.deliver(`{"type":"slash_commands","envelope_id":"bad","payload":{"text":7,"token":"secretverification","response_url":"http://127.0.0.1:1/commands/T1/2/secretpath"}}`)
	s.waitForAck("bad")
	if err := stop(); err != nil {
		t.Error(err)
	}
	if text := log.String(); !strings.Contains(text, "cannot post to") || strings.Contains(text, "secret1") ||
		strings.Contains(strings.ReplaceAll(text, "[secret]", ""), "secret") {
		t.Errorf("the log: %s", text)
	}
}

func TestNewRefusesWhatCannotRun(t *testing.T) {
	api := slack.New("xoxb-1")
	for name, cfg := range map[string]Config{
		"no API":           {Handler: newAnswering()},
		"no handler":       {API: api},
		"too many sockets": {API: api, Handler: newAnswering(), Sockets: 11},
		"fewer than none":  {API: api, Handler: newAnswering(), Sockets: -1},
		"no workers":       {API: api, Handler: newAnswering(), Workers: -1},
		"no queue":         {API: api, Handler: newAnswering(), Queue: -1},
		"no finishers":     {API: api, Handler: newAnswering(), Finishers: -1},
	} {
		if c, err := New(cfg); err == nil || c != nil {
			t.Errorf("%s: no error", name)
		}
	}
}
