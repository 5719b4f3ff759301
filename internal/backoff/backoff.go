// Package backoff computes how long to wait before something that failed is tried again.
//
// [Policy.Delay] is a function of the number of failures, which callers keep for each thing that they retry. [Sleep]
// waits.
package backoff

import (
	"context"
	"time"
)

// Policy is a rule for growing delays: First after the first failure, twice as long after each further one, and at most
// Max.
type Policy struct {
	First, Max time.Duration
	// Jitter returns a number in [0, 1), which places the delay between half of it and all of it. Programs that failed
	// at the same moment then don't come back at the same moment. Nil means no jitter.
	Jitter func() float64
}

// Delay returns the wait after a number of failures in a row, 0 for the first one.
func (p Policy) Delay(failures int) time.Duration {
	delay := min(p.First, p.Max)
	for range failures {
		if delay > p.Max/2 {
			delay = p.Max
			break
		}
		delay *= 2
	}
	if p.Jitter != nil {
		delay = delay/2 + time.Duration(p.Jitter()*float64(delay/2))
	}
	return delay
}

// Sleep waits for d. It returns the error of ctx if ctx is done first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
