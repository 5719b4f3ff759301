package socket

import (
	"strings"
	"testing"
	"time"
)

// Another program with the same app is found when Slack counts more connections than ours for longer than a reconnect.
func TestOtherConns_Note(t *testing.T) {
	type hello struct {
		at           time.Duration
		counted, own int
	}
	for name, tt := range map[string]struct {
		hellos []hello
		others int
	}{
		"alone":                          {[]hello{{0, 1, 1}, {15 * time.Second, 2, 2}}, 0},
		"beside a bot that runs":         {[]hello{{0, 3, 1}, {15 * time.Second, 4, 2}}, 2},
		"in the place of one that ended": {[]hello{{0, 3, 1}, {15 * time.Second, 2, 2}}, 0},
		"one hello tells nothing yet":    {[]hello{{0, 3, 1}}, 0},
		"two at once tell nothing yet":   {[]hello{{0, 3, 1}, {9 * time.Second, 4, 2}}, 0},
		"it came later": {[]hello{
			{0, 1, 1},
			{15 * time.Second, 2, 2},
			{5 * time.Hour, 4, 2},
			{5*time.Hour + 15*time.Second, 4, 2},
		}, 2},
		"it has gone": {[]hello{{0, 3, 1}, {15 * time.Second, 4, 2}, {5 * time.Hour, 2, 2}}, 0},
		"a refresh that is counted, hourly": {[]hello{
			{0, 2, 2},
			{time.Hour, 3, 2},
			{2 * time.Hour, 2, 2},
			{3 * time.Hour, 3, 2},
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var o otherConns
			began := time.Now()
			for _, h := range tt.hellos {
				o.note(began.Add(h.at), h.counted, h.own)
			}
			if got := o.count(); got != tt.others {
				t.Errorf("%d others, want %d", got, tt.others)
			}
		})
	}
}

// A connection of ours that has ended a moment ago may still be counted, and is no other program's.
func TestClient_OwnConnections(t *testing.T) {
	open, refreshed, down := newTestLink(), newTestLink(), newTestLink()
	refreshed.noteEnd(nil)
	refreshed.noteOpen(time.Now())
	down.noteEnd(nil)
	c := &Client{links: []*link{open, refreshed, down}}
	if n := c.ownConnections(time.Now()); n != 4 {
		t.Errorf("Slack may count %d of ours, want 4", n)
	}
	if n := c.ownConnections(time.Now().Add(reconnectTime)); n != 2 {
		t.Errorf("later Slack may count %d of ours, want 2", n)
	}
}

// Two bots with one app: the second one says so, once, and what to do.
func TestClient_Run_TwoBots(t *testing.T) {
	s, log := newSlackServer(t), &logBuffer{}
	cfg := fastConfig(s, newFakeHandler(), log)
	cfg.Sockets = 1
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.links[0].noteOpen(now)
	for i := range 4 {
		c.noteConnections(now.Add(time.Duration(i)*reconnectTime), 3)
	}
	if n := strings.Count(log.String(), "give each bot an app of its own"); n != 1 || c.Status().Others != 2 {
		t.Errorf("got %d other connections and %d warnings, want 2 and 1:\n%s", c.Status().Others, n, log)
	}
}
