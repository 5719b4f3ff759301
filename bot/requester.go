package bot

import (
	"context"
	"errors"
	"fmt"

	"licensebot/purchase"
)

// publishToRequester updates what the requester sees: the card first, since they look at it, then their direct message.
// If one of the two fails, the other is still shown.
func (p *Publisher) publishToRequester(ctx context.Context, o purchase.Order) error {
	var failed error
	if m := o.Message(purchase.MessageCard); m != nil && m.PublishedRev < o.Rev {
		var direct bool
		if o, direct, failed = p.publishCard(ctx, o, *m); direct {
			return failed
		}
	}
	if getsDirectMessage(o) {
		now, err := p.desk.UpdateMessages(ctx, o.ID, func(o *purchase.Order) {
			if o.Message(purchase.MessageNote) == nil {
				o.SetMessage(purchase.Message{Kind: purchase.MessageNote})
			}
		})
		if err != nil { // sent once there is room
			return errors.Join(failed, fmt.Errorf("%w: %w", errNotStored, err))
		}
		o.Messages = now.Messages
	}
	if m := o.Message(purchase.MessageNote); m != nil && m.PublishedRev < o.Rev {
		_, err := p.publishNote(ctx, o, *m)
		failed = errors.Join(failed, err)
	}
	return failed
}

// publishCard shows the card through the response URL of the requester's last click. When the URL is used up, or Slack
// refuses it, the card continues as a direct message; direct reports that one was tried.
//
// Slack accepts five posts per response URL. The last one is kept for the end, the one before for bad news and for
// waiting for approval, and the one before that for paying, which takes time.
func (p *Publisher) publishCard(ctx context.Context, o purchase.Order,
	m purchase.Message,
) (_ purchase.Order, direct bool, err error) {
	keep := 3
	switch {
	case o.State.Final():
		keep = 0
	case o.State == purchase.Unknown || o.State == purchase.AwaitingApproval || o.Blocked != nil:
		keep = 1
	case o.State == purchase.Paying:
		keep = 2
	}
	reachable := m.Uses > 0 && p.now().Before(m.Expires)
	if reachable && m.Uses <= keep {
		o, err = p.markPublished(ctx, o, m)
		return o, false, err
	}
	if reachable {
		c, err := p.card(ctx, o)
		if err != nil {
			return o, false, err
		}
		m.Uses--
		err = p.cards.respond(ctx, m.ResponseURL, c, true)
		if err == nil {
			o, err = p.markPublished(ctx, o, m)
			return o, false, err
		}
		p.log.Warn().Err(err).Str("order", string(o.ID)).
			Msg("continue a card in a direct message: Slack did not take it")
	}
	if keep > 1 { // a step in between needs no message of its own
		o, err = p.markPublished(ctx, o, m)
		return o, false, err
	}
	return p.continueInDM(ctx, o, m)
}

// continueInDM continues the order in the requester's direct messages, in place of a card that cannot be updated any
// more. It updates an existing direct message. A click without any other answer gets a new one, since an update of an
// older message is easily missed.
func (p *Publisher) continueInDM(ctx context.Context, o purchase.Order,
	card purchase.Message,
) (_ purchase.Order, direct bool, err error) {
	old := o.Message(purchase.MessageNote)
	anew := old == nil || card.PublishedRev == 0 && o.State.Final()
	var failed error // of the existing message
	if anew && old != nil && old.TS != "" && old.PublishedRev < o.Rev {
		o, failed = p.publishNote(ctx, o, *old)
	}
	now, unkept := p.desk.UpdateMessages(ctx, o.ID, func(o *purchase.Order) {
		o.RemoveMessage(purchase.MessageCard)
		if anew {
			o.SetMessage(purchase.Message{Kind: purchase.MessageNote})
		}
	})
	if unkept == nil {
		o.Messages = now.Messages
	}
	if anew {
		if o, err = p.publishNote(ctx, o, purchase.Message{Kind: purchase.MessageNote}); err != nil &&
			!errors.Is(err, errNotStored) {
			return o, anew, errors.Join(failed, err)
		}
	}
	if unkept != nil { // the card is done anyway, as long as the order does not change
		o, unkept = p.markPublished(ctx, o, card)
	}
	return o, anew, errors.Join(failed, unkept)
}

// publishNote shows the order in the requester's direct messages.
func (p *Publisher) publishNote(ctx context.Context, o purchase.Order, m purchase.Message) (purchase.Order, error) {
	c, err := p.card(ctx, o)
	if err != nil {
		return o, err
	}
	if m.TS == "" {
		m.Channel, m.TS, err = directMessage(ctx, p.slack, o.Requester.ID, c)
	} else {
		_, _, _, err = p.slack.UpdateMessageContext(ctx, m.Channel, m.TS, messageOptions(c)...)
	}
	if err != nil {
		// The last resort: the channel of the command.
		if _, second := p.slack.PostEphemeralContext(ctx, o.Channel.ID, o.Requester.ID,
			messageOptions(c)...); second != nil {
			return o, errors.Join(err, second)
		}
	}
	return p.markPublished(ctx, o, m)
}

func (p *Publisher) card(ctx context.Context, o purchase.Order) (content, error) {
	ahead, err := p.desk.Ahead(ctx, o)
	if err != nil {
		return content{}, err
	}
	left, limited, err := p.desk.BudgetNow(ctx)
	priced := o
	if o.Failure != nil && o.Failure.Code == purchase.FailPriceMoved {
		priced.Price = o.Failure.NewPrice // the price that a click would confirm
	}
	if err != nil {
		return content{}, err
	}
	asks, err := p.desk.Asks(ctx, priced)
	if err != nil {
		return content{}, err
	}
	sum, err := p.desk.DaySum(ctx, priced)
	return card(o, cardFacts{
		site: p.desk.Site(), now: p.now(), loc: p.desk.Location(), ahead: ahead, left: left, limited: limited, asks: asks,
		sum:    sum,
		needed: p.desk.ApprovalsNeeded(), unsold: unsold(p.desk),
	}), err
}
