package cocalc

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// clockTolerance is the difference of the two clocks above which a warning is logged.
const clockTolerance = time.Minute

// serverClock follows CoCalc's clock through the Date header of its answers. Between two answers it uses the monotonic
// clock, so that setting this machine's clock has no effect.
type serverClock struct {
	mu       sync.Mutex
	date     time.Time // of the last answer with a Date; zero: none
	received time.Time // when it arrived, with a monotonic reading
	isOff    bool      // the difference was logged
}

// Time returns CoCalc's current time; ok is false before the first answer with a Date. The time is never ahead of the
// server's clock, and behind it by at most a second plus the time that the answer traveled.
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

// ClockAhead returns by how much CoCalc's clock is ahead of this machine's (negative if it is behind), to about a
// second; ok is false before the first answer with a Date.
func (c *Client) ClockAhead() (ahead time.Duration, ok bool) {
	now, ok := c.Time()
	if !ok {
		return 0, false
	}
	return now.Sub(c.options.Now().Round(0)), true
}

// noteDate stores the Date of an answer. It logs when the clocks begin to differ by more than a minute, and when they
// agree again. It ignores redirects and HTML pages, which other programs may have sent.
func (c *Client) noteDate(status int, header http.Header) {
	if status/100 == 3 || strings.Contains(strings.ToLower(header.Get("Content-Type")), "html") {
		return
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || date.Year() < 2000 || date.Year() > 2200 { // no clock shows these years
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
			Msg("compare clocks: this machine's clock is more than a minute off CoCalc's; check its time service")
	case was && !isOff:
		c.options.Log.Info().Msg("compare clocks: CoCalc's clock and this machine's agree again")
	}
}
