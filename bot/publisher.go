package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/internal/step"
	"licensebot/purchase"
)

// Publisher brings every message that shows an order to the order's present state. Messages are a view of the order,
// made anew from what the ledger says, so it does not matter how many changes a message has missed, or that the
// program was restarted in between: what is not shown yet is in the ledger, and is tried until Slack took it.
type Publisher struct {
	desk  *purchase.Desk
	slack WebAPI
	http  *http.Client
	now   func() time.Time
	log   zerolog.Logger
	wake  chan struct{}

	busy    sync.WaitGroup // what is being published
	room    chan struct{}  // holds a token for each order that is being sent
	tellers chan struct{}  // and for each notice

	mu    sync.Mutex
	taken map[purchase.OrderID]bool
	after map[purchase.OrderID]time.Time // not to be tried before
	tries map[purchase.OrderID]int
	// What Slack has and the ledger does not say yet, since it could not be written: messages of orders, and notices told,
	// each with Slack's refusal if it was one.
	unkept map[purchase.OrderID]map[purchase.MessageKind]purchase.Message
	told   map[string]string

	alike  *similar // licenses like those that approvers are asked about
	people *People  // who is in the user groups that notices are for
}

const (
	publishers    = 8 // orders that are sent to Slack at the same time
	firstRetry    = time.Second
	lastRetry     = time.Minute
	restartedLook = 5 * time.Minute // a look for what a lost nudge may have left behind
)

// NewPublisher makes a Publisher from the same options as the App.
func NewPublisher(o Options) *Publisher {
	a := New(o)
	return &Publisher{desk: a.desk, slack: a.slack, http: a.http, now: a.now, log: a.log, wake: make(chan struct{}, 1),
		room: make(chan struct{}, publishers), tellers: make(chan struct{}, tellers),
		taken: map[purchase.OrderID]bool{}, after: map[purchase.OrderID]time.Time{}, tries: map[purchase.OrderID]int{},
		unkept: map[purchase.OrderID]map[purchase.MessageKind]purchase.Message{}, told: map[string]string{},
		people: a.people, alike: &similar{desk: a.desk, now: a.now, last: map[string]found{}}}
}

// Changed tells the publisher that there is something to show. It never blocks.
func (p *Publisher) Changed(purchase.OrderID) {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run publishes until ctx is done, and returns when what was being sent then has been sent.
func (p *Publisher) Run(ctx context.Context) error {
	sending := context.WithoutCancel(ctx) // bounded by the HTTP client's own timeout
	defer p.busy.Wait()
	for {
		pause, err := p.round(sending)
		if err != nil {
			p.log.Error().Err(err).Msg("the ledger could not be read for publishing; trying again")
			pause = lastRetry
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-p.wake:
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
	if _, err := p.round(ctx); err != nil {
		p.log.Error().Err(err).Msg("the last changes could not be published; they are at the next start")
	}
	p.busy.Wait()
}

// round begins to publish everything that is due, and says how long there is nothing to do. It does not wait: an order
// whose message Slack takes slowly must not hold up the others'.
func (p *Publisher) round(ctx context.Context) (time.Duration, error) {
	ids, err := p.desk.Unpublished(ctx)
	if err != nil {
		return 0, err
	}
	notices, err := p.desk.Notices(ctx)
	if err != nil {
		return 0, err
	}
	p.forget(ids, notices)
	for _, id := range ids {
		if !p.take(id) {
			continue
		}
		p.busy.Go(func() {
			p.room <- struct{}{}
			o, err := p.desk.Order(ctx, id) // read when its turn has come, so that it is shown as it is then
			if err == nil {
				err = p.publish(ctx, o)
			}
			p.settle(id, err)
			<-p.room
			p.Changed(id) // the order may have moved on meanwhile
		})
	}
	p.tell(ctx, notices)
	return p.nextDue(), nil
}

// forget drops the turns of what has nothing left to be shown, since it was shown on another way, or an order in its place
// is. What stayed would be due at every look.
func (p *Publisher) forget(ids []purchase.OrderID, notices []purchase.Notice) {
	left := map[purchase.OrderID]bool{}
	for _, id := range ids {
		left[id] = true
	}
	for _, n := range notices {
		for _, to := range n.Left {
			left[recipient(to)] = true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.after {
		if !left[id] {
			delete(p.after, id)
			delete(p.tries, id)
		}
	}
}

// take reports whether the order is due, and claims it: one order is published by one goroutine.
func (p *Publisher) take(id purchase.OrderID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[id] || p.now().Before(p.after[id]) {
		return false
	}
	p.taken[id] = true
	delete(p.after, id) // its turn is now: it is not due once more meanwhile
	return true
}

// settle notes when an order is tried again, if it has to be.
func (p *Publisher) settle(id purchase.OrderID, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, id)
	if err == nil {
		delete(p.after, id)
		delete(p.tries, id)
		return
	}
	n := p.tries[id]
	p.tries[id] = n + 1
	pause := min(firstRetry<<min(n, 10), lastRetry)
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) && limited.RetryAfter > pause {
		pause = limited.RetryAfter
	}
	p.after[id] = p.now().Add(pause)
	p.log.Warn().Err(err).Str("order", string(id)).Dur("pause", pause).Msg("a message could not be brought up to date; trying again")
}

func (p *Publisher) nextDue() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := restartedLook
	for _, at := range p.after {
		pause = min(pause, at.Sub(p.now()))
	}
	return max(pause, 10*time.Millisecond)
}

// publish brings the order's messages up to date: first what the requester waits for, then the approvers' card. Trouble
// with one of the two is no reason not to show the other.
func (p *Publisher) publish(ctx context.Context, o purchase.Order) error {
	o, shown := p.remembered(o)
	if o.State == purchase.Purchased {
		p.alike.forget(o.Spec)
	}
	err := p.publishToRequester(ctx, o, shown)
	if m := o.Message(purchase.MessageAsk); m != nil && m.Shown < o.Rev {
		err = errors.Join(err, p.publishAsk(ctx, o, *m))
	}
	return err
}

// publishToRequester brings the channel's line up to date, since the card says when that could not be posted, and then the
// card. shown are the messages that show the order already and only have to be kept.
func (p *Publisher) publishToRequester(ctx context.Context, o purchase.Order, shown []purchase.Message) error {
	var unkept error // a ledger that cannot be written is no reason not to show the rest
	goOn := func(err error) bool {
		if errors.Is(err, errUnkept) {
			unkept, err = err, nil
		}
		return err == nil
	}
	for _, m := range shown {
		if _, err := p.shown(ctx, o, m); !goOn(err) {
			return err
		}
	}
	if m := o.Message(purchase.MessageLine); m != nil && m.Shown < o.Rev && o.Receipt != nil {
		var err error
		if o, err = p.publishLine(ctx, o, *m); !goOn(err) {
			return err
		}
	}
	if tellsDirectly(o) {
		now, err := p.desk.Show(ctx, o.ID, func(o *purchase.Order) {
			if o.Message(purchase.MessageNote) == nil {
				o.Put(purchase.Message{Kind: purchase.MessageNote})
			}
		})
		if err != nil { // told once there is room
			unkept = fmt.Errorf("%w: %w", errUnkept, err)
		} else {
			o.Put(*now.Message(purchase.MessageNote))
		}
	}
	if m := o.Message(purchase.MessageNote); m != nil && m.Shown < o.Rev {
		if err := p.publishNote(ctx, o, *m); !goOn(err) {
			return err
		}
	}
	if m := o.Message(purchase.MessageCard); m != nil && m.Shown < o.Rev {
		if err := p.publishCard(ctx, o, *m); !goOn(err) {
			return err
		}
	}
	return unkept
}

// publishLine posts the one line about a purchase, or changes it. A channel that does not let the bot in is no reason
// to try again: the card tells the requester how to invite it.
func (p *Publisher) publishLine(ctx context.Context, o purchase.Order, m purchase.Message) (purchase.Order, error) {
	channel, ts, err := m.Channel, m.TS, error(nil)
	if ts == "" {
		channel, ts, err = p.slack.PostMessageContext(ctx, channel, messageOptions(line(o))...)
	} else {
		_, _, _, err = p.slack.UpdateMessageContext(ctx, channel, ts, messageOptions(line(o))...)
	}
	problem, definite := refusedBySlack(err)
	switch {
	case definite:
		m.Problem = problem
		p.log.Warn().Str("channel", o.Place.Channel).Str("error", problem).Msg("the channel could not be told about a purchase")
	case err != nil:
		return o, err
	default:
		m.Channel, m.TS, m.Problem = channel, ts, ""
	}
	return p.shown(ctx, o, m)
}

// publishCard shows the card through the response URL of the requester's last click. When that is used up, or Slack
// does not take it any more, the card goes on as a direct message.
//
// Slack takes five posts at a response URL, so they are kept for what matters: the last one for the end, the one before
// for bad news on the way and while it waits for an approval, the one before that for paying, which is the step that takes time.
func (p *Publisher) publishCard(ctx context.Context, o purchase.Order, m purchase.Message) error {
	keep := 3
	switch {
	case o.State.Final():
		keep = 0
	case o.State == purchase.Unknown || o.State == purchase.AwaitingApproval || o.Wait != nil:
		keep = 1
	case o.State == purchase.Paying:
		keep = 2
	}
	reachable := m.Uses > 0 && p.now().Before(m.Expires)
	if reachable && m.Uses <= keep {
		_, err := p.shown(ctx, o, m)
		return err
	}
	if reachable {
		c, err := p.card(ctx, o)
		if err != nil {
			return err
		}
		m.Uses--
		step.At(step.Before, step.Card)
		err = respond(ctx, p.http, m.ResponseURL, c, true)
		step.At(step.After, step.Card)
		if err == nil {
			_, err := p.shown(ctx, o, m)
			return err
		}
		p.log.Warn().Err(err).Str("order", string(o.ID)).Msg("Slack did not take the card; going on in a direct message")
	}
	if keep > 1 { // a step in between is not worth a message of its own
		_, err := p.shown(ctx, o, m)
		return err
	}
	return p.goOnDirectly(ctx, o, m)
}

// goOnDirectly lets the order go on in the requester's direct messages, in place of a card that cannot be reached any
// more. If there are some already, they were brought up to date before the card; a click that nothing else answers gets a
// new one all the same, since nobody notices that an older one says what it said.
func (p *Publisher) goOnDirectly(ctx context.Context, o purchase.Order, card purchase.Message) error {
	anew := o.Message(purchase.MessageNote) == nil || card.Shown == 0 && o.State.Final()
	_, err := p.desk.Show(ctx, o.ID, func(o *purchase.Order) {
		o.Drop(purchase.MessageCard)
		if anew {
			o.Put(purchase.Message{Kind: purchase.MessageNote})
		}
	})
	if anew {
		if said := p.publishNote(ctx, o, purchase.Message{Kind: purchase.MessageNote}); said != nil && !errors.Is(said, errUnkept) {
			return said
		}
	}
	if err != nil { // the card is done with all the same, as long as the order stays as it is
		_, err = p.shown(ctx, o, card)
	}
	return err
}

// publishNote shows the order in the requester's direct messages.
func (p *Publisher) publishNote(ctx context.Context, o purchase.Order, m purchase.Message) error {
	c, err := p.card(ctx, o)
	if err != nil {
		return err
	}
	if m.TS == "" {
		m.Channel, m.TS, err = directMessage(ctx, p.slack, o.Requester.ID, c)
	} else {
		_, _, _, err = p.slack.UpdateMessageContext(ctx, m.Channel, m.TS, messageOptions(c)...)
	}
	if err != nil {
		// The last way left: the channel where it was asked for.
		if _, second := p.slack.PostEphemeralContext(ctx, o.Place.Channel, o.Requester.ID, messageOptions(c)...); second != nil {
			return errors.Join(err, second)
		}
	}
	_, err = p.shown(ctx, o, m)
	return err
}

func (p *Publisher) card(ctx context.Context, o purchase.Order) (content, error) {
	ahead, err := p.desk.Ahead(ctx, o)
	if err != nil {
		return content{}, err
	}
	left, limited, err := p.desk.BudgetNow(ctx)
	priced := o
	if o.Failure != nil && o.Failure.Code == purchase.FailPriceMoved {
		priced.Price = o.Failure.NewPrice // which a click would agree to
	}
	return card(o, cardFacts{now: p.now(), ahead: ahead, left: left, limited: limited, asks: p.desk.Asks(priced), needed: p.desk.ApprovalsNeeded()}), err
}
