package socket

import (
	"sync"
	"time"
)

// reconnects is how long Slack may still count one of the bot's connections that has ended or is about to: it warns ten
// seconds ahead of a planned disconnect.
const reconnects = 10 * time.Second

// others detects another program that uses the app. Slack counts all connections of the app in each hello, and gives
// every command and click to one of them, so some would reach the other program's ledger.
type others struct {
	mu    sync.Mutex
	since time.Time // since when each hello has counted more connections than the bot's; zero if the last one didn't
	count int       // how many more, once that has lasted longer than a reconnect
}

// counted notes the count of a hello. It returns how many other connections there are, and whether they are new.
func (o *others) counted(now time.Time, counted, own int) (count int, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if counted <= own {
		o.since, o.count = time.Time{}, 0
		return 0, false
	}
	if o.since.IsZero() {
		o.since = now
	}
	if now.Sub(o.since) < reconnects {
		return 0, false
	}
	found = o.count == 0
	o.count = counted - own
	return o.count, found
}

func (o *others) found() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

// own returns how many sockets of this program Slack may count now: those that are open, and those that ended a moment
// ago.
func (c *Client) own(now time.Time) (n int) {
	for _, l := range c.links {
		l.mu.Lock()
		if l.state.Connected {
			n++
		}
		if !l.lastEnd.IsZero() && now.Sub(l.lastEnd) < reconnects {
			n++
		}
		l.mu.Unlock()
	}
	return n
}

// greetedWith handles the number of connections in a hello.
func (c *Client) greetedWith(now time.Time, counted int) {
	own := c.own(now)
	if count, found := c.others.counted(now, counted, own); found {
		c.log.Warn().Int("connections", counted).Int("others", count).
			Msg("find another program connected with this Slack app, which gets a part of the commands and clicks: " +
				"give each bot an app of its own, or end the other one")
	}
}
