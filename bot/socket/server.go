package socket

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"golang.org/x/sync/errgroup"
)

// Options are the Server's collaborators and sizes. API and Handler are required; a zero size is its default.
type Options struct {
	API     *slack.Client // with the app-level token
	Handler Handler
	Log     zerolog.Logger

	Sockets int           // 2: while Slack closes one, the other takes over
	Stagger time.Duration // between the opening of sockets, so that they do not end together: 3 s
	Workers int           // 32
	Queue   int           // 2000: envelopes that wait for a worker
	// AckWithin is when a command is acknowledged without its answer, if the handler still works on it: 2.5 s, of the 3
	// that Slack gives. Clicks and forms are never acknowledged early: a person whose click is not durable yet must not
	// be told that it counted, and can click again.
	AckWithin time.Duration
	Grace     time.Duration // how long Run lets work go on that was begun when it was told to stop: 25 s
}

// Server reads sockets and answers what comes. Use New.
type Server struct {
	api       *slack.Client
	handler   Handler
	log       zerolog.Logger
	options   Options
	queue     chan delivery
	seen      *lru.Cache[string, *outcome]
	connected atomic.Int64
	last      atomic.Int64
	first     chan struct{} // closed at the first hello
	once      sync.Once

	mu      sync.RWMutex // guards stopped, and with it the closing of the queue
	stopped bool
}

// delivery is an envelope that waits for a worker.
type delivery struct {
	client *socketmode.Client
	event  socketmode.Event
	came   time.Time
	out    *outcome
}

// outcome is what became of an envelope, kept for when it is delivered again.
type outcome struct {
	mu      sync.Mutex
	to      Origin
	acked   bool
	payload any // of the acknowledgement that was sent
}

// remembered is how many envelopes are recognised when they come again.
const remembered = 8192

// New makes a Server.
func New(o Options) *Server {
	size := func(n *int, def int) {
		if *n <= 0 {
			*n = def
		}
	}
	wait := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	size(&o.Sockets, 2)
	size(&o.Workers, 32)
	size(&o.Queue, 2000)
	wait(&o.Stagger, 3*time.Second)
	wait(&o.AckWithin, 2500*time.Millisecond)
	wait(&o.Grace, 25*time.Second)
	seen, _ := lru.New[string, *outcome](remembered) // fails on a size below 1 only
	return &Server{api: o.API, handler: o.Handler, log: o.Log, options: o, queue: make(chan delivery, o.Queue), seen: seen,
		first: make(chan struct{})}
}

// Connected is closed when Slack has greeted the first socket.
func (s *Server) Connected() <-chan struct{} { return s.first }

func (s *Server) hello() { s.once.Do(func() { close(s.first) }) }

// Run connects and answers until ctx is done; then it takes nothing more from the sockets, finishes what it has
// within Grace, and returns nil. An error wraps ErrFatal and says what to change.
func (s *Server) Run(ctx context.Context) error {
	// Work and sockets outlive ctx: an acknowledgement needs its socket.
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	workers := new(errgroup.Group)
	for range s.options.Workers {
		workers.Go(func() error {
			for d := range s.queue {
				s.work(hard, d)
			}
			return nil
		})
	}
	sockets, socketsCtx := errgroup.WithContext(hard)
	for n := range s.options.Sockets {
		sockets.Go(func() error {
			if n > 0 {
				if !wait(socketsCtx, s.first, time.Duration(n)*s.options.Stagger) {
					return nil
				}
			}
			return s.connect(socketsCtx, n+1)
		})
	}
	select {
	case <-ctx.Done():
	case <-socketsCtx.Done():
	}
	s.stopTaking()
	done := make(chan struct{})
	go func() { workers.Wait(); close(done) }()
	timer := time.NewTimer(s.options.Grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		s.log.Warn().Msg("work was not finished in time; it goes on at the next start as far as it is durable")
	}
	cancel()
	<-done
	return sockets.Wait()
}

// wait waits for the first socket and then for d; false when ctx is done before.
func wait(ctx context.Context, first <-chan struct{}, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-first:
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
