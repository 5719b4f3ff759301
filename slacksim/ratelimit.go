package slacksim

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates are rate limits. The zero value is what Slack documents (https://docs.slack.dev/apis/web-api/rate-limits): one
// message per second and channel with short bursts above that, several hundred messages per minute in the workspace,
// and for each method the calls per minute of its tier: 20 in tier 2, 50 in tier 3, 100 in tier 4. Answers through
// response URLs have no rate limit, only their five uses.
type Rates struct {
	// Off turns all rate limits off.
	Off bool
	// PostsPerSecond is the number of messages per second in one channel. Default: 1.
	PostsPerSecond float64
	// PostBurst is the number of messages that one channel takes at once. Slack publishes no number. Default: 10.
	PostBurst int
	// PostsPerMinute is the number of messages per minute in all channels together. Slack publishes no number. Default:
	// 300.
	PostsPerMinute float64
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
	if r.PostsPerMinute == 0 {
		r.PostsPerMinute = 300
	}
	if r.TierFactor == 0 {
		r.TierFactor = 1
	}
	return &limiter{rates: r, now: now, buckets: map[string]*rate.Limiter{}}
}

// tokens are the token bucket of a limit: its key, rate per second and size.
type tokens struct {
	key   string
	rate  rate.Limit
	burst int
}

// perMinute returns the bucket of n calls per minute.
func perMinute(key string, n float64) tokens {
	return tokens{key, rate.Limit(n / 60), int(math.Ceil(n))}
}

// post counts a message in a channel. It returns 0, or how long the app has to wait.
func (l *limiter) post(channel string) time.Duration {
	return l.take(
		tokens{"post " + channel, rate.Limit(l.rates.PostsPerSecond), l.rates.PostBurst},
		perMinute("post", l.rates.PostsPerMinute),
	)
}

// call counts a call of a method; n calls per minute are allowed, or any number if n is 0. It returns 0, or how long
// the app has to wait.
func (l *limiter) call(method string, n float64) time.Duration {
	n *= l.rates.TierFactor
	if n == 0 {
		return 0
	}
	return l.take(perMinute("call "+method, n))
}

// take takes a token from each of the buckets, or from none. It returns 0, or how long the app has to wait.
func (l *limiter) take(from ...tokens) (wait time.Duration) {
	if l.rates.Off {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	taken := make([]*rate.Reservation, 0, len(from))
	for _, t := range from {
		b := l.buckets[t.key]
		if b == nil {
			b = rate.NewLimiter(t.rate, t.burst)
			l.buckets[t.key] = b
		}
		r := b.ReserveN(now, 1)
		taken = append(taken, r)
		wait = max(wait, r.DelayFrom(now))
	}
	if wait > 0 {
		for _, r := range taken {
			r.CancelAt(now) // a call that is refused doesn't count
		}
	}
	return wait
}

// retryAfter returns the value of the Retry-After header for a wait: whole seconds, at least 1.
func retryAfter(wait time.Duration) int { return max(1, int(math.Ceil(wait.Seconds()))) }
