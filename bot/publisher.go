package bot

import (
	"cmp"
	"context"
	"errors"
	"maps"
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
// its own turn and backoff, and waits for no other. A part that is due waits in a queue until Slack's rate limits allow
// its calls; only then is it rendered, so that intermediate states are not sent.
type Publisher struct {
	desk   publishedDesk
	outbox Outbox
	slack  WebAPI
	cards  responder
	now    func() time.Time
	log    zerolog.Logger

	busy    sync.WaitGroup // what is being published
	changes *Changes
	turns   *turns
	pace    *pace
	queue   *sendQueue

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

// idlePoll is the pause between checks for changes whose signal was lost.
const idlePoll = 5 * time.Minute

// NewPublisher makes a Publisher from the same options as a Handler.
func NewPublisher(o Options) *Publisher {
	o = o.withDefaults()
	if o.Changes == nil {
		o.Changes = NewChanges(o.Now)
	}
	pace := newPace(o.Now, o.Log)
	pace.off = o.Unpaced
	return &Publisher{
		desk: o.Desk, outbox: o.Outbox, slack: o.Slack, cards: o.cards, now: o.Now, log: o.Log,
		people: o.People, similar: newSimilar(o.Account, o.Now),
		changes: o.Changes, turns: o.Changes.turns, pace: pace, queue: newSendQueue(pace),
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

// Flush shows once more what can be shown, at the end: a last receipt should not wait for the next start. What has to
// wait for a rate limit is left to the next start.
func (p *Publisher) Flush(ctx context.Context) {
	for ctx.Err() == nil {
		if _, err := p.findDue(ctx); err != nil {
			p.log.Error().Err(err).Msg("leave the last changes to be published at the next start")
			break
		}
		sent, _ := p.sendReady(ctx)
		p.busy.Wait()
		if sent == 0 {
			break
		}
	}
	p.busy.Wait()
}

// publishDue starts to publish everything that is due, as far as the rate limits allow, and returns the time until
// something else can start. It doesn't wait for Slack, so that a slow message of one order doesn't delay other orders.
func (p *Publisher) publishDue(ctx context.Context) (time.Duration, error) {
	pause, err := p.findDue(ctx)
	if _, wait := p.sendReady(ctx); wait > 0 { // also after an error, what was found before
		pause = min(pause, wait)
	}
	return max(pause, 10*time.Millisecond), err
}

// findDue puts everything that is due in the queue, and returns the time until something else is due.
func (p *Publisher) findDue(ctx context.Context) (time.Duration, error) {
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
	wanted := wantedTurns(ids, notices)
	p.turns.prune(wanted)
	p.queue.remove(func(t turn) bool { return !wanted(t) })
	for _, id := range ids {
		if !p.turns.due(id) {
			continue
		}
		o, err := p.outbox.Order(ctx, id)
		if err != nil {
			return 0, err
		}
		p.enqueue(o)
	}
	p.enqueueNotices(notices)
	return p.turns.nextDue(), nil
}

// sendReady starts what can be sent now. It returns how much that is, and how long the rest waits for a rate limit; 0
// if nothing waits for one.
func (p *Publisher) sendReady(ctx context.Context) (sent int, pause time.Duration) {
	ready, pause := p.queue.next()
	for _, s := range ready {
		p.turns.lock(s.turn)
		p.busy.Go(func() {
			p.reschedule(s.turn, s.run(ctx, &permit{pace: p.pace, granted: slices.Clone(s.limits)}))
			p.pace.end(s.limits)
			p.changes.lookAgain(s.order) // it may have changed meanwhile; and there is room for another send
		})
	}
	return len(ready), pause
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

// lacks reports whether a part does not show the order as it has to now.
func (t part) lacks(o purchase.Order, now time.Time) bool {
	switch {
	case t == partRequester && getsDirectMessage(o):
		return true
	case t == partLine && o.Receipt == nil: // there is no purchase to announce yet
		return false
	}
	return slices.ContainsFunc(o.Messages, func(m purchase.Message) bool {
		return isBehind(o, m, now) && slices.Contains(kinds[t], m.Kind)
	})
}

// enqueue puts the parts of an order that are behind in the queue, each on its own. A part that waits for its next try
// is not put there: the order sleeps until then, or until it changes.
func (p *Publisher) enqueue(o purchase.Order) {
	var waiting []turn
	for _, t := range []part{partRequester, partLine, partApproval} {
		at := partTurn(o.ID, t)
		switch {
		case !t.lacks(o, p.now()):
			p.queue.remove(func(queued turn) bool { return queued == at })
		case !p.turns.isDue(at):
			waiting = append(waiting, at)
		default:
			s := planSend(o, t, p.now())
			s.turn, s.run = at, func(ctx context.Context, a *permit) error { return p.publish(ctx, a, o.ID, t) }
			p.queue.put(s)
		}
	}
	p.turns.sleep(o.ID, waiting)
}

// publish updates a part of an order. It reads the order when its turn has come, so that it shows the latest state.
func (p *Publisher) publish(ctx context.Context, a *permit, id purchase.OrderID, t part) error {
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
	switch t {
	case partRequester:
		err = p.publishToRequester(ctx, a, v)
	case partLine:
		err = p.publishLine(ctx, a, v.Order)
	case partApproval:
		err = p.publishApproval(ctx, a, v.Order)
	}
	return cmp.Or(err, unkept)
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

// isDue reports whether a turn can begin now.
func (s *turns) isDue(t turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.locked[t] && !s.now().Before(s.notBefore[t])
}

// lock claims a turn that is due.
func (s *turns) lock(t turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked[t] = true
	delete(s.notBefore, t) // not due a second time meanwhile
}

// unlock returns a turn. After an error it is due again after a growing pause. again is false if there is nothing to
// log: it was published, or waits for the end of a rate limit.
func (s *turns) unlock(t turn, err error) (pause time.Duration, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.locked, t)
	var rests rateLimitError
	switch {
	case err == nil:
		delete(s.notBefore, t)
		delete(s.tries, t)
		return 0, false
	case errors.As(err, &rests) && rests.limit == limitProgress:
		// It goes back into the queue, where a newer state replaces it: an outcome doesn't wait for a step's turn.
		delete(s.notBefore, t)
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

// wantedTurns reports which turns have something to show: parts of orders of which a message is behind, and recipients
// of notices.
func wantedTurns(ids []purchase.OrderID, notices []purchase.Notification) func(turn) bool {
	orders, recipients := map[string]bool{}, map[turn]bool{}
	for _, id := range ids {
		orders[string(id)] = true
	}
	for _, n := range notices {
		for _, to := range n.Pending {
			recipients[recipientTurn(to)] = true
		}
	}
	return func(t turn) bool {
		_, id, _ := strings.Cut(string(t), " ")
		return orders[id] || recipients[t]
	}
}

// prune drops the turns with nothing left to show: it was shown in another way, or a newer order replaced it. Otherwise
// they would be due at every look.
func (s *turns) prune(wanted func(turn) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.notBefore, func(t turn, _ time.Time) bool { return !wanted(t) })
	maps.DeleteFunc(s.tries, func(t turn, _ int) bool { return !wanted(t) && !s.locked[t] })
	gone := func(id purchase.OrderID) bool { return !wanted(partTurn(id, partRequester)) }
	maps.DeleteFunc(s.asleep, func(id purchase.OrderID, _ time.Time) bool { return gone(id) })
	maps.DeleteFunc(s.changed, func(id purchase.OrderID, _ bool) bool { return gone(id) })
}

// nextDue returns how long no turn is due.
func (s *turns) nextDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	pause := idlePoll
	for _, at := range s.notBefore {
		pause = min(pause, at.Sub(s.now()))
	}
	return pause
}

// refusedBySlack returns the error code with which Slack definitely refused a message, such as channel_not_found;
// definite is false if a retry may help, or if there is no error.
func refusedBySlack(err error) (problem string, definite bool) {
	if answer := socket.Classify(err); answer.Outcome == socket.OutcomeRefused {
		return answer.Code, true
	}
	return "", false
}
