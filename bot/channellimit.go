package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"licensebot/bot/socket"
)

// channelLimits keeps the channels in which Slack limits the rate. Nothing is posted there until the limit ends. Only
// one message at a time is posted in a channel: Slack accepts about one a second, and fewer from an app that posts
// more.
type channelLimits struct {
	now func() time.Time
	log zerolog.Logger

	mu    sync.Mutex
	slots map[string]chan struct{}
	until map[string]time.Time
}

func newChannelLimits(now func() time.Time, log zerolog.Logger) *channelLimits {
	return &channelLimits{now: now, log: log, slots: map[string]chan struct{}{}, until: map[string]time.Time{}}
}

// channelLimitError reports that a channel is rate limited. The message waits; it has not failed.
type channelLimitError struct {
	channel string
	until   time.Time
}

func (e channelLimitError) Error() string {
	return fmt.Sprintf("Slack limits the rate in %s until %s", e.channel, e.until.Format(time.TimeOnly))
}

// post posts to a channel after the posts before it. While the channel is limited, it returns a channelLimitError and
// posts nothing. A post that Slack limits begins such a time.
func (r *channelLimits) post(ctx context.Context, channel string, post func() error) error {
	slot := r.slot(channel)
	select {
	case slot <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-slot }()
	if until, resting := r.limit(channel); resting {
		return channelLimitError{channel, until}
	}
	err := post()
	answer := socket.Classify(err)
	if answer.Outcome != socket.OutcomeRateLimited {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until[channel] = r.now().Add(answer.Wait)
	r.log.Warn().Str("channel", channel).Int64("rest_ms", answer.Wait.Milliseconds()).
		Msg("rest a channel: Slack limits the rate there")
	return channelLimitError{channel, r.until[channel]}
}

func (r *channelLimits) slot(channel string) chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slots[channel] == nil {
		at := 1
		if channel == directMessages {
			at = maxNotifiers
		}
		r.slots[channel] = make(chan struct{}, at)
	}
	return r.slots[channel]
}

func (r *channelLimits) limit(channel string) (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.until[channel]
	if ok && !r.now().Before(until) {
		delete(r.until, channel)
		return until, false
	}
	return until, ok
}
