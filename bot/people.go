package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// answerWait is how long a click waits for Slack's answers at most; an acknowledgement has three seconds in all.
const answerWait = time.Second

// The lives of Slack's answers. An answer about a person or a group is used for five minutes, and for an hour while
// Slack does not answer. A question may take longer than a click waits: a late answer serves the next click. Slack
// allows about twenty questions a minute about groups and channels, so these pause after a failure.
var (
	personLife = cacheLife{fresh: 5 * time.Minute, kept: time.Hour, timeout: 5 * time.Second, max: 5000}
	groupLife  = cacheLife{
		fresh: 5 * time.Minute, kept: time.Hour, timeout: 5 * time.Second, retry: 15 * time.Second, max: 5000,
	}
	audienceLife = cacheLife{
		// The whole workspace is listed for a large channel, a page at a time.
		fresh: 5 * time.Minute, kept: time.Hour, timeout: time.Minute, retry: 15 * time.Second, max: 5000,
	}
)

// slackbot is Slack's own account in every workspace, of which users.info does not say that it is a bot.
const slackbot = "USLACKBOT"

// People is the directory of the workspace: who is a full member, and who is in the user groups that the policy's lists
// name. It asks Slack and caches the answers. It may be used concurrently; a lookup waits only for answers about its
// own person.
type People struct {
	api     WebAPI
	log     zerolog.Logger
	groups  []string // S…
	persons *cache[string, person]
	members *cache[string, []string] // of the groups
	// channels are who reads them.
	channels *cache[string, audience]

	access *socket.Access // nil: access counts as available

	// When many people come at the same time, Slack lists the whole workspace instead of describing each of them.
	pace *pace
	list singleflight.Group

	mu   sync.Mutex
	team string // the bot's own workspace, T…; empty until Slack has answered
}

// NewPeople makes a directory that asks api. groups are the ids of the user groups that matter (S…), as
// purchase.Policy.Groups lists them. A nil now is the system's clock.
func NewPeople(api WebAPI, groups []string, now func() time.Time, log zerolog.Logger) *People {
	if now == nil {
		now = time.Now
	}
	p := &People{api: api, log: log, groups: slices.Clone(groups), pace: newPace(now, log)}
	p.persons = newCache(p.fetchPerson, now, personLife)
	p.members = newCache(p.fetchGroup, now, groupLife)
	p.channels = newCache(p.fetchAudience, now, audienceLife)
	return p
}

// WithAccess lets LookUp report that the bot has no access to Slack. It must be called before the directory is used.
func (p *People) WithAccess(access *socket.Access) *People {
	p.access = access
	return p
}

// LookUp returns the person with their standing and groups, by Slack's current or recent answers. Members get the bot's
// own workspace as theirs: in an organization of several, Slack names sometimes the workspace of the command and
// sometimes the person's home. LookUp takes a second at most.
func (p *People) LookUp(ctx context.Context, who purchase.Actor) purchase.Actor {
	questions := []<-chan singleflight.Result{p.persons.refresh(ctx, who.ID)}
	for _, g := range p.groups {
		questions = append(questions, p.members.refresh(ctx, g))
	}
	waitAll(ctx, questions...)
	who.Membership, who.Groups, who.UnknownGroups = p.lastStanding(who.ID), nil, nil
	_, who.NoAccess = p.access.Lost()
	if who.Membership != purchase.Member {
		return who
	}
	p.mu.Lock()
	who.Team = p.team
	p.mu.Unlock()
	if u, _ := p.persons.last(who.ID); u.org != who.ID {
		who.Org = u.org
	}
	for _, g := range p.groups {
		members, answered := p.members.last(g)
		switch {
		case !answered:
			who.UnknownGroups = append(who.UnknownGroups, g)
		case slices.Contains(members, who.ID):
			who.Groups = append(who.Groups, g)
		}
	}
	return who
}

// standing returns Slack's answer about a person, not older than five minutes. While Slack does not answer, the last
// answer counts for an hour; after that the person is unverified.
func (p *People) standing(ctx context.Context, user string) purchase.Membership {
	waitAll(ctx, p.persons.refresh(ctx, user))
	return p.lastStanding(user)
}

func (p *People) lastStanding(user string) purchase.Membership {
	if u, ok := p.persons.last(user); ok {
		return u.standing
	}
	return purchase.Unverified
}

// name returns a person's display name, or an empty string if Slack doesn't answer. It is for charts, which can't
// contain mentions.
func (p *People) name(ctx context.Context, user string) string {
	waitAll(ctx, p.persons.refresh(ctx, user))
	u, _ := p.persons.last(user)
	return u.name
}

// groupMembers returns the members of a user group. It waits for Slack, and returns an error if Slack has not listed
// them within the hour.
func (p *People) groupMembers(ctx context.Context, group string) ([]string, error) {
	<-p.members.refresh(ctx, group)
	listed, answered := p.members.last(group)
	if !answered {
		return nil, fmt.Errorf("list the members of %s: Slack did not answer", group)
	}
	return listed, nil
}

// partition returns the full members of the workspace among ids, and the people about whom Slack has not answered
// within an hour. The others have no rights.
func (p *People) partition(ids []string) (members, unknown []string) {
	for _, id := range ids {
		switch p.lastStanding(id) {
		case purchase.Member:
			members = append(members, id)
		case purchase.Unverified:
			unknown = append(unknown, id)
		default: // no rights
		}
	}
	return members, unknown
}

const (
	// lookupsAtOnce is how many members of a group are looked up at a time, and maxLookups how many before a pause of
	// lookupPause. Slack answers about a hundred lookups a minute, and people who click need some of them.
	lookupsAtOnce = 4
	maxLookups    = 20
	lookupPause   = 15 * time.Second
)

// lookUpAll looks up at most maxLookups people, a few at a time. It stops at Slack's rate limit, and returns how long
// to wait before the next lookup.
func (p *People) lookUpAll(ctx context.Context, ids []string) (rest time.Duration) {
	more := len(ids) > maxLookups
	for some := range slices.Chunk(ids[:min(len(ids), maxLookups)], lookupsAtOnce) {
		var questions []<-chan singleflight.Result
		for _, id := range some {
			questions = append(questions, p.persons.refresh(ctx, id))
		}
		for _, q := range questions {
			<-q
		}
		if rest := p.persons.limited(); rest > 0 {
			return rest
		}
		if !p.pace.hasCall(limitPeople) {
			return lookupPause
		}
	}
	if more {
		return lookupPause
	}
	return 0
}

// person is Slack's answer about a person.
type person struct {
	standing purchase.Membership
	name     string
	org      string // their id in an organization of several workspaces; empty elsewhere
}

// fetchPerson asks Slack about a person. Beyond the rate at which Slack describes single people, it lists everyone in
// the workspace, which answers for all who wait.
func (p *People) fetchPerson(ctx context.Context, user string) (person, error) {
	request := p.requestPerson
	if _, wait := p.pace.take([]limit{limitPeople}); wait > 0 {
		request = p.findInList
	}
	s, err := request(ctx, user)
	if err != nil {
		p.log.Warn().Err(err).Str("user", user).Msg("fail to look up a person in Slack")
	}
	return s, err
}

// findInList returns a person from the list of everyone in the workspace. All who wait share one list, which goes on
// when they no longer wait. The error wraps errNotAsked if the list has to wait too, or doesn't name the person.
func (p *People) findInList(ctx context.Context, user string) (person, error) {
	listed := p.list.DoChan("", func() (any, error) {
		if _, wait := p.pace.take([]limit{limitLists}); wait > 0 {
			return nil, errNotAsked
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), audienceLife.timeout)
		defer cancel()
		return nil, p.fetchWorkspace(ctx)
	})
	select {
	case answer := <-listed:
		if answer.Err != nil {
			return person{}, answer.Err
		}
	case <-ctx.Done():
		return person{}, ctx.Err()
	}
	if s, ok := p.persons.recent(user, personLife.fresh); ok {
		return s, nil
	}
	return person{}, fmt.Errorf("find %s in the list of the workspace: %w", user, errNotAsked)
}

// requestPerson asks about a person, and about the bot's own workspace if that is not known yet.
func (p *People) requestPerson(ctx context.Context, user string) (person, error) {
	team, err := p.ownTeam(ctx)
	if err != nil {
		return person{}, err
	}
	u, err := p.api.GetUserInfoContext(ctx, user)
	var said slack.SlackErrorResponse
	switch {
	case errors.As(err, &said) && (said.Err == "user_not_found" || said.Err == "user_not_visible"):
		return person{standing: purchase.Foreign}, nil // Slack knows no such id here
	case err != nil:
		return person{}, err
	case u.ID != user || u.TeamID == "" && len(u.Enterprise.Teams) == 0:
		// In an organization, only the list may name the workspace.
		return person{}, errors.New("users.info answers without the person and their workspace")
	}
	return newPerson(u, team), nil
}

// ownTeam is the bot's own workspace. Slack is asked if it is not known yet.
func (p *People) ownTeam(ctx context.Context) (string, error) {
	p.mu.Lock()
	team := p.team
	p.mu.Unlock()
	if team != "" {
		return team, nil
	}
	own, err := p.api.AuthTestContext(ctx)
	if err != nil {
		return "", err
	}
	if own.TeamID == "" {
		return "", errors.New("auth.test names no workspace")
	}
	p.mu.Lock()
	p.team = own.TeamID
	p.mu.Unlock()
	return own.TeamID, nil
}

// newPerson converts a user of Slack's Web API. team is the bot's own workspace.
func newPerson(u *slack.User, team string) person {
	return person{standingOf(u, team), cmp.Or(u.Profile.DisplayName, u.RealName, u.Name), u.Enterprise.ID}
}

// standingOf returns a person's membership from an answer of users.info. team is the bot's own workspace. In an
// organization of several workspaces, only people in that workspace count as its members.
func standingOf(u *slack.User, team string) purchase.Membership {
	switch {
	case u.ID == slackbot, u.IsBot, u.IsConnectorBot, u.IsWorkflowBot:
		return purchase.Robot
	case u.IsStranger, u.TeamID != team && !slices.Contains(u.Enterprise.Teams, team):
		return purchase.Foreign
	case u.Deleted:
		return purchase.Deactivated
	case u.IsRestricted, u.IsUltraRestricted:
		return purchase.Guest
	}
	return purchase.Member
}

// fetchGroup asks Slack who is in a group. A group that does not exist, or was switched off, has no members.
func (p *People) fetchGroup(ctx context.Context, group string) ([]string, error) {
	members, err := p.api.GetUserGroupMembersContext(ctx, group)
	var said slack.SlackErrorResponse
	if errors.As(err, &said) && (said.Err == "no_such_subteam" || said.Err == "subteam_disabled") {
		p.log.Warn().Str("group", group).Str("error", said.Err).Msg("find no one in a user group of the settings")
		return nil, nil
	}
	if err != nil {
		p.log.Warn().Err(err).Str("group", group).Msg("fail to list a user group in Slack")
		return nil, fmt.Errorf("list the members of %s: %w", group, err)
	}
	return members, nil
}

// StandingOf returns what a person is in the bot's workspace, team, according to users.info.
func StandingOf(u *slack.User, team string) purchase.Membership { return standingOf(u, team) }
