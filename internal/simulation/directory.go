package simulation

import (
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"
)

// directory is who is in the workspace and in its user groups, and what Slack has told of it.
type directory struct {
	mu      sync.Mutex
	closed  map[string]bool     // names of deactivated people
	members map[string][]string // names, by group
	told    []word
}

// word is an answer of Slack's about a person or a group, or a question that got none.
type word struct {
	at   time.Time
	life int    // of the program that asked
	id   string // U… or S…
	lost bool
	// rests is how long Slack takes no further question of this kind, about any id: the program must not ask then.
	rests time.Duration
	says  []string // names: of the members of a group; of the person, if they are a full member
}

func newDirectory() *directory {
	return &directory{
		closed:  map[string]bool{},
		members: map[string][]string{buyersGroup: {"carol"}, approversGroup: {"frank", "heidi"}},
	}
}

// change is a change of a person's place in the workspace.
func (w *world) rightsChange(s Step) {
	d := w.slack.people
	d.mu.Lock()
	defer d.mu.Unlock()
	group := approversGroup
	if s.Who == "carol" {
		group = buyersGroup
	}
	others := slices.DeleteFunc(slices.Clone(d.members[group]), func(who string) bool { return who == s.Who })
	switch s.Deed {
	case Leaves:
		d.members[group] = others
	case Joins:
		d.members[group] = append(others, s.Who)
	case Closes, ComeBack:
		d.closed[s.Who] = s.Deed == Closes
	default: // perform brings nothing else here
	}
	w.story.Tell("%s %s", s.Who, s.Deed)
}

// whatOf is the id about which a request asks; empty for other requests.
func whatOf(method string, form url.Values) string {
	switch method {
	case "users.info":
		return form.Get("user")
	case "usergroups.users.list":
		return form.Get("usergroup")
	}
	return ""
}

// tells answers a question about a person or a group, and what it says of whom.
func (d *directory) tells(id string) (answer map[string]any, says []string) {
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

func (d *directory) note(x word) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, x)
}

// How long the program may go by Slack's word: for minutes, and for an hour if it asked again and got no answer. A
// decision is made some seconds after it asked, at most.
const (
	freshWord = 5 * time.Minute
	keptWord  = time.Hour
	deciding  = 4 * time.Second
)

// lets reports whether the program may count a person as on a list now, by what Slack has told it: a full member who is
// named there, or is in its group.
func (d *directory) lets(life int, who string, named []string, group string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.vouches(life, user(who), who); err != nil {
		return err
	}
	if slices.Contains(named, who) {
		return nil
	}
	return d.vouches(life, group, who)
}

// limits says whether Slack has limited the rate of questions like the one about id, and the limit holds, or held when
// the decision began. The program knows then that Slack would not answer, and must not ask: that counts as asked in
// vain, also of people about whom it did not ask before. d.mu is held.
func (d *directory) limits(life int, id string) bool {
	since := time.Now().Add(-deciding)
	return slices.ContainsFunc(d.told, func(x word) bool {
		return x.life == life && x.id[0] == id[0] && x.rests > 0 && x.at.Add(x.rests).After(since)
	})
}

// vouches reports whether an answer about an ID that counts now names a person. d.mu is held.
func (d *directory) vouches(life int, id, who string) error {
	now, asked := time.Now(), d.limits(life, id)
	for _, x := range slices.Backward(d.told) {
		if x.life != life || x.id != id {
			continue
		}
		if x.lost {
			asked = true
			continue
		}
		age := now.Sub(x.at)
		switch {
		case slices.Contains(x.says, who) && (age <= freshWord+deciding || age <= keptWord+deciding && asked):
			return nil
		case age <= deciding: // the decision may have begun before
			continue
		}
		return fmt.Errorf("the last word of Slack's on %s, %s ago, says %v", id, age, x.says)
	}
	return fmt.Errorf("nothing was told by Slack of %s", id)
}
