package bot

import (
	"errors"
	"strings"
	"sync"
	"time"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// turn names what one goroutine at a time publishes: a part of an order, or the notices for one recipient.
type turn string

// of is the turn of a part of an order.
func of(id purchase.OrderID, t part) turn { return turn(string(t) + " " + string(id)) }

// recipient is the turn of the notices for one recipient.
func recipient(id string) turn { return turn("to " + id) }

// turns keeps what is being published, and what is not due yet. It may be used concurrently.
type turns struct {
	now func() time.Time

	mu     sync.Mutex
	taken  map[turn]bool
	after  map[turn]time.Time // not to be retried before
	tries  map[turn]int
	asleep map[purchase.OrderID]time.Time // orders with nothing due before that time, unless they change
	roused map[purchase.OrderID]bool      // orders that changed since they were last looked at
}

func newTurns(now func() time.Time) *turns {
	return &turns{
		now: now, taken: map[turn]bool{}, after: map[turn]time.Time{}, tries: map[turn]int{},
		asleep: map[purchase.OrderID]time.Time{}, roused: map[purchase.OrderID]bool{},
	}
}

// take reports whether a turn is due, and claims it.
func (s *turns) take(t turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[t] || s.now().Before(s.after[t]) {
		return false
	}
	s.taken[t] = true
	delete(s.after, t) // not due a second time meanwhile
	return true
}

// settle returns a turn. After an error it is due again after a growing pause. again is false if there is nothing to
// log: it was published, or waits for the end of a rate limit.
func (s *turns) settle(t turn, err error) (pause time.Duration, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, t)
	var rests restsError
	switch {
	case err == nil:
		delete(s.after, t)
		delete(s.tries, t)
		return 0, false
	case errors.As(err, &rests):
		s.after[t] = rests.until
		return rests.until.Sub(s.now()), false
	}
	n := s.tries[t]
	s.tries[t] = n + 1
	pause = min(firstRetry<<min(n, 10), lastRetry)
	if answer := socket.Classify(err); answer.Outcome == socket.OutcomeRateLimited {
		pause = max(pause, answer.Wait)
	}
	s.after[t] = s.now().Add(pause)
	return pause, true
}

// look reports whether a part of an order may be due. The caller then reads the order.
func (s *turns) look(id purchase.OrderID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Before(s.asleep[id]) {
		return false
	}
	delete(s.roused, id)
	return true
}

// sleep notes that no part of an order can begin before one of the waiting turns is due, unless the order has changed
// since it was last looked at.
func (s *turns) sleep(id purchase.OrderID, waiting []turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.roused[id] {
		return
	}
	until := s.now().Add(restartedLook)
	for _, t := range waiting {
		if at := s.after[t]; !s.taken[t] && at.Before(until) { // a taken turn rouses the order when it ends
			until = at
		}
	}
	s.asleep[id] = until
}

// rouse makes the publisher look at an order that has changed.
func (s *turns) rouse(id purchase.OrderID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asleep, id)
	s.roused[id] = true
}

// forget drops the turns of orders and notices with nothing left to show: they were shown in another way, or a newer
// order replaced them. Otherwise they would be due at every look.
func (s *turns) forget(ids []purchase.OrderID, notices []purchase.Notice) {
	orders, recipients := map[string]bool{}, map[turn]bool{}
	for _, id := range ids {
		orders[string(id)] = true
	}
	for _, n := range notices {
		for _, to := range n.Left {
			recipients[recipient(to)] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.after {
		if _, id, _ := strings.Cut(string(t), " "); !orders[id] && !recipients[t] {
			delete(s.after, t)
			delete(s.tries, t)
		}
	}
	for id := range s.asleep {
		if !orders[string(id)] {
			delete(s.asleep, id)
		}
	}
	for id := range s.roused {
		if !orders[string(id)] {
			delete(s.roused, id)
		}
	}
}

// nextDue returns how long no turn is due.
func (s *turns) nextDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	pause := restartedLook
	for _, at := range s.after {
		pause = min(pause, at.Sub(s.now()))
	}
	return max(pause, 10*time.Millisecond)
}
