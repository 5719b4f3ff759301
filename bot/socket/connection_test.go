package socket

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"licensebot/internal/backoff"
)

// newTestLink is a link that believes to be connected. slack-go's queue for acks takes 20, and no one
// empties it.
func newTestLink() *link {
	l := newLink(1, slack.New("xoxb-1"), &dispatcher{log: zerolog.Nop()}, zerolog.Nop(), backoff.Policy{}, 0, nil)
	l.receive(socketmode.Event{Type: socketmode.EventTypeConnected})
	return l
}

func TestLink_WriteFailed_Once(t *testing.T) {
	l := newTestLink()
	var lost []error
	if err := l.ack("e1", json.RawMessage(`{"text":"hi"}`), time.Second, func(err error) {
		lost = append(lost, err)
	}); err != nil {
		t.Fatal(err)
	}
	if err := l.ack("e2", nil, time.Second, func(error) { t.Error("got a report of another ack") }); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken pipe")
	failed := socketmode.Event{Type: socketmode.EventTypeErrorWriteFailed, Data: &socketmode.ErrorWriteFailed{
		Cause: broken, Response: &socketmode.Response{EnvelopeID: "e1"},
	}}
	l.receive(failed)
	l.receive(failed)
	if len(lost) != 1 || !errors.Is(lost[0], broken) {
		t.Errorf("got %v, want the broken connection once", lost)
	}
}

func TestLink_NoteEnd_LastAcks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink()
		var lost []string
		hand := func(id string) {
			if err := l.ack(id, nil, time.Second, func(error) { lost = append(lost, id) }); err != nil {
				t.Error(err)
			}
		}
		hand("early")
		time.Sleep(ackGrace + time.Millisecond)
		hand("late")
		time.Sleep(ackGrace)
		if lived, was := l.noteEnd(nil); !was || lived != 2*ackGrace+time.Millisecond {
			t.Errorf("got a connection of %v, %v, want %v", lived, was, 2*ackGrace+time.Millisecond)
		}
		if len(lost) != 1 || lost[0] != "late" {
			t.Errorf("got the lost acks %q, want \"late\" alone", lost)
		}
		if err := l.ack("after", nil, time.Second, nil); !errors.Is(err, errDown) {
			t.Errorf("got %v for a closed socket, want %v", err, errDown)
		}
		if _, was := l.noteEnd(nil); was {
			t.Error("got a second end, want one")
		}

		// By our own shutdown they had their time.
		l.dispatcher.closing.Store(true)
		lost = nil
		l.receive(socketmode.Event{Type: socketmode.EventTypeConnected})
		hand("last")
		l.noteEnd(nil)
		if len(lost) != 0 {
			t.Errorf("got the lost acks %q at the shutdown, want none", lost)
		}
	})
}

func TestLink_Ack_SocketDoesNotWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink()
		for i := range 20 {
			if err := l.ack(fmt.Sprint(i), nil, ackWait, nil); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		if err := l.ack("e", nil, ackWait, func(error) { t.Error("got a report besides the error") }); err == nil {
			t.Error("got no error, want one")
		}
		if waited := time.Since(start); waited != ackWait {
			t.Errorf("got an error after %v, want it after %v", waited, ackWait)
		}
		l.noteEnd(nil)
	})
}

// The ack of a payload of the largest size still passes slack-go's own check.
func TestLink_Ack_LargestPayload(t *testing.T) {
	l := newTestLink()
	text := make([]byte, MaxPayload-2)
	for i := range text {
		text[i] = 'x'
	}
	payload := json.RawMessage(`"` + string(text) + `"`)
	if err := l.ack("0123456789-0123456789-0123456789-0123456789", payload, ackWait, nil); err != nil {
		t.Error(err)
	}
}

func TestLink_Ack_Bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink()
		for i := range 20 {
			if err := l.ack(fmt.Sprint(i), nil, ackWait, func(error) {}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(writeTimeout)
		}
		if n := len(l.handedOver); n > 2 {
			t.Errorf("got %d remembered acks, want at most 2", n)
		}
	})
}

func TestLink_Run_SteadyConnectionResetsBackoff(t *testing.T) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	s.opening = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n%9 == 0 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	cfg := fastConfig(s, h, log)
	cfg.Sockets, cfg.FirstRetry, cfg.MaxRetry = 1, time.Millisecond, time.Hour
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

// With too many sockets Slack lets each in and closes it. slack-go alone would come back at once, without end.
func TestLink_Run_ShortLived(t *testing.T) {
	s, h, log := newSlackServer(t), newFakeHandler(), &logBuffer{}
	var closing atomic.Bool
	closing.Store(true)
	s.greeted = func(c *slackConn) {
		if closing.Load() {
			c.send(`{"type":"disconnect","reason":"too_many_websockets"}`)
		}
	}
	var waits atomic.Int64
	cfg := fastConfig(s, h, log)
	cfg.Sockets, cfg.MinUptime = 1, time.Minute
	cfg.Jitter = func() float64 { waits.Add(1); return 0 }
	c, _ := start(t, cfg)
	waitFor(t, "it has waited six times", func() bool { return waits.Load() >= 6 })
	if n := strings.Count(log.String(), `"trouble":"closed soon after it was opened"`); n != 1 {
		t.Errorf("got %d lines about short connections, want 1", n)
	}
	closing.Store(false)
	s.waitForSockets(1)
	waitFor(t, "it is connected", func() bool { return c.Status().Connected == 1 })
}

// Another program with the same app is found when Slack counts more connections than ours for longer than a reconnect.
func TestOtherConns_Note(t *testing.T) {
	type hello struct {
		at           time.Duration
		counted, own int
	}
	for name, tt := range map[string]struct {
		hellos []hello
		others int
	}{
		"alone":                          {[]hello{{0, 1, 1}, {15 * time.Second, 2, 2}}, 0},
		"beside a bot that runs":         {[]hello{{0, 3, 1}, {15 * time.Second, 4, 2}}, 2},
		"in the place of one that ended": {[]hello{{0, 3, 1}, {15 * time.Second, 2, 2}}, 0},
		"one hello tells nothing yet":    {[]hello{{0, 3, 1}}, 0},
		"two at once tell nothing yet":   {[]hello{{0, 3, 1}, {9 * time.Second, 4, 2}}, 0},
		"it came later": {[]hello{
			{0, 1, 1},
			{15 * time.Second, 2, 2},
			{5 * time.Hour, 4, 2},
			{5*time.Hour + 15*time.Second, 4, 2},
		}, 2},
		"it has gone": {[]hello{{0, 3, 1}, {15 * time.Second, 4, 2}, {5 * time.Hour, 2, 2}}, 0},
		"a refresh that is counted, hourly": {[]hello{
			{0, 2, 2},
			{time.Hour, 3, 2},
			{2 * time.Hour, 2, 2},
			{3 * time.Hour, 3, 2},
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var o otherConns
			began := time.Now()
			for _, h := range tt.hellos {
				o.note(began.Add(h.at), h.counted, h.own)
			}
			if got := o.count(); got != tt.others {
				t.Errorf("%d others, want %d", got, tt.others)
			}
		})
	}
}
