package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

var (
	errTooLarge   = errors.New("the reply is too large for an ack")
	errNoPayload  = errors.New("acks of this kind carry no payload")
	errAckedEarly = errors.New("the ack was sent before the reply was ready")
	errBadPayload = errors.New("the reply cannot be encoded")
	errNoConn     = errors.New("the envelope came through no socket")
)

const (
	// handleWithin is how long the first phase of a delivery may take, and when a command without an answer is
	// acknowledged early, unless Config.HandleWithin says something else. Slack waits 3 s.
	handleWithin = 2500 * time.Millisecond
	// ackWait bounds the handing over of one ack to its socket. Beyond it the socket has stopped writing, and the reply
	// takes another way.
	ackWait = 400 * time.Millisecond
	// keepSeen covers Slack's last redelivery of an event, after 5 minutes.
	keepSeen = 10 * time.Minute
)

// dispatcher passes deliveries to the handler and acks to the connections.
type dispatcher struct {
	handler Handler
	log     zerolog.Logger
	newRef  func() string
	dedup   *dedup
	within  time.Duration // Config.HandleWithin
	acker   acker         // the dispatcher itself, unless WithFailpoints replaced it

	// handling runs the durable phase, finishing the slow one. They are apart so that slow answers to people never keep a
	// click from being acknowledged.
	handling  *pool
	finishing map[Lane]*pool
	// ackPool is the one goroutine for work that the event loops must not do: refusals, and acks of deliveries without a
	// handler.
	ackPool *pool

	// baseCtx is the context of all work; it ends when the grace period is over.
	baseCtx    context.Context
	cancelBase context.CancelFunc
	stopping   atomic.Bool // no more deliveries are taken
	closing    atomic.Bool // the sockets are being closed by ourselves

	// otherConn finds an open connection other than the given one; it returns nil if there is none.
	otherConn func(than conn) conn

	handled, refused, panics, repeated atomic.Int64
}

// limits are the numbers of workers, and the sizes of queues and of dedup.
type limits struct {
	workers, queue, finishers, forms, reads, ledgers, finishQueue, acks, envelopes int
}

func newDispatcher(h Handler, log zerolog.Logger, newRef func() string, lim limits, within time.Duration,
	otherConn func(than conn) conn,
) *dispatcher {
	d := &dispatcher{
		handler: h, log: log, newRef: newRef, within: within, otherConn: otherConn,
		dedup:    newDedup(lim.envelopes, keepSeen),
		handling: newPool(lim.workers, lim.queue),
		finishing: map[Lane]*pool{
			LaneAnswer: newPool(lim.finishers, lim.finishQueue),
			LaneForm:   newPool(lim.forms, lim.finishQueue),
			LaneRead:   newPool(lim.reads, lim.finishQueue),
			LaneLedger: newPool(lim.ledgers, lim.finishQueue),
		},
		ackPool: newPool(1, lim.acks),
	}
	d.acker = d
	d.baseCtx, d.cancelBase = context.WithCancel(context.Background())
	return d
}

// job is one delivery on its way.
type job struct {
	Delivery
	ack      *ack
	ackTimer *time.Timer // nil but for commands
}

// deliver takes one delivery from an event loop. It never waits.
func (d *dispatcher) deliver(from conn, del Delivery) {
	t, first := d.dedup.add(del.EnvelopeID, from, del.Received)
	if !first {
		d.repeat(from, del.EnvelopeID, t)
		return
	}
	j := &job{Delivery: del, ack: t}
	if j.Kind == KindCommand {
		j.ackTimer = time.AfterFunc(d.within, func() { d.acknowledgeEarly(j) })
	}
	if d.handling.try(func() { d.handle(j) }) {
		return
	}
	why := Busy
	if d.stopping.Load() {
		why = Stopping
	}
	d.refuse(j, why, nil)
}

// handle runs the durable phase of a delivery on a worker.
func (d *dispatcher) handle(j *job) {
	deadline := j.Received.Add(d.within)
	switch {
	case !j.Kind.expires():
		deadline = time.Now().Add(d.within)
	case !time.Now().Before(deadline):
		d.refuse(j, Busy, nil)
		return
	}
	ctx, cancel := context.WithDeadline(d.baseCtx, deadline)
	defer cancel()
	d.handled.Add(1)
	reply := d.callHandler(ctx, j.Delivery)
	d.sendReply(j, reply, func(p *pool, task func()) bool { return p.wait(d.baseCtx, task) })
}

// callHandler calls the handler. It turns a panic into an error reply.
func (d *dispatcher) callHandler(ctx context.Context, del Delivery) (reply Reply) {
	defer func() {
		if r := recover(); r != nil {
			reply = d.errorReply(del, Crashed, d.logPanic(del, r))
		}
	}()
	return del.call(ctx, d.handler)
}

// sendReply sends the ack with its reply and hands the rest to a finisher.
func (d *dispatcher) sendReply(j *job, reply Reply, finish func(*pool, func()) bool) {
	j.stopTimer()
	payload, diverted := encode(j.Kind, reply)
	lost := func(cause error) { d.ackLost(j, payload, reply.Payload, cause) }
	if from, claimed := j.ack.claim(payload); !claimed {
		if reply.Payload != nil {
			diverted = errAckedEarly
		}
	} else if err := d.acker.acknowledgeHandled(j.Delivery, from, payload, lost); err != nil && payload != nil {
		diverted = err
		j.ack.dropPayload()
	}
	if diverted == nil && reply.After == nil {
		return
	}
	if diverted != nil {
		d.log.Info().Str("envelope", j.EnvelopeID).Str("kind", string(j.Kind)).Str("cause", redact(diverted.Error())).
			Msg("send a reply another way than the ack")
	}
	lane, ok := d.finishing[reply.Lane]
	if !ok {
		lane = d.finishing[LaneAnswer]
	}
	ok = finish(lane, func() {
		if diverted != nil {
			d.sendUnsent(j.Delivery, reply.Payload)
		}
		d.runAfter(j.Delivery, reply.After)
	})
	if !ok {
		d.log.Error().Str("envelope", j.EnvelopeID).Str("kind", string(j.Kind)).
			Msg("lose a reply: no room, or the grace period is over")
	}
}

// acker hands the acknowledgement of a handled delivery to a connection. What the handler decided is durable by then.
type acker interface {
	acknowledgeHandled(del Delivery, from conn, payload json.RawMessage, lost func(error)) error
}

// acknowledgeHandled implements acker.
func (d *dispatcher) acknowledgeHandled(del Delivery, from conn, payload json.RawMessage, lost func(error)) error {
	return d.acknowledge(from, del.EnvelopeID, payload, lost)
}

// acknowledge hands an ack to the connection from. If that is closed, a bare ack goes through another one, so that the
// person sees no timeout, and an ack with a payload is an error: it is unknown whether Slack accepts the payload from
// there, and the person might get no answer.
func (d *dispatcher) acknowledge(from conn, id string, payload json.RawMessage, lost func(error)) error {
	err := errNoConn
	if from != nil {
		if err = from.ack(id, payload, ackWait, lost); err == nil {
			return nil
		}
	}
	if other := d.otherConn(from); other != nil {
		if otherErr := other.ack(id, nil, ackWait, nil); otherErr != nil {
			err = errors.Join(err, otherErr)
		} else if payload == nil {
			return nil
		}
	}
	return fmt.Errorf("acknowledge: %w", err)
}

// acknowledgeEarly acknowledges a command that has no answer yet.
func (d *dispatcher) acknowledgeEarly(j *job) {
	if from, claimed := j.ack.claim(nil); claimed {
		_ = d.acknowledge(from, j.EnvelopeID, nil, nil)
	}
}

func (j *job) stopTimer() {
	if j.ackTimer != nil {
		j.ackTimer.Stop()
	}
}

// encode returns the payload of an ack. The error says why the ack can't carry the reply.
func encode(kind Kind, reply Reply) (json.RawMessage, error) {
	if reply.Payload == nil {
		return nil, nil
	}
	if !kind.carriesPayload() {
		return nil, errNoPayload
	}
	raw, err := reply.Encoded, error(nil)
	if raw == nil {
		raw, err = json.Marshal(reply.Payload)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errBadPayload, err)
	case len(raw) > MaxPayload:
		return nil, fmt.Errorf("%w: %d bytes", errTooLarge, len(raw))
	}
	return raw, nil
}

// runAfter runs the slow part of a reply.
func (d *dispatcher) runAfter(del Delivery, after func(context.Context)) {
	if after == nil {
		return
	}
	defer d.recoverPanic(del)
	after(d.baseCtx)
}

// recoverPanic catches a panic after the ack and lets the handler answer the person. A panic of that answer is only
// logged.
func (d *dispatcher) recoverPanic(del Delivery) {
	r := recover()
	if r == nil {
		return
	}
	reply := d.errorReply(del, CrashedAfter, d.logPanic(del, r))
	if reply.After == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			d.logPanic(del, r)
		}
	}()
	reply.After(d.baseCtx)
}

// drainFinishing drains the lanes, see pool.drain.
func (d *dispatcher) drainFinishing(ctx context.Context) bool {
	for _, lane := range d.finishing {
		lane.close() // all at once, so that no lane accepts what another has refused
	}
	done := true
	for _, lane := range d.finishing {
		done = lane.drain(ctx) && done
	}
	return done
}

// finishingLoad returns how many replies wait for their slow phase, and how many run it.
func (d *dispatcher) finishingLoad() (waiting, running int) {
	for _, lane := range d.finishing {
		w, r := lane.load()
		waiting, running = waiting+w, running+r
	}
	return waiting, running
}

// pool runs tasks on a fixed number of goroutines behind a queue of fixed length.
type pool struct {
	tasks   chan func()
	pending atomic.Int64 // tasks from before they are queued until they are done
	done    chan struct{}
	workers int
	once    sync.Once

	mu     sync.RWMutex // guards closed, and closing tasks against sends
	closed bool
}

// newPool makes a pool whose queue holds length tasks. Its workers start with the first task, so that a client which is
// made and never run leaves nothing behind. close ends them.
func newPool(workers, length int) *pool {
	return &pool{tasks: make(chan func(), length), done: make(chan struct{}), workers: workers}
}

// start starts the workers, once.
func (p *pool) start() {
	p.once.Do(func() {
		var wg sync.WaitGroup
		for range p.workers {
			wg.Go(func() {
				for task := range p.tasks {
					task()
					p.pending.Add(-1)
				}
			})
		}
		go func() {
			wg.Wait()
			close(p.done)
		}()
	})
}

// try queues a task without waiting and reports whether there was room.
func (p *pool) try(task func()) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	p.start()
	p.pending.Add(1)
	select {
	case p.tasks <- task:
		return true
	default:
		p.pending.Add(-1)
		return false
	}
}

// wait queues a task, waits for room until ctx is done, and reports whether there was.
func (p *pool) wait(ctx context.Context, task func()) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	p.start()
	p.pending.Add(1)
	select {
	case p.tasks <- task:
		return true
	case <-ctx.Done():
		p.pending.Add(-1)
		return false
	}
}

// load returns how many tasks wait and how many run. Their sum is 0 only when there are none.
func (p *pool) load() (waiting, running int) {
	taken := int(p.pending.Load())
	waiting = min(len(p.tasks), taken)
	return waiting, taken - waiting
}

// close takes no further tasks; what is queued still runs. It may be called again.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.start() // so that done is closed also when there never was a task
		p.closed = true
		close(p.tasks)
	}
}

// drain closes the pool and waits until its tasks are done or ctx is. It reports whether they are done.
func (p *pool) drain(ctx context.Context) bool {
	p.close()
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
		return false
	}
}
