package socket

import (
	"encoding/json"
	"sync"
	"time"
)

// line is a socket to which an ack can be handed. ack returns an error when it is known not to
// have been sent; when that is found out later, lost is called, at most once, from
// a goroutine that must not wait.
type line interface {
	ack(envelopeID string, payload json.RawMessage, wait time.Duration, lost func(error)) error
}

// ticket is the memory of one envelope: on which socket it came last, and what its ack was.
type ticket struct {
	mu      sync.Mutex
	from    line
	acked   bool
	payload json.RawMessage
}

// claim decides who acknowledges: the first caller gets the socket, every other one
// false. The payload is kept for when the envelope is delivered again.
func (t *ticket) claim(payload json.RawMessage) (line, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.acked {
		return nil, false
	}
	t.acked, t.payload = true, payload
	return t.from, true
}

// again notes that the envelope came once more, and reports whether it was
// acknowledged before and with what.
func (t *ticket) again(from line) (json.RawMessage, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.from = from
	return t.payload, t.acked
}

// divert forgets the payload, since the reply goes to the person by another way: an
// ack that carried it as well would show it twice.
func (t *ticket) divert() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.payload = nil
}

// seen remembers the envelopes of the last minutes. Slack delivers at least once.
// It helps against the echo of a delivery only: what must not happen twice is
// guarded by the order's own state, since the same click can come in another envelope.
type seen struct {
	mu    sync.Mutex
	limit int
	keep  time.Duration
	byID  map[string]*ticket
	order []arrival // oldest first
}

type arrival struct {
	id string
	at time.Time
	t  *ticket
}

func newSeen(limit int, keep time.Duration) *seen {
	return &seen{limit: limit, keep: keep, byID: make(map[string]*ticket)}
}

// add returns the ticket of an envelope and whether this is its first delivery.
// An envelope without id cannot be recognized: it is always the first.
func (s *seen) add(id string, from line, now time.Time) (*ticket, bool) {
	fresh := &ticket{from: from}
	if id == "" {
		return fresh, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.order) > 0 && now.Sub(s.order[0].at) > s.keep {
		s.drop()
	}
	if t, ok := s.byID[id]; ok {
		return t, false
	}
	for len(s.order) > 0 && len(s.order) >= s.limit {
		s.drop()
	}
	s.byID[id] = fresh
	s.order = append(s.order, arrival{id: id, at: now, t: fresh})
	return fresh, true
}

// drop forgets the oldest arrival.
func (s *seen) drop() {
	// An envelope that was forgotten may have come again and have a newer ticket.
	if oldest := s.order[0]; s.byID[oldest.id] == oldest.t {
		delete(s.byID, oldest.id)
	}
	s.order[0] = arrival{}
	s.order = s.order[1:]
}

// forget makes the next delivery of an envelope a first one: this one was not handled.
func (s *seen) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}
