package cocalctest

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// Moment is when a fault strikes, relative to the work of the request.
type Moment int

const (
	// Before is before the request is carried out.
	Before Moment = iota
	// After is after the request was carried out.
	After
)

// Effect is what a fault does to a request.
type Effect string

const (
	// LoseAnswer drops the connection without an answer. Before: nothing happens. After: the request was carried out.
	LoseAnswer Effect = "lose the answer"
	// ActLate drops the connection at once and carries the request out once Wait has passed, unseen by a client that
	// gave up.
	ActLate Effect = "act late"
	// Delay waits before or after the work, which is done even if the caller hangs up meanwhile.
	Delay Effect = "delay"
	// Fail answers with an HTTP error (Status, or 502) and an HTML page, as a proxy in front of the server does.
	Fail Effect = "fail"
	// Refuse answers 200 with Text as the error. After: the work was done nevertheless.
	Refuse Effect = "refuse"
	// ThrottleNow refuses the request as one of too many, to be repeated after Wait. Nothing was done.
	ThrottleNow Effect = "throttle"
	// Call calls Do with the account of the request's key, to act as another program or person that uses the account at
	// this moment.
	Call Effect = "call"
	// Twice carries the request out twice at the same moment, as if a second program had sent it too: both read before
	// one of them writes. The caller gets the second answer.
	Twice Effect = "twice"
	// DoubleRenewals makes two processes of the server run its renewal job at once: each subscription that it renews is
	// charged twice and extended once. Times is the number of subscriptions; Endpoint is not used.
	DoubleRenewals Effect = "double renewals"
	// PriceMoved makes every price Percent of itself for this request.
	PriceMoved Effect = "price moved"
	// NoCredit hides the account's credit from this request.
	NoCredit Effect = "no credit"
	// KeyRevoked refuses every key.
	KeyRevoked Effect = "key revoked"
	// Outage means that the database is down: a valid key looks like a wrong one, and lists are empty.
	Outage Effect = "outage"
	// OlderServer makes the server answer like CoCalc before November 2024: see Older.
	OlderServer Effect = "older server"
	// NoLicensesSold makes the server answer like a CoCalc that no longer sells licenses: see WithoutLicenses.
	NoLicensesSold Effect = "no licenses sold"
	// SuccessorServer makes the server answer like CoCalc's successor: see Successor.
	SuccessorServer Effect = "successor server"
	// MovedServer redirects to another host, whose address is Text: see Moved. If Text is the server's own address with
	// https, the server redirects to that.
	MovedServer Effect = "moved server"
)

// Fault is a deliberate failure. The zero values of fields that its effect doesn't name are right.
type Fault struct {
	Name     string // for the log; empty: the effect
	Endpoint string // the path below /api/v2/; "purchases/*" for all with this beginning; empty: every endpoint
	When     Moment
	Effect   Effect
	Times    int // number of requests that it affects; 0: all until it is cleared

	Wait    time.Duration  // ActLate, Delay, ThrottleNow
	Status  int            // Fail
	Text    string         // Refuse; MovedServer: an address, empty for Config.MovedTo
	Percent int            // PriceMoved: 110 means 10 % more
	Do      func(*Account) // Call; not called for a request without a valid key
}

func (f Fault) label() string {
	if f.Name != "" {
		return f.Name
	}
	return string(f.Effect)
}

// generation returns the generation that the fault makes of a server.
func (f Fault) generation() (Generation, bool) {
	switch f.Effect {
	case OlderServer:
		return Older, true
	case NoLicensesSold:
		return WithoutLicenses, true
	case SuccessorServer:
		return Successor, true
	case MovedServer:
		return Moved, true
	default:
		return 0, false
	}
}

// generationFor returns the generation that a request to the endpoint will meet, and for Moved the address to which it
// redirects.
func (s *Server) generationFor(endpoint string) (generation Generation, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	generation = s.generation
	for _, armed := range s.faults {
		if g, ok := armed.fault.generation(); ok && armed.fault.matches(endpoint) {
			generation, to = g, armed.fault.Text
		}
	}
	return generation, to
}

func (f Fault) matches(endpoint string) bool {
	if f.Effect == DoubleRenewals { // of no request
		return false
	}
	if prefix, ok := strings.CutSuffix(f.Endpoint, "*"); ok {
		return strings.HasPrefix(endpoint, prefix)
	}
	return f.Endpoint == "" || f.Endpoint == endpoint
}

// ArmedFault is a fault that waits for requests.
type ArmedFault struct {
	s     *Server
	fault Fault
	hits  int
}

// Inject arms a fault. Several faults may apply to one request; they strike in the order in which they were armed.
func (s *Server) Inject(fault Fault) *ArmedFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	armed := &ArmedFault{s: s, fault: fault}
	s.faults = append(s.faults, armed)
	return armed
}

// Hits returns the number of requests that the fault affected.
func (a *ArmedFault) Hits() int {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.hits
}

// Clear disarms the fault; running requests keep it.
func (a *ArmedFault) Clear() {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	for i, each := range a.s.faults {
		if each == a {
			a.s.faults = append(a.s.faults[:i:i], a.s.faults[i+1:]...)
			return
		}
	}
}

// ClearFaults disarms every fault.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFaults counts and returns the faults that apply to a request. The caller holds the lock.
func (s *Server) takeFaults(endpoint string) []Fault {
	var taken []Fault
	left := s.faults[:0:0]
	for _, armed := range s.faults {
		if armed.fault.matches(endpoint) {
			armed.hits++
			taken = append(taken, armed.fault)
		}
		if armed.fault.Times == 0 || armed.hits < armed.fault.Times {
			left = append(left, armed)
		}
	}
	s.faults = left
	return taken
}

// takeJobFault counts a fault of the server's own job, and reports whether it is armed. The caller holds the lock.
func (s *Server) takeJobFault(effect Effect) bool {
	for i, armed := range s.faults {
		if armed.fault.Effect != effect {
			continue
		}
		if armed.hits++; armed.hits == armed.fault.Times {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return true
	}
	return false
}

// applyFaults applies the faults of one moment; done reports whether the request ends with the answer or error.
func (s *Server) applyFaults(c *call, when Moment, authorization string) (a answer, done bool, err error) {
	for i, f := range c.faults {
		if f.When != when {
			continue
		}
		switch f.Effect {
		case LoseAnswer:
			return a, true, errAbort
		case ActLate:
			s.actLate(c, i, authorization)
			return a, true, errAbort
		case Delay:
			if !s.sleep(f.Wait) {
				return a, true, errAbort
			}
		case Fail:
			return f.page(), true, nil
		case Refuse:
			return refusalAnswer(refusal(f.Text)), true, nil
		case ThrottleNow:
			return refusalAnswer(throttleText(c.endpoint, f.Wait, throttleRules[1])), true, nil
		case Call:
			if account := s.accountOf(c, authorization); account != nil && f.Do != nil {
				f.Do(&Account{s: s, a: account})
			}
		default: // handled where the request is read, or a property of the server
		}
	}
	return a, false, nil
}

// page returns the answer of a proxy in front of the server.
func (f Fault) page() answer {
	status := cmp.Or(f.Status, http.StatusBadGateway)
	page := "<html><head><title>" + http.StatusText(status) + "</title></head><body><h1>" + http.StatusText(status) +
		"</h1></body></html>"
	return answer{status: status, body: []byte(page), html: true}
}

// failingProxy returns the page of a proxy that fails before the server receives the request, also of one for a missing
// route.
func failingProxy(faults []Fault) (page answer, failing bool) {
	for _, f := range faults {
		if f.Effect == Fail && f.When == Before {
			return f.page(), true
		}
	}
	return answer{}, false
}

func refusalAnswer(err error) answer {
	return answer{status: http.StatusOK, body: toJSON(refusalBody(err))}
}

// actLate carries out a request whose caller is gone, once the fault's wait has passed.
func (s *Server) actLate(c *call, at int, authorization string) {
	late := &call{endpoint: c.endpoint, params: c.params, faults: c.faults[at+1:]}
	wait := c.faults[at].Wait
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		if s.sleep(wait) {
			_, _ = s.act(late, authorization, func() (any, error) {
				return s.handle(s.endpoints[late.endpoint], late, authorization)
			})
		}
	}()
}

// carryOut carries out a request, and twice at the same moment if a fault says so.
func (s *Server) carryOut(e endpoint, c *call, authorization string) (any, error) {
	if c.has(Twice) {
		began, ended := make(chan struct{}), make(chan struct{})
		twin := &call{endpoint: c.endpoint, params: c.params, faults: c.faults, begun: func() { close(began) }}
		s.running.Add(1)
		go func() {
			defer s.running.Done()
			defer s.KeepNow()
			defer close(ended)
			_, _ = s.handle(e, twin, authorization)
		}()
		select {
		case <-began:
			s.sleep(time.Millisecond) // so that the twin also writes first
		case <-ended:
		}
	}
	return s.handle(e, c, authorization)
}

func (s *Server) accountOf(c *call, authorization string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signIn(authorization, c.faults)
}
