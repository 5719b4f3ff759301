package socket

import (
	"encoding/json"
	"sync"
	"time"
)

// conn is a socket to which an ack can be handed. ack returns an error if it was certainly not sent. If that is found
// out later, it calls lost, at most once, from a goroutine that must not wait.
type conn interface {
	ack(envelopeID string, payload json.RawMessage, wait time.Duration, lost func(error)) error
}

// ack is the state of an envelope's acknowledgement: which connection it came from last, and what was answered.
type ack struct {
	mu      sync.Mutex
	conn    conn
	acked   bool
	payload json.RawMessage
}

// claim decides who acknowledges: the first caller gets the connection, every other one false. The payload is kept in
// case the envelope is delivered again.
func (t *ack) claim(payload json.RawMessage) (conn, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.acked {
		return nil, false
	}
	t.acked, t.payload = true, payload
	return t.conn, true
}

// redelivered notes that the envelope was delivered again. It returns whether it was acknowledged before, and the
// payload.
func (t *ack) redelivered(from conn) (json.RawMessage, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn = from
	return t.payload, t.acked
}

// dropPayload removes the payload from later acks, since the reply reaches the person in another way.
func (t *ack) dropPayload() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.payload = nil
}

// dedup recognizes envelopes that Slack delivers again within minutes. The order's own state guards what must not
// happen twice, since the same click can also come in another envelope.
type dedup struct {
	mu    sync.Mutex
	limit int
	keep  time.Duration
	byID  map[string]*ack
	order []entry // oldest first
}

type entry struct {
	id  string
	at  time.Time
	ack *ack
}

func newDedup(limit int, keep time.Duration) *dedup {
	return &dedup{limit: limit, keep: keep, byID: make(map[string]*ack)}
}

// add returns the ack of an envelope, and whether this is its first delivery. A delivery without an id always counts as
// the first.
func (s *dedup) add(id string, from conn, now time.Time) (*ack, bool) {
	fresh := &ack{conn: from}
	if id == "" {
		return fresh, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.order) > 0 && now.Sub(s.order[0].at) > s.keep {
		s.dropOldest()
	}
	if t, ok := s.byID[id]; ok {
		return t, false
	}
	for len(s.order) > 0 && len(s.order) >= s.limit {
		s.dropOldest()
	}
	s.byID[id] = fresh
	s.order = append(s.order, entry{id: id, at: now, ack: fresh})
	return fresh, true
}

// dropOldest removes the oldest entry.
func (s *dedup) dropOldest() {
	// An envelope that was forgotten may have come again and have a newer ack.
	if oldest := s.order[0]; s.byID[oldest.id] == oldest.ack {
		delete(s.byID, oldest.id)
	}
	s.order[0] = entry{}
	s.order = s.order[1:]
}

// forget lets the next delivery of an envelope count as the first, because this one was not handled.
func (s *dedup) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}
