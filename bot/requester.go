package bot

import (
	"context"
	"errors"
	"fmt"

	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// publishToRequester updates what the requester sees: the card first, since they look at it, then their direct message.
// If one of the two fails, the other is still shown.
func (p *Publisher) publishToRequester(ctx context.Context, v orders.View) error {
	var failed error
	if m := v.Order.Message(purchase.MessageCard); m != nil && m.PublishedRev < v.Order.Rev {
		var direct bool
		if v.Order, direct, failed = p.publishCard(ctx, v, *m); direct {
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
		_, err := p.publishNote(ctx, v, *m)
		failed = errors.Join(failed, err)
	}
	return failed
}

// publishCard shows the card through the response URL of the requester's last click. When the URL is used up, or Slack
// refuses it, the card continues as a direct message; direct reports that one was tried.
//
// Slack accepts five posts per response URL. The last one is kept for the end, the one before for bad news and for
// waiting for approval, and the one before that for paying, which takes time.
func (p *Publisher) publishCard(ctx context.Context, v orders.View,
	m purchase.Message,
) (o purchase.Order, direct bool, err error) {
	o = v.Order
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
		c := p.card(v)
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
	return p.continueInDM(ctx, v, m)
}

// continueInDM continues the order in the requester's direct messages, in place of a card that cannot be updated any
// more. It updates an existing direct message. A click without any other answer gets a new one, since an update of an
// older message is easily missed.
func (p *Publisher) continueInDM(ctx context.Context, v orders.View,
	card purchase.Message,
) (_ purchase.Order, direct bool, err error) {
	o := v.Order
	old := o.Message(purchase.MessageNote)
	anew := old == nil || card.PublishedRev == 0 && o.State.Final()
	var failed error // of the existing message
	if anew && old != nil && old.TS != "" && old.PublishedRev < o.Rev {
		o, failed = p.publishNote(ctx, v, *old)
	}
	now, unkept := p.outbox.UpdateMessages(ctx, o.ID, func(o *purchase.Order) {
		o.RemoveMessage(purchase.MessageCard)
		if anew {
			o.SetMessage(purchase.Message{Kind: purchase.MessageNote})
		}
	})
	if unkept == nil {
		o.Messages = now.Messages
	}
	v.Order = o
	if anew {
		if o, err = p.publishNote(ctx, v, purchase.Message{Kind: purchase.MessageNote}); err != nil &&
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
func (p *Publisher) publishNote(ctx context.Context, v orders.View, m purchase.Message) (_ purchase.Order, err error) {
	o, c := v.Order, p.card(v)
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

func (p *Publisher) card(v orders.View) content {
	rules := p.desk.Rules()
	return card(v.Order, cardFacts{
		site: rules.Site, now: p.now(), loc: rules.Policy.TimeZone(), ahead: v.Ahead, left: v.Left, limited: v.Limited,
		asks: v.NeedsApproval, sum: v.Sum, needed: rules.Policy.Approvals, unsold: unsold(p.desk),
	})
}
