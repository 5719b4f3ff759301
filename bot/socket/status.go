package socket

import "time"

// Status is what a health check wants to know. Times are zero for what has not happened.
type Status struct {
	Sockets      []ConnStatus
	Connected    int       // how many of them are open
	LastHello    time.Time // the newest of all sockets
	LastEnvelope time.Time

	Others int // connections of another program with the same app, found for longer than a reconnect

	Stopping  bool
	Queued    int // deliveries that wait for a worker
	Handling  int // deliveries in their durable phase
	Finishing int // replies in their slow phase, waiting ones included

	// Counts since the start.
	Handled, Refused, Repeated, Panics int64
}

// ConnStatus is the status of one socket.
type ConnStatus struct {
	Connected    bool
	Since        time.Time // of being connected or not
	LastHello    time.Time
	LastEnvelope time.Time
	Host         string // Slack's, of the last connection
	// AppConnections is how many sockets the whole app had at the last hello, including this bot's; see Status.Others.
	AppConnections int
	Trouble        string // why there is no connection; empty when there is
}

// Status returns a snapshot.
func (c *Client) Status() Status {
	d := c.dispatcher
	s := Status{
		Stopping: d.stopping.Load(),
		Handled:  d.handled.Load(),
		Refused:  d.refused.Load(),
		Repeated: d.repeated.Load(),
		Panics:   d.panics.Load(),
	}
	s.Others = c.otherConns.count()
	s.Queued, s.Handling = d.handling.load()
	waiting, running := d.finishingLoad()
	s.Finishing = waiting + running
	for _, l := range c.links {
		l.mu.Lock()
		one := l.state
		l.mu.Unlock()
		s.Sockets = append(s.Sockets, one)
		if one.Connected {
			s.Connected++
		}
		if one.LastHello.After(s.LastHello) {
			s.LastHello = one.LastHello
		}
		if one.LastEnvelope.After(s.LastEnvelope) {
			s.LastEnvelope = one.LastEnvelope
		}
	}
	return s
}
