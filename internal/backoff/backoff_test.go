package backoff

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestPolicy_Delay_DoublesUpToMax(t *testing.T) {
	p := Policy{First: 500 * time.Millisecond, Max: time.Minute}
	for failures, want := range map[int]time.Duration{
		0: 500 * time.Millisecond, 1: time.Second, 3: 4 * time.Second, 6: 32 * time.Second, 7: time.Minute,
		1000: time.Minute, math.MaxInt: time.Minute,
	} {
		if got := p.Delay(failures); got != want {
			t.Errorf("Delay(%d): got %v, want %v", failures, got, want)
		}
	}
}

func TestPolicy_Delay_FirstAboveMax(t *testing.T) {
	p := Policy{First: time.Hour, Max: time.Minute}
	if got, want := p.Delay(0), time.Minute; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A delay of the largest durations does not overflow.
func TestPolicy_Delay_Largest(t *testing.T) {
	p := Policy{First: math.MaxInt64/2 + 1, Max: math.MaxInt64}
	if got := p.Delay(1); got != math.MaxInt64 {
		t.Errorf("got %d, want %d", got, int64(math.MaxInt64))
	}
}

func TestPolicy_Delay_Jitter(t *testing.T) {
	for _, c := range []struct {
		jitter float64
		want   time.Duration
	}{
		{0, time.Second}, {0.5, 1500 * time.Millisecond}, {0.75, 1750 * time.Millisecond},
	} {
		p := Policy{First: time.Second, Max: time.Minute, Jitter: func() float64 { return c.jitter }}
		if got := p.Delay(1); got != c.want {
			t.Errorf("jitter %v: got %v, want %v", c.jitter, got, c.want)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := Sleep(t.Context(), time.Hour); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if got := time.Since(start); got != time.Hour {
			t.Errorf("slept %v, want %v", got, time.Hour)
		}
	})
}

func TestSleep_ContextDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		if got := time.Since(start); got != time.Minute {
			t.Errorf("slept %v, want %v", got, time.Minute)
		}
	})
}
