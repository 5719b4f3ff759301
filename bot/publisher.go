package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"licensebot/bot/socket"
	"licensebot/internal/backoff"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// publishedDesk is what the publisher needs of the desk.
type publishedDesk interface {
	Seller
	View(ctx context.Context, id purchase.OrderID) (orders.View, error)
	Queue(ctx context.Context) (orders.Queue, error)
	Budgets(ctx context.Context, months int) (orders.BudgetReport, error)
	Decide(ctx context.Context, action purchase.Action, id purchase.OrderID, d orders.Decision) (purchase.Order, error)
}

// Publisher updates every message that shows an order. Messages are views of the order, rendered from the ledger, so a
// message that missed changes, or a restart, needs no special case: the publisher retries until Slack accepts the
// present state.
//
// An order has up to three parts: the requester's messages, the channel's line and the approvers' card. Each part has
// its own turn and backoff, and waits for no other.
type Publisher struct {
	desk   publishedDesk
	outbox Outbox
	slack  WebAPI
	cards  responder
	now    func() time.Time
	log    zerolog.Logger

	busy       sync.WaitGroup // what is being published
	requesters chan struct{}  // holds a token for each requester who is being answered
	notifiers  chan struct{}  // and for each notice
	changes    *Changes
	turns      *turns
	limits     *channelLimits

	mu sync.Mutex
	// What Slack has and the ledger could not store yet: messages of orders, and notices that were sent, each with Slack's
	// refusal if there was one.
	unstored    map[purchase.OrderID]map[purchase.MessageKind]purchase.Message
	sentNotices map[string]string
	// unverified is since when Slack has not answered whether the recipient of a notice is a member of the workspace.
	unverified map[string]time.Time

	unsold bool // the server sold no licenses when orders were last shown; used by round alone

	similar *cache[purchase.Spec, []purchase.License] // licenses like those that approvers are asked about
	people  *People                                   // who is in the user groups that notices are for
}

const (
	maxRequesters = 8               // requesters whose messages are published at the same time
	idlePoll      = 5 * time.Minute // pause between checks for changes whose signal was lost
)

// NewPublisher makes a Publisher from the same options as a Handler.
func NewPublisher(o Options) *Publisher {
	o = o.withDefaults()
	if o.Changes == nil {
		o.Changes = NewChanges(o.Now)
	}
	return &Publisher{
		desk: o.Desk, outbox: o.Outbox, slack: o.Slack, cards: o.cards, now: o.Now, log: o.Log,
		people: o.People, similar: newSimilar(o.Account, o.Now),
		requesters: make(chan struct{}, maxRequesters), notifiers: make(chan struct{}, maxNotifiers),
		changes: o.Changes, turns: o.Changes.turns, limits: newChannelLimits(o.Now, o.Log),
		unstored: map[purchase.OrderID]map[purchase.MessageKind]purchase.Message{}, sentNotices: map[string]string{},
		unverified: map[string]time.Time{},
	}
}

// Run publishes until ctx is done, and returns when what was being sent then has been sent.
func (p *Publisher) Run(ctx context.Context) error {
	sending := context.WithoutCancel(ctx) // bounded by the HTTP client's own timeout
	defer p.busy.Wait()
	p.busy.Go(func() { p.people.warmAudiences(ctx, p.outbox.Channels()) })
	for {
		pause, err := p.publishDue(sending)
		if err != nil {
			p.log.Error().Err(err).Msg("retry reading the ledger for publishing")
			pause = retries.Max
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-p.changes.wake:
			p.changes.awaitCalm(ctx)
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// Flush shows once more what can be shown, at the end: a last receipt should not wait for the next start.
func (p *Publisher) Flush(ctx context.Context) {
	if _, err := p.publishDue(ctx); err != nil {
		p.log.Error().Err(err).Msg("leave the last changes to be published at the next start")
	}
	p.busy.Wait()
}

// publishDue starts to publish everything that is due, and returns the time until something else is due. It doesn't
// wait for Slack, so that a slow message of one order doesn't delay other orders.
func (p *Publisher) publishDue(ctx context.Context) (time.Duration, error) {
	if err := p.refreshWaiting(ctx); err != nil {
		p.log.Error().Err(err).Msg("leave cards as they are until the next round: the ledger does not take it")
	}
	ids, err := p.outbox.StaleOrders(ctx)
	if err != nil {
		return 0, err
	}
	notices, err := p.outbox.PendingNotifications(ctx)
	if err != nil {
		return 0, err
	}
	p.turns.prune(ids, notices)
	for _, id := range ids {
		if !p.turns.due(id) {
			continue
		}
		o, err := p.outbox.Order(ctx, id)
		if err != nil {
			return 0, err
		}
		p.start(ctx, o)
	}
	p.startNotices(ctx, notices)
	return p.turns.nextDue(), nil
}

// part is a group of messages that show an order to the same readers.
type part string

const (
	partRequester part = "requester" // the card and the direct message
	partLine      part = "line"
	partApproval  part = "ask"
)

// kinds are the messages of a part.
var kinds = map[part][]purchase.MessageKind{
	partRequester: {purchase.MessageCard, purchase.MessageNote},
	partLine:      {purchase.MessageLine},
	partApproval:  {purchase.MessageAsk},
}

// lacks reports whether a part does not show the order as it is now.
func (t part) lacks(o purchase.Order) bool {
	switch {
	case t == partRequester && getsDirectMessage(o):
		return true
	case t == partLine && o.Receipt == nil: // there is no purchase to announce yet
		return false
	}
	return slices.ContainsFunc(o.Messages, func(m purchase.Message) bool {
		return m.PublishedRev < o.Rev && slices.Contains(kinds[t], m.Kind)
	})
}

// start starts publishing the parts of an order that are behind, each on its own. If none can start now, the order
// sleeps until one can, or until it changes.
func (p *Publisher) start(ctx context.Context, o purchase.Order) {
	var waiting []turn
	for _, t := range []part{partRequester, partLine, partApproval} {
		if !t.lacks(o) {
			continue
		}
		if !p.turns.tryLock(partTurn(o.ID, t)) {
			waiting = append(waiting, partTurn(o.ID, t))
			continue
		}
		p.busy.Go(func() {
			p.reschedule(partTurn(o.ID, t), p.publish(ctx, o.ID, t))
			p.changes.lookAgain(o.ID) // it may have changed meanwhile
		})
	}
	p.turns.sleep(o.ID, waiting)
}

// publish updates a part of an order. It reads the order when its turn has come, so that it shows the latest state.
func (p *Publisher) publish(ctx context.Context, id purchase.OrderID, t part) error {
	if t == partRequester {
		return p.publishPart(ctx, id, t, p.requesters, p.publishToRequester)
	}
	o, err := p.outbox.Order(ctx, id)
	if err != nil {
		return err
	}
	m := o.Message(kinds[t][0])
	if m == nil {
		return nil
	}
	show := p.publishLine
	if t == partApproval {
		show = p.publishApproval
	}
	return p.limits.post(ctx, m.Channel, func() error {
		return p.publishPart(ctx, id, t, nil, func(ctx context.Context, v orders.View) error { return show(ctx, v.Order) })
	})
}

// publishPart reads an order once there is room, and publishes a part of it.
func (p *Publisher) publishPart(ctx context.Context, id purchase.OrderID, t part, room chan struct{},
	show func(context.Context, orders.View) error,
) error {
	if room != nil {
		room <- struct{}{}
		defer func() { <-room }()
	}
	v, err := p.desk.View(ctx, id)
	if err != nil {
		return err
	}
	if v.Order.State == purchase.Purchased {
		p.similar.forget(similarTo(v.Order.Spec))
	}
	var shown []purchase.Message
	v.Order, shown = p.restoreUnstored(v.Order, kinds[t])
	unkept := error(nil) // if the ledger cannot be written, the rest is still shown
	for _, m := range shown {
		if v.Order, err = p.markPublished(ctx, v.Order, m); err != nil {
			unkept = err
		}
	}
	if err := show(ctx, v); err != nil {
		return err
	}
	return unkept
}

// reschedule notes when a turn is due again, if it is.
func (p *Publisher) reschedule(t turn, err error) {
	pause, again := p.turns.unlock(t, err)
	if again {
		p.log.Warn().Err(err).Str("message", string(t)).Int64("pause_ms", pause.Milliseconds()).
			Msg("retry updating a message")
	}
}

// turn names what one goroutine at a time publishes: a part of an order, or the notices for one recipient.
type turn string

// partTurn is the turn of a part of an order.
func partTurn(id purchase.OrderID, t part) turn { return turn(string(t) + " " + string(id)) }

// recipientTurn is the turn of the notices for one recipient.
func recipientTurn(id string) turn { return turn("to " + id) }

// retries are the pauses before a message that Slack did not take is sent again.
var retries = backoff.Policy{First: time.Second, Max: time.Minute}

// turns keeps what is being published, and what is not due yet. It may be used concurrently.
type turns struct {
	now func() time.Time

	mu        sync.Mutex
	locked    map[turn]bool
	notBefore map[turn]time.Time // not to be retried before
	tries     map[turn]int
	asleep    map[purchase.OrderID]time.Time // orders with nothing due before that time, unless they change
	changed   map[purchase.OrderID]bool      // orders that changed since they were last looked at
}

func newTurns(now func() time.Time) *turns {
	return &turns{
		now: now, locked: map[turn]bool{}, notBefore: map[turn]time.Time{}, tries: map[turn]int{},
		asleep: map[purchase.OrderID]time.Time{}, changed: map[purchase.OrderID]bool{},
	}
}

// tryLock reports whether a turn is due, and claims it.
func (s *turns) tryLock(t turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locked[t] || s.now().Before(s.notBefore[t]) {
		return false
	}
	s.locked[t] = true
	delete(s.notBefore, t) // not due a second time meanwhile
	return true
}

// unlock returns a turn. After an error it is due again after a growing pause. again is false if there is nothing to
// log: it was published, or waits for the end of a rate limit.
func (s *turns) unlock(t turn, err error) (pause time.Duration, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.locked, t)
	var rests channelLimitError
	switch {
	case err == nil:
		delete(s.notBefore, t)
		delete(s.tries, t)
		return 0, false
	case errors.As(err, &rests):
		s.notBefore[t] = rests.until
		return rests.until.Sub(s.now()), false
	}
	n := s.tries[t]
	s.tries[t] = n + 1
	pause = retries.Delay(n)
	if answer := socket.Classify(err); answer.Outcome == socket.OutcomeRateLimited {
		pause = max(pause, answer.Wait)
	}
	s.notBefore[t] = s.now().Add(pause)
	return pause, true
}

// due reports whether a part of an order may be due. The caller then reads the order.
func (s *turns) due(id purchase.OrderID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Before(s.asleep[id]) {
		return false
	}
	delete(s.changed, id)
	return true
}

// sleep notes that no part of an order can begin before one of the waiting turns is due, unless the order has changed
// since it was last looked at.
func (s *turns) sleep(id purchase.OrderID, waiting []turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed[id] {
		return
	}
	until := s.now().Add(idlePoll)
	for _, t := range waiting {
		if at := s.notBefore[t]; !s.locked[t] && at.Before(until) { // a taken turn rouses the order when it ends
			until = at
		}
	}
	s.asleep[id] = until
}

// wake makes the publisher look at an order that has changed.
func (s *turns) wake(id purchase.OrderID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asleep, id)
	s.changed[id] = true
}

// prune drops the turns of orders and notices with nothing left to show: they were shown in another way, or a newer
// order replaced them. Otherwise they would be due at every look.
func (s *turns) prune(ids []purchase.OrderID, notices []purchase.Notification) {
	orders, recipients := map[string]bool{}, map[turn]bool{}
	for _, id := range ids {
		orders[string(id)] = true
	}
	for _, n := range notices {
		for _, to := range n.Pending {
			recipients[recipientTurn(to)] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.notBefore {
		if _, id, _ := strings.Cut(string(t), " "); !orders[id] && !recipients[t] {
			delete(s.notBefore, t)
			delete(s.tries, t)
		}
	}
	for id := range s.asleep {
		if !orders[string(id)] {
			delete(s.asleep, id)
		}
	}
	for id := range s.changed {
		if !orders[string(id)] {
			delete(s.changed, id)
		}
	}
}

// nextDue returns how long no turn is due.
func (s *turns) nextDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	pause := idlePoll
	for _, at := range s.notBefore {
		pause = min(pause, at.Sub(s.now()))
	}
	return max(pause, 10*time.Millisecond)
}
