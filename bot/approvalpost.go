package bot

import (
	"context"
	"slices"
	"time"

	"licensebot/bot/socket"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// publishApproval posts an order's card in the approvals channel, or updates it. If Slack definitely refuses the post,
// the order ends, since it can't be approved there.
func (p *Publisher) publishApproval(ctx context.Context, a *permit, o purchase.Order) error {
	behind := o.Message(purchase.MessageAsk)
	if behind == nil || behind.PublishedRev >= o.Rev {
		return nil
	}
	m := *behind
	if needsNoApprovalCard(o, m) {
		_, err := p.markPublished(ctx, o, m)
		return err
	}
	since := o.Updated
	if m.TS != "" && decidable(o, p.now()) {
		since = p.now() // the posted card keeps its buttons until it is known who reads it
	}
	prices, err := p.pricesIn(ctx, m.Channel, since)
	if err != nil {
		return err
	}
	c := approvalCardWithoutPrice(o, p.now())
	if prices {
		c = p.approvalCard(ctx, o)
	}
	channel, ts := m.Channel, m.TS
	if ts == "" {
		channel, ts, err = p.postIn(ctx, a, channel, c)
	} else {
		err = p.update(ctx, a, m, c)
	}
	problem, definite := refusedBySlack(err)
	switch {
	case err == nil:
		m.Channel, m.TS, m.Problem, m.Bare = channel, ts, "", !prices
	case !definite:
		return err
	case m.TS == "" && o.State == purchase.AwaitingApproval:
		p.log.Error().Str("channel", m.Channel).Str("order", string(o.ID)).Str("error", problem).
			Msg("fail to ask the approvers in their channel")
		_, err := p.desk.Decide(ctx, purchase.Action{}, o.ID, orders.Decision{
			Kind:   orders.FailUnreachableApprovers,
			Reason: problem,
		})
		return err
	case m.TS != "" && replaces(o, err, p.now()):
		p.log.Info().Str("order", string(o.ID)).Str("error", problem).
			Msg("find that the approvers' card cannot be changed any more; a newer one takes its place")
		o.Messages = slices.Clone(o.Messages)
		o.Message(purchase.MessageAsk).TS = ""
		return p.publishApproval(ctx, a, o)
	default:
		p.log.Warn().Str("channel", m.Channel).Str("order", string(o.ID)).Str("error", problem).
			Msg("fail to update the approvers' card")
		m.Problem = problem
	}
	_, err = p.markPublished(ctx, o, m)
	return err
}

// needsNoApprovalCard reports whether an order ended before the approvers were asked.
func needsNoApprovalCard(o purchase.Order, m purchase.Message) bool {
	return m.TS == "" && o.State != purchase.AwaitingApproval && len(o.Approvals) == 0
}

// replaces reports whether a new card replaces one that Slack does not let the bot change. A card that can be decided
// on is always replaced, also when a person deleted it. After the decision, a card with buttons is replaced once, at
// the end, to show the order's outcome.
func replaces(o purchase.Order, refused error, now time.Time) bool {
	answer := socket.Classify(refused)
	switch {
	case !answer.MessageLost:
		return false
	case decidable(o, now):
		return true
	}
	return answer.Code != "message_not_found" && (o.State.Final() || o.State == purchase.Unknown)
}

// approvalCard reads the facts of the approvers' card and returns the card. Facts that can't be read are left out.
func (p *Publisher) approvalCard(ctx context.Context, o purchase.Order) content {
	f := approvalFacts{
		now: p.now(), needed: p.desk.Rules().Policy.Approvals, unsold: unsold(p.desk),
		loc: p.desk.Rules().Policy.TimeZone(),
	}
	if decidable(o, f.now) {
		if report, err := p.desk.Budgets(ctx, 1); err == nil {
			f.budget = &report
		} else {
			p.log.Error().Err(err).Msg("fail to read the budget for the approvers' card")
		}
		if f.unsold == "" { // otherwise there is nothing to compare with
			similar, err := p.similar.get(ctx, similarTo(o.Spec))
			f.similar, f.known = similar, err == nil
		}
	}
	return approvalCard(o, f)
}
