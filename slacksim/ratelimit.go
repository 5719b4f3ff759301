package slacksim

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates are rate limits. The zero value is what Slack documents (https://docs.slack.dev/apis/web-api/rate-limits): one
// message per second and channel with short bursts above that, and for each method the calls per minute of its tier:
// 20 in tier 2, 50 in tier 3, 100 in tier 4.
type Rates struct {
	// Off turns all rate limits off.
	Off bool
	// PostsPerSecond is the number of messages per second in one channel. Default: 1.
	PostsPerSecond float64
	// PostBurst is the number of messages that one channel takes at once. Slack publishes no number. Default: 10.
	PostBurst int
	// TierFactor multiplies the calls per minute of all tiers. Default: 1.
	TierFactor float64
}

// limiter has one token bucket for each method, and one for each channel.
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

// post counts a message in a channel. It returns 0, or how long the app has to wait.
func (l *limiter) post(channel string) time.Duration {
	return l.take("post "+channel, rate.Limit(l.rates.PostsPerSecond), l.rates.PostBurst)
}

// call counts a call of a method; perMinute 0 is unlimited. It returns 0, or how long the app has to wait.
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
		r.CancelAt(now) // a call that is refused doesn't count
	}
	return wait
}

// retryAfter returns the value of the Retry-After header for a wait: whole seconds, at least 1.
func retryAfter(wait time.Duration) int { return max(1, int(math.Ceil(wait.Seconds()))) }
