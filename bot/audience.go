package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// Guests and people of other workspaces see no prices, and everyone in a channel reads what is posted there. So prices
// go only to channels of which Slack has said that members of the workspace alone read them.

// audience describes the readers of a channel.
type audience struct {
	// members is set if only full members of the workspace read it. Apps don't count, since admins install them.
	members bool
	// why is the reason if members is false.
	why purchase.Outsiders
}

const (
	// readerLife is for how long a person who was a full member is not looked up again as a reader of channels.
	readerLife = 24 * time.Hour
	// membersPage is how many members of a channel Slack is asked for at a time.
	membersPage = 1000
	// audienceWait is how long a message waits until Slack says who reads its channel. After that it is sent without
	// prices.
	audienceWait = 2 * time.Minute
)

// audienceOf returns who reads a channel, from Slack or from an answer of the last minutes. It may wait for some
// seconds. ok is false as long as Slack has not answered.
func (p *People) audienceOf(ctx context.Context, channel string) (who audience, ok bool) {
	<-p.channels.refresh(ctx, channel)
	return p.channels.last(channel)
}

// warmAudiences asks Slack who reads some channels until it has answered for all, so that posts don't wait for it. It
// returns when that is done, or ctx is.
func (p *People) warmAudiences(ctx context.Context, channels []string) {
	for {
		channels = slices.DeleteFunc(channels, func(channel string) bool {
			_, answered := p.audienceOf(ctx, channel)
			return answered
		})
		if len(channels) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookupPause):
		}
	}
}

// errAudienceUnknown means that Slack has not yet listed the readers of a channel.
var errAudienceUnknown = errors.New("it is not known yet who reads the channel")

// fetchAudience asks Slack who reads a channel.
func (p *People) fetchAudience(ctx context.Context, channel string) (audience, error) {
	info, err := p.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel})
	if err != nil {
		return p.unknownAudience(channel, err)
	}
	if SharedOutside(info) {
		return audience{why: purchase.OutsidersShared}, nil
	}
	ids, err := ChannelMembers(ctx, p.api, channel)
	if err != nil {
		return p.unknownAudience(channel, err)
	}
	left, outside := p.findOutsider(ids)
	if len(left) > 0 && !outside {
		if len(left) <= maxLookups {
			p.lookUpAll(ctx, left)
		} else if err := p.fetchWorkspace(ctx); err != nil {
			return audience{}, err
		}
		left, outside = p.findOutsider(left)
	}
	switch {
	case outside:
		return audience{why: purchase.OutsidersGuests}, nil
	case len(left) > 0:
		return audience{}, errAudienceUnknown
	}
	return audience{members: true}, nil
}

// fetchWorkspace has Slack list everyone in the workspace, which takes fewer questions than a question about each
// member of a large channel.
func (p *People) fetchWorkspace(ctx context.Context) error {
	team, err := p.ownTeam(ctx)
	if err != nil {
		return err
	}
	began := p.persons.now()
	users, err := p.api.GetUsersContext(ctx, slack.GetUsersOptionLimit(membersPage))
	if err != nil {
		p.log.Warn().Err(err).Msg("fail to list the people of the workspace")
		return err
	}
	for _, u := range users {
		if u.TeamID != "" || len(u.Enterprise.Teams) > 0 {
			p.persons.learn(u.ID, newPerson(&u, team), began)
		}
	}
	return nil
}

// findOutsider returns the people who still have to be looked up, and whether one of the others may not see prices.
func (p *People) findOutsider(ids []string) (left []string, outside bool) {
	for _, id := range ids {
		if u, known := p.persons.recent(id, readerLife); !known {
			left = append(left, id)
		} else if OutsideReader(u.standing) {
			return nil, true
		}
	}
	return left, false
}

// unknownAudience returns what is known about a channel whose readers Slack doesn't list. Errors that may pass are
// returned.
func (p *People) unknownAudience(channel string, err error) (audience, error) {
	switch answer := socket.Classify(err); answer.Outcome {
	case socket.OutcomeRefused: // such as channel_not_found: the message is refused too, which is reported
		return audience{}, nil
	case socket.OutcomeAccessLost:
		p.log.Warn().Str("channel", channel).Str("error", answer.Code).Str("needed", answer.Needed).
			Msg("post no prices in a channel: the app may not see who reads it; install it again from what `bot manifest` " +
				"prints")
		return audience{why: purchase.OutsidersUnknown}, nil
	default:
		return audience{}, err
	}
}

// SharedOutside reports whether people of other organizations read a channel, or are invited to.
func SharedOutside(c *slack.Channel) bool { return c.IsExtShared || c.IsPendingExtShared }

// OutsideReader reports whether a person in a channel keeps prices out of it.
func OutsideReader(s purchase.Membership) bool { return s == purchase.Guest || s == purchase.Foreign }

// ChannelMembers lists the ids of everyone in a channel, apps included.
func ChannelMembers(ctx context.Context, api interface {
	GetUsersInConversationContext(context.Context, *slack.GetUsersInConversationParameters) ([]string, string, error)
}, channel string,
) (ids []string, err error) {
	for cursor := ""; ; {
		some, next, err := api.GetUsersInConversationContext(ctx,
			&slack.GetUsersInConversationParameters{ChannelID: channel, Cursor: cursor, Limit: membersPage})
		if err != nil {
			return nil, err
		}
		if ids = append(ids, some...); next == "" || next == cursor {
			return ids, nil
		}
		cursor = next
	}
}

// pricesIn reports whether a message may show prices in a channel: full members alone read it. since is when there was
// something to post; until Slack has answered, pricesIn returns an error for audienceWait, and false after that. Admins
// are notified why a channel gets no prices.
func (p *Publisher) pricesIn(ctx context.Context, channel string, since time.Time) (bool, error) {
	if strings.HasPrefix(channel, "D") { // direct messages
		return true, nil
	}
	who, answered := p.people.audienceOf(ctx, channel)
	switch {
	case answered:
		if who.members || who.why != "" {
			if err := p.outbox.NoteAudience(ctx, channel, who.why); err != nil {
				p.log.Error().Err(err).Str("channel", channel).Msg("fail to keep who reads a channel")
			}
		}
		return who.members, nil
	case p.now().Sub(since) < audienceWait:
		return false, errAudienceUnknown
	}
	return false, nil
}

// reveal answers a command that shows licenses or money, after Slack has confirmed that the person may see them. Only
// this person sees the answer, so it shows whole ids.
func (h *Handler) reveal(
	at replyTarget, action purchase.Action, find func(context.Context, purchase.Sight) content,
) socket.Reply {
	return h.revealFrom(socket.LaneRead, at, action, find)
}

// revealFrom is reveal in a lane of its kind.
func (h *Handler) revealFrom(lane socket.Lane, at replyTarget, action purchase.Action,
	find func(context.Context, purchase.Sight) content,
) socket.Reply {
	return h.read(lane, at, func(ctx context.Context) answer {
		action.Actor = h.people.LookUp(ctx, action.Actor)
		sight, err := h.mayView(ctx, action)
		if err != nil {
			return h.replyFunc(at, h.refusalMessage(err), false)
		}
		return h.replyFunc(at, find(ctx, sight), false)
	})
}

// mayView returns what a person may see of licenses and money. A refusal is recorded.
func (h *Handler) mayView(ctx context.Context, action purchase.Action) (purchase.Sight, error) {
	if _, err := h.desk.Allowed(ctx, action, "", orders.See); err != nil {
		return purchase.Sight{}, err
	}
	return action.Actor.Rights(h.desk.Rules().Policy).Sight, nil
}

// What people see in place of prices, forms and buttons while the CoCalc server sells no licenses.

// unsold returns why nothing can be bought on the CoCalc server, for people who are not admins; empty while it sells
// licenses.
func unsold(s Seller) string {
	policy := s.Rules().Policy
	return refusalOrEmpty(policy.RefuseNotSold(s.Server()), policy.TimeZone())
}

// refreshWaiting updates the cards of orders that wait for approval when the server stops or resumes selling licenses,
// so that approvers get no button that does nothing. It reports an error if the ledger could not be read or written.
func (p *Publisher) refreshWaiting(ctx context.Context) error {
	refuses := p.desk.Server().RefusesOrders()
	if refuses == p.unsold {
		return nil
	}
	queue, err := p.desk.Queue(ctx)
	if err != nil {
		return err
	}
	for _, o := range queue.Waiting {
		if err := p.outbox.MarkStale(ctx, o.ID); err != nil {
			return err
		}
	}
	p.unsold = refuses
	return nil
}
