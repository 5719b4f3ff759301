package cocalctest

import (
	"fmt"
	"time"
)

// throttleKey identifies a counter: one for each account, endpoint and rule.
type throttleKey struct {
	accountID, endpoint string
	rule                int
}

type throttleRule struct {
	interval time.Duration
	name     string
	most     int
}

// throttleRules apply to each of the two throttled endpoints. They are checked in this order, and a request that a
// later rule refuses counts for the earlier ones.
var throttleRules = [...]throttleRule{{time.Second, "second", 3}, {time.Minute, "minute", 15}, {time.Hour, "hour", 200}}

func throttled(endpoint string) bool {
	return endpoint == "shopping/cart/add" || endpoint == "purchases/get-purchases"
}

// throttle counts a request, and refuses it if there were too many.
func (s *Server) throttle(c *call) error {
	if s.unthrottled || !throttled(c.endpoint) {
		return nil
	}
	now := s.now()
	for i, rule := range throttleRules {
		key := throttleKey{c.account.id, c.endpoint, i}
		cutoff := now.Add(-rule.interval)
		recent := s.throttles[key]
		for len(recent) > 0 && recent[0].Before(cutoff) {
			recent = recent[1:]
		}
		if len(recent) >= rule.most {
			s.throttles[key] = recent
			return throttleText(c.endpoint, recent[0].Sub(cutoff), rule)
		}
		s.throttles[key] = append(recent, now)
	}
	return nil
}

// throttleText returns the text about how long to wait, in whole seconds rounded up.
func throttleText(endpoint string, wait time.Duration, rule throttleRule) error {
	seconds := int((wait + time.Second - 1) / time.Second)
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return refusal(fmt.Sprintf("too many requests to %s; try again in %d %s (rule: at most %d requests per %s)",
		endpoint, seconds, unit, rule.most, rule.name))
}
