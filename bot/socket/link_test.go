package socket

import (
	"encoding/json"
	"errors"
	"fmt"
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
	l := newLink(1, slack.New("xoxb-1"), &dispatcher{log: zerolog.Nop()}, zerolog.Nop(), backoff.Policy{}, 0)
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
	if err := l.ack("e2", nil, time.Second, func(error) { t.Error("the other ack is reported") }); err != nil {
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
		if err := l.ack("e", nil, ackWait, func(error) { t.Error("reported as lost besides") }); err == nil {
			t.Error("got no error, want one")
		}
		if waited := time.Since(start); waited != ackWait {
			t.Errorf("got an error after %v, want it after %v", waited, ackWait)
		}
		l.noteEnd(nil)
	})
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
