package bot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
)

var errLost = errors.New("the connection was lost")

func TestCache_Get_SharesOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := newCache(func(_ context.Context, key string) (string, error) {
			asked++
			time.Sleep(time.Second)
			return "about " + key, nil
		}, time.Now, cacheLife{fresh: time.Minute, kept: time.Minute, timeout: 5 * time.Second, max: 10})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if got, err := c.get(t.Context(), "A"); got != "about A" || err != nil {
					t.Errorf("got %q (%v), want %q", got, err, "about A")
				}
			})
		}
		all.Wait()
		if asked != 1 {
			t.Errorf("got %d questions, want 1", asked)
		}
	})
}

// An answer is used without another question while it is fresh.
func TestCache_Get_Fresh(t *testing.T) {
	for name, c := range map[string]struct {
		fromAnswer bool
		after      time.Duration // after the first answer, which takes 2 s
		want       int           // questions
	}{
		"from the question, fresh":     {false, 2900 * time.Millisecond, 1},
		"from the question, too old":   {false, 3 * time.Second, 2},
		"from the answer, fresh":       {true, 4900 * time.Millisecond, 1},
		"from the answer, too old":     {true, 5 * time.Second, 2},
		"after the clock was set back": {true, -time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
			asked := 0
			cache := newCache(func(context.Context, string) (int, error) {
				asked++
				now = now.Add(2 * time.Second)
				return asked, nil
			}, func() time.Time { return now }, cacheLife{
				fresh: 5 * time.Second, kept: 5 * time.Second, timeout: time.Minute, max: 10, fromAnswer: c.fromAnswer,
			})
			for range 2 {
				if _, err := cache.get(t.Context(), "A"); err != nil {
					t.Fatal(err)
				}
				now = now.Add(c.after)
			}
			if asked != c.want {
				t.Errorf("got %d questions, want %d", asked, c.want)
			}
		})
	}
}

func TestCache_Get_ErrorIsNotKept(t *testing.T) {
	asked := 0
	c := newCache(func(context.Context, string) (string, error) {
		if asked++; asked == 1 {
			return "", errLost
		}
		return "yes", nil
	}, time.Now, cacheLife{fresh: time.Minute, kept: time.Minute, timeout: time.Second, max: 10})
	if _, err := c.get(t.Context(), "A"); !errors.Is(err, errLost) || errors.Is(err, errTooSlow) {
		t.Errorf("first: got %v, want %v", err, errLost)
	}
	if got, err := c.get(t.Context(), "A"); got != "yes" || err != nil {
		t.Errorf("second: got %q (%v), want %q", got, err, "yes")
	}
}

// A question goes on when the caller's context ends, and ends with its own timeout.
func TestCache_Get_TooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}, time.Now, cacheLife{fresh: time.Minute, kept: time.Minute, timeout: 5 * time.Second, max: 10})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if _, err := c.get(ctx, "A"); !errors.Is(err, errTooSlow) {
			t.Errorf("got %v, want %v", err, errTooSlow)
		}
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("got a wait of %v, want %v", got, 5*time.Second)
		}
	})
}

func TestCache_Get_Forgotten(t *testing.T) {
	asked := 0
	c := newCache(func(context.Context, string) (int, error) {
		asked++
		return asked, nil
	}, time.Now, cacheLife{fresh: time.Hour, kept: time.Hour, timeout: time.Second, max: 10})
	for range 2 {
		if _, err := c.get(t.Context(), "A"); err != nil {
			t.Fatal(err)
		}
		c.forget("A")
	}
	if asked != 2 {
		t.Errorf("got %d questions, want 2", asked)
	}
}

// After a question without an answer, there is a pause before the next one about the same.
func TestCache_Refresh_Pause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := newCache(func(context.Context, string) (string, error) {
			asked++
			return "", errLost
		}, time.Now, cacheLife{
			fresh: time.Minute, kept: time.Hour, timeout: time.Second, retry: 15 * time.Second, max: 10,
		})
		for _, s := range []struct {
			pause time.Duration
			key   string
			want  int
		}{{0, "A", 1}, {14 * time.Second, "A", 1}, {0, "B", 2}, {time.Second, "A", 3}} {
			time.Sleep(s.pause)
			<-c.refresh(t.Context(), s.key)
			if asked != s.want {
				t.Errorf("%v later, about %s: got %d questions, want %d", s.pause, s.key, asked, s.want)
			}
		}
		if _, err := c.get(t.Context(), "A"); !errors.Is(err, errNotAsked) {
			t.Errorf("got %v, want %v", err, errNotAsked)
		}
	})
}

// While Slack limits the rate, there are no questions about anything, for as long as it says.
func TestCache_Refresh_RateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := newCache(func(context.Context, string) (string, error) {
			if asked++; asked == 1 {
				return "", &slack.RateLimitedError{RetryAfter: 40 * time.Second}
			}
			return "yes", nil
		}, time.Now, personLife)
		<-c.refresh(t.Context(), "U1")
		time.Sleep(39 * time.Second)
		<-c.refresh(t.Context(), "U2")
		if asked != 1 || c.limited() != time.Second {
			t.Errorf("got %d questions and a limit of %v, want 1 and 1s", asked, c.limited())
		}
		time.Sleep(time.Second)
		<-c.refresh(t.Context(), "U2")
		if got, ok := c.last("U2"); !ok || got != "yes" || asked != 2 {
			t.Errorf("got %q after %d questions, want %q after 2", got, asked, "yes")
		}
	})
}

// Answers that are too old to use are dropped when there are many.
func TestCache_Prune(t *testing.T) {
	now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	c := newCache(func(_ context.Context, key int) (int, error) { return key, nil },
		func() time.Time { return now }, cacheLife{fresh: time.Minute, kept: time.Hour, timeout: time.Second, max: 3})
	for key := range 3 {
		<-c.refresh(t.Context(), key)
	}
	now = now.Add(2 * time.Hour)
	<-c.refresh(t.Context(), 3)
	if got := len(c.entries); got != 1 {
		t.Errorf("got %d answers, want 1", got)
	}
}

// An answer is dropped when it is too old to be used, also if nothing is asked after it.
func TestCache_Sweep_DropsOldAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(func(_ context.Context, key string) (string, error) {
			return "about " + key, nil
		}, time.Now, cacheLife{fresh: time.Second, kept: time.Minute, timeout: time.Second, max: 10})
		ask := func(key string) {
			if _, err := c.get(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		holds := func(want ...string) {
			t.Helper()
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			if got := slices.Sorted(maps.Keys(c.entries)); !slices.Equal(got, want) {
				t.Errorf("answers: got %q, want %q", got, want)
			}
		}
		ask("A")
		time.Sleep(40 * time.Second)
		ask("B")
		time.Sleep(20*time.Second - time.Millisecond)
		holds("A", "B")
		time.Sleep(time.Millisecond)
		holds("B")
		time.Sleep(time.Minute)
		holds()
	})
}
