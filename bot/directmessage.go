package bot

import (
	"context"
	"errors"

	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// continueInDM continues the order in the requester's direct messages, in place of a card that cannot be updated any
// more. It updates an existing direct message. A click without any other answer gets a new one, since an update of an
// older message is easily missed.
func (p *Publisher) continueInDM(ctx context.Context, a *permit, v orders.View,
	card purchase.Message,
) (_ purchase.Order, direct bool, err error) {
	o := v.Order
	old := o.Message(purchase.MessageNote)
	anew := old == nil || card.PublishedRev == 0 && o.State.Final()
	var failed error // of the existing message
	if anew && old != nil && old.TS != "" && old.PublishedRev < o.Rev {
		o, failed = p.publishNote(ctx, a, v, *old)
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
		if o, err = p.publishNote(ctx, a, v, purchase.Message{Kind: purchase.MessageNote}); err != nil &&
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
func (p *Publisher) publishNote(ctx context.Context, a *permit, v orders.View,
	m purchase.Message,
) (_ purchase.Order, err error) {
	o, c := v.Order, p.card(v)
	if m.TS == "" {
		m.Channel, m.TS, err = p.postDirectly(ctx, a, o.Requester.ID, c)
	} else {
		err = p.update(ctx, a, m, c)
	}
	if isLimited(err) {
		return o, err
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

// postDirectly posts to a person's conversation with the bot, and returns where the message is.
func (p *Publisher) postDirectly(ctx context.Context, a *permit, user string,
	c content,
) (channel, ts string, err error) {
	var conversation *slack.Channel
	err = a.call(func() (err error) {
		conversation, _, _, err = p.slack.OpenConversationContext(ctx,
			&slack.OpenConversationParameters{Users: []string{user}})
		return err
	}, limitConversations)
	if err != nil {
		return "", "", err
	}
	err = a.call(func() (err error) {
		channel, ts, err = p.slack.PostMessageContext(ctx, conversation.ID, messageOptions(c)...)
		return err
	}, postsIn(user), limitPosts)
	return channel, ts, err
}

// directLimits are the limits of a new direct message to a person.
func directLimits(user string) []limit { return []limit{postsIn(user), limitPosts, limitConversations} }
