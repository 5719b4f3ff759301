package simulation

import (
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"
)

// directory has the members of the workspace and of its user groups, and the program's lookups with Slack's answers.
type directory struct {
	mu      sync.Mutex
	closed  map[string]bool     // names of deactivated people
	members map[string][]string // names, by group
	lookups []lookup
}

// lookup is a request for a person or a group, with Slack's answer, if any.
type lookup struct {
	at      time.Time
	process int    // of the program that asked
	id      string // U… or S…
	lost    bool
	// rests is how long Slack takes no further request of this kind, for any id: the program must not ask then.
	rests time.Duration
	says  []string // names: of the members of a group; of the person, if they are a full member
}

func newDirectory() *directory {
	return &directory{
		closed:  map[string]bool{},
		members: map[string][]string{buyersGroup: {"carol"}, approversGroup: {"frank", "heidi"}},
	}
}

// rightsChange changes a person's groups or account.
func (w *world) rightsChange(s Step) {
	d := w.slack.people
	d.mu.Lock()
	defer d.mu.Unlock()
	group := approversGroup
	if s.Who == "carol" {
		group = buyersGroup
	}
	others := slices.DeleteFunc(slices.Clone(d.members[group]), func(who string) bool { return who == s.Who })
	switch s.Action {
	case Leaves:
		d.members[group] = others
	case Joins:
		d.members[group] = append(others, s.Who)
	case Closes, ComeBack:
		d.closed[s.Who] = s.Action == Closes
	default: // perform brings nothing else here
	}
	w.trace.Log("%s %s", s.Who, s.Action)
}

// whatOf returns the id that a request looks up; empty for other requests.
func whatOf(method string, form url.Values) string {
	switch method {
	case "users.info":
		return form.Get("user")
	case "usergroups.users.list":
		return form.Get("usergroup")
	}
	return ""
}

// answer returns Slack's answer about a person or a group, and the names that it confirms.
func (d *directory) answer(id string) (answer map[string]any, says []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if members, ok := d.members[id]; ok {
		users := []string{}
		for _, who := range members {
			users = append(users, user(who))
		}
		return map[string]any{"users": users}, slices.Clone(members)
	}
	who := name(id)
	if !d.closed[who] && who != guest {
		says = []string{who}
	}
	return map[string]any{"user": map[string]any{
		"id": id, "team_id": team, "name": who, "is_restricted": who == guest,
		"deleted": d.closed[who],
	}}, says
}

func (d *directory) note(x lookup) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lookups = append(d.lookups, x)
}

// How long the program may use Slack's answer: for minutes, and for an hour if it asked again and got no answer. A
// decision is made at most some seconds after the lookup.
const (
	freshAnswer = 5 * time.Minute
	keptAnswer  = time.Hour
	deciding    = 4 * time.Second
)

// allows returns an error unless, by Slack's answers to the program, a person is a full member who is named on a list
// or in its group.
func (d *directory) allows(process int, who string, named []string, group string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.vouches(process, user(who), who); err != nil {
		return err
	}
	if slices.Contains(named, who) {
		return nil
	}
	return d.vouches(process, group, who)
}

// limits reports whether Slack limits the rate of lookups like the one of id, or did when the decision began. The
// program then knows that Slack would not answer, and must not ask: that counts as a lookup without an answer, also of
// people whom it did not look up before. d.mu is held.
func (d *directory) limits(process int, id string) bool {
	since := time.Now().Add(-deciding)
	return slices.ContainsFunc(d.lookups, func(x lookup) bool {
		return x.process == process && x.id[0] == id[0] && x.rests > 0 && x.at.Add(x.rests).After(since)
	})
}

// vouches returns an error unless an answer about an id, recent enough to count, names the person. d.mu is held.
func (d *directory) vouches(process int, id, who string) error {
	now, asked := time.Now(), d.limits(process, id)
	for _, x := range slices.Backward(d.lookups) {
		if x.process != process || x.id != id {
			continue
		}
		if x.lost {
			asked = true
			continue
		}
		age := now.Sub(x.at)
		switch {
		case slices.Contains(x.says, who) && (age <= freshAnswer+deciding || age <= keptAnswer+deciding && asked):
			return nil
		case age <= deciding: // the decision may have begun before
			continue
		}
		return fmt.Errorf("the last word of Slack's on %s, %s ago, says %v", id, age, x.says)
	}
	return fmt.Errorf("nothing was told by Slack of %s", id)
}
