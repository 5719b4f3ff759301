package socket

import (
	"context"
	"time"
)

// backoff says how long to wait between attempts to reach Slack.
type backoff struct {
	first, max time.Duration // the wait doubles from first up to most
	// minUptime is how long a connection must have lived for the next failure to be
	// the first one again.
	minUptime time.Duration
	jitter    func() float64 // in [0, 1)
}

// wait returns the pause before the next attempt after so many failures in a row, the
// first being 0. It is between half of and the whole doubled wait, so that bots which lost
// Slack at the same moment don't come back at the same moment; when Slack says how long to wait,
// it is not shorter than that.
func (b backoff) wait(failures int, cause error) time.Duration {
	d := b.max
	if failures < 30 && b.first<<failures < b.max {
		d = b.first << failures
	}
	d = d/2 + time.Duration(b.jitter()*float64(d/2))
	if answer := Classify(cause); answer.Outcome == OutcomeRateLimited {
		// The jitter is kept on top: the others were told the same second.
		d += answer.Wait
	}
	return d
}

// sleep waits, and reports false when ctx was done first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
