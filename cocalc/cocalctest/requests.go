package cocalctest

import (
	"time"
)

// Request is an entry of the request log.
type Request struct {
	Time      time.Time
	Method    string
	Endpoint  string // the path below /api/v2/
	AccountID string // empty: not signed in
	Body      string // cut off after maxLogged bytes
	Status    int    // 0: no answer was sent, or not yet
	Answer    string // cut off after maxLogged bytes
	Dropped   bool   // the connection was dropped instead of an answer
	Faults    []string
}

// maxLogged is the number of bytes of a body that the log keeps; maxRequests is the number of requests.
const (
	maxLogged   = 4096
	maxRequests = 10000
)

func clip(body []byte) string {
	if len(body) > maxLogged {
		return string(body[:maxLogged]) + "…"
	}
	return string(body)
}

// arrive adds an entry to the log and returns the faults that apply to the request.
func (s *Server) arrive(method, path string) (*Request, []Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := s.takeFaults(path)
	entry := &Request{Time: s.now(), Method: method, Endpoint: path}
	for _, f := range faults {
		entry.Faults = append(entry.Faults, f.label())
	}
	if len(s.requests) == maxRequests {
		s.requests = append([]*Request(nil), s.requests[maxRequests/2:]...)
	}
	s.requests = append(s.requests, entry)
	return entry, faults
}

func (s *Server) note(entry *Request, change func(*Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(entry)
}

// Requests returns the request log, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := make([]Request, len(s.requests))
	for i, entry := range s.requests {
		log[i] = *entry
	}
	return log
}

// Count returns the number of requests to an endpoint ("shopping/cart/add"), whatever the answers. An empty endpoint
// counts all.
func (s *Server) Count(endpoint string) int {
	n := 0
	for _, r := range s.Requests() {
		if endpoint == "" || r.Endpoint == endpoint {
			n++
		}
	}
	return n
}

// Counts returns the number of requests to each endpoint.
func (s *Server) Counts() map[string]int {
	counts := map[string]int{}
	for _, r := range s.Requests() {
		counts[r.Endpoint]++
	}
	return counts
}

// ForgetRequests empties the request log.
func (s *Server) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Strike is a fault that affected a request.
type Strike struct {
	Time     time.Time
	Fault    string // its name; if it has none, its effect
	Endpoint string // the path below /api/v2/
	// About has the descriptions of the request's cart items: the one that it adds, or those that it checks out. It is
	// empty for other requests.
	About []string
}

// maxStrikes is the number of strikes that the server remembers: the newest ones.
const maxStrikes = 200

// Strikes returns the faults that affected requests, oldest first.
func (s *Server) Strikes() []Strike {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Strike(nil), s.strikes...)
}

// recordStrikes records the faults that a request meets.
func (s *Server) recordStrikes(c *call) {
	if len(c.faults) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	about := s.about(c)
	for _, f := range c.faults {
		s.strikes = append(s.strikes, Strike{s.now(), f.label(), c.endpoint, about})
	}
	if n := len(s.strikes); n > maxStrikes {
		s.strikes = append([]Strike(nil), s.strikes[n-maxStrikes:]...)
	}
}

// about returns the descriptions of a request's cart items. The caller holds the lock.
func (s *Server) about(c *call) []string {
	describes := func(v any) string {
		d, _ := v.(object)
		text, _ := d.get("description").(string)
		return text
	}
	switch c.endpoint {
	case addPath:
		return []string{describes(c.params.get("description"))}
	case checkoutPath, "shopping/cart/checkout", "purchases/get-shopping-cart-checkout-params":
		var all []string
		for _, item := range s.items {
			if item.inCart() && item.checked == true {
				all = append(all, describes(item.description))
			}
		}
		return all
	}
	return nil
}
