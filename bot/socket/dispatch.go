package socket

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"runtime/debug"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

// take is called by the goroutine that reads a socket. It never waits: a reader that waits no longer answers Slack's
// pings, and loses its socket with everything on it.
func (s *Server) take(client *socketmode.Client, event socketmode.Event) {
	switch event.Type {
	case socketmode.EventTypeErrorBadMessage:
		s.bad(client, event)
		return
	case socketmode.EventTypeErrorWriteFailed:
		s.unwritten(event)
		return
	}
	if event.Request == nil || event.Request.EnvelopeID == "" {
		return // what slack-go says about itself
	}
	s.last.Store(time.Now().UnixNano())
	out := &outcome{to: origin(event.Data)}
	if before, again, _ := s.seen.PeekOrAdd(event.Request.EnvelopeID, out); again {
		s.repeat(client, event.Request.EnvelopeID, before)
		return
	}
	d := delivery{client, event, time.Now(), out}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.stopped {
		s.seen.Remove(event.Request.EnvelopeID)
		return // not acknowledged: Slack tells the person, who can try again with the next start
	}
	select {
	case s.queue <- d:
	default:
		s.full(d)
	}
}

// stopTaking ends the queue. What is in it is still worked on.
func (s *Server) stopTaking() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		close(s.queue)
	}
}

// repeat acknowledges an envelope that was delivered again, as before, when it has been acknowledged already.
func (s *Server) repeat(client *socketmode.Client, id string, out *outcome) {
	out.mu.Lock()
	acked, payload := out.acked, out.payload
	out.mu.Unlock()
	s.log.Info().Str("envelope", id).Msg("Slack delivered an envelope again")
	if acked {
		go s.send(client, id, payload) // the reader must not wait for room among the acknowledgements
	}
}

// full answers when there is no room: a command gets a sentence, a click gets Slack's own sign that it failed.
func (s *Server) full(d delivery) {
	id := d.event.Request.EnvelopeID
	s.log.Error().Str("envelope", id).Msg("too much at once: an envelope was turned away")
	s.seen.Remove(id) // when it is delivered again there may be room
	if d.event.Type == socketmode.EventTypeSlashCommand {
		go s.send(d.client, id, s.handler.Busy())
	}
}

// bad acknowledges an envelope that slack-go could not parse, so that Slack does not send it for ever.
func (s *Server) bad(client *socketmode.Client, event socketmode.Event) {
	failure, ok := event.Data.(*socketmode.ErrorBadMessage)
	if !ok {
		return
	}
	var envelope struct {
		ID string `json:"envelope_id"`
	}
	err := json.Unmarshal(failure.Message, &envelope)
	s.log.Error().Err(failure.Cause).Str("envelope", envelope.ID).Int("bytes", len(failure.Message)).Msg("an envelope could not be read")
	if err == nil && envelope.ID != "" {
		go s.send(client, envelope.ID, nil)
	}
}

// unwritten gives the answer of an acknowledgement that broke with its socket in another way.
func (s *Server) unwritten(event socketmode.Event) {
	failure, ok := event.Data.(*socketmode.ErrorWriteFailed)
	if !ok || failure.Response == nil {
		return
	}
	s.log.Warn().Err(failure.Cause).Str("envelope", failure.Response.EnvelopeID).Msg("an acknowledgement could not be written")
	out, ok := s.seen.Peek(failure.Response.EnvelopeID)
	if !ok {
		return
	}
	out.mu.Lock()
	payload := out.payload
	out.mu.Unlock()
	if payload != nil {
		go s.handler.Unsent(context.Background(), out.to, payload)
	}
}

// work handles one envelope: what is decided becomes durable, the acknowledgement goes out, then comes the rest.
func (s *Server) work(ctx context.Context, d delivery) {
	id := d.event.Request.EnvelopeID
	defer func() {
		if r := recover(); r != nil {
			ref := newRef()
			s.log.Error().Str("ref", ref).Interface("panic", r).Bytes("stack", debug.Stack()).Msg("handling an envelope went wrong")
			s.ack(d, nil)
			s.sorry(ctx, d.out.to, ref)
		}
	}()
	deadline, cancel := context.WithDeadline(ctx, d.came.Add(s.options.AckWithin))
	defer cancel()
	if d.event.Type == socketmode.EventTypeSlashCommand {
		guard := time.AfterFunc(time.Until(d.came.Add(s.options.AckWithin)), func() { s.ack(d, nil) })
		defer guard.Stop()
	}
	reply := s.handle(deadline, d)
	if !s.ack(d, reply.Payload) && reply.Payload != nil {
		s.handler.Unsent(ctx, d.out.to, reply.Payload)
	}
	s.log.Debug().Str("envelope", id).Dur("took", time.Since(d.came)).Msg("acknowledged")
	if reply.After != nil {
		reply.After(ctx)
	}
}

// sorry tells the person, and survives when even that goes wrong.
func (s *Server) sorry(ctx context.Context, to Origin, ref string) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error().Interface("panic", r).Msg("somebody could not be told that something went wrong")
		}
	}()
	s.handler.Failed(ctx, to, ref)
}

// handle picks the Handler's method. Envelopes of other kinds need no answer.
func (s *Server) handle(ctx context.Context, d delivery) Reply {
	switch data := d.event.Data.(type) {
	case slack.SlashCommand:
		return s.handler.Command(ctx, data)
	case slack.InteractionCallback:
		switch data.Type {
		case slack.InteractionTypeBlockActions:
			return s.handler.Action(ctx, data)
		case slack.InteractionTypeViewSubmission:
			return s.handler.Submission(ctx, data)
		}
	case slackevents.EventsAPIEvent:
		if opened, ok := data.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent); ok {
			return s.handler.HomeOpened(ctx, opened)
		}
	}
	return Reply{}
}

// ack acknowledges an envelope once. It says whether this call did, and the payload is on its way.
func (s *Server) ack(d delivery, payload any) bool {
	d.out.mu.Lock()
	if d.out.acked {
		d.out.mu.Unlock()
		return false
	}
	d.out.acked, d.out.payload = true, payload
	d.out.mu.Unlock()
	return s.send(d.client, d.event.Request.EnvelopeID, payload)
}

// sendWithin is how long an acknowledgement may wait for room among those that go out.
const sendWithin = 2 * time.Second

// send queues an acknowledgement. slack-go refuses one of 20 KB, which Slack would drop without a word; the envelope
// is then acknowledged without it.
func (s *Server) send(client *socketmode.Client, id string, payload any) bool {
	ctx, cancel := context.WithTimeout(context.Background(), sendWithin)
	defer cancel()
	err := client.AckCtx(ctx, id, payload)
	if err == nil {
		return true
	}
	s.log.Warn().Err(err).Str("envelope", id).Msg("an acknowledgement could not be sent with its answer")
	if payload != nil && ctx.Err() == nil {
		if err := client.AckCtx(ctx, id, nil); err != nil {
			s.log.Warn().Err(err).Str("envelope", id).Msg("an acknowledgement could not be sent")
		}
	}
	return false
}

// newRef is a short name by which people and the log speak of the same mishap.
func newRef() string {
	b := make([]byte, 4)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
