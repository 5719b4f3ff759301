package bot

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/purchase/desk"
)

// largeGroupSlack is a Slack with a large user group, which answers 100 questions a minute about people and counts
// those that are under way at a time.
type largeGroupSlack struct {
	recordingSlack
	size int

	mu                   sync.Mutex
	minute               time.Time
	asked, limited       int
	underWay, mostAtOnce int
}

func (c *largeGroupSlack) AuthTestContext(context.Context) (*slack.AuthTestResponse, error) {
	return &slack.AuthTestResponse{TeamID: "TOWN"}, nil
}

func (c *largeGroupSlack) GetUserGroupMembersContext(context.Context, string,
	...slack.GetUserGroupMembersOption,
) ([]string, error) {
	var ids []string
	for i := range c.size {
		ids = append(ids, fmt.Sprintf("U%04d", i))
	}
	return ids, nil
}

func (c *largeGroupSlack) GetUserInfoContext(_ context.Context, user string,
	_ ...slack.GetUserInfoOption,
) (*slack.User, error) {
	c.mu.Lock()
	if time.Since(c.minute) >= time.Minute {
		c.minute, c.asked = time.Now(), 0
	}
	c.asked++
	over := c.asked > 100
	c.underWay++
	c.mostAtOnce = max(c.mostAtOnce, c.underWay)
	rest := time.Until(c.minute.Add(time.Minute))
	c.mu.Unlock()
	time.Sleep(100 * time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underWay--
	if over {
		c.limited++
		return nil, &slack.RateLimitedError{RetryAfter: rest}
	}
	return &slack.User{ID: user, TeamID: "TOWN"}, nil
}

// GetUsersContext lists no one: the lookups are to suffice.
func (c *largeGroupSlack) GetUsersContext(context.Context, ...slack.GetUsersOption) ([]slack.User, error) {
	return nil, nil
}

// A group of thousands is told without asking Slack for more than it answers; those of whom it has told already come
// first, and people who click are still looked up.
func TestPublisher_ExpandGroup_Large(t *testing.T) {
	const size = 300
	synctest.Test(t, func(t *testing.T) {
		p := newPublisherEnv(t)
		api := &largeGroupSlack{size: size}
		p.now = time.Now()
		p.Publisher.slack, p.Publisher.now = api, time.Now
		p.turns, p.pace = newTurns(time.Now), newPace(time.Now, zerolog.Nop())
		p.queue = newSendQueue(p.pace)
		p.Publisher.people = NewPeople(api, []string{"SALL"}, time.Now, zerolog.Nop())
		desk := desk.New(desk.Options{
			Ledger: p.ledger, Now: time.Now, Log: zerolog.Nop(),
			Policy: purchase.Policy{Admins: map[string]bool{"SALL": true, "UDANA": true}},
		})
		p.Publisher.desk, p.Publisher.outbox = desk, desk.Outbox
		for _, known := range []string{"U0250", "U0299"} { // who clicked before
			if p.people.standing(t.Context(), known) != purchase.Member {
				t.Fatal(known)
			}
		}
		if err := desk.SetPaused(t.Context(), purchase.Action{Actor: purchase.Actor{ID: "UDANA"}, Typed: true}, true,
			"to look at it"); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(time.Second)
		for _, known := range []string{"U0250", "U0299"} {
			if api.countMessages("D"+known) != 1 {
				t.Errorf("messages to %s, who was known, after a second: got %d, want 1", known, api.countMessages("D"+known))
			}
		}
		time.Sleep(30 * time.Second)
		if got := p.people.standing(t.Context(), "U0298"); got != purchase.Member {
			t.Errorf("person who clicks meanwhile: got %q, want %v", got, purchase.Member)
		}
		time.Sleep(10 * time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for i := range size {
			if id := fmt.Sprintf("U%04d", i); api.countMessages("D"+id) != 1 {
				t.Errorf("messages to %s: got %d, want 1", id, api.countMessages("D"+id))
			}
		}
		if api.mostAtOnce > lookupsAtOnce+1 || api.limited > 0 {
			t.Errorf("got %d lookups at a time, and %d over the limit; want at most %d and 0", api.mostAtOnce, api.limited,
				lookupsAtOnce+1)
		}
		if notices, err := desk.Outbox.PendingNotifications(t.Context()); err != nil || len(notices) != 0 {
			t.Errorf("got %+v (%v), want no notices", notices, err)
		}
	})
}

// countMessages is how often something was posted to a channel.
func (c *largeGroupSlack) countMessages(channel string) int {
	c.recordingSlack.mu.Lock()
	defer c.recordingSlack.mu.Unlock()
	return c.counts["post to "+channel]
}
