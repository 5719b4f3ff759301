package bot

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
)

// testPace is a pace on a clock that the test sets.
type testPace struct {
	*pace
	now time.Time
}

func newTestPace() *testPace {
	p := &testPace{now: at}
	p.pace = newPace(func() time.Time { return p.now }, zerolog.Nop())
	return p
}

// calls counts how many calls under the limits the pace allows in a time, if as many as possible are made.
func (p *testPace) calls(during time.Duration, limits ...limit) (n int) {
	for end := p.now.Add(during); p.now.Before(end); {
		_, wait := p.take(limits)
		if wait == 0 {
			n++
			continue
		}
		p.now = p.now.Add(wait)
	}
	return n
}

// The calls stay below what Slack documents, and the first ones go at once.
func TestPace_Take(t *testing.T) {
	for _, c := range []struct {
		name            string
		limits          []limit
		atOnce, at, per int // calls without a wait, and in the first minute and in a later one
	}{
		{"posts in a channel, one a second", []limit{postsIn("C1"), limitPosts}, 5, 65, 60},
		{"updates, tier 3", []limit{limitUpdates}, 40, 85, 45},
		{"new conversations, tier 3", []limit{limitConversations}, 40, 85, 45},
		{"lookups, tier 4", []limit{limitPeople}, 60, 150, 90},
		{"posts in the workspace", []limit{limitPosts}, 60, 300, 240},
		{"progress on cards", []limit{limitCards, limitProgress}, 3, 6, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newTestPace()
			atOnce := 0
			for _, wait := p.take(c.limits); wait == 0; _, wait = p.take(c.limits) {
				atOnce++
			}
			p = newTestPace()
			got := []int{atOnce, p.calls(time.Minute, c.limits...), p.calls(time.Minute, c.limits...)}
			// a call at the end of a minute may belong to the next one
			for i, want := range []int{c.atOnce, c.at, c.per} {
				if got[i] > want || got[i] < want-1 {
					t.Errorf("calls at once, in the first and in the second minute: got %v, want %v", got,
						[]int{c.atOnce, c.at, c.per})
					break
				}
			}
		})
	}
}

// A call that has to wait for one of its limits takes nothing from the others.
func TestPace_Take_AllOrNothing(t *testing.T) {
	p := newTestPace()
	for range 100 {
		p.take([]limit{postsIn("C1"), limitPosts})
	}
	others := 0
	for _, wait := p.take([]limit{limitPosts}); wait == 0; _, wait = p.take([]limit{limitPosts}) {
		others++
	}
	if want := allowances[limitPosts].burst - channelAllowance.burst; others != want {
		t.Errorf("posts left for the rest of the workspace: got %d, want %d", others, want)
	}
}

// Where Slack is stricter than it documents, calls continue more slowly after the pause, for ten minutes.
func TestPace_Refused_LearnsPace(t *testing.T) {
	p := newTestPace()
	a := &permit{pace: p.pace}
	err := a.call(func() error { return &slack.RateLimitedError{RetryAfter: 30 * time.Second} }, limitUpdates)
	var limited rateLimitError
	if !errors.As(err, &limited) || limited.until != at.Add(30*time.Second) {
		t.Fatalf("got %v, want a limit until %s", err, at.Add(30*time.Second))
	}
	called := false
	err = a.call(func() error { called = true; return nil }, limitUpdates)
	if !isLimited(err) || called {
		t.Errorf("call during the pause: got %v, made: %t; want a rate limit, and no call", err, called)
	}
	if got := p.calls(30*time.Second, limitUpdates); got != 0 {
		t.Errorf("calls during the pause: got %d, want 0", got)
	}
	if got := p.calls(time.Minute, limitUpdates); got < 33 || got > 36 {
		t.Errorf("calls in the minute after it: got %d, want three quarters of 45", got)
	}
	p.now = p.now.Add(slowFor)
	if got := p.calls(time.Minute, limitUpdates); got < 44 || got > 46 {
		t.Errorf("calls in a minute after %s: got %d, want 45", slowFor, got)
	}
}

// What is granted to a send is not counted again at its call; a second call is.
func TestPermit_Call_Granted(t *testing.T) {
	p := newTestPace()
	limits := []limit{postsIn("C1"), limitPosts}
	for range channelAllowance.burst {
		if _, wait := p.take(limits); wait > 0 {
			t.Fatalf("within the burst: got a wait of %s, want none", wait)
		}
	}
	a := &permit{pace: p.pace, granted: slices.Clone(limits)}
	none := func() error { return nil }
	if err := a.call(none, limits...); err != nil {
		t.Errorf("the granted call: got %v, want no error", err)
	}
	if err := a.call(none, limits...); !isLimited(err) {
		t.Errorf("a second call: got %v, want a rate limit", err)
	}
}

// Limits of channels in which nothing was posted for long are forgotten.
func TestPace_Bucket_Pruned(t *testing.T) {
	p := newTestPace()
	for n := range 3 * maxBuckets {
		p.take([]limit{postsIn(string(rune('A' + n)))})
		p.now = p.now.Add(time.Second)
	}
	if got := len(p.buckets); got > maxBuckets {
		t.Errorf("limits: got %d, want at most %d", got, maxBuckets)
	}
}
