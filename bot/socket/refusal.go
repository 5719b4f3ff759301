package socket

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

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

// queueAck runs a short task outside the event loops. If the queue is full, the delivery gets no ack, and Slack shows
// the person an error.
func (d *dispatcher) queueAck(task func()) bool {
	if d.ackPool.try(task) {
		return true
	}
	d.log.Error().Msg("drop an envelope: no room to acknowledge it")
	return false
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

// readUnparsed takes out of a message that slack-go could not read whatever answers the person: the id to acknowledge,
// who it was, and the response_url. Each part is read for itself, so that a wrong one does not hide the others.
func readUnparsed(raw json.RawMessage, now time.Time) Delivery {
	envelope := fields(raw)
	del := Delivery{EnvelopeID: text(envelope["envelope_id"]), Received: now}
	payload := fields(envelope["payload"])
	switch text(envelope["type"]) {
	case socketmode.RequestTypeSlashCommands:
		del.Kind = KindCommand
		del.Command = &slack.SlashCommand{
			TeamID:      text(payload["team_id"]),
			ChannelID:   text(payload["channel_id"]),
			UserID:      text(payload["user_id"]),
			Command:     text(payload["command"]),
			Text:        text(payload["text"]),
			ResponseURL: text(payload["response_url"]),
			TriggerID:   text(payload["trigger_id"]),
		}
	case socketmode.RequestTypeInteractive:
		kind, ok := interactions[slack.InteractionType(text(payload["type"]))]
		if !ok {
			return del
		}
		del.Kind = kind
		del.Interaction = &slack.InteractionCallback{
			Type:        slack.InteractionType(text(payload["type"])),
			ResponseURL: text(payload["response_url"]),
			TriggerID:   text(payload["trigger_id"]),
			User:        slack.User{ID: text(fields(payload["user"])["id"])},
			Team:        slack.Team{ID: text(fields(payload["team"])["id"])},
		}
		del.Interaction.Channel.ID = text(fields(payload["channel"])["id"])
	}
	return del
}

// fields reads an object one level deep; anything else has none.
func fields(raw json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// text reads a string; anything else is empty.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
