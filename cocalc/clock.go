package cocalc

import (
	"net/http"
	"sync"
	"time"
)

// clockTolerance is by how much the two clocks may differ before that is logged.
const clockTolerance = time.Minute

// serverClock follows CoCalc's clock by the Date header of its answers. What passes between two answers is measured with
// the monotonic clock, so that a step of this machine's clock does not move it.
type serverClock struct {
	mu       sync.Mutex
	date     time.Time // of the last answer that had one; zero: none
	received time.Time // when it came, with a monotonic reading
	isOff    bool      // the difference was logged
}

// Time is CoCalc's present time; ok is false as long as no answer had a Date. It is never later than the clock that wrote
// the Date, and earlier by at most a second and the time that the answer was under way.
func (c *Client) Time() (now time.Time, ok bool) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.now()
}

func (s *serverClock) now() (time.Time, bool) {
	if s.date.IsZero() {
		return time.Time{}, false
	}
	return s.date.Add(time.Since(s.received)), true
}

// ClockAhead is by how much CoCalc's clock is ahead of this machine's (less than 0: behind it), to about a second; ok is
// false as long as no answer had a Date.
func (c *Client) ClockAhead() (ahead time.Duration, ok bool) {
	now, ok := c.Time()
	if !ok {
		return 0, false
	}
	return now.Sub(c.options.Now().Round(0)), true
}

// heard keeps the Date of an answer, and logs once that the clocks differ by more than a minute, and that they agree again.
func (c *Client) heard(header http.Header) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || date.Year() < 2000 || date.Year() > 2200 { // no clock that was ever set
		return
	}
	s := &c.clock
	s.mu.Lock()
	s.date, s.received = date, time.Now()
	ahead := date.Sub(c.options.Now().Round(0))
	isOff, was := ahead.Abs() > clockTolerance, s.isOff
	s.isOff = isOff
	s.mu.Unlock()
	switch {
	case isOff && !was:
		c.options.Log.Warn().Int64("ahead_ms", ahead.Round(time.Second).Milliseconds()).Time("cocalc", date).
			Msg("compare clocks: CoCalc's clock is more than a minute from this machine's; check this machine's time service")
	case was && !isOff:
		c.options.Log.Info().Msg("compare clocks: CoCalc's clock and this machine's agree again")
	}
}
