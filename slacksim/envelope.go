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

// Envelope is a command, an interaction or an event on its way to the app over Socket Mode.
type Envelope struct {
	ID      string
	Type    string // slash_commands, interactive or events_api
	Payload json.RawMessage
	// RetryAttempt is the number of earlier attempts to send the event.
	RetryAttempt int
	// Sent is how often the envelope was written to a socket; 0 if none was open.
	Sent int
	// Acked is true if the app acknowledged the envelope, in time or not.
	Acked bool
	// Late is true if the acknowledgement came after Options.AckTimeout.
	Late bool
	// Took is the real time from the person's action to the acknowledgement.
	Took time.Duration
	// Cost is what Options.Meter counted in that time.
	Cost time.Duration
	// Answer is the payload of the acknowledgement, if it has one.
	Answer json.RawMessage
}

// envelope is an Envelope that waits for its acknowledgement. Its fields are guarded by Workspace.mu, except those that
// onAck sets, which are read only after done is closed.
type envelope struct {
	Envelope
	accepts bool
	began   time.Time // in real time, not that of Options.Now
	metered time.Duration
	done    chan struct{}
	over    bool // acknowledged, or given up: later acknowledgements have no effect
	onAck   func(json.RawMessage) *Failure

	failure   *Failure
	problems  map[string]string
	suggested []blockkit.Option
}

// maxEnvelopes is how many envelopes, and how many calls, a workspace remembers: a demo may run for days.
const maxEnvelopes = 5000

// newEnvelope encodes the payload and registers an envelope. ws.mu must not be held.
func (ws *Workspace) newEnvelope(kind string, payload any, accepts bool) (*envelope, error) {
	raw, err := toJSON(payload)
	if err != nil {
		return nil, err
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.register(
		&envelope{Envelope: Envelope{ID: uuid.NewString(), Type: kind, Payload: raw}, accepts: accepts},
	), nil
}

// register remembers an envelope, and drops the oldest above maxEnvelopes. ws.mu is held.
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

// dispatch sends a person's action and waits for the acknowledgement. A failure becomes a notice at the place that
// where describes, with the sentence that text returns for its code.
func (ws *Workspace) dispatch(
	ctx context.Context, person string, env *envelope, where Notice, text func(code string) string,
) error {
	err := ws.exchange(ctx, env)
	var f *Failure
	if !errors.As(err, &f) {
		return err
	}
	where.Code, where.Text = f.Code, text(f.Code)
	return ws.addNotice(person, where)
}

// exchange sends env and waits for its acknowledgement, at most for Options.AckTimeout.
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
		if !ws.giveUp(env) { // it was acknowledged at this moment
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

// giveUp ends the wait for env. It returns false if env was acknowledged before.
func (ws *Workspace) giveUp(env *envelope) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if env.over {
		return false
	}
	env.over = true
	return true
}

// deliver sends env to one socket, late or twice if the faults say so. It returns false if no socket is open.
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
	ws.KeepNow() // so that its response URL outlives the program
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

// frameHead is what an envelope is sent with beside its payload. Only events have the fields about retries.
type frameHead struct {
	EnvelopeID   string  `json:"envelope_id"`
	Type         string  `json:"type"`
	Accepts      bool    `json:"accepts_response_payload"`
	RetryAttempt *int    `json:"retry_attempt,omitempty"`
	RetryReason  *string `json:"retry_reason,omitempty"`
}

// frame encodes env as it is sent. The payload is JSON already.
func (env *envelope) frame() ([]byte, error) {
	head := frameHead{EnvelopeID: env.ID, Type: env.Type, Accepts: env.accepts}
	if env.Type == "events_api" {
		head.RetryAttempt, head.RetryReason = new(env.RetryAttempt), new("")
		if env.RetryAttempt > 0 {
			head.RetryReason = new("timeout")
		}
	}
	raw, err := toJSON(head)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]byte(`{"payload":`), env.Payload, []byte(","), raw[1:]), nil
}

// write queues env on the next open socket in turn. It returns false if there is none.
func (ws *Workspace) write(env *envelope) bool {
	raw, err := env.frame()
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
			ws.log.Debug("send an envelope", "envelope", env.ID, "type", env.Type, "socket", c.number)
			return true
		}
	}
	return false
}

// acknowledge handles the app's acknowledgement of an envelope. Like Slack, it accepts it on any socket.
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
	ws.log.Debug("receive an acknowledgement", "envelope", id, "late", late)
	if late { // the person has seen the failure, and Slack ignores the content of a late answer
		return
	}
	if env.onAck != nil {
		env.failure = env.onAck(answer)
	}
	close(env.done)
}

// notify sends an envelope for which no person waits. Events are sent again until they are acknowledged.
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

// Envelopes returns the newest 5,000 envelopes for the app, oldest first, also those that could not be sent.
func (ws *Workspace) Envelopes() []Envelope {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	out := make([]Envelope, 0, len(ws.envelopes))
	for _, e := range ws.envelopes {
		out = append(out, e.Envelope)
	}
	return out
}

// LastEnvelope returns the newest envelope of a type, or of any type if kind is empty.
func (ws *Workspace) LastEnvelope(kind string) (Envelope, bool) {
	for _, e := range slices.Backward(ws.Envelopes()) {
		if kind == "" || e.Type == kind {
			return e, true
		}
	}
	return Envelope{}, false
}

// Redeliver sends an envelope again with the same id, as Slack does if it isn't sure that the app received it, and
// waits for the acknowledgement. The error is a *Failure, that of ctx, or ErrClosed.
func (ws *Workspace) Redeliver(ctx context.Context, e Envelope) error { return ws.resend(ctx, e, e.ID) }

// Repeat sends the payload of an envelope again with a new envelope id, as if the person's command or click had reached
// Slack twice, and waits for the acknowledgement. Errors are those of Redeliver.
func (ws *Workspace) Repeat(ctx context.Context, e Envelope) error {
	return ws.resend(ctx, e, uuid.NewString())
}

func (ws *Workspace) resend(ctx context.Context, e Envelope, id string) error {
	payload, err := toJSON(e.Payload)
	if err != nil {
		return err
	}
	ws.mu.Lock()
	again := &envelope{Envelope: Envelope{ID: id, Type: e.Type, Payload: payload, RetryAttempt: e.RetryAttempt}}
	for _, old := range ws.envelopes {
		if old.ID == e.ID {
			again.accepts, again.onAck = old.accepts, old.onAck
		}
	}
	ws.register(again)
	ws.mu.Unlock()
	return ws.exchange(ctx, again)
}
