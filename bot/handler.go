package bot

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// WebAPI has the methods of Slack's Web API that the bot calls. *slack.Client implements it.
type WebAPI interface {
	PostMessageContext(ctx context.Context, channel string, options ...slack.MsgOption) (string, string, error)
	PostEphemeralContext(ctx context.Context, channel, user string, options ...slack.MsgOption) (string, error)
	UpdateMessageContext(ctx context.Context, channel, timestamp string,
		options ...slack.MsgOption) (string, string, string, error)
	AuthTestContext(ctx context.Context) (*slack.AuthTestResponse, error)
	GetUserInfoContext(ctx context.Context, user string, options ...slack.GetUserInfoOption) (*slack.User, error)
	GetUsersContext(ctx context.Context, options ...slack.GetUsersOption) ([]slack.User, error)
	GetUserGroupMembersContext(ctx context.Context, group string,
		options ...slack.GetUserGroupMembersOption) ([]string, error)
	GetConversationInfoContext(ctx context.Context, input *slack.GetConversationInfoInput) (*slack.Channel, error)
	GetUsersInConversationContext(ctx context.Context,
		params *slack.GetUsersInConversationParameters) ([]string, string, error)
	OpenConversationContext(ctx context.Context,
		params *slack.OpenConversationParameters) (*slack.Channel, bool, bool, error)
	OpenViewContext(ctx context.Context, triggerID string, view slack.ModalViewRequest) (*slack.ViewResponse, error)
	UpdateViewContext(ctx context.Context, view slack.ModalViewRequest,
		externalID, hash, viewID string) (*slack.ViewResponse, error)
	PublishViewContext(ctx context.Context, req slack.PublishViewContextRequest) (*slack.ViewResponse, error)
}

// Options are the collaborators of Handler and Publisher. All up to HTTP are required.
type Options struct {
	Desk     Desk
	Account  Account
	Outbox   Outbox
	Slack    WebAPI
	HTTP     *http.Client // for response URLs; with a timeout
	SlackURL string       // of Slack's Web API: response URLs lead to Slack itself or to its host
	Defaults purchase.Spec
	Location *time.Location // of the dates that people type; nil is UTC
	// People is the directory of the workspace. It is shared with the Desk, which looks up requesters with People.LookUp
	// when the last approval arrives; nil: a directory without user groups.
	People *People
	// Changes brings what the Desk reports to the Publisher; nil: nothing is reported. Handler doesn't use it.
	Changes *Changes
	// Unpaced sends messages to a Slack without rate limits, for tests.
	Unpaced bool
	Now     func() time.Time
	Log     zerolog.Logger

	// answers and cards post the Handler's answers and the Publisher's cards to response URLs, through HTTP unless
	// RespondWithFailpoints replaced them.
	answers, cards responder
}

// withDefaults returns the options with defaults for empty fields.
func (o Options) withDefaults() Options {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.People == nil {
		o.People = NewPeople(o.Slack, nil, o.Now, o.Log)
	}
	if o.answers == nil {
		o.answers = newResponder(o)
	}
	if o.cards == nil {
		o.cards = newResponder(o)
	}
	return o
}

// Handler answers what people do in Slack. Its methods may be called at the same time.
type Handler struct {
	desk        Desk
	account     Account
	outbox      Outbox
	slack       WebAPI
	answers     responder
	defaults    purchase.Spec
	loc         *time.Location
	now         func() time.Time
	log         zerolog.Logger
	people      *People
	evidence    *cache[purchase.OrderID, purchase.Evidence]
	renewals    *cache[struct{}, purchase.Renewals]
	licenses    *licenseCache
	readLimiter *readLimiter
	formUpdates *formUpdates
	triggers    *triggers
	helpReplies sync.Map // socket.Reply by topic: see help
}

// New makes a Handler.
func New(o Options) *Handler {
	o = o.withDefaults()
	return &Handler{
		desk: o.Desk, account: o.Account, outbox: o.Outbox, slack: o.Slack, answers: o.answers, defaults: o.Defaults,
		loc: o.Location, now: o.Now, log: o.Log, people: o.People,
		formUpdates: &formUpdates{now: o.Now}, evidence: newEvidence(o.Desk, o.Now),
		renewals: newRenewals(o.Account, o.Now),
		licenses: newLicenseCache(o.Desk, o.Account, o.Now), readLimiter: &readLimiter{waiting: map[string]int{}},
		triggers: newTriggers(o.Now),
	}
}

// responseURLLife and responseURLUses are what Slack grants to the URL of a command or a click. One use is kept for
// a sentence beside the card.
const (
	responseURLLife = 30 * time.Minute
	responseURLUses = 5
	cardUses        = responseURLUses - 1
)

// textMessage is a plain answer: our own sentence in mrkdwn, whose foreign parts are escaped.
func textMessage(sentence string) content {
	return content{sentence, []slack.Block{section(sentence)}}
}

// reply answers a person after a click or a command. If Slack no longer accepts the answer, reply sends a new message
// instead.
func (h *Handler) reply(ctx context.Context, at replyTarget, c content, replace bool) {
	if at.responseURL != "" {
		err := h.answers.respond(ctx, at.responseURL, c, replace)
		for fewer, had := withoutLastChart(c); err != nil && had; fewer, had = withoutLastChart(c) {
			c = fewer
			err = h.answers.respond(ctx, at.responseURL, c, replace)
		}
		if err == nil {
			return
		}
		h.log.Warn().Err(err).Str("user", at.user).Msg("answer with a message: Slack did not take the response URL")
	}
	options := messageOptions(c)
	if at.channel != "" {
		err := retryLimited(ctx, func() error {
			_, err := h.slack.PostEphemeralContext(ctx, at.channel, at.user, options...)
			return err
		})
		if err == nil {
			return
		}
	}
	err := retryLimited(ctx, func() error {
		_, _, err := directMessage(ctx, h.slack, at.user, c)
		return err
	})
	if err != nil {
		h.log.Error().Err(err).Str("user", at.user).Msg("fail to answer a person")
		h.triggers.forget(at.trigger)
	}
}

// replyTarget is how to answer a person. trigger identifies the delivery, if its answer makes a card.
type replyTarget struct{ user, channel, responseURL, trigger string }

// directMessage posts to the person's conversation with the bot, and says where the message is.
func directMessage(ctx context.Context, api WebAPI, user string, c content) (channel, ts string, err error) {
	conversation, _, _, err := api.OpenConversationContext(ctx,
		&slack.OpenConversationParameters{Users: []string{user}})
	if err != nil {
		return "", "", err
	}
	return api.PostMessageContext(ctx, conversation.ID, messageOptions(c)...)
}

func messageOptions(c content) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(cut(c.text, limitFallback), false), slack.MsgOptionBlocks(c.blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// newPlace returns where a command was typed. Direct messages get no line about a purchase. Their id (D…) identifies
// them, not their name: a person can name a channel "directmessage". A conversation of several people has the id of a
// channel (C…, older ones G…) and counts as one. The Home tab, which is no channel, counts as a direct message.
func newPlace(channel, name string) purchase.Channel {
	return purchase.Channel{ID: channel, Name: name, Direct: channel == "" || strings.HasPrefix(channel, "D")}
}

// cardMessage is the message of a card that is reached by a click's response URL.
func (h *Handler) cardMessage(url string) purchase.Message {
	return purchase.Message{ResponseURL: url, Uses: cardUses, Expires: h.now().Add(responseURLLife)}
}

// Unsent implements socket.Handler: it sends a payload that the acknowledgement could not carry through the response
// URL.
func (h *Handler) Unsent(ctx context.Context, d socket.Delivery, payload any) {
	m, ok := payload.(slack.Msg)
	if !ok {
		return // what a form should have shown: the person sees that it is still open
	}
	h.reply(ctx, targetOf(d), content{m.Text, m.Blocks.BlockSet}, false)
}

// Refused implements socket.Handler: it answers deliveries that were not handled, or whose handler failed.
func (h *Handler) Refused(d socket.Delivery, why socket.Refusal, ref string) socket.Reply {
	var sentence string
	switch why {
	case socket.Busy:
		sentence = "I'm too busy right now. Please try again in a minute."
	case socket.Stopping:
		sentence = "I'm restarting. Please try again in a minute."
	case socket.Unreadable:
		sentence = "I couldn't read what Slack sent. Please try again. If it keeps happening, give your admins this " +
			"reference: `" + ref + "`."
	default:
		sentence = "Something went wrong. If you were buying, check `/license history`: nothing is bought twice. " +
			"Your admins can find this in the log as `" + ref + "`."
	}
	if why != socket.CrashedAfter {
		switch d.Kind {
		case socket.KindCommand:
			return ackReply(textMessage(sentence))
		case socket.KindSubmission: // beside the first field: the form stays open, with what was filled in
			first := "ram"
			if d.Interaction != nil && d.Interaction.View.CallbackID != callbackEditor { // all others ask for a reason
				first = inputReason
			}
			return wrongField(first, sentence)
		default: // they are answered in a message of its own
		}
	}
	return socket.Reply{After: func(ctx context.Context) { h.reply(ctx, targetOf(d), textMessage(sentence), false) }}
}

// Closed implements socket.Handler. No modal of the bot asks for this event.
func (h *Handler) Closed(context.Context, slack.InteractionCallback) socket.Reply {
	return socket.Reply{}
}

// Suggestion implements socket.Handler. The bot has no menus that are filled while a person types.
func (h *Handler) Suggestion(context.Context, slack.InteractionCallback) socket.Reply {
	return socket.Reply{}
}

func targetOf(d socket.Delivery) replyTarget {
	user, channel, url := d.Origin()
	return replyTarget{user, channel, url, d.Trigger()}
}

const (
	// triggerLife is how long a trigger is remembered, and maxTriggers how many are. Slack redelivers within minutes.
	triggerLife = 15 * time.Minute
	maxTriggers = 4096
)

// triggers remembers the triggers that made a card. Slack gives each command, click and form its own trigger, and can
// deliver one in two envelopes; the second makes no second card. The typed text is not compared: the same text twice
// means two orders.
type triggers struct {
	now func() time.Time

	mu    sync.Mutex
	first map[string]*firstDelivery
	order []string // oldest first
}

// firstDelivery is the first delivery of a trigger.
type firstDelivery struct {
	at   time.Time
	done chan struct{} // closed when it is answered
	// form is the answer in the acknowledgement of a form; nil for a card. It may be read once done is closed.
	form any
}

func newTriggers(now func() time.Time) *triggers {
	return &triggers{now: now, first: map[string]*firstDelivery{}}
}

// claim returns the first delivery of a trigger, and whether this is it. Without an id, every delivery counts as the
// first.
func (o *triggers) claim(trigger string) (m *firstDelivery, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	for len(o.order) > 0 && (len(o.order) >= maxTriggers || now.Sub(o.first[o.order[0]].at) > triggerLife) {
		delete(o.first, o.order[0])
		o.order = o.order[1:]
	}
	if m := o.first[trigger]; m != nil {
		return m, false
	}
	m = &firstDelivery{at: now, done: make(chan struct{})}
	if trigger != "" {
		o.first[trigger] = m
		o.order = append(o.order, trigger)
	}
	return m, true
}

// forget lets the next delivery of a trigger be answered like the first, whose answer did not reach the person.
func (o *triggers) forget(trigger string) {
	if o == nil || trigger == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.first[trigger] != nil {
		delete(o.first, trigger)
		o.order = slices.DeleteFunc(o.order, func(t string) bool { return t == trigger })
	}
}

// onlyOnce calls answer for the first delivery of a trigger, if answer makes a card. A repeated delivery gets the same
// acknowledgement if that decides what the person sees (whether a form stays open), and an empty one otherwise.
func (h *Handler) onlyOnce(ctx context.Context, trigger string, answer func() socket.Reply) socket.Reply {
	m, first := h.triggers.claim(trigger)
	if first {
		defer close(m.done)
		reply := answer()
		if _, card := reply.Payload.(slack.Msg); !card { // thousands of cards would be megabytes
			m.form = reply.Payload
		}
		return reply
	}
	h.log.Info().Msg("find a command, click or form that Slack delivered twice; it makes one card")
	select {
	case <-m.done:
	case <-ctx.Done():
		return socket.Reply{}
	}
	return socket.Reply{Payload: m.form}
}

// maxReads is how many reads of one kind a person can wait for at a time.
const maxReads = 2

// readLimiter counts how many reads each person waits for.
type readLimiter struct {
	mu      sync.Mutex
	waiting map[string]int // by the kind of read and the person
}

// run runs a read for a person and counts it meanwhile. It does nothing if the person waits for maxReads already.
func (r *readLimiter) run(user string, read func()) {
	if !r.begin(user) {
		return
	}
	defer r.end(user)
	read()
}

// begin counts a read of a person. It returns false if they wait for maxReads already.
func (r *readLimiter) begin(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[user] >= maxReads {
		return false
	}
	r.waiting[user]++
	return true
}

func (r *readLimiter) end(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[user]--; r.waiting[user] == 0 {
		delete(r.waiting, user)
	}
}

// tooManyReadsText is the answer to a person who asks for more.
const tooManyReadsText = "I'm still working on your last requests. Please wait for them before you ask for more."
