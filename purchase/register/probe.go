package register

import (
	"sync"
	"time"

	"licensebot/cocalc"
)

// Probes find out what the CoCalc server is (cocalc.Client.Diagnose). The buyer makes them, between two orders and
// never for a person who waits: at the start, every ten minutes, and when answers raise a suspicion; and more often
// while the server doesn't sell licenses, so that orders go on soon after a short maintenance.

// Suspicion gathers what answers show: whether the server may be another one than it was.
type Suspicion struct {
	mu     sync.Mutex
	misses bool          // the last request got no proper answer
	since  time.Duration // elapsed, at the first such request
	raised bool          // a probe is needed
}

// noteError draws conclusions from an error of CoCalc's, or, with nil, from an answer that proves that CoCalc works.
func (reg *Register) noteError(e *cocalc.Error) {
	s := &reg.Suspicion
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e == nil:
		s.misses = false
		s.raised = s.raised || !reg.Server().SellsLicenses()
	case ConcernsServer(e):
		s.raised = true
	case IsDown(e):
		if !s.misses {
			s.misses, s.since = true, reg.Elapsed()
		}
		s.raised = s.raised || reg.Elapsed()-s.since >= reg.timing.Patience/8 // longer than a moment
	}
	if s.raised {
		Nudge(reg.Wake)
	}
}

// ConcernsServer reports whether an error says that the server is not one that sells licenses to an API key.
func ConcernsServer(e *cocalc.Error) bool {
	switch e.Kind {
	case cocalc.NotSoldHere, cocalc.Redirected, cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return true
	default:
		return e.Reason != "" && e.Outcome == cocalc.Rejected // no words of CoCalc's
	}
}

// IsRaised reports whether a probe is needed.
func (s *Suspicion) IsRaised() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raised
}

// Drop forgets what was heard before a probe.
func (s *Suspicion) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raised, s.misses = false, false
}
