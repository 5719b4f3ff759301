package socket

import (
	"encoding/json"
	"sync"
	"time"
)

// conn is a socket to which an ack can be handed. ack returns an error when it is known not to
// have been sent; when that is found out later, lost is called, at most once, from
// a goroutine that must not wait.
type conn interface {
	ack(envelopeID string, payload json.RawMessage, wait time.Duration, lost func(error)) error
}

// ack is the memory of one envelope: on which socket it came last, and what its ack was.
type ack struct {
	mu      sync.Mutex
	conn    conn
	acked   bool
	payload json.RawMessage
}

// claim decides who acknowledges: the first caller gets the socket, every other one
// false. The payload is kept for when the envelope is delivered again.
func (t *ack) claim(payload json.RawMessage) (conn, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.acked {
		return nil, false
	}
	t.acked, t.payload = true, payload
	return t.conn, true
}

// redelivered notes that the envelope came once more, and reports whether it was
// acknowledged before and with what.
func (t *ack) redelivered(from conn) (json.RawMessage, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn = from
	return t.payload, t.acked
}

// dropPayload forgets the payload, since the reply goes to the person by another way: an
// ack that carried it as well would show it twice.
func (t *ack) dropPayload() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.payload = nil
}

// dedup remembers the envelopes of the last minutes. Slack delivers at least once.
// It helps against the echo of a delivery only: what must not happen twice is
// guarded by the order's own state, since the same click can come in another envelope.
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

// add returns the ticket of an envelope and whether this is its first delivery.
// An envelope without id cannot be recognized: it is always the first.
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

// dropOldest forgets the oldest arrival.
func (s *dedup) dropOldest() {
	// An envelope that was forgotten may have come again and have a newer ticket.
	if oldest := s.order[0]; s.byID[oldest.id] == oldest.ack {
		delete(s.byID, oldest.id)
	}
	s.order[0] = entry{}
	s.order = s.order[1:]
}

// forget makes the next delivery of an envelope a first one: this one was not handled.
func (s *dedup) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}
