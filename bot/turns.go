package bot

import (
	"errors"
	"strings"
	"sync"
	"time"

	"licensebot/bot/socket"
	"licensebot/internal/backoff"
	"licensebot/purchase"
)

// turn names what one goroutine at a time publishes: a part of an order, or the notices for one recipient.
type turn string

// partTurn is the turn of a part of an order.
func partTurn(id purchase.OrderID, t part) turn { return turn(string(t) + " " + string(id)) }

// recipientTurn is the turn of the notices for one recipient.
func recipientTurn(id string) turn { return turn("to " + id) }

// retries are the pauses before a message that Slack did not take is sent again.
var retries = backoff.Policy{First: time.Second, Max: time.Minute}

// turns keeps what is being published, and what is not due yet. It may be used concurrently.
type turns struct {
	now func() time.Time

	mu        sync.Mutex
	locked    map[turn]bool
	notBefore map[turn]time.Time // not to be retried before
	tries     map[turn]int
	asleep    map[purchase.OrderID]time.Time // orders with nothing due before that time, unless they change
	changed   map[purchase.OrderID]bool      // orders that changed since they were last looked at
}

func newTurns(now func() time.Time) *turns {
	return &turns{
		now: now, locked: map[turn]bool{}, notBefore: map[turn]time.Time{}, tries: map[turn]int{},
		asleep: map[purchase.OrderID]time.Time{}, changed: map[purchase.OrderID]bool{},
	}
}

// tryLock reports whether a turn is due, and claims it.
func (s *turns) tryLock(t turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locked[t] || s.now().Before(s.notBefore[t]) {
		return false
	}
	s.locked[t] = true
	delete(s.notBefore, t) // not due a second time meanwhile
	return true
}

// unlock returns a turn. After an error it is due again after a growing pause. again is false if there is nothing to
// log: it was published, or waits for the end of a rate limit.
func (s *turns) unlock(t turn, err error) (pause time.Duration, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.locked, t)
	var rests channelLimitError
	switch {
	case err == nil:
		delete(s.notBefore, t)
		delete(s.tries, t)
		return 0, false
	case errors.As(err, &rests):
		s.notBefore[t] = rests.until
		return rests.until.Sub(s.now()), false
	}
	n := s.tries[t]
	s.tries[t] = n + 1
	pause = retries.Delay(n)
	if answer := socket.Classify(err); answer.Outcome == socket.OutcomeRateLimited {
		pause = max(pause, answer.Wait)
	}
	s.notBefore[t] = s.now().Add(pause)
	return pause, true
}

// due reports whether a part of an order may be due. The caller then reads the order.
func (s *turns) due(id purchase.OrderID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Before(s.asleep[id]) {
		return false
	}
	delete(s.changed, id)
	return true
}

// sleep notes that no part of an order can begin before one of the waiting turns is due, unless the order has changed
// since it was last looked at.
func (s *turns) sleep(id purchase.OrderID, waiting []turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed[id] {
		return
	}
	until := s.now().Add(idlePoll)
	for _, t := range waiting {
		if at := s.notBefore[t]; !s.locked[t] && at.Before(until) { // a taken turn rouses the order when it ends
			until = at
		}
	}
	s.asleep[id] = until
}

// wake makes the publisher look at an order that has changed.
func (s *turns) wake(id purchase.OrderID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asleep, id)
	s.changed[id] = true
}

// prune drops the turns of orders and notices with nothing left to show: they were shown in another way, or a newer
// order replaced them. Otherwise they would be due at every look.
func (s *turns) prune(ids []purchase.OrderID, notices []purchase.Notification) {
	orders, recipients := map[string]bool{}, map[turn]bool{}
	for _, id := range ids {
		orders[string(id)] = true
	}
	for _, n := range notices {
		for _, to := range n.Pending {
			recipients[recipientTurn(to)] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.notBefore {
		if _, id, _ := strings.Cut(string(t), " "); !orders[id] && !recipients[t] {
			delete(s.notBefore, t)
			delete(s.tries, t)
		}
	}
	for id := range s.asleep {
		if !orders[string(id)] {
			delete(s.asleep, id)
		}
	}
	for id := range s.changed {
		if !orders[string(id)] {
			delete(s.changed, id)
		}
	}
}

// nextDue returns how long no turn is due.
func (s *turns) nextDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	pause := idlePoll
	for _, at := range s.notBefore {
		pause = min(pause, at.Sub(s.now()))
	}
	return max(pause, 10*time.Millisecond)
}
