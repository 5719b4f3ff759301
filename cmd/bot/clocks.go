package main

import (
	"net/http"
	"sync"
	"time"
)

// clocks compares this machine's clock with those of servers, through the Date header of their answers.
type clocks struct {
	now func() time.Time

	mu   sync.Mutex
	read []clockReading
}

// clockReading is the newest answer of a server that had a Date.
type clockReading struct {
	server string
	ahead  time.Duration // how far this machine's clock is ahead of the server's; behind is negative
}

// clockTolerance is the least difference that counts: Date has whole seconds, and an answer takes time.
const clockTolerance = 15 * time.Second

func newClocks(now func() time.Time) *clocks { return &clocks{now: now} }

// watch returns a transport that reads a server's clock from its answers.
func (c *clocks) watch(server string, next http.RoundTripper) http.RoundTripper {
	return watched{c, server, next}
}

type watched struct {
	clocks *clocks
	server string
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := w.clocks.now()
	response, err := w.next.RoundTrip(r)
	if err == nil {
		w.clocks.note(w.server, response.Header.Get("Date"), asked, w.clocks.now())
	}
	return response, err
}

// note compares a Date header with the middle of the request, since the server wrote it some time during it.
func (c *clocks) note(server, date string, asked, answered time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	ahead := asked.Add(answered.Sub(asked) / 2).Sub(at.Add(500 * time.Millisecond))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.read {
		if c.read[i].server == server {
			c.read[i].ahead = ahead
			return
		}
	}
	c.read = append(c.read, clockReading{server, ahead})
}

// readings returns the clocks that were read, in the order of their first answers.
func (c *clocks) readings() []clockReading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]clockReading{}, c.read...)
}
