package socket

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/internal/backoff"
)

// Config is what a [Client] needs. The zero value of every field but API and Handler stands for its default.
type Config struct {
	// API calls Slack with both tokens; see [NewAPI].
	API     *slack.Client
	Handler Handler
	Log     zerolog.Logger

	// Sockets is how many are kept open, 1 to 10 (Slack's limit per app); 2 by default.
	Sockets int
	// Stagger is the time between the first hello of one socket and the opening of the next, so that Slack does not
	// refresh them at the same time; 15 s by default, negative for none.
	Stagger time.Duration

	// Workers run the durable phase, 128 by default: they mostly wait for the disk, and what they wait for is written in
	// one go.
	Workers int
	// Queue is how many deliveries wait for a worker before the bot says that it is busy; 1,024 by default.
	Queue int
	// Finishers is how many workers run the slow phase of answers, 32 by default. Forms and reads have their own.
	Finishers int

	// HandleWithin is how long the durable phase of a delivery may take after its receipt, 2.5 s by default: Slack waits 3
	// s for an acknowledgement.
	HandleWithin time.Duration

	// Grace is how long a shutdown waits for what is under way; 25 s by default, which fits into the 30 s that Kubernetes
	// gives.
	Grace time.Duration
	// Linger is how long the sockets stay open after the last ack, since slack-go does not say when it was written; 250 ms
	// by default.
	Linger time.Duration

	// FirstRetry and MaxRetry bound the waits between attempts to connect: they double from the first (500 ms by default)
	// to the most (60 s).
	FirstRetry, MaxRetry time.Duration
	// MinUptime is how long a connection must live for the next one to be opened without a wait; 5 s by default.
	MinUptime time.Duration
	// LostFor is how long Slack must refuse every socket before a client that was connected gives up; 5 minutes by
	// default.
	LostFor time.Duration

	// Dial opens the connections of the sockets; nil is the system's own way.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// NewRef makes the short ids under which panics are found in the log. By default 8 random hexadecimal digits.
	NewRef func() string
	// Jitter returns a random number in [0, 1).
	Jitter func() float64

	wrapAcker func(acker) acker // set by WithFailpoints
}

// ErrUnfinished is returned by [Client.Run] when work was still under way at the end of the grace period and did not
// stop when its context was cancelled.
var ErrUnfinished = errors.New("work was still under way when the grace period ended")

// Client keeps the sockets open and passes what arrives to the handler.
type Client struct {
	dispatcher *dispatcher
	links      []*link
	otherConns otherConns
	log        zerolog.Logger
	stagger    time.Duration
	grace      time.Duration
	linger     time.Duration
	lostFor    time.Duration
	ready      chan struct{}
	readyOnce  sync.Once
}

// The numbers of workers, and of those of the lanes.
const (
	defaultWorkers = 128
	formWorkers    = 8
	readWorkers    = 16
	ledgerWorkers  = 8
)

// cancelGrace is how long cancelled work may take to return.
const cancelGrace = time.Second

// New makes a client. It connects in [Client.Run], which must be called, once.
func New(cfg Config) (*Client, error) {
	if cfg.API == nil || cfg.Handler == nil {
		return nil, errors.New("socket: API and Handler are required")
	}
	orInt(&cfg.Sockets, 2)
	if cfg.Sockets < 1 || cfg.Sockets > 10 {
		return nil, fmt.Errorf("socket: %d sockets; Slack allows 1 to 10 for an app", cfg.Sockets)
	}
	orInt(&cfg.Workers, defaultWorkers)
	orInt(&cfg.Queue, 1024)
	orInt(&cfg.Finishers, 32)
	if cfg.Workers < 1 || cfg.Queue < 0 || cfg.Finishers < 1 {
		return nil, fmt.Errorf("socket: %d workers, a queue of %d, %d finishers; there must be some", cfg.Workers, cfg.Queue,
			cfg.Finishers)
	}
	orDuration(&cfg.Stagger, 15*time.Second)
	orDuration(&cfg.HandleWithin, handleWithin)
	orDuration(&cfg.Grace, 25*time.Second)
	orDuration(&cfg.Linger, 250*time.Millisecond)
	orDuration(&cfg.FirstRetry, 500*time.Millisecond)
	orDuration(&cfg.MaxRetry, time.Minute)
	orDuration(&cfg.MinUptime, 5*time.Second)
	orDuration(&cfg.LostFor, 5*time.Minute)
	if cfg.NewRef == nil {
		cfg.NewRef = randomRef
	}
	if cfg.Jitter == nil {
		cfg.Jitter = randomJitter
	}

	c := &Client{
		log: cfg.Log, stagger: cfg.Stagger, grace: cfg.Grace, linger: cfg.Linger, lostFor: cfg.LostFor,
		ready: make(chan struct{}),
	}
	c.dispatcher = newDispatcher(cfg.Handler, cfg.Log, cfg.NewRef, limits{
		workers: cfg.Workers, queue: cfg.Queue,
		finishers: cfg.Finishers, forms: formWorkers, reads: readWorkers, ledgers: ledgerWorkers, finishQueue: 4 * cfg.Queue,
		acks: 4096, envelopes: 1024,
	}, cfg.HandleWithin, c.otherConn)
	if cfg.wrapAcker != nil {
		c.dispatcher.acker = cfg.wrapAcker(c.dispatcher)
	}
	retries := backoff.Policy{First: cfg.FirstRetry, Max: cfg.MaxRetry, Jitter: cfg.Jitter}
	for i := range cfg.Sockets {
		l := newLink(i+1, cfg.API, c.dispatcher, cfg.Log, retries, cfg.MinUptime, cfg.Dial)
		l.onFatal, l.onHello = c.endsProgram, c.noteConnections
		c.links = append(c.links, l)
	}
	return c, nil
}

// Ready is closed when Slack has greeted the first socket.
func (c *Client) Ready() <-chan struct{} { return c.ready }

// Run keeps the sockets open until ctx is done and then shuts down in order: it refuses new deliveries, lets the
// handlers finish their durable phase, sends their acks, closes the sockets, and waits for what runs after the acks.
// When the grace period is over, it cancels the contexts of the rest, and returns [ErrUnfinished] if even that did not
// end it.
//
// It shuts down in the same way, and returns a [*FatalError], if Slack reports a wrong setting before the first hello,
// or refuses every socket for Config.LostFor after it. A single such answer doesn't end it. All other failures to
// connect are retried forever.
func (c *Client) Run(ctx context.Context) error {
	links, closeLinks := context.WithCancel(context.Background())
	defer closeLinks()
	failed := make(chan error, len(c.links))
	var running sync.WaitGroup
	for i, l := range c.links {
		running.Go(func() {
			if i > 0 && !c.waitForTurn(links, c.links[i-1]) {
				return
			}
			if err := l.run(links); err != nil {
				failed <- err
			}
		})
	}
	running.Go(func() {
		select {
		case <-c.links[0].greeted:
			c.readyOnce.Do(func() { close(c.ready) })
		case <-links.Done():
		}
	})

	var fatal error
	select {
	case <-ctx.Done():
	case fatal = <-failed:
	}
	return errors.Join(fatal, c.shutdown(closeLinks, &running))
}

// shutdown stops the client in the order that Run describes.
func (c *Client) shutdown(closeLinks context.CancelFunc, running *sync.WaitGroup) error {
	d := c.dispatcher
	grace, cancel := context.WithTimeout(context.Background(), c.grace)
	defer cancel()

	d.stopping.Store(true)
	inTime := d.handling.drain(grace)
	// An ack that was handed over needs a moment to be written, a refusal one to be worded.
	_ = backoff.Sleep(grace, c.linger)
	d.closing.Store(true)
	closeLinks()
	running.Wait()
	inTime = d.ackPool.drain(grace) && inTime
	inTime = d.drainFinishing(grace) && inTime
	d.cancelBase()
	if inTime {
		return nil
	}
	s := c.Status()
	c.log.Warn().Int("queued", s.Queued).Int("handling", s.Handling).Int("finishing", s.Finishing).
		Msg("cancel what is under way: the grace period is over")
	late, cancelLate := context.WithTimeout(context.Background(), cancelGrace)
	defer cancelLate()
	handled, finished := d.handling.drain(late), d.drainFinishing(late)
	if d.ackPool.drain(late) && handled && finished {
		return nil
	}
	return ErrUnfinished
}

// waitForTurn waits until the socket before has been greeted, and the stagger after that. It reports false when ctx was
// done first.
func (c *Client) waitForTurn(ctx context.Context, before *link) bool {
	select {
	case <-before.greeted:
		return backoff.Sleep(ctx, c.stagger) == nil
	case <-ctx.Done():
		return false
	}
}

// otherConn returns an open socket other than the given one; nil if there is none.
func (c *Client) otherConn(than conn) conn {
	for _, l := range c.links {
		if _, open := l.session(); open && conn(l) != than {
			return l
		}
	}
	return nil
}

// ownConnections returns how many sockets of this program Slack may count now: those that are open, and those that
// ended a moment ago.
func (c *Client) ownConnections(now time.Time) (n int) {
	for _, l := range c.links {
		l.mu.Lock()
		if l.state.Connected {
			n++
		}
		if !l.lastEnd.IsZero() && now.Sub(l.lastEnd) < reconnectTime {
			n++
		}
		l.mu.Unlock()
	}
	return n
}

// noteConnections handles the number of connections in a hello.
func (c *Client) noteConnections(now time.Time, counted int) {
	own := c.ownConnections(now)
	if count, found := c.otherConns.note(now, counted, own); found {
		c.log.Warn().Int("connections", counted).Int("others", count).
			Msg("find another program connected with this Slack app, which gets a part of the commands and clicks: " +
				"give each bot an app of its own, or end the other one")
	}
}

func randomRef() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

func randomJitter() float64 { return mathrand.Float64() }

func orInt(v *int, fallback int) {
	if *v == 0 {
		*v = fallback
	}
}

func orDuration(v *time.Duration, fallback time.Duration) {
	if *v == 0 {
		*v = fallback
	}
}

// Status is what a health check wants to know. Times are zero for what has not happened.
type Status struct {
	Sockets      []ConnStatus
	Connected    int       // how many of them are open
	LastHello    time.Time // the newest of all sockets
	LastEnvelope time.Time

	Others int // connections of another program with the same app, found for longer than a reconnect

	Stopping  bool
	Queued    int // deliveries that wait for a worker
	Handling  int // deliveries in their durable phase
	Finishing int // replies in their slow phase, waiting ones included

	// Counts since the start.
	Handled, Refused, Repeated, Panics int64
}

// ConnStatus is the status of one socket.
type ConnStatus struct {
	Connected    bool
	Since        time.Time // of being connected or not
	LastHello    time.Time
	LastEnvelope time.Time
	Host         string // Slack's, of the last connection
	// AppConnections is how many sockets the whole app had at the last hello, including this bot's; see Status.Others.
	AppConnections int
	Trouble        string // why there is no connection; empty when there is
}

// Status returns a snapshot.
func (c *Client) Status() Status {
	d := c.dispatcher
	s := Status{
		Stopping: d.stopping.Load(),
		Handled:  d.handled.Load(),
		Refused:  d.refused.Load(),
		Repeated: d.repeated.Load(),
		Panics:   d.panics.Load(),
	}
	s.Others = c.otherConns.count()
	s.Queued, s.Handling = d.handling.load()
	waiting, running := d.finishingLoad()
	s.Finishing = waiting + running
	for _, l := range c.links {
		l.mu.Lock()
		one := l.state
		l.mu.Unlock()
		s.Sockets = append(s.Sockets, one)
		if one.Connected {
			s.Connected++
		}
		if one.LastHello.After(s.LastHello) {
			s.LastHello = one.LastHello
		}
		if one.LastEnvelope.After(s.LastEnvelope) {
			s.LastEnvelope = one.LastEnvelope
		}
	}
	return s
}
