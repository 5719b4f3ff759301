package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"licensebot/internal/backoff"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// publishToRequester updates what the requester sees: the card first, since they look at it, then their direct message.
// If one of the two fails, the other is still shown.
func (p *Publisher) publishToRequester(ctx context.Context, a *permit, v orders.View) error {
	var failed error
	if m := v.Order.Message(purchase.MessageCard); m != nil && isBehind(v.Order, *m, p.now()) {
		var direct bool
		if v.Order, direct, failed = p.publishCard(ctx, a, v, *m); direct {
			return failed
		}
	}
	if getsDirectMessage(v.Order) {
		now, err := p.outbox.UpdateMessages(ctx, v.Order.ID, func(o *purchase.Order) {
			if o.Message(purchase.MessageNote) == nil {
				o.SetMessage(purchase.Message{Kind: purchase.MessageNote})
			}
		})
		if err != nil { // sent once there is room
			return errors.Join(failed, fmt.Errorf("%w: %w", errNotStored, err))
		}
		v.Order.Messages = now.Messages
	}
	if m := v.Order.Message(purchase.MessageNote); m != nil && m.PublishedRev < v.Order.Rev {
		_, err := p.publishNote(ctx, a, v, *m)
		failed = errors.Join(failed, err)
	}
	return failed
}

// publishCard shows the card through the response URL of the requester's last click. When the URL is used up, or Slack
// refuses it, the card continues as a direct message; direct reports that one was tried.
//
// While Slack limits the rate, the card waits.
func (p *Publisher) publishCard(ctx context.Context, a *permit, v orders.View,
	m purchase.Message,
) (o purchase.Order, direct bool, err error) {
	o = v.Order
	keep, reachable := usesKept(o), isReachable(m, p.now())
	if reachable && m.Uses <= keep {
		o, err = p.markPublished(ctx, o, m)
		return o, false, err
	}
	if reachable {
		c := p.card(v)
		m.Uses--
		// The order may have come to a step of its progress since its turn was planned.
		err = a.call(func() error { return p.cards.respond(ctx, m.ResponseURL, c, true) }, cardLimits(o, m)...)
		if err == nil {
			o, err = p.markPublished(ctx, o, m)
			return o, false, err
		}
		if isLimited(err) {
			return o, false, err
		}
		p.log.Warn().Err(err).Str("order", string(o.ID)).
			Msg("continue a card in a direct message: Slack did not take it")
	}
	if keep > 1 { // an intermediate step needs no message
		o, err = p.markPublished(ctx, o, m)
		return o, false, err
	}
	return p.continueInDM(ctx, a, v, m)
}

// isReachable reports whether a card can be updated through its response URL.
func isReachable(m purchase.Message, now time.Time) bool { return m.Uses > 0 && now.Before(m.Expires) }

// isBehind reports whether a message has to show a newer state of its order. A card skips the steps for which its
// response URL has no use left. That isn't noted in the ledger, since the order soon comes to a state that is shown.
func isBehind(o purchase.Order, m purchase.Message, now time.Time) bool {
	if m.PublishedRev >= o.Rev {
		return false
	}
	keep := usesKept(o)
	skipped := m.Kind == purchase.MessageCard && o.State.UnderWay() && keep > 1 &&
		(m.Uses <= keep || !isReachable(m, now))
	return !skipped
}

// usesKept returns how many uses of its response URL a card keeps in an order's state. Slack accepts five posts. The
// last one is kept for the end, the one before for bad news and for waiting for approval, and the one before that for
// paying, which takes time.
func usesKept(o purchase.Order) int {
	switch {
	case o.State.Final():
		return 0
	case o.State == purchase.Unknown || o.State == purchase.AwaitingApproval || o.Blocked != nil:
		return 1
	case o.State == purchase.Paying:
		return 2
	default:
		return 3
	}
}

// postIn posts in a channel, and returns where the message is.
func (p *Publisher) postIn(ctx context.Context, a *permit, channel string, c content) (at, ts string, err error) {
	err = a.call(func() (err error) {
		at, ts, err = p.slack.PostMessageContext(ctx, channel, messageOptions(c)...)
		return err
	}, postsIn(channel), limitPosts)
	return at, ts, err
}

// update changes a posted message.
func (p *Publisher) update(ctx context.Context, a *permit, m purchase.Message, c content) error {
	return a.call(func() error {
		_, _, _, err := p.slack.UpdateMessageContext(ctx, m.Channel, m.TS, messageOptions(c)...)
		return err
	}, limitUpdates)
}

func (p *Publisher) card(v orders.View) content {
	return card(v.Order, factsOf(v, p.desk, p.now(), p.desk.Rules().Policy.TimeZone()))
}

// errNotStored says that the ledger could not store which messages Slack shows.
var errNotStored = errors.New("what Slack shows could not be kept in the ledger")

// markPublished stores that a message shows the order in the state that was read. It leaves a newer card, from a newer
// click, as it is. If the ledger can't store it (its disk is full), markPublished keeps it in memory, so that the
// message is updated later and not posted again.
func (p *Publisher) markPublished(ctx context.Context, o purchase.Order, m purchase.Message) (purchase.Order, error) {
	m.PublishedRev = o.Rev
	now, err := p.outbox.UpdateMessages(ctx, o.ID, func(live *purchase.Order) {
		if old := live.Message(m.Kind); old == nil || old.ResponseURL == m.ResponseURL {
			mergePublished(live, m, o)
		}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.unstored[o.ID] == nil {
			p.unstored[o.ID] = map[purchase.MessageKind]purchase.Message{}
		}
		p.unstored[o.ID][m.Kind] = m
		o.SetMessage(m)
		return o, fmt.Errorf("%w: %w", errNotStored, err)
	}
	p.forgetUnstored(o.ID, m.Kind)
	now.Rev, now.State = o.Rev, o.State // go on with what was read: a newer state comes with the next round
	o.Messages = now.Messages
	return o, nil
}

// mergePublished stores a message that shows the order as seen in the order as it is now. The requester's messages show
// why the channel's line could not be posted; if they were shown without that, they are shown again.
func mergePublished(live *purchase.Order, m purchase.Message, seen purchase.Order) {
	before := lineProblem(*live)
	live.SetMessage(m)
	problem := lineProblem(*live)
	again := kinds[partRequester]
	if m.Kind != purchase.MessageLine {
		before, again = lineProblem(seen), []purchase.MessageKind{m.Kind}
	}
	if problem == "" || problem == before {
		return
	}
	for _, kind := range again {
		if shown := live.Message(kind); shown != nil && kind != purchase.MessageAsk {
			shown.PublishedRev = min(shown.PublishedRev, seen.Rev-1)
		}
	}
}

// lineProblem returns why the channel's line could not be posted.
func lineProblem(o purchase.Order) string {
	if m := o.Message(purchase.MessageLine); m != nil {
		return m.Problem
	}
	return ""
}

// restoreUnstored replaces the order's messages by newer ones that the ledger does not hold yet. It returns those of
// some kinds that show the order as it is and only have to be stored.
func (p *Publisher) restoreUnstored(o purchase.Order, of []purchase.MessageKind) (purchase.Order, []purchase.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keep []purchase.Message
	for kind, m := range p.unstored[o.ID] {
		old := o.Message(kind)
		if old == nil && kind == purchase.MessageCard || old != nil && old.ResponseURL != m.ResponseURL {
			p.forgetUnstored(o.ID, kind) // a newer card has come
			continue
		}
		o.SetMessage(m)
		if m.PublishedRev >= o.Rev && slices.Contains(of, kind) {
			keep = append(keep, m)
		}
	}
	return o, keep
}

// forgetUnstored drops a message that the ledger holds, or needs no more. p.mu is held.
func (p *Publisher) forgetUnstored(id purchase.OrderID, kind purchase.MessageKind) {
	if delete(p.unstored[id], kind); len(p.unstored[id]) == 0 {
		delete(p.unstored, id)
	}
}

// Changes collects the orders that changed until the Publisher takes them. The Desk reports changes, and the Publisher
// reads the Desk, so Changes is made before both. It may be used concurrently.
type Changes struct {
	turns *turns
	wake  chan struct{} // capacity 1: there is something to publish
	added atomic.Int64  // how many changes were added
	seen  int64         // how many of them awaitCalm has seen
}

// NewChanges returns an empty collection. A nil now is the system's clock.
func NewChanges(now func() time.Time) *Changes {
	if now == nil {
		now = time.Now
	}
	return &Changes{turns: newTurns(now), wake: make(chan struct{}, 1)}
}

// Add notes that an order has changed, or with an empty id that the account has. It never waits for Slack or the
// ledger. It is meant for purchase.Options.Changed.
func (c *Changes) Add(id purchase.OrderID) {
	c.added.Add(1)
	c.lookAgain(id)
}

// lookAgain makes the Publisher look at an order again.
func (c *Changes) lookAgain(id purchase.OrderID) {
	if id != "" {
		c.turns.wake(id)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// When more than fewChanges came since the last look, the Publisher waits until none has come for calm, at most for
// mostCalm.
const (
	fewChanges = 8
	calm       = 25 * time.Millisecond
	mostCalm   = 500 * time.Millisecond
)

// awaitCalm waits while people decide about many orders at once: their clicks are acknowledged before their cards are
// updated, which takes longer and uses the same processors and the same disk. A few changes wait for nothing.
func (c *Changes) awaitCalm(ctx context.Context) {
	before := c.seen
	c.seen = c.added.Load()
	if c.seen-before <= fewChanges {
		return
	}
	for waited := time.Duration(0); waited < mostCalm && backoff.Sleep(ctx, calm) == nil; waited += calm {
		before, c.seen = c.seen, c.added.Load()
		if c.seen == before {
			return
		}
	}
}

// publishLine posts the line about a purchase in its channel, or updates it. It does not retry if the bot is not in the
// channel: the card tells the requester how to invite it.
func (p *Publisher) publishLine(ctx context.Context, a *permit, o purchase.Order) error {
	behind := o.Message(purchase.MessageLine)
	if behind == nil || behind.PublishedRev >= o.Rev || o.Receipt == nil {
		return nil
	}
	m := *behind
	prices, err := p.pricesIn(ctx, m.Channel, o.Updated)
	if err != nil {
		return err
	}
	c := purchaseLine(o)
	if !prices {
		c = purchaseLineWithoutPrice(o)
	}
	channel, ts := m.Channel, m.TS
	if ts == "" {
		channel, ts, err = p.postIn(ctx, a, channel, c)
	} else {
		err = p.update(ctx, a, m, c)
	}
	problem, definite := refusedBySlack(err)
	switch {
	case definite:
		m.Problem = problem
		p.log.Warn().Str("channel", m.Channel).Str("error", problem).
			Msg("fail to post a purchase's line in its channel")
	case err != nil:
		return err
	default:
		m.Channel, m.TS, m.Problem = channel, ts, ""
	}
	_, err = p.markPublished(ctx, o, m)
	return err
}

// getsDirectMessage reports whether the requester gets the outcome of an order as a direct message. Those who waited
// for approval do: their card is gone when they reload Slack, and its updates send no notification. A requester who
// withdrew the order needs none.
func getsDirectMessage(o purchase.Order) bool {
	switch o.State {
	case purchase.Unknown, purchase.Purchased, purchase.Failed, purchase.Denied, purchase.Expired:
		return !o.ApproveBy.IsZero() && o.Message(purchase.MessageNote) == nil
	default:
		return false
	}
}

// enqueueNotices puts the recipients of notices in the queue, each once: they get one notice at a time, so that these
// stay in order.
func (p *Publisher) enqueueNotices(notices []purchase.Notification) {
	queued := map[string]bool{}
	for _, n := range notices { // the oldest first
		for place, to := range n.Pending {
			if queued[to] || !p.turns.isDue(recipientTurn(to)) {
				continue
			}
			queued[to] = true
			p.queue.put(send{
				turn: recipientTurn(to), priority: priorityNotice, limits: noticeLimits(to),
				since: n.Time, place: place,
				run: func(ctx context.Context, a *permit) error { return p.sendNextNotice(ctx, a, to) },
			})
		}
	}
}

// withoutLastChart is a message with one chart less. Not every workspace takes charts, and all that they show is said
// in words too.
func withoutLastChart(c content) (fewer content, had bool) {
	for i, b := range slices.Backward(c.blocks) {
		if b.BlockType() == slack.MBTDataVisualization {
			return content{c.text, slices.Concat(c.blocks[:i], c.blocks[i+1:])}, true
		}
	}
	return c, false
}

// planSend returns how a part of an order that is behind waits in the queue: its priority, and the limits of its next
// call. Without limits, only the ledger is to be written.
func planSend(o purchase.Order, t part, now time.Time) send {
	s := send{order: o.ID, since: o.Created}
	switch t {
	case partRequester:
		s.priority, s.limits = planRequester(o, now)
	case partLine:
		s.priority, s.limits = priorityLine, messageLimits(*o.Message(purchase.MessageLine))
	case partApproval:
		m := *o.Message(purchase.MessageAsk)
		s.priority, s.limits = priorityEnded, messageLimits(m)
		if decidable(o, now) {
			s.priority = priorityApproval
		}
		if needsNoApprovalCard(o, m) {
			s.limits = nil
		}
	}
	return s
}

// planRequester returns the priority and the limits of the requester's messages. An update that only shows progress
// waits longer than others: if a newer state comes meanwhile, it isn't sent. The answer to a click never does.
func planRequester(o purchase.Order, now time.Time) (priority, []limit) {
	if m := o.Message(purchase.MessageCard); m != nil && isBehind(o, *m, now) {
		keep := usesKept(o)
		progress := keep > 1
		switch reachable := isReachable(*m, now); {
		case reachable && m.Uses > keep && showsProgress(o, *m):
			return priorityProgress, cardLimits(o, *m)
		case reachable && m.Uses > keep:
			return priorityAnswer, cardLimits(o, *m)
		case reachable || progress: // not shown
			return priorityAnswer, nil
		}
	}
	if m := o.Message(purchase.MessageNote); m != nil && m.TS != "" {
		return priorityAnswer, []limit{limitUpdates}
	}
	return priorityAnswer, directLimits(o.Requester.ID)
}

// showsProgress reports whether the next update of a card only shows progress, and answers no click.
func showsProgress(o purchase.Order, card purchase.Message) bool {
	return usesKept(o) > 1 && card.PublishedRev > 0
}

// cardLimits are the limits of updating a card.
func cardLimits(o purchase.Order, card purchase.Message) []limit {
	if showsProgress(o, card) {
		return []limit{limitCards, limitProgress}
	}
	return []limit{limitCards}
}

// messageLimits are the limits of posting a channel's message, or of updating it.
func messageLimits(m purchase.Message) []limit {
	if m.TS != "" {
		return []limit{limitUpdates}
	}
	return []limit{postsIn(m.Channel), limitPosts}
}

// noticeLimits are the limits of a notice to a channel, a person or a user group.
func noticeLimits(to string) []limit {
	switch {
	case purchase.IsGroup(to):
		return []limit{limitNotices}
	case isPerson(to):
		return append(directLimits(to), limitNotices)
	}
	return []limit{postsIn(to), limitPosts}
}
