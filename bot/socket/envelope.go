package socket

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

// Handler is the part of the bot that knows what commands and clicks mean.
//
// The methods that return a [Reply] do the durable part of the work and return. The ack is sent after they have
// returned, and Slack waits three seconds for it. Slow work (a request to Slack or CoCalc) belongs in [Reply].After.
// The methods are called concurrently, in no order.
//
// The deadline of ctx is 2.5 s after receipt for Action, Submission and Suggestion: for these Slack shows an error of
// its own if no ack comes, and the person can click again. They are never acknowledged early, since a confirmation must
// be durable before it is acknowledged; one that waited longer than that in the queue is not handled at all. A handler
// that finds ctx done must not do durable work.
//
// Command, Closed and HomeOpened are always handled, with 2.5 s from their start. A command without an answer 2.5 s
// after receipt is acknowledged empty, to prevent operation_timeout; its reply then goes to Unsent.
type Handler interface {
	// Command answers a slash command; the payload of the reply is a message.
	Command(ctx context.Context, cmd slack.SlashCommand) Reply
	// Action answers a click (block_actions). Its ack carries nothing: a payload goes to Unsent.
	Action(ctx context.Context, cb slack.InteractionCallback) Reply
	// Submission answers a submitted modal; the payload is a *slack.ViewSubmissionResponse, and without one the modal
	// closes.
	Submission(ctx context.Context, cb slack.InteractionCallback) Reply
	// Closed notes that a modal with notify_on_close was closed.
	Closed(ctx context.Context, cb slack.InteractionCallback) Reply
	// Suggestion fills an external select; the payload is a slack.OptionsResponse or slack.OptionGroupsResponse.
	Suggestion(ctx context.Context, cb slack.InteractionCallback) Reply
	// HomeOpened notes that a person opened the Home tab.
	HomeOpened(ctx context.Context, ev *slackevents.AppHomeOpenedEvent) Reply

	// Refused returns the answer to a delivery that was not handled, or whose handler panicked. ref is the id of the log
	// line about it, or empty. It runs while the bot is overloaded, so it must not wait for anything. When d could not be
	// read, only those fields are set that could be found.
	Refused(d Delivery, why Refusal, ref string) Reply
	// Unsent brings a reply to the person by another way than the ack (the response_url, for a command), because the ack
	// was too late, its payload too large, or its socket gone. It may wait for the network.
	Unsent(ctx context.Context, d Delivery, payload any)
}

// Reply is what a handler wants to happen after its durable work.
type Reply struct {
	// Payload rides on the ack if it encodes to at most [MaxPayload] bytes of JSON; nil acknowledges without one.
	Payload any
	// Encoded is Payload as JSON if Encode has made it, and nil otherwise.
	Encoded json.RawMessage
	// After runs once the ack was handed to the socket (or, if that failed, once everything was tried). It may take its
	// time; its context ends with the grace period of a shutdown.
	After func(context.Context)
	// Lane selects the workers that run After.
	Lane Lane
}

// Encode returns the reply with its payload encoded, for a reply that is given many times: neither the reply nor what
// its payload points to may change from then on. A payload that can't be encoded stays as it is.
func (r Reply) Encode() Reply {
	r.Encoded, _ = json.Marshal(r.Payload) // nil: encode reports it
	return r
}

// Lane is a kind of work after an acknowledgement. Each lane has its own workers, so that slow work delays only its own
// kind.
type Lane string

// The lanes.
const (
	LaneAnswer Lane = ""       // answers to people through Slack
	LaneForm   Lane = "form"   // forms: Slack opens one within three seconds of the click or not at all
	LaneRead   Lane = "read"   // answers that need a read of CoCalc
	LaneLedger Lane = "ledger" // answers that need the ledger alone, or CoCalc for a few seconds at most
)

// MaxPayload is the size in bytes up to which a payload rides on an ack. Slack silently drops acks of 20 KB and more;
// what is left is room for the envelope id and for the way in which it is written.
const MaxPayload = 19_000

// Kind says what a delivery is.
type Kind string

// The kinds that the handler answers.
const (
	KindCommand    Kind = "command"
	KindAction     Kind = "action"
	KindSubmission Kind = "submission"
	KindClosed     Kind = "closed"
	KindSuggestion Kind = "suggestion"
	KindHome       Kind = "home"
)

// expires reports whether a missing ack makes Slack say that something went wrong, so that the delivery is better not
// handled at all than late.
func (k Kind) expires() bool {
	return k == KindAction || k == KindSubmission || k == KindSuggestion
}

// carriesPayload reports whether Slack takes a payload with the ack.
func (k Kind) carriesPayload() bool {
	return k == KindCommand || k == KindSubmission || k == KindSuggestion
}

// Delivery is one envelope from Slack. Of Command, Interaction and Home the one that belongs to Kind is set.
type Delivery struct {
	Kind        Kind
	EnvelopeID  string
	Received    time.Time
	Command     *slack.SlashCommand
	Interaction *slack.InteractionCallback
	Home        *slackevents.AppHomeOpenedEvent
}

// Trigger returns the id that Slack gave the command, click or form; empty if unknown. Two deliveries of the same one
// have the same id.
func (d Delivery) Trigger() string {
	switch {
	case d.Command != nil:
		return d.Command.TriggerID
	case d.Interaction != nil:
		return d.Interaction.TriggerID
	}
	return ""
}

// Origin is who is behind the delivery, where they were, and the URL that answers them; each is empty when it is not
// known.
func (d Delivery) Origin() (user, channel, responseURL string) {
	switch {
	case d.Command != nil:
		return d.Command.UserID, d.Command.ChannelID, d.Command.ResponseURL
	case d.Interaction != nil:
		return d.Interaction.User.ID, d.Interaction.Channel.ID, d.Interaction.ResponseURL
	case d.Home != nil:
		return d.Home.User, "", ""
	}
	return "", "", ""
}

// call calls the method of the handler that belongs to the kind.
func (d Delivery) call(ctx context.Context, h Handler) Reply {
	switch d.Kind {
	case KindCommand:
		return h.Command(ctx, *d.Command)
	case KindAction:
		return h.Action(ctx, *d.Interaction)
	case KindSubmission:
		return h.Submission(ctx, *d.Interaction)
	case KindClosed:
		return h.Closed(ctx, *d.Interaction)
	case KindSuggestion:
		return h.Suggestion(ctx, *d.Interaction)
	case KindHome:
		return h.HomeOpened(ctx, d.Home)
	}
	return Reply{}
}

// Refusal says why a delivery was not handled, or not to its end.
type Refusal string

// The refusals.
const (
	Busy         Refusal = "busy"          // there was no room; nothing was done
	Stopping     Refusal = "stopping"      // the bot is being shut down; nothing was done
	Unreadable   Refusal = "unreadable"    // what Slack sent made no sense; nothing was done
	Crashed      Refusal = "crashed"       // the handler panicked before the ack; what it did is not known
	CrashedAfter Refusal = "crashed after" // the handler panicked behind the ack
)

// read turns an event of slack-go into a delivery. The kind is empty for envelopes without a handler; they are only
// acknowledged.
func read(ev socketmode.Event, now time.Time) Delivery {
	del := Delivery{EnvelopeID: ev.Request.EnvelopeID, Received: now}
	switch data := ev.Data.(type) {
	case slack.SlashCommand:
		del.Kind, del.Command = KindCommand, &data
	case slack.InteractionCallback:
		if kind, ok := interactions[data.Type]; ok {
			del.Kind, del.Interaction = kind, &data
		}
	case slackevents.EventsAPIEvent:
		// The event comes for the Messages tab as well, where there is nothing to draw.
		if home, ok := data.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent); ok && home.Tab == "home" {
			del.Kind, del.Home = KindHome, home
		}
	}
	return del
}

var interactions = map[slack.InteractionType]Kind{
	slack.InteractionTypeBlockActions:    KindAction,
	slack.InteractionTypeViewSubmission:  KindSubmission,
	slack.InteractionTypeViewClosed:      KindClosed,
	slack.InteractionTypeBlockSuggestion: KindSuggestion,
}

// conn is a socket to which an ack can be handed. ack returns an error if it was certainly not sent. If that is found
// out later, it calls lost, at most once, from a goroutine that must not wait.
type conn interface {
	ack(envelopeID string, payload json.RawMessage, wait time.Duration, lost func(error)) error
}

// ack is the state of an envelope's acknowledgement: which connection it came from last, and what was answered.
type ack struct {
	mu      sync.Mutex
	conn    conn
	acked   bool
	payload json.RawMessage
}

// claim decides who acknowledges: the first caller gets the connection, every other one false. The payload is kept in
// case the envelope is delivered again.
func (t *ack) claim(payload json.RawMessage) (conn, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.acked {
		return nil, false
	}
	t.acked, t.payload = true, payload
	return t.conn, true
}

// redelivered notes that the envelope was delivered again. It returns whether it was acknowledged before, and the
// payload.
func (t *ack) redelivered(from conn) (json.RawMessage, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn = from
	return t.payload, t.acked
}

// dropPayload removes the payload from later acks, since the reply reaches the person in another way.
func (t *ack) dropPayload() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.payload = nil
}

// dedup recognizes envelopes that Slack delivers again within minutes. The order's own state guards what must not
// happen twice, since the same click can also come in another envelope.
type dedup struct {
	mu    sync.Mutex
	limit int
	keep  time.Duration
	byID  map[string]*ack
	order []entry // oldest first
}

type entry struct {
	id  string
	at  time.Time
	ack *ack
}

func newDedup(limit int, keep time.Duration) *dedup {
	return &dedup{limit: limit, keep: keep, byID: make(map[string]*ack)}
}

// add returns the ack of an envelope, and whether this is its first delivery. A delivery without an id always counts as
// the first.
func (s *dedup) add(id string, from conn, now time.Time) (*ack, bool) {
	fresh := &ack{conn: from}
	if id == "" {
		return fresh, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.order) > 0 && now.Sub(s.order[0].at) > s.keep {
		s.dropOldest()
	}
	if t, ok := s.byID[id]; ok {
		return t, false
	}
	for len(s.order) > 0 && len(s.order) >= s.limit {
		s.dropOldest()
	}
	s.byID[id] = fresh
	s.order = append(s.order, entry{id: id, at: now, ack: fresh})
	return fresh, true
}

// dropOldest removes the oldest entry.
func (s *dedup) dropOldest() {
	// An envelope that was forgotten may have come again and have a newer ack.
	if oldest := s.order[0]; s.byID[oldest.id] == oldest.ack {
		delete(s.byID, oldest.id)
	}
	s.order[0] = entry{}
	s.order = s.order[1:]
}

// forget lets the next delivery of an envelope count as the first, because this one was not handled.
func (s *dedup) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}
