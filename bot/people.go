package bot

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/purchase"
)

const (
	// standingFresh is how long Slack's word on somebody counts without asking again, and standingKept how long it is
	// used when Slack does not answer.
	standingFresh = 5 * time.Minute
	standingKept  = time.Hour
	// askWithin is how long a click waits for Slack's word at most; an acknowledgement has three seconds in all.
	// askTakes is how long the question itself may take: an answer that comes late serves the next click.
	askWithin = time.Second
	askTakes  = 5 * time.Second
	// mostKnown is how many people are remembered before those whose word is too old to use are forgotten.
	mostKnown = 5000
)

// slackbot is Slack's own account in every workspace, of which users.info does not say that it is a bot.
const slackbot = "USLACKBOT"

// people is the directory of who is a full member of the workspace. It asks Slack, remembers the answers, and may be
// used by many at once; nobody waits for another person's answer.
type people struct {
	api WebAPI
	now func() time.Time
	log zerolog.Logger

	mu     sync.Mutex
	team   string // the bot's own workspace, T…; empty until Slack has told it
	known  map[string]known
	asking map[string]chan struct{} // closed when the question about somebody was answered, or not
}

type known struct {
	standing purchase.Standing
	at       time.Time
}

func newPeople(api WebAPI, now func() time.Time, log zerolog.Logger) *people {
	return &people{api: api, now: now, log: log, known: map[string]known{}, asking: map[string]chan struct{}{}}
}

// verified is the person with their standing. Members get the bot's own workspace for theirs: in an organization of
// several, Slack names now the one where somebody typed and now the one where they are at home.
func (p *people) verified(ctx context.Context, who purchase.Person) purchase.Person {
	who.Standing = p.standing(ctx, who.ID)
	if who.Standing == purchase.Member {
		p.mu.Lock()
		who.Team = p.team
		p.mu.Unlock()
	}
	return who
}

// standing answers what Slack says of a person: its word of the last five minutes, or a new one. Where Slack does not
// answer, the last one is used for an hour, and then nobody counts as a member.
func (p *people) standing(ctx context.Context, user string) purchase.Standing {
	p.mu.Lock()
	if k, ok := p.remembered(user, standingFresh); ok {
		p.mu.Unlock()
		return k
	}
	answered := p.asking[user]
	if answered == nil {
		answered = make(chan struct{})
		p.asking[user] = answered
		go p.ask(context.WithoutCancel(ctx), user, answered)
	}
	p.mu.Unlock()

	patience := askWithin
	if end, ok := ctx.Deadline(); ok { // half of the time is for what is decided then
		patience = min(patience, time.Until(end)/2)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-answered:
	case <-timer.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, ok := p.remembered(user, standingKept); ok {
		return k
	}
	return purchase.Unverified
}

// remembered is the last word on somebody if it is not older than age. p.mu is held.
func (p *people) remembered(user string, age time.Duration) (purchase.Standing, bool) {
	k, ok := p.known[user]
	past := p.now().Sub(k.at)
	return k.standing, ok && past >= 0 && past < age
}

// ask gets Slack's word on somebody and remembers it.
func (p *people) ask(ctx context.Context, user string, answered chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, askTakes)
	defer cancel()
	standing, err := p.look(ctx, user)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.log.Warn().Err(err).Str("user", user).Msg("Slack did not say who somebody is")
	} else {
		p.known[user] = known{standing, p.now()}
		p.forget()
	}
	delete(p.asking, user)
	close(answered)
}

// look asks Slack about a person, and about the bot's own workspace if that is not known yet.
func (p *people) look(ctx context.Context, user string) (purchase.Standing, error) {
	p.mu.Lock()
	team := p.team
	p.mu.Unlock()
	if team == "" {
		own, err := p.api.AuthTestContext(ctx)
		if err != nil {
			return "", err
		}
		if own.TeamID == "" {
			return "", errors.New("auth.test names no workspace")
		}
		team = own.TeamID
		p.mu.Lock()
		p.team = team
		p.mu.Unlock()
	}
	u, err := p.api.GetUserInfoContext(ctx, user)
	var said slack.SlackErrorResponse
	switch {
	case errors.As(err, &said) && (said.Err == "user_not_found" || said.Err == "user_not_visible"):
		return purchase.Foreign, nil // Slack knows nobody of that id here
	case err != nil:
		return "", err
	case u.ID != user || u.TeamID == "":
		return "", errors.New("users.info answers without the person and their workspace")
	}
	return standingOf(u, team), nil
}

// standingOf reads what users.info says of a person. team is the bot's own workspace; in an organization of several
// workspaces those who are in it are its members, and the others are not.
func standingOf(u *slack.User, team string) purchase.Standing {
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

// forget drops words that are too old to be used, when there are many. p.mu is held.
func (p *people) forget() {
	if len(p.known) <= mostKnown {
		return
	}
	for user := range p.known {
		if _, ok := p.remembered(user, standingKept); !ok {
			delete(p.known, user)
		}
	}
}
