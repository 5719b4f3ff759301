package cocalctest

import "time"

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
