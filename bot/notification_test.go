package bot_test

import (
	"strings"
	"testing"

	"licensebot/slacksim"
)

// bosses is a user group.
const bosses = "S0BOSSES"

// withAdminGroup makes admins of the members of a group alone: carol and bob, and a guest, who is none whatever the
// group says.
func withAdminGroup(w *env) {
	const guest = "U0GUEST"
	w.channel = slacksim.General
	w.policy.Admins = map[string]bool{bosses: true}
	w.slack.AddUser(slacksim.User{ID: guest, Name: "gina", Restricted: true})
	w.slack.SetUserGroups(slacksim.UserGroup{ID: bosses, Users: []string{slacksim.Carol, slacksim.Bob, guest}})
}

// countDirectMessages is how many direct messages with the text someone has.
func (w *env) countDirectMessages(who, text string) (n int) {
	for _, m := range w.slack.Messages(w.slack.DM(who)) {
		if strings.Contains(m.ContentText(), text) {
			n++
		}
	}
	return n
}

// No one can write to a group, so its members are written to: each once, also over a restart, and also who is listed by
// name besides. Anyone who caused it knows.
func TestPublisher_ExpandGroup(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { withAdminGroup(w); w.policy.Admins[slacksim.Bob] = true })
	w.says(slacksim.Carol, "pause we count the money")
	w.seesDirectly(slacksim.Bob, "carol paused it on ")
	w.says(slacksim.Bob, "resume we are done")
	w.seesDirectly(slacksim.Carol, "bob resumed buying")
	w.restart()
	w.says(slacksim.Carol, "pause we count once more")
	w.seesDirectly(slacksim.Bob, "we count once more")
	for who, counts := range map[string]map[string]int{
		slacksim.Bob:   {"we count the money": 1, "we count once more": 1, "bob resumed buying": 0},
		slacksim.Carol: {"carol paused it on ": 0, "bob resumed buying": 1},
		"U0GUEST":      {"Buying": 0},
	} {
		for text, want := range counts {
			if got := w.countDirectMessages(who, text); got != want {
				t.Errorf("%s was told %q %d times, want %d", who, text, got, want)
			}
		}
	}
	w.until(func() bool {
		notices, err := w.desk.Outbox.PendingNotifications(w.ctx)
		return err == nil && len(notices) == 0
	})
}

// When Slack does not tell who is in the group, the purchases channel reads so, once, and the members are told as soon
// as Slack tells. Those count who are in it then.
func TestPublisher_ExpandGroup_NotListed(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { withAdminGroup(w); w.policy.Admins[slacksim.Alice] = true })
	w.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"usergroups.users.list": {Error: "internal_error"}}})
	w.says(slacksim.Alice, "pause we count the money")
	checkContains(t, w.sees(slacksim.Bob, "Some admins haven't been told yet"), bosses, "I'll keep trying")
	w.restart()
	w.until(func() bool {
		asked := 0
		for _, c := range w.slack.Calls() {
			if c.Method == "usergroups.users.list" {
				asked++
			}
		}
		return asked > 1
	})
	w.slack.SetUserGroups(slacksim.UserGroup{ID: bosses, Users: []string{slacksim.Carol}})
	w.slack.SetFaults(slacksim.Faults{})
	w.restart() // without it, Slack is asked again after a quarter of a minute
	w.seesDirectly(slacksim.Carol, "alice paused it on ")
	said := 0
	for _, m := range w.slack.Messages(slacksim.General) {
		if strings.Contains(m.ContentText(), "Some admins haven't been told yet") {
			said++
		}
	}
	if said != 1 || w.countDirectMessages(slacksim.Bob, "Buying") != 0 || len(w.events("untold")) != 1 {
		t.Errorf("the channel read it %d times, bob was told %d times, it is recorded %d times", said,
			w.countDirectMessages(slacksim.Bob, "Buying"), len(w.events("untold")))
	}
}

// A group that was switched off has no one in it: that no one was told does not stay unseen.
func TestPublisher_ExpandGroup_Empty(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) {
		withAdminGroup(w)
		w.policy.Admins[slacksim.Alice] = true
		w.slack.SetUserGroups(slacksim.UserGroup{ID: bosses, Disabled: true})
	})
	w.says(slacksim.Alice, "pause we count the money")
	checkContains(t, w.sees(slacksim.Bob, "Some admins haven't been told"), "the user group "+bosses+" is empty")
	if n := len(w.events("untold")); n != 1 {
		t.Errorf("recorded %d times; want 1", n)
	}
}
