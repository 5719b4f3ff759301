package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"licensebot/purchase"
)

// sendNextNotice sends a recipient the oldest notice that they don't have. It reads the notice when their turn has
// come, since they may have got it meanwhile.
func (p *Publisher) sendNextNotice(ctx context.Context, a *permit, to string) error {
	notices, err := p.outbox.PendingNotifications(ctx)
	if err != nil {
		return err
	}
	for _, n := range notices {
		if !slices.Contains(n.Pending, to) {
			continue
		}
		if over, err := p.outbox.RequestEnded(ctx, n); over || err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(to, "S"):
			return p.expandGroup(ctx, n, to)
		default:
			return p.sendNotice(ctx, a, n, to)
		}
	}
	return nil
}

// expandGroup replaces a notice to a user group by one to each of its members, since Slack has no messages to groups.
// In a large group, members whom Slack has described already come first, and the others as they are looked up. If Slack
// does not list the members, a notice in the purchases channel says so, and expandGroup is retried.
func (p *Publisher) expandGroup(ctx context.Context, n purchase.Notification, group string) error {
	listed, err := p.people.groupMembers(ctx, group)
	if err != nil {
		return errors.Join(err, p.outbox.MarkGroupUnavailable(ctx, n.ID, group))
	}
	var known, left []string
	for _, id := range listed {
		if slices.Contains(n.Pending, id) || slices.Contains(n.Delivered, id) {
			known = append(known, id)
		} else {
			left = append(left, id)
		}
	}
	members, unknown := p.people.partition(left)
	if len(unknown) > 0 {
		if err := p.outbox.ExpandGroupPartly(ctx, n.ID, group, members); err != nil {
			return err
		}
		rest := p.people.lookUpAll(ctx, unknown)
		found, still := p.people.partition(unknown)
		members = append(members, found...)
		if len(still) > 0 {
			err := p.outbox.ExpandGroupPartly(ctx, n.ID, group, found)
			if err == nil && rest > 0 {
				return rateLimitError{limitPeople, p.now().Add(rest)}
			}
			return errors.Join(err, fmt.Errorf("look up %d people of the user group %s: Slack did not answer", len(still),
				group), p.outbox.MarkGroupUnavailable(ctx, n.ID, group))
		}
	}
	if members = append(known, members...); len(members) == 0 {
		p.log.Warn().Str("notice", n.ID).Str("group", group).Msg("find no one in a user group that gets notices")
	}
	return p.outbox.ExpandGroup(ctx, n.ID, group, members)
}

// sendNotice sends a notice to one recipient and stores the delivery. If the ledger can't store it, the delivery is
// kept in memory, so that a retry doesn't send the notice again.
func (p *Publisher) sendNotice(ctx context.Context, a *permit, n purchase.Notification, to string) error {
	key := n.ID + " " + to
	p.mu.Lock()
	problem, sent := p.sentNotices[key]
	p.mu.Unlock()
	if !sent {
		c, err := p.noticeFor(ctx, n, to)
		if err != nil {
			return err
		}
		if problem = p.outsiderReason(ctx, to); problem == "" {
			err = p.post(ctx, a, c, to)
		}
		var definite bool
		if problem == "" {
			problem, definite = refusedBySlack(err)
		}
		if err != nil && !definite {
			return err
		}
		if problem != "" {
			p.log.Warn().Str("notice", n.ID).Str("to", to).Str("error", problem).
				Msg("give up a notice: its recipient gets none")
		}
		p.mu.Lock()
		p.sentNotices[key] = problem
		p.mu.Unlock()
	}
	if err := p.outbox.MarkDelivered(ctx, n.ID, to, problem); err != nil {
		return err
	}
	p.mu.Lock()
	delete(p.sentNotices, key)
	p.mu.Unlock()
	return nil
}

// outsiderReason returns why a listed person gets no notices: guests, apps and people of other workspaces see no
// licenses and no money, whatever the lists say. It is empty for members, for channels, and until Slack has answered
// (see [Publisher.noticeForPerson]).
func (p *Publisher) outsiderReason(ctx context.Context, to string) string {
	if !isPerson(to) {
		return ""
	}
	switch standing := p.people.standing(ctx, to); standing {
	case purchase.Guest, purchase.Robot, purchase.Foreign, purchase.Deactivated:
		return string(standing)
	default:
		return ""
	}
}

// noticeFor returns a notice for a recipient. A channel that outsiders read gets no details. Then admins are also
// notified of a purchase outside the bot, which otherwise only the channel gets.
func (p *Publisher) noticeFor(ctx context.Context, n purchase.Notification, to string) (content, error) {
	if isPerson(to) {
		return p.noticeForPerson(ctx, n, to)
	}
	prices, err := p.pricesIn(ctx, to, n.Time)
	if err != nil {
		return content{}, err
	}
	if !prices {
		if n.Kind == purchase.NotificationForeign {
			err = p.outbox.RedirectToAdmins(ctx, n.ID, to)
		}
		return noticeHeadOnly(n, p.desk.Rules().Policy.TimeZone()), err
	}
	return noticeMessage(n, Reader{Zone: p.desk.Rules().Policy.TimeZone()}), nil
}

// errStandingUnknown says that Slack has not answered yet whether a person is a member of the workspace.
var errStandingUnknown = errors.New("it is not known yet whether the recipient is a member of the workspace")

// noticeForPerson returns a notice for a listed person. Until Slack has said who they are, the notice waits for
// audienceWait; after that it goes without details, since the person may be a guest. The result of the person's own
// decision is not withheld: it names nothing but what they clicked or typed, and they were promised it.
func (p *Publisher) noticeForPerson(ctx context.Context, n purchase.Notification, to string) (content, error) {
	if n.Kind == purchase.NotificationUncertain {
		return noticeMessage(n, Reader{Zone: p.desk.Rules().Policy.TimeZone(), Admin: true}), nil
	}
	unverified := p.people.standing(ctx, to) == purchase.Unverified
	p.mu.Lock()
	defer p.mu.Unlock()
	if !unverified {
		delete(p.unverified, to)
		return noticeMessage(n, Reader{Zone: p.desk.Rules().Policy.TimeZone(), Admin: !n.ToRequester}), nil
	}
	since, waits := p.unverified[to]
	switch {
	case !waits:
		p.unverified[to] = p.now()
		return content{}, errStandingUnknown
	case p.now().Sub(since) < audienceWait:
		return content{}, errStandingUnknown
	}
	return unverifiedNotice(n), nil
}

// post posts to a channel, or to a person's conversation with the bot.
func (p *Publisher) post(ctx context.Context, a *permit, c content, to string) (err error) {
	if isPerson(to) {
		_, _, err = p.postDirectly(ctx, a, to, c)
	} else {
		_, _, err = p.postIn(ctx, a, to, c)
	}
	return err
}

// isPerson reports whether an id is a person's, not a channel's.
func isPerson(id string) bool { return strings.HasPrefix(id, "U") || strings.HasPrefix(id, "W") }
