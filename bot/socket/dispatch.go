package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"licensebot/internal/failpoint"
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

var (
	errTooLarge   = errors.New("the reply is too large for an ack")
	errNoPayload  = errors.New("acks of this kind carry no payload")
	errAckedEarly = errors.New("the ack was sent before the reply was ready")
	errBadPayload = errors.New("the reply cannot be encoded")
	errNoConn     = errors.New("the envelope came through no socket")
)

// dispatcher brings deliveries to the handler and acks to the sockets. It knows connections only as conn.
type dispatcher struct {
	handler Handler
	log     zerolog.Logger
	newRef  func() string
	dedup   *dedup
	within  time.Duration // Config.HandleWithin

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

// limits are the sizes of the pools and of the memory.
type limits struct {
	workers, queue, finishers, forms, reads, ledgers, finishQueue, acks, envelopes int
}

func newDispatcher(h Handler, log zerolog.Logger, newRef func() string, lim limits, within time.Duration,
	another func(conn) conn,
) *dispatcher {
	d := &dispatcher{
		handler: h, log: log, newRef: newRef, within: within, otherConn: another,
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

// repeat acknowledges a repeated delivery with the earlier payload. If the envelope is still being handled, it is
// acknowledged afterwards, on the newer connection.
func (d *dispatcher) repeat(from conn, id string, t *ack) {
	d.repeated.Add(1)
	payload, acked := t.redelivered(from)
	d.log.Debug().Str("envelope", id).Bool("handled", acked).Msg("skip a repeated delivery")
	if acked {
		d.queueAck(func() { _ = d.acknowledge(from, id, payload, nil) })
	}
}

// acknowledgeOnly acknowledges an envelope that needs no handler.
func (d *dispatcher) acknowledgeOnly(from conn, id string) {
	if id == "" {
		return
	}
	d.queueAck(func() { _ = d.acknowledge(from, id, nil, nil) })
}

// unreadable answers a delivery that slack-go could not parse. del has what could be read of it. Without a kind it is
// only acknowledged.
func (d *dispatcher) unreadable(from conn, del Delivery, cause error) {
	if del.Kind == "" {
		d.log.Warn().Str("envelope", del.EnvelopeID).Str("cause", redact(cause.Error())).
			Msg("acknowledge an unreadable envelope")
		d.acknowledgeOnly(from, del.EnvelopeID)
		return
	}
	t, first := d.dedup.add(del.EnvelopeID, from, del.Received)
	if !first {
		d.repeat(from, del.EnvelopeID, t)
		return
	}
	d.refuse(&job{Delivery: del, ack: t}, Unreadable, cause)
}

// queueAck runs a short task outside the event loops. If the queue is full, the delivery gets no ack, and Slack shows
// the person an error.
func (d *dispatcher) queueAck(task func()) bool {
	if d.ackPool.try(task) {
		return true
	}
	d.log.Error().Msg("drop an envelope: no room to acknowledge it")
	return false
}

// refuse answers a delivery that is not handled. It sends no ack where that would look like success: then Slack shows
// that the click failed, keeps the modal open, or sends the event again.
func (d *dispatcher) refuse(j *job, why Refusal, cause error) {
	d.refused.Add(1)
	if why != Unreadable && j.Kind != KindCommand {
		d.dedup.forget(j.EnvelopeID)
		d.log.Warn().Str("envelope", j.EnvelopeID).Str("kind", string(j.Kind)).Str("why", string(why)).
			Msg("refuse a delivery without an ack")
		return
	}
	queued := d.queueAck(func() {
		ref := ""
		event := d.log.Warn()
		if why == Unreadable {
			ref = d.newRef()
			event = event.Str("ref", ref).Str("cause", redact(cause.Error()))
		}
		event.Str("envelope", j.EnvelopeID).Str("kind", string(j.Kind)).Str("why", string(why)).Msg("refuse a delivery")
		d.sendReply(j, d.errorReply(j.Delivery, why, ref), (*pool).try)
	})
	if !queued {
		j.stopTimer()
		d.dedup.forget(j.EnvelopeID)
	}
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

// finishingLoad returns how many replies wait for their slow phase, and how many run it.
func (d *dispatcher) finishingLoad() (waiting, running int) {
	for _, lane := range d.finishing {
		w, r := lane.load()
		waiting, running = waiting+w, running+r
	}
	return waiting, running
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
	payload, diverted := encode(j.Kind, reply.Payload)
	lost := func(cause error) { d.ackLost(j, payload, reply.Payload, cause) }
	if from, mine := j.ack.claim(payload); !mine {
		if reply.Payload != nil {
			diverted = errAckedEarly
		}
	} else if err := d.acknowledgeHandled(j, from, payload, lost); err != nil && payload != nil {
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

// acknowledgeHandled acknowledges what was handled: what it decided is durable by now.
func (d *dispatcher) acknowledgeHandled(j *job, from conn, payload json.RawMessage, lost func(error)) error {
	moment := ackSteps[j.Kind]
	failpoint.Hit(failpoint.Before, moment)
	err := d.acknowledge(from, j.EnvelopeID, payload, lost)
	failpoint.Hit(failpoint.After, moment)
	return err
}

// ackSteps names acknowledgements for tests that kill the program around them.
var ackSteps = map[Kind]failpoint.Name{
	KindCommand: failpoint.AckCommand, KindAction: failpoint.AckAction, KindSubmission: failpoint.AckSubmission,
	KindHome: failpoint.AckHome,
}

// acknowledgeEarly acknowledges a command that has no answer yet.
func (d *dispatcher) acknowledgeEarly(j *job) {
	if from, mine := j.ack.claim(nil); mine {
		_ = d.acknowledge(from, j.EnvelopeID, nil, nil)
	}
}

func (j *job) stopTimer() {
	if j.ackTimer != nil {
		j.ackTimer.Stop()
	}
}

// acknowledge hands an ack to its line. If the line is gone, a bare ack goes through another one, so that the person
// sees no timeout. An ack with a payload does not: it is unknown whether Slack accepts the payload from there, and the
// person might get no answer.
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

// ackLost handles an ack that was handed over but not, or perhaps not, sent.
func (d *dispatcher) ackLost(j *job, payload json.RawMessage, reply any, cause error) {
	j.ack.mu.Lock()
	from := j.ack.conn
	if payload != nil {
		j.ack.payload = nil
	}
	j.ack.mu.Unlock()
	d.log.Warn().Str("envelope", j.EnvelopeID).Str("kind", string(j.Kind)).Str("cause", redact(cause.Error())).
		Msg("doubt that an ack was sent")
	d.queueAck(func() {
		if other := d.otherConn(from); other != nil {
			_ = other.ack(j.EnvelopeID, nil, ackWait, nil) // the last attempt
		}
		if payload != nil && !d.finishing[LaneAnswer].try(func() { d.sendUnsent(j.Delivery, reply) }) {
			d.log.Error().Str("envelope", j.EnvelopeID).Msg("lose a reply: no room")
		}
	})
}

// sendUnsent lets the handler deliver a reply in another way than the ack.
func (d *dispatcher) sendUnsent(del Delivery, payload any) {
	defer d.recoverPanic(del)
	d.handler.Unsent(d.baseCtx, del, payload)
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
	sorry := d.errorReply(del, CrashedAfter, d.logPanic(del, r))
	if sorry.After == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			d.logPanic(del, r)
		}
	}()
	sorry.After(d.baseCtx)
}

// errorReply gets the handler's answer to a failure. If that panics too, the ack is empty.
func (d *dispatcher) errorReply(del Delivery, why Refusal, ref string) (reply Reply) {
	defer func() {
		if r := recover(); r != nil {
			d.logPanic(del, r)
			reply = Reply{}
		}
	}()
	return d.handler.Refused(del, why, ref)
}

// logPanic logs a panic with its stack and returns the id of the log line.
func (d *dispatcher) logPanic(del Delivery, r any) string {
	d.panics.Add(1)
	ref := d.newRef()
	d.log.Error().Str("ref", ref).Str("envelope", del.EnvelopeID).Str("kind", string(del.Kind)).
		Str("panic", redact(fmt.Sprint(r))).Str("stack", redact(string(debug.Stack()))).
		Msg("recover from a panic in a handler")
	return ref
}

// encode returns the payload of an ack. The error says why the ack can't carry the reply.
func encode(kind Kind, payload any) (json.RawMessage, error) {
	if payload == nil {
		return nil, nil
	}
	if !kind.carriesPayload() {
		return nil, errNoPayload
	}
	raw, err := json.Marshal(payload)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errBadPayload, err)
	case len(raw) > MaxPayload:
		return nil, fmt.Errorf("%w: %d bytes", errTooLarge, len(raw))
	}
	return raw, nil
}
