package slacksim

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates are rate limits. The zero value is what Slack documents: about one message a
// second per channel with short bursts above, and per method a number of calls a minute
// by its tier (tier 2: 20, tier 3: 50, tier 4: 100).
type Rates struct {
	// Off answers every call.
	Off bool
	// PostsPerSecond into one channel. Default 1.
	PostsPerSecond float64
	// PostBurst is how many messages one channel takes at once. Slack publishes no
	// number; default 10.
	PostBurst int
	// TierFactor multiplies the calls a minute of the tiers. Default 1.
	TierFactor float64
}

// limiter keeps one token bucket per method, and per channel for messages.
type limiter struct {
	rates Rates
	now   func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

func newLimiter(r Rates, now func() time.Time) *limiter {
	if r.PostsPerSecond == 0 {
		r.PostsPerSecond = 1
	}
	if r.PostBurst == 0 {
		r.PostBurst = 10
	}
	if r.TierFactor == 0 {
		r.TierFactor = 1
	}
	return &limiter{rates: r, now: now, buckets: map[string]*rate.Limiter{}}
}

// post counts a message into channel; the wait is how long to hold off, 0 for go ahead.
func (l *limiter) post(channel string) time.Duration {
	return l.take("post "+channel, rate.Limit(l.rates.PostsPerSecond), l.rates.PostBurst)
}

// call counts a call of a method with so many calls a minute; 0 a minute is unlimited.
func (l *limiter) call(method string, perMinute float64) time.Duration {
	perMinute *= l.rates.TierFactor
	if perMinute == 0 {
		return 0
	}
	return l.take("call "+method, rate.Limit(perMinute/60), int(math.Ceil(perMinute)))
}

func (l *limiter) take(key string, limit rate.Limit, burst int) time.Duration {
	if l.rates.Off {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		b = rate.NewLimiter(limit, burst)
		l.buckets[key] = b
	}
	now := l.now()
	r := b.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now) // a refused call costs nothing
	}
	return wait
}

// retryAfter is a wait as the Retry-After header says it: whole seconds, at least one.
func retryAfter(wait time.Duration) int { return max(1, int(math.Ceil(wait.Seconds()))) }
