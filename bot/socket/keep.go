package socket

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
)

const (
	// steady is how long a socket has to last for its end to be no reason to wait before the next one.
	steady = 10 * time.Second
	// firstPause and longestPause are the waits between tries that fail; they double in between.
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
)

// pause is how long to wait before the next try, after so many that came to nothing.
func pause(failed int) time.Duration {
	if failed == 0 {
		return 0
	}
	return min(firstPause<<min(failed-1, 16), longestPause)
}

// keep holds a socket open until ctx is done, and returns nil then, when nothing reads any more. The next socket is
// opened as soon as Slack asks to leave the present one, which is read until it ends. An error wraps ErrFatal.
func (s *Server) keep(ctx context.Context, number int) error {
	log := s.log.With().Int("socket", number).Logger()
	var readers sync.WaitGroup
	defer readers.Wait()
	failed := 0
	for {
		if !sleep(ctx, pause(failed)) {
			return nil
		}
		l, err := open(ctx, s.api)
		if ctx.Err() != nil {
			if l != nil {
				l.bid()
			}
			return nil
		}
		if err != nil {
			if stop := Fatal(err); stop != nil {
				return stop
			}
			level := zerolog.DebugLevel
			if failed%10 == 0 { // told now and then, not at every try
				level = zerolog.WarnLevel
			}
			log.WithLevel(level).Err(err).Int("tries", failed+1).Msg("no socket to Slack; trying again")
			failed++
			var limited *slack.RateLimitedError
			if errors.As(err, &limited) && !sleep(ctx, limited.RetryAfter) {
				return nil
			}
			continue
		}
		log.Info().Msg("connected to Slack")
		s.links.add(l)
		s.hello()
		readers.Go(func() {
			defer s.links.remove(l)
			defer context.AfterFunc(ctx, l.bid)()
			err := l.read(func(frame []byte) { s.take(l, frame) })
			if ctx.Err() == nil {
				log.Info().Err(err).Msg("a socket to Slack ended")
			}
		})
		select {
		case <-l.asked:
		case <-l.over:
		case <-ctx.Done():
			return nil
		}
		failed++
		if time.Since(l.opened) >= steady {
			failed = 0
		}
	}
}

// sleep waits for d; false when ctx is done before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// links are the sockets that are open.
type links struct {
	mu    sync.Mutex
	open  []*link
	added chan struct{} // closed and replaced when one is added
}

func (s *links) add(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, l)
	close(s.added)
	s.added = make(chan struct{})
}

func (s *links) remove(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(x *link) bool { return x == l })
}

func (s *links) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// good is a socket to write to: own, if Slack does not close it, or another one. It waits for one until ctx is done;
// then it is own if that is still open, or nil.
func (s *links) good(ctx context.Context, own *link) *link {
	for {
		if !own.closing.Load() {
			return own
		}
		s.mu.Lock()
		added := s.added
		for _, l := range s.open {
			if !l.closing.Load() {
				s.mu.Unlock()
				return l
			}
		}
		s.mu.Unlock()
		select {
		case <-added:
		case <-ctx.Done():
			select {
			case <-own.over:
				return nil
			default:
				return own
			}
		}
	}
}
