package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"licensebot/internal/backoff"
)

const (
	// ackGrace is the time before the end of a connection in which handed-over acks count as unsent. slack-go writes them
	// within microseconds but doesn't report it, and a broken connection loses what was on the wire.
	ackGrace = 500 * time.Millisecond
	// writeTimeout is slack-go's: a failed write is reported at most so much later.
	writeTimeout = 10 * time.Second
	// readLimit bounds a message from Slack: a view has at most 250 KB, and block_actions bring it together with its
	// message.
	readLimit = 4 << 20
)

var (
	errDown       = errors.New("the socket is closed")
	errShortLived = errors.New("the connection was closed soon after it was opened")
)

// link keeps one socket open. It runs slack-go's client, which reconnects by itself when Slack refreshes a connection;
// whenever that fails, link ends the client's attempt and waits as its own backoff says.
type link struct {
	client     *socketmode.Client
	dispatcher *dispatcher
	log        zerolog.Logger
	backoff    backoff.Policy
	// minUptime is how long a connection must have lived for the next one to be opened without a wait.
	minUptime time.Duration
	ackGrace  time.Duration
	greeted   chan struct{} // closed by the first hello
	// onFatal is called with an answer that waiting can't cure. It returns that answer if the program has to end, and nil
	// otherwise.
	onFatal func(*FatalError) error
	// onHello is called with the number of connections in each hello.
	onHello func(now time.Time, connections int)

	mu           sync.Mutex
	state        ConnStatus
	loggedReason string      // the kind of trouble that the log has
	sessions     int         // counts connections
	handedOver   []handedAck // oldest first, at most a writeTimeout old
	lastEnd      time.Time   // of a connection; zero before the first
	refusedSince time.Time   // since when Slack has only refused the app; zero if it doesn't
}

// handedAck is an ack that slack-go has taken.
type handedAck struct {
	id      string
	at      time.Time
	session int
	lost    func(error)
}

// dialFunc opens a network connection; nil is the system's own way.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

func newLink(name int, api *slack.Client, to *dispatcher, log zerolog.Logger, b backoff.Policy,
	minUptime time.Duration, dial dialFunc,
) *link {
	log = log.With().Int("socket", name).Logger()
	return &link{
		dispatcher: to, log: log, backoff: b, minUptime: minUptime, ackGrace: ackGrace,
		greeted: make(chan struct{}), onFatal: func(fatal *FatalError) error { return fatal },
		onHello: func(time.Time, int) {},
		client: socketmode.New(api,
			socketmode.OptionLog(libraryLog{log}),
			socketmode.OptionReadLimit(readLimit),
			socketmode.OptionDialer(&websocket.Dialer{
				Proxy:            http.ProxyFromEnvironment,
				NetDialContext:   dial,
				HandshakeTimeout: 15 * time.Second,
				// One frame per ack: Slack does not put continuation frames together.
				WriteBufferSize: 32 << 10,
			})),
	}
}

// run keeps the socket open until ctx is done. It returns a *FatalError if onFatal ends the program.
func (l *link) run(ctx context.Context) error {
	for failures := 0; ; failures++ {
		steady, cause := l.connect(ctx)
		if ctx.Err() != nil {
			l.noteEnd(nil)
			return nil
		}
		l.noteEnd(cause)
		fatal := fatalError(methodOpen, cause, l.wasGreeted())
		l.noteRefused(time.Now(), fatal != nil)
		if fatal != nil {
			if err := l.onFatal(fatal); err != nil {
				return err
			}
		}
		if steady {
			failures = 0
		}
		l.logDisconnect(cause)
		if backoff.Sleep(ctx, retryDelay(l.backoff, failures, cause)) != nil {
			return nil
		}
	}
}

// connect runs slack-go's client until an attempt to connect fails. It returns whether a connection was steady before
// that, and the cause of the failure. It is the event loop: it waits only for the next event.
func (l *link) connect(ctx context.Context) (steady bool, cause error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := clientRun{link: l, stop: cancel}
	ended := make(chan error, 1)
	go func() { ended <- l.client.RunContext(ctx) }()
	for {
		select {
		case ev := <-l.client.Events:
			r.handle(ev)
		case err := <-ended:
			r.end(err)
			return r.steady, r.cause
		}
	}
}

// clientRun is one run of slack-go's client, which opens one connection after another.
type clientRun struct {
	link   *link
	stop   context.CancelFunc
	steady bool  // whether one of its connections lived for minUptime
	cause  error // why the run ends
}

// handle handles an event of the client.
func (r *clientRun) handle(ev socketmode.Event) {
	switch ev.Type {
	case socketmode.EventTypeConnectionError:
		// slack-go's own backoff has no jitter and grows to five minutes.
		if failed, ok := ev.Data.(*slack.ConnectionErrorEvent); ok {
			r.fail(failed.ErrorObj)
		}
	case socketmode.EventTypeConnecting:
		// A second attempt in the same run says that a connection has ended.
		lived, ended := r.link.noteEnd(nil)
		switch {
		case !ended:
		case lived < r.link.minUptime:
			// Too many sockets, or Socket Mode switched off: Slack lets the bot in and closes. slack-go would try again at
			// once, forever.
			r.fail(errShortLived)
		default:
			r.steady = true
		}
	default:
		r.link.receive(ev)
	}
}

// fail ends the run, unless it is ending for another cause.
func (r *clientRun) fail(cause error) {
	if r.cause == nil {
		r.cause = cause
	}
	r.stop()
}

// end handles the events from before the client returned err, and notes the end of its connection.
func (r *clientRun) end(err error) {
	for drained := false; !drained; {
		select {
		case ev := <-r.link.client.Events:
			r.handle(ev)
		default:
			drained = true
		}
	}
	if lived, ended := r.link.noteEnd(err); ended && lived >= r.link.minUptime {
		r.steady = true
	}
	if r.cause == nil {
		r.cause = err
	}
}

// receive handles every event that is not about connecting.
func (l *link) receive(ev socketmode.Event) {
	now := time.Now()
	switch ev.Type {
	case socketmode.EventTypeConnected:
		l.noteOpen(now)
	case socketmode.EventTypeHello:
		l.noteHello(now, ev.Request)
	case socketmode.EventTypeSlashCommand, socketmode.EventTypeInteractive, socketmode.EventTypeEventsAPI:
		l.noteEnvelope(now)
		if del := read(ev, now); del.Kind != "" {
			l.dispatcher.deliver(l, del)
		} else {
			l.dispatcher.acknowledgeOnly(l, del.EnvelopeID)
		}
	case socketmode.EventTypeErrorBadMessage:
		l.noteEnvelope(now)
		if bad, ok := ev.Data.(*socketmode.ErrorBadMessage); ok {
			l.dispatcher.unreadable(l, readUnparsed(bad.Message, now), bad.Cause)
		}
	case socketmode.EventTypeErrorWriteFailed:
		if failed, ok := ev.Data.(*socketmode.ErrorWriteFailed); ok {
			l.writeFailed(failed.Response.EnvelopeID, failed.Cause)
		}
	case socketmode.EventTypeIncomingError:
		if bad, ok := ev.Data.(*slack.IncomingEventError); ok {
			l.log.Debug().Str("cause", redact(bad.ErrorObj.Error())).Msg("skip an unreadable frame")
		}
	default: // clientRun handles events about connecting; the others need no reaction
	}
}

// ack hands an ack to slack-go. It implements conn.
func (l *link) ack(id string, payload json.RawMessage, wait time.Duration, lost func(error)) error {
	session, open := l.session()
	if !open {
		return errDown
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	var body any // a nil RawMessage in an interface would be sent as null
	if payload != nil {
		body = payload
	}
	if err := l.client.AckCtx(ctx, id, body); err != nil {
		return fmt.Errorf("hand over to the socket: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions != session || !l.state.Connected {
		return errDown
	}
	if lost == nil {
		return nil
	}
	now := time.Now()
	for len(l.handedOver) > 0 && now.Sub(l.handedOver[0].at) > writeTimeout {
		l.handedOver[0] = handedAck{}
		l.handedOver = l.handedOver[1:]
	}
	l.handedOver = append(l.handedOver, handedAck{id: id, at: now, session: session, lost: lost})
	return nil
}

// writeFailed reports the ack that slack-go could not write.
func (l *link) writeFailed(id string, cause error) {
	l.mu.Lock()
	var lost func(error)
	for i, h := range l.handedOver {
		if h.id == id && h.lost != nil {
			lost, l.handedOver[i].lost = h.lost, nil
			break
		}
	}
	l.mu.Unlock()
	if lost != nil {
		lost(fmt.Errorf("write: %w", cause))
	}
}

func (l *link) session() (session int, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions, l.state.Connected
}

// noteOpen notes a new connection.
func (l *link) noteOpen(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions++
	l.state.Connected, l.state.Since = true, now
}

// noteEnd notes the end of the connection, if there was one: how long it lived, and that acks handed over at the last
// moment may not have been written. cause is for the status; nil leaves what it says.
func (l *link) noteEnd(cause error) (lived time.Duration, ended bool) {
	now := time.Now()
	l.mu.Lock()
	if cause != nil && !errors.Is(cause, context.Canceled) {
		l.state.Trouble = reasonOf(cause)
	}
	if !l.state.Connected {
		l.mu.Unlock()
		return 0, false
	}
	lived = now.Sub(l.state.Since)
	l.state.Connected, l.state.Since, l.lastEnd = false, now, now
	if lived >= l.minUptime {
		l.loggedReason = ""
	}
	var unsure []func(error)
	// At a shutdown the acks were given time to be written before.
	if !l.dispatcher.closing.Load() {
		for _, h := range l.handedOver {
			if h.session == l.sessions && h.lost != nil && now.Sub(h.at) <= l.ackGrace {
				unsure = append(unsure, h.lost)
			}
		}
	}
	l.handedOver = nil
	l.mu.Unlock()
	for _, lost := range unsure {
		lost(errDown)
	}
	return lived, true
}

// noteHello notes Slack's greeting.
func (l *link) noteHello(now time.Time, req *socketmode.Request) {
	l.mu.Lock()
	had := l.state.Trouble
	l.state.LastHello, l.state.Trouble = now, ""
	l.refusedSince = time.Time{}
	l.state.Host, l.state.AppConnections = req.DebugInfo.Host, req.NumConnections
	l.mu.Unlock()
	l.onHello(now, req.NumConnections)
	first := !l.wasGreeted()
	if first {
		close(l.greeted)
	}
	// A refresh every few hours is not worth a line, nor is each attempt of one that fails.
	event := l.log.Debug()
	if first || had != "" && had != reasonOf(errShortLived) {
		event = l.log.Info()
	}
	event.Str("host", req.DebugInfo.Host).Int("app_connections", req.NumConnections).
		Int("lives_ms", 1000*req.DebugInfo.ApproximateConnectionTime).Str("after", had).Msg("connect to Slack")
}

func (l *link) wasGreeted() bool {
	select {
	case <-l.greeted:
		return true
	default:
		return false
	}
}

func (l *link) noteEnvelope(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.LastEnvelope = now
}

// reconnectTime is how long Slack may still count one of the bot's connections that has ended or is about to: it warns
// ten seconds ahead of a planned disconnect.
const reconnectTime = 10 * time.Second

// otherConns detects another program that uses the app. Slack counts all connections of the app in each hello, and
// gives every command and click to one of them, so some would reach the other program's ledger.
type otherConns struct {
	mu    sync.Mutex
	since time.Time // since when each hello has counted more connections than the bot's; zero if the last one didn't
	seen  int       // how many more, once that has lasted longer than a reconnect
}

// note notes the count of a hello. It returns how many other connections there are, and whether they are new.
func (o *otherConns) note(now time.Time, counted, own int) (count int, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if counted <= own {
		o.since, o.seen = time.Time{}, 0
		return 0, false
	}
	if o.since.IsZero() {
		o.since = now
	}
	if now.Sub(o.since) < reconnectTime {
		return 0, false
	}
	found = o.seen == 0
	o.seen = counted - own
	return o.seen, found
}

func (o *otherConns) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen
}
