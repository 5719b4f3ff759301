package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// limit names one of Slack's rate limits, or one of our own. A call can count against several.
type limit string

const (
	limitPosts         limit = "chat.postMessage" // of the whole workspace; each channel has its own limit besides
	limitUpdates       limit = "chat.update"
	limitConversations limit = "conversations.open"
	// limitCards is for posts to response URLs. Slack documents no rate for them, only five uses of each.
	limitCards limit = "response_url"
	// limitProgress is for updates of cards that only show progress. The answer to a click and the outcome don't count.
	limitProgress limit = "progress"
	limitPeople   limit = "users.info"
	limitLists    limit = "users.list" // lists of the whole workspace, of one call or more each
	// limitNotices is for notices to people and user groups, before which people are looked up.
	limitNotices limit = "notices"
)

// postsIn is the limit on posts in one channel, or in one person's direct messages.
func postsIn(channel string) limit { return limitPosts + " " + limit(channel) }

// allowance is what may be sent under a limit.
type allowance struct {
	rate   rate.Limit // per second
	burst  int        // at once, after a pause
	atOnce int        // calls whose answer is outstanding
}

// perMinute is a rate of n calls a minute.
func perMinute(n float64) rate.Limit { return rate.Limit(n / 60) }

// The allowances stay below https://docs.slack.dev/apis/web-api/rate-limits: one message a second in a channel, with
// short bursts; several hundred messages a minute in a workspace; at least 50 calls a minute of a method in tier 3, and
// 100 in tier 4, with sporadic bursts beyond. Slack publishes no sizes of bursts; these are less than a minute's calls.
var (
	channelAllowance = allowance{rate: 1, burst: 5, atOnce: 1}
	allowances       = map[limit]allowance{
		limitPosts:         {rate: perMinute(240), burst: 60, atOnce: 8},
		limitUpdates:       {rate: perMinute(45), burst: 40, atOnce: 4},
		limitConversations: {rate: perMinute(45), burst: 40, atOnce: 4},
		limitPeople:        {rate: perMinute(90), burst: 60, atOnce: 20},
		limitLists:         {rate: perMinute(2), burst: 2, atOnce: 1},
		limitCards:         {rate: 50, burst: 100, atOnce: 16},
		limitProgress:      {rate: perMinute(3), burst: 3, atOnce: 3},
		limitNotices:       {rate: 50, burst: 100, atOnce: 2},
	}
)

const (
	// slowdown is the factor of a rate after each call that Slack limits, and slowest the lowest factor.
	slowdown, slowest = 0.75, 0.25
	// slowFor is how long after the last limited call the documented rate counts again.
	slowFor = 10 * time.Minute
)

// pace keeps the calls to Slack just below its rate limits. Where Slack is stricter than it documents, pace learns that
// from its refusals: it pauses for as long as Slack says, and continues more slowly. It may be used concurrently.
type pace struct {
	now func() time.Time
	log zerolog.Logger
	off bool // calls wait only for what Slack has refused

	mu      sync.Mutex
	buckets map[limit]*bucket
}

// bucket is the state of a limit.
type bucket struct {
	allowance

	tokens  *rate.Limiter
	running int       // calls without an answer yet
	until   time.Time // Slack has limited the rate: no calls before
	factor  float64   // of the documented rate
	limited time.Time // the last call that Slack limited
}

func newPace(now func() time.Time, log zerolog.Logger) *pace {
	return &pace{now: now, log: log, buckets: map[limit]*bucket{}}
}

// maxBuckets is how many limits are remembered before those that would be the same anew are dropped.
const maxBuckets = 1000

// bucket returns the state of a limit. p.mu is held.
func (p *pace) bucket(l limit) *bucket {
	b := p.buckets[l]
	if b == nil {
		if len(p.buckets) >= maxBuckets {
			maps.DeleteFunc(p.buckets, func(_ limit, b *bucket) bool { return b.isFresh(p.now()) })
		}
		a, ok := allowances[l]
		if !ok {
			a = channelAllowance
		}
		if p.off {
			a.rate, a.burst = 1e6, 1e6
		}
		b = &bucket{allowance: a, tokens: rate.NewLimiter(a.rate, a.burst), factor: 1}
		p.buckets[l] = b
	}
	if b.factor < 1 && p.now().Sub(b.limited) >= slowFor {
		b.factor = 1
		b.tokens.SetLimitAt(p.now(), b.rate)
		b.tokens.SetBurstAt(p.now(), b.burst)
	}
	return b
}

// isFresh reports whether a bucket is as when it was made.
func (b *bucket) isFresh(now time.Time) bool {
	return b.running == 0 && b.factor == 1 && !now.Before(b.until) && b.tokens.TokensAt(now) >= float64(b.burst)
}

// take takes one call from each of the limits, or none. It returns 0, or the limit that has no call left and how long
// to wait for it.
func (p *pace) take(limits []limit) (short limit, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.takeLocked(limits)
}

// takeLocked is take. p.mu is held.
func (p *pace) takeLocked(limits []limit) (short limit, wait time.Duration) {
	now := p.now()
	var taken []*rate.Reservation
	for _, l := range limits {
		b := p.bucket(l)
		r := b.tokens.ReserveN(now, 1)
		taken = append(taken, r)
		if rests := max(b.until.Sub(now), r.DelayFrom(now)); rests > wait {
			short, wait = l, rests
		}
	}
	if wait > 0 {
		for _, r := range taken {
			r.CancelAt(now)
		}
	}
	return short, wait
}

// hasCall reports whether a call can be made under a limit now.
func (p *pace) hasCall(l limit) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(l)
	return !p.now().Before(b.until) && b.tokens.TokensAt(p.now()) >= 1
}

// begin takes one call from each of the limits, like take, and counts it as running until end. full is set if too many
// run already; then there is no time to wait for.
func (p *pace) begin(limits []limit) (short limit, wait time.Duration, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range limits {
		if b := p.bucket(l); b.running >= b.atOnce {
			return l, 0, true
		}
	}
	if short, wait = p.takeLocked(limits); wait > 0 {
		return short, wait, false
	}
	for _, l := range limits {
		p.bucket(l).running++
	}
	return "", 0, false
}

// end ends what begin began.
func (p *pace) end(limits []limit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range limits {
		p.bucket(l).running--
	}
}

// refused notes that Slack limits the rate of a call. The first of its limits pauses; all of them continue more slowly.
// It returns the end of the pause.
func (p *pace) refused(limits []limit, wait time.Duration) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	until := now.Add(wait)
	for i, l := range limits {
		b := p.bucket(l)
		b.factor, b.limited = max(b.factor*slowdown, slowest), now
		if i == 0 {
			b.until = until
			b.tokens.SetBurstAt(now, min(b.burst, 1))
		}
		b.tokens.SetLimitAt(now, b.rate*rate.Limit(b.factor))
	}
	p.log.Warn().Str("limit", string(limits[0])).Int64("rest_ms", wait.Milliseconds()).
		Msg("rest: Slack limits the rate")
	return until
}

// rateLimitError reports that a call has to wait for a rate limit. The message waits; it has not failed.
type rateLimitError struct {
	limit limit
	until time.Time
}

func (e rateLimitError) Error() string {
	return fmt.Sprintf("Slack's rate limit of %s lasts until %s", e.limit, e.until.Format(time.TimeOnly))
}

// isLimited reports whether a call waits for a rate limit.
func isLimited(err error) bool {
	_, limited := errors.AsType[rateLimitError](err)
	return limited
}

// permit is the right to make the calls to Slack that the pace has granted already. Further calls are taken from the
// pace when they are made.
type permit struct {
	pace    *pace
	granted []limit
}

// call makes a call that counts against the limits. It returns a rateLimitError if the call has to wait and was not
// made, or if Slack limits its rate: that had no effect either.
func (a *permit) call(call func() error, limits ...limit) error {
	if short, wait := a.pace.take(a.spend(limits)); wait > 0 {
		return rateLimitError{short, a.pace.now().Add(wait)}
	}
	err := call()
	if answer := socket.Classify(err); answer.Outcome == socket.OutcomeRateLimited {
		return rateLimitError{limits[0], a.pace.refused(limits, answer.Wait)}
	}
	return err
}

// spend uses up what is granted of limits, and returns the others.
func (a *permit) spend(limits []limit) (others []limit) {
	for _, l := range limits {
		if i := slices.Index(a.granted, l); i >= 0 {
			a.granted = slices.Delete(a.granted, i, i+1)
		} else {
			others = append(others, l)
		}
	}
	return others
}

// priority says which of the messages that wait for a rate limit goes first.
type priority int

const (
	// A person's own messages: the answer to their click, and what became of their order.
	priorityAnswer priority = iota
	// Requests for approval, before which an order can't continue.
	priorityApproval
	priorityNotice
	// Approvers' cards of orders that were decided.
	priorityEnded
	// The channel's lines about purchases.
	priorityLine
	// Steps of a purchase, of which a later one is shown as well.
	priorityProgress
)

// send is what waits to be sent: a part of an order, or the next notice for a recipient. It has no text: what is sent
// is made when its turn comes, from what the ledger has then. So a newer state replaces an older one that still waits.
type send struct {
	turn     turn
	priority priority
	limits   []limit   // of its calls
	since    time.Time // the older ones go first within a priority
	place    int       // among those of the same time
	order    purchase.OrderID
	run      func(context.Context, *permit) error
}

// sendQueue keeps what waits for Slack's rate limits. It is in memory only: what is to be shown stands in the ledger.
// It may be used concurrently.
type sendQueue struct {
	pace *pace

	mu      sync.Mutex
	waiting []send // in the sequence in which they go
}

func newSendQueue(pace *pace) *sendQueue { return &sendQueue{pace: pace} }

// put adds a send. It replaces the one with the same turn.
func (q *sendQueue) put(s send) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(old send) bool { return old.turn == s.turn })
	at, _ := slices.BinarySearchFunc(q.waiting, s, func(a, b send) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), a.since.Compare(b.since), cmp.Compare(a.place, b.place),
			cmp.Compare(a.turn, b.turn))
	})
	q.waiting = slices.Insert(q.waiting, at, s)
}

// remove drops the sends whose turns are not wanted.
func (q *sendQueue) remove(unwanted func(turn) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(s send) bool { return unwanted(s.turn) })
}

// next takes out what can be sent now, and counts it as running until [pace.end]. It also returns how long the others
// wait for a rate limit at least; 0 if none waits for one. What waits for the end of another call is taken out by a
// later next.
func (q *sendQueue) next() (ready []send, pause time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	short := map[limit]bool{} // that have no call left: nothing else is sent under them before
	left := q.waiting[:0]
	for _, s := range q.waiting {
		if slices.ContainsFunc(s.limits, func(l limit) bool { return short[l] }) {
			left = append(left, s)
			continue
		}
		without, wait, full := q.pace.begin(s.limits)
		if !full && wait == 0 {
			ready = append(ready, s)
			continue
		}
		short[without] = true
		left = append(left, s)
		if wait > 0 && (pause == 0 || wait < pause) {
			pause = wait
		}
	}
	clear(q.waiting[len(left):])
	q.waiting = left
	return ready, pause
}
