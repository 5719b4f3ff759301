package slacksim

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"licensebot/slacksim/blockkit"
)

// Envelope is one thing that was sent, or was to be sent, to the app over Socket Mode.
type Envelope struct {
	ID      string
	Type    string // slash_commands, interactive, events_api
	Payload json.RawMessage
	// RetryAttempt counts the repetitions of an event, from 0.
	RetryAttempt int
	// Sent counts how often it went over a socket; 0 if none was open.
	Sent int
	// Acked says that the app acknowledged it, in time or not; Late that it did so
	// after the deadline, and Took how long after the person acted.
	Acked bool
	Late  bool
	Took  time.Duration
	// Cost is what Options.Meter counted between the person's act and the acknowledgement.
	Cost time.Duration
	// Answer is the payload of the acknowledgement.
	Answer json.RawMessage
}

// envelope is an Envelope under way. Its fields are guarded by Workspace.mu, except those
// that onAck sets, which are read only after done is closed.
type envelope struct {
	Envelope
	accepts bool
	began   time.Time // of the monotonic clock: what is measured is the app, not Options.Now
	metered time.Duration
	done    chan struct{}
	over    bool // acknowledged, or given up: later acks change nothing
	onAck   func(json.RawMessage) *Failure

	failure   *Failure
	problems  map[string]string
	suggested []blockkit.Option
}

// maxEnvelopes bounds what a workspace remembers, since a demo may run for days.
const maxEnvelopes = 5000

// newEnvelope registers an envelope. It encodes the payload, so nobody should hold ws.mu meanwhile.
func (ws *Workspace) newEnvelope(kind string, payload any, accepts bool) (*envelope, error) {
	raw, err := toJSON(payload)
	if err != nil {
		return nil, err
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.register(&envelope{Envelope: Envelope{ID: uuid.NewString(), Type: kind, Payload: raw}, accepts: accepts}), nil
}

// register remembers an envelope. ws.mu is held.
func (ws *Workspace) register(env *envelope) *envelope {
	env.began, env.metered, env.done = time.Now(), ws.opts.Meter(), make(chan struct{})
	ws.envelopes = append(ws.envelopes, env)
	ws.byID[env.ID] = env
	if n := len(ws.envelopes); n > maxEnvelopes {
		for _, old := range ws.envelopes[:n-maxEnvelopes] {
			if ws.byID[old.ID] == old {
				delete(ws.byID, old.ID)
			}
		}
		ws.envelopes = slices.Clone(ws.envelopes[n-maxEnvelopes:])
	}
	return env
}

// dispatch sends what person did and waits for the app. A failure becomes a notice in
// the place that where tells, in the words of text.
func (ws *Workspace) dispatch(ctx context.Context, person string, env *envelope, where Notice, text func(code string) string) error {
	err := ws.exchange(ctx, env)
	var f *Failure
	if !errors.As(err, &f) {
		return err
	}
	where.Code, where.Text = f.Code, text(f.Code)
	return ws.tell(person, where)
}

// exchange sends env and waits for its acknowledgement, at most for the deadline.
func (ws *Workspace) exchange(ctx context.Context, env *envelope) error {
	deadline := time.NewTimer(ws.opts.AckTimeout)
	defer deadline.Stop()
	if !ws.deliver(env) {
		ws.giveUp(env)
		return &Failure{Code: DispatchFailed, Text: "no socket is open"}
	}
	select {
	case <-env.done:
		if env.failure != nil {
			return env.failure
		}
		return nil
	case <-deadline.C:
		if !ws.giveUp(env) { // acknowledged in this very moment
			<-env.done
			if env.failure != nil {
				return env.failure
			}
			return nil
		}
		return &Failure{Code: OperationTimeout, Text: "no acknowledgement in time"}
	case <-ctx.Done():
		return ctx.Err()
	case <-ws.ctx.Done():
		return ErrClosed
	}
}

// giveUp ends the wait for env; false if it was acknowledged before.
func (ws *Workspace) giveUp(env *envelope) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if env.over {
		return false
	}
	env.over = true
	return true
}

// deliver brings env to one socket, as the faults have it; false if none is open.
func (ws *Workspace) deliver(env *envelope) bool {
	faults := ws.Faults()
	if faults.Late <= 0 {
		return ws.deliverNow(env, faults)
	}
	if ws.Sockets() == 0 {
		return false
	}
	ws.spawn(func() {
		timer := time.NewTimer(faults.Late)
		defer timer.Stop()
		select {
		case <-timer.C:
			ws.deliverNow(env, faults)
		case <-ws.ctx.Done():
		}
	})
	return true
}

func (ws *Workspace) deliverNow(env *envelope, faults Faults) bool {
	ws.KeepNow() // its response URL
	times := 1
	if faults.Duplicate {
		times = 2
	}
	sent := false
	for range times {
		sent = ws.write(env) || sent
	}
	return sent
}

// write puts env on the next open socket in turn.
func (ws *Workspace) write(env *envelope) bool {
	frame := obj{
		"envelope_id": env.ID, "type": env.Type, "payload": env.Payload, "accepts_response_payload": env.accepts,
	}
	if env.Type == "events_api" {
		frame["retry_attempt"], frame["retry_reason"] = env.RetryAttempt, ""
		if env.RetryAttempt > 0 {
			frame["retry_reason"] = "timeout"
		}
	}
	raw, err := toJSON(frame)
	if err != nil {
		return false
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for range ws.conns {
		c := ws.nextOpen()
		if c == nil {
			return false
		}
		if c.send(raw) {
			env.Sent++
			ws.log.Debug().Str("envelope", env.ID).Str("type", env.Type).Int("socket", c.number).Msg("send an envelope")
			return true
		}
	}
	return false
}

// acknowledge takes the app's answer to an envelope, from whichever socket it came.
func (ws *Workspace) acknowledge(id string, answer json.RawMessage) {
	ws.mu.Lock()
	env := ws.byID[id]
	if env == nil || env.Acked {
		ws.mu.Unlock()
		return
	}
	env.Acked, env.Late, env.Took, env.Answer = true, env.over, time.Since(env.began), answer
	env.Cost = ws.opts.Meter() - env.metered
	late := env.over
	env.over = true
	ws.touch()
	ws.mu.Unlock()
	ws.log.Debug().Str("envelope", id).Bool("late", late).Msg("take an acknowledgement")
	if late { // Slack has told the person already and takes nothing from a late answer
		return
	}
	if env.onAck != nil {
		env.failure = env.onAck(answer)
	}
	close(env.done)
}

// notify sends an envelope that no person waits for; the events among them are repeated
// until acknowledged.
func (ws *Workspace) notify(env *envelope, err error) error {
	if err != nil {
		return err
	}
	ws.spawn(func() {
		ctx := ws.ctx
		err := ws.exchange(ctx, env)
		if err == nil || env.Type != "events_api" {
			return
		}
		for i, wait := range ws.opts.EventRetries {
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			ws.mu.Lock()
			again := ws.register(&envelope{Envelope: Envelope{
				ID: uuid.NewString(), Type: env.Type, Payload: env.Payload, RetryAttempt: i + 1,
			}})
			ws.mu.Unlock()
			if ws.exchange(ctx, again) == nil {
				return
			}
		}
	})
	return nil
}

// Envelopes lists what was sent to the app, oldest first; only the newest 5,000.
func (ws *Workspace) Envelopes() []Envelope {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	out := make([]Envelope, 0, len(ws.envelopes))
	for _, e := range ws.envelopes {
		out = append(out, e.Envelope)
	}
	return out
}

// LastEnvelope is the newest envelope of a type, or of any type if kind is empty.
func (ws *Workspace) LastEnvelope(kind string) (Envelope, bool) {
	for _, e := range slices.Backward(ws.Envelopes()) {
		if kind == "" || e.Type == kind {
			return e, true
		}
	}
	return Envelope{}, false
}

// Redeliver sends an envelope once more, unchanged and under its own id, as Slack does
// when it is not sure that the app got it, and waits for the acknowledgement.
func (ws *Workspace) Redeliver(ctx context.Context, e Envelope) error { return ws.resend(ctx, e, e.ID) }

// Repeat sends the payload of an envelope once more under a new envelope id: the twin of
// a command or click that reached Slack twice. It waits for the acknowledgement.
func (ws *Workspace) Repeat(ctx context.Context, e Envelope) error {
	return ws.resend(ctx, e, uuid.NewString())
}

func (ws *Workspace) resend(ctx context.Context, e Envelope, id string) error {
	ws.mu.Lock()
	again := &envelope{Envelope: Envelope{ID: id, Type: e.Type, Payload: e.Payload, RetryAttempt: e.RetryAttempt}}
	for _, old := range ws.envelopes {
		if old.ID == e.ID {
			again.accepts, again.onAck = old.accepts, old.onAck
		}
	}
	ws.register(again)
	ws.mu.Unlock()
	return ws.exchange(ctx, again)
}
