package socket

import (
	"sync"
	"time"
)

// reconnectTime is how long Slack may still count one of the bot's connections that has ended or is about to: it warns
// ten seconds ahead of a planned disconnect.
const reconnectTime = 10 * time.Second

// otherConns detects another program that uses the app. Slack counts all connections of the app in each hello, and
// gives every command and click to one of them, so some would reach the other program's ledger.
type otherConns struct {
	mu    sync.Mutex
	since time.Time // since when each hello has counted more connections than the bot's; zero if the last one didn't
	seen  int       // how many more, once that has lasted longer than a reconnect
}

// note notes the count of a hello. It returns how many other connections there are, and whether they are new.
func (o *otherConns) note(now time.Time, counted, own int) (count int, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if counted <= own {
		o.since, o.seen = time.Time{}, 0
		return 0, false
	}
	if o.since.IsZero() {
		o.since = now
	}
	if now.Sub(o.since) < reconnectTime {
		return 0, false
	}
	found = o.seen == 0
	o.seen = counted - own
	return o.seen, found
}

func (o *otherConns) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen
}

// ownConnections returns how many sockets of this program Slack may count now: those that are open, and those that
// ended a moment ago.
func (c *Client) ownConnections(now time.Time) (n int) {
	for _, l := range c.links {
		l.mu.Lock()
		if l.state.Connected {
			n++
		}
		if !l.lastEnd.IsZero() && now.Sub(l.lastEnd) < reconnectTime {
			n++
		}
		l.mu.Unlock()
	}
	return n
}

// noteConnections handles the number of connections in a hello.
func (c *Client) noteConnections(now time.Time, counted int) {
	own := c.ownConnections(now)
	if count, found := c.otherConns.note(now, counted, own); found {
		c.log.Warn().Int("connections", counted).Int("others", count).
			Msg("find another program connected with this Slack app, which gets a part of the commands and clicks: " +
				"give each bot an app of its own, or end the other one")
	}
}
