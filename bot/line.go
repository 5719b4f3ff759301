package bot

import (
	"context"

	"licensebot/purchase"
)

// publishLine posts the line about a purchase in its channel, or updates it. It does not retry if the bot is not in the
// channel: the card tells the requester how to invite it.
func (p *Publisher) publishLine(ctx context.Context, o purchase.Order) error {
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
		channel, ts, err = p.slack.PostMessageContext(ctx, channel, messageOptions(c)...)
	} else {
		_, _, _, err = p.slack.UpdateMessageContext(ctx, channel, ts, messageOptions(c)...)
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
