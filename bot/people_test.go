package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/purchase/desk"
)

// slackDirectory is a Slack that knows people and groups, and answers after a delay.
type slackDirectory struct {
	WebAPI
	users   map[string]slack.User
	delay   time.Duration
	failing atomic.Bool
	lookups atomic.Int32
	lists   atomic.Int32

	groups     map[string][]string
	hideGroups atomic.Bool // about groups
	groupReads atomic.Int32
}

func (m *slackDirectory) AuthTestContext(context.Context) (*slack.AuthTestResponse, error) {
	return &slack.AuthTestResponse{TeamID: "TOWN"}, nil
}

func (m *slackDirectory) GetUserInfoContext(ctx context.Context, user string,
	_ ...slack.GetUserInfoOption,
) (*slack.User, error) {
	m.lookups.Add(1)
	select {
	case <-time.After(m.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if m.failing.Load() {
		return nil, errors.New("no way to Slack")
	}
	u, ok := m.users[user]
	if !ok {
		return nil, slack.SlackErrorResponse{Err: "user_not_found"}
	}
	return &u, nil
}

// GetUsersContext lists everyone.
func (m *slackDirectory) GetUsersContext(ctx context.Context, _ ...slack.GetUsersOption) (all []slack.User, err error) {
	m.lists.Add(1)
	select {
	case <-time.After(m.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if m.failing.Load() {
		return nil, errors.New("no way to Slack")
	}
	return slices.Collect(maps.Values(m.users)), nil
}

// GetUserGroupMembersContext tells who is in a group; SGONE is none.
func (m *slackDirectory) GetUserGroupMembersContext(ctx context.Context, group string,
	_ ...slack.GetUserGroupMembersOption) (
	[]string, error,
) {
	m.groupReads.Add(1)
	select {
	case <-time.After(m.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case m.failing.Load() || m.hideGroups.Load():
		return nil, slack.SlackErrorResponse{Err: "missing_scope"}
	case group == "SGONE":
		return nil, slack.SlackErrorResponse{Err: "subteam_disabled"}
	}
	return m.groups[group], nil
}

func TestStandingOf(t *testing.T) {
	for name, c := range map[string]struct {
		user slack.User
		want purchase.Membership
	}{
		"a member": {slack.User{ID: "U1", TeamID: "TOWN"}, purchase.Member},
		"an owner": {
			slack.User{ID: "U1", TeamID: "TOWN", IsOwner: true, IsAdmin: true},
			purchase.Member,
		},
		"a guest of some channels": {slack.User{ID: "U1", TeamID: "TOWN", IsRestricted: true}, purchase.Guest},
		"a guest of one channel": {
			slack.User{ID: "U1", TeamID: "TOWN", IsUltraRestricted: true},
			purchase.Guest,
		},
		"another app": {slack.User{ID: "U1", TeamID: "TOWN", IsBot: true}, purchase.Robot},
		"a step of a workflow": {
			slack.User{ID: "U1", TeamID: "TOWN", IsWorkflowBot: true},
			purchase.Robot,
		},
		"Slack itself": {slack.User{ID: "USLACKBOT", TeamID: "TOWN"}, purchase.Robot},
		"someone who left": {
			slack.User{ID: "U1", TeamID: "TOWN", Deleted: true},
			purchase.Deactivated,
		},
		"someone from another company": {slack.User{ID: "U1", TeamID: "TELSE"}, purchase.Foreign},
		"a stranger":                   {slack.User{ID: "U1", TeamID: "TOWN", IsStranger: true}, purchase.Foreign},
		"a colleague of another workspace": {
			slack.User{ID: "U1", TeamID: "TELSE", Enterprise: slack.EnterpriseUser{Teams: []string{"TELSE"}}}, purchase.Foreign,
		},
		"a colleague who is here and elsewhere": {
			slack.User{ID: "U1", TeamID: "TELSE", Enterprise: slack.EnterpriseUser{Teams: []string{"TELSE", "TOWN"}}},
			purchase.Member,
		},
		"a member of whom only the list tells": {
			slack.User{ID: "U1", Enterprise: slack.EnterpriseUser{Teams: []string{"TELSE", "TOWN"}}}, purchase.Member,
		},
		"a colleague of whom only the list tells": {
			slack.User{ID: "U1", Enterprise: slack.EnterpriseUser{Teams: []string{"TELSE"}}}, purchase.Foreign,
		},
		"a guest of another company who left it": {
			slack.User{ID: "U1", TeamID: "TELSE", Deleted: true, IsRestricted: true},
			purchase.Foreign,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPeople(&slackDirectory{users: map[string]slack.User{"U1": c.user, "USLACKBOT": c.user}}, nil, nil,
				zerolog.Nop())
			if got := p.standing(t.Context(), c.user.ID); got != c.want {
				t.Errorf("membership: got %q, want %q", got, c.want)
			}
		})
	}
}

// Slack is asked once in five minutes; when it does not answer its last word counts for an hour, and then no one is let
// in.
func TestPeople_LookUp_AnswerLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &slackDirectory{users: map[string]slack.User{"U1": {ID: "U1", TeamID: "TOWN"}}, delay: 50 * time.Millisecond}
		p := NewPeople(api, nil, time.Now, zerolog.Nop())
		expect := func(when string, want purchase.Membership, asked int32) {
			t.Helper()
			if got := p.standing(t.Context(), "U1"); got != want || api.lookups.Load() != asked {
				t.Errorf("%s: got %q after %d requests, want %q after %d", when, got, api.lookups.Load(), want, asked)
			}
		}
		expect("at first", purchase.Member, 1)
		time.Sleep(4 * time.Minute)
		expect("within five minutes", purchase.Member, 1)
		api.users["U1"] = slack.User{ID: "U1", TeamID: "TOWN", Deleted: true}
		time.Sleep(2 * time.Minute)
		expect("after five minutes", purchase.Deactivated, 2)
		api.users["U1"] = slack.User{ID: "U1", TeamID: "TOWN"}
		time.Sleep(6 * time.Minute)
		expect("someone who came back", purchase.Member, 3)
		api.failing.Store(true)
		time.Sleep(55 * time.Minute)
		expect("Slack does not answer", purchase.Member, 4)
		time.Sleep(6 * time.Minute)
		expect("for more than an hour", purchase.Unverified, 5)
		api.failing.Store(false)
		expect("it answers again", purchase.Member, 6)
		if got := p.standing(t.Context(), "UNOBODY"); got != purchase.Foreign {
			t.Errorf("person whom Slack does not know: got %q, want %v", got, purchase.Foreign)
		}
	})
}

// A click waits a second at most, and less when its own time is short; many clicks of one person ask once, and the late
// answer serves the next click.
func TestPeople_LookUp_SlowSlack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &slackDirectory{
			users: map[string]slack.User{"U1": {ID: "U1", TeamID: "TOWN"}, "U2": {ID: "U2", TeamID: "TOWN"}},
			delay: 3 * time.Second,
		}
		p := NewPeople(api, nil, time.Now, zerolog.Nop())
		began := time.Now()
		answers := make(chan purchase.Membership, 10)
		for range cap(answers) {
			go func() { answers <- p.standing(t.Context(), "U1") }()
		}
		for range cap(answers) {
			if got := <-answers; got != purchase.Unverified {
				t.Errorf("without an answer of Slack: got %q, want %v", got, purchase.Unverified)
			}
		}
		if took := time.Since(began); took != time.Second || api.lookups.Load() != 1 {
			t.Errorf("ten clicks: got %s and %d requests, want %v and 1", took, api.lookups.Load(), time.Second)
		}
		short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		began = time.Now()
		if p.standing(short, "U2"); time.Since(began) != 250*time.Millisecond {
			t.Errorf("click with half a second left: got a wait of %s, want %v", time.Since(began), 250*time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		if got := p.standing(t.Context(), "U1"); got != purchase.Member || api.lookups.Load() != 2 {
			t.Errorf("afterwards %q after %d questions; want got = %v, api.lookups.Load() = 2", got, api.lookups.Load(),
				purchase.Member)
		}
	})
}

// The members of groups count as Slack told them in the last five minutes, for an hour when it does not tell any more,
// and then no one is in them; that no one knows is said.
func TestPeople_LookUp_GroupLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &slackDirectory{
			users: map[string]slack.User{
				"U1":     {ID: "U1", TeamID: "TOWN"},
				"UGUEST": {ID: "UGUEST", TeamID: "TOWN", IsRestricted: true},
			},
			groups: map[string][]string{"SBUYERS": {"U2", "U1", "UGUEST"}, "SBOSSES": {"U2"}}, delay: 50 * time.Millisecond,
		}
		p := NewPeople(api, []string{"SBOSSES", "SBUYERS", "SGONE"}, time.Now, zerolog.Nop())
		expect := func(when string, groups, untold string, listed int32) {
			t.Helper()
			who := p.LookUp(t.Context(), purchase.Actor{ID: "U1", Groups: []string{"SMADEUP"}})
			if strings.Join(who.Groups, " ") != groups || strings.Join(who.UnknownGroups, " ") != untold ||
				api.groupReads.Load() != listed {
				t.Errorf("%s: got the groups %v, unknown %v, after %d requests; want %q, %q, after %d", when, who.Groups,
					who.UnknownGroups, api.groupReads.Load(), groups, untold, listed)
			}
		}
		expect("at first", "SBUYERS", "", 3)
		if who := p.LookUp(t.Context(), purchase.Actor{ID: "UGUEST"}); who.Membership != purchase.Guest ||
			len(who.Groups) > 0 {
			t.Errorf("guest in a group: got %+v, want %v without groups", who, purchase.Guest)
		}
		time.Sleep(4 * time.Minute)
		expect("within five minutes", "SBUYERS", "", 3)
		api.groups["SBUYERS"], api.groups["SBOSSES"] = nil, []string{"U1"}
		time.Sleep(2 * time.Minute)
		expect("after five minutes", "SBOSSES", "", 6)
		api.hideGroups.Store(true)
		time.Sleep(55 * time.Minute)
		expect("Slack does not tell", "SBOSSES", "", 9)
		expect("a moment later nobody asks again", "SBOSSES", "", 9)
		time.Sleep(6 * time.Minute)
		expect("for more than an hour", "", "SBOSSES SBUYERS SGONE", 12)
		time.Sleep(20 * time.Second)
		api.hideGroups.Store(false)
		expect("it tells again", "SBOSSES", "", 15)
	})
}

// Many clicks ask for a group once, and none of them waits longer than a second for people and groups together.
func TestPeople_LookUp_GroupAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &slackDirectory{
			users: map[string]slack.User{}, groups: map[string][]string{"SBUYERS": {"U1"}},
			delay: 3 * time.Second,
		}
		p := NewPeople(api, []string{"SBUYERS"}, time.Now, zerolog.Nop())
		var crowd sync.WaitGroup
		began := time.Now()
		for i := range 200 {
			id := fmt.Sprintf("U%d", i)
			api.users[id] = slack.User{ID: id, TeamID: "TOWN"}
		}
		for i := range 200 {
			crowd.Go(func() { p.LookUp(t.Context(), purchase.Actor{ID: fmt.Sprintf("U%d", i)}) })
		}
		crowd.Wait()
		if took := time.Since(began); took != time.Second || api.groupReads.Load() != 1 {
			t.Errorf("got %s and %d requests, want %v and 1", took, api.groupReads.Load(), time.Second)
		}
		time.Sleep(3 * time.Second)
		if who := p.LookUp(t.Context(), purchase.Actor{ID: "U1"}); len(who.Groups) != 1 || len(who.UnknownGroups) > 0 {
			t.Errorf("afterwards: got %+v, want one group and no unknown one", who)
		}
	})
}

// When more people come at the same time than Slack describes one by one, it lists all of them once. Someone who isn't
// in the list, such as a person of another workspace, is described a moment later.
func TestPeople_LookUp_Crowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &slackDirectory{users: map[string]slack.User{}, delay: 200 * time.Millisecond}
		p := NewPeople(api, nil, time.Now, zerolog.Nop())
		for i := range 500 {
			id := fmt.Sprintf("U%d", i)
			api.users[id] = slack.User{ID: id, TeamID: "TOWN", IsRestricted: i%100 == 0}
		}
		var mu sync.Mutex
		got := map[purchase.Membership]int{}
		var crowd sync.WaitGroup
		began := time.Now()
		for i := range 501 {
			crowd.Go(func() {
				who := p.LookUp(t.Context(), purchase.Actor{ID: fmt.Sprintf("U%d", i)})
				mu.Lock()
				defer mu.Unlock()
				got[who.Membership]++
			})
		}
		crowd.Wait()
		if took := time.Since(began); took > answerWait || got[purchase.Member] != 495 || got[purchase.Guest] != 5 {
			t.Errorf("got %v after %s, want 495 members and 5 guests within %s", got, took, answerWait)
		}
		if lookups, lists := api.lookups.Load(), api.lists.Load(); lookups > 60 || lists != 1 {
			t.Errorf("requests: got %d lookups and %d lists, want at most 60 and 1", lookups, lists)
		}
		time.Sleep(2 * time.Second)
		if who := p.LookUp(t.Context(), purchase.Actor{ID: "U500"}); who.Membership != purchase.Foreign {
			t.Errorf("a person who isn't listed, 2 s later: got %s, want %s", who.Membership, purchase.Foreign)
		}
	})
}

// In an organization of several workspaces someone can have an id there and another one here: it is told which belong
// together.
func TestPeople_LookUp_TwoIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &slackDirectory{users: map[string]slack.User{
			"U1":     {ID: "U1", TeamID: "TOWN"},
			"ULOCAL": {ID: "ULOCAL", TeamID: "TOWN", Enterprise: slack.EnterpriseUser{ID: "WORG", Teams: []string{"TOWN"}}},
			"WORG": {
				ID: "WORG", TeamID: "TELSE",
				Enterprise: slack.EnterpriseUser{ID: "WORG", Teams: []string{"TELSE", "TOWN"}},
			},
		}}
		p := NewPeople(api, nil, time.Now, zerolog.Nop())
		for id, org := range map[string]string{"U1": "", "ULOCAL": "WORG", "WORG": ""} {
			if who := p.LookUp(t.Context(), purchase.Actor{ID: id}); who.Org != org || who.Membership != purchase.Member {
				t.Errorf("%s: got %+v, want organization id %q", id, who, org)
			}
		}
	})
}

// A list of the workspace that was begun before a person became a guest does not replace Slack's later word on them,
// and is as old as its beginning.
func TestCache_Learn_EarlierQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &slackDirectory{users: map[string]slack.User{"U1": {ID: "U1", TeamID: "TOWN", IsRestricted: true}}}
		p := NewPeople(api, nil, time.Now, zerolog.Nop())
		began := time.Now()
		time.Sleep(10 * time.Second)
		if got := p.standing(t.Context(), "U1"); got != purchase.Guest {
			t.Fatalf("Slack's answer: got %q, want %v", got, purchase.Guest)
		}
		time.Sleep(10 * time.Second)
		for _, id := range []string{"U1", "U2"} {
			p.persons.learn(id, person{standing: purchase.Member}, began)
		}
		if got := p.standing(t.Context(), "U1"); got != purchase.Guest {
			t.Errorf("after the older list: got %q, want %v", got, purchase.Guest)
		}
		time.Sleep(personLife.fresh - 15*time.Second) // five minutes from the beginning of the list
		api.users["U2"] = slack.User{ID: "U2", TeamID: "TOWN", IsRestricted: true}
		if got := p.standing(t.Context(), "U2"); got != purchase.Guest {
			t.Errorf("after five minutes: got %q, want %v", got, purchase.Guest)
		}
	})
}

// A person of the lists may be a guest. While Slack doesn't tell, a notice to them waits for two minutes and then goes
// without details; once Slack tells, members read them.
func TestPublisher_NoticeForPerson_Unverified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &slackDirectory{users: map[string]slack.User{"U1": {ID: "U1", TeamID: "TOWN"}}}
		api.failing.Store(true)
		p := &Publisher{
			desk: desk.New(desk.Options{}), people: NewPeople(api, nil, time.Now, zerolog.Nop()),
			now: time.Now, unverified: map[string]time.Time{},
		}
		n := purchase.Notification{
			ID: "paused-1", Kind: purchase.NotificationPaused, Time: time.Now().Add(-time.Hour),
			Cause: purchase.Cause{
				Code: purchase.NotificationPaused,
				Causes: []purchase.Cause{
					{Code: purchase.IncidentSaid, Args: purchase.Args{"reason": "The invoice of $999.00 is disputed."}},
				},
			},
		}
		told := func() (string, error) {
			c, err := p.noticeFor(t.Context(), n, "U1")
			raw, _ := json.Marshal(c.blocks)
			return c.text + string(raw), err
		}
		for range 2 {
			if text, err := told(); !errors.Is(err, errStandingUnknown) {
				t.Fatalf("got %s (error %v), want %v", text, err, errStandingUnknown)
			}
			time.Sleep(time.Minute + time.Second)
		}
		text, err := told()
		if err != nil || strings.Contains(text, "999") || !strings.Contains(text, "the details are missing here") {
			t.Errorf("after two minutes: got %s (error %v), want no %q, and %q", text, err, "999",
				"the details are missing here")
		}
		api.failing.Store(false)
		if text, err := told(); err != nil || !strings.Contains(text, "$999.00") {
			t.Errorf("a member's message: got %s (error %v), want %q in it", text, err, "$999.00")
		}
	})
}

// Whether a decision counted is known to the person who made it alone, and says nothing that they don't know: it waits
// for no answer of Slack's, and has its result.
func TestPublisher_NoticeForPerson_UncertainDecision(t *testing.T) {
	api := &slackDirectory{users: map[string]slack.User{}}
	api.failing.Store(true)
	p := &Publisher{
		desk: desk.New(desk.Options{}), people: NewPeople(api, nil, time.Now, zerolog.Nop()),
		now: time.Now, unverified: map[string]time.Time{},
	}
	n := purchase.Notification{
		ID: "uncertain-1-U1", Kind: purchase.NotificationUncertain, Time: time.Now(), Pending: []string{"U1"},
		Cause: purchase.NewCause(purchase.NotificationUncertain, "counted", "no", "typed", "true"),
	}
	c, err := p.noticeFor(t.Context(), n, "U1")
	if want := "My disk failed. Your command didn't count. Please try again."; err != nil || c.text != want {
		t.Errorf("got %q (error %v), want %q", c.text, err, want)
	}
}
