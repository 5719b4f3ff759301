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
func withAdminGroup(env *testEnv) {
	const guest = "U0GUEST"
	env.channel = slacksim.General
	env.policy.Admins = map[string]bool{bosses: true}
	env.slack.AddUser(slacksim.User{ID: guest, Name: "gina", Restricted: true})
	env.slack.SetUserGroups(slacksim.UserGroup{ID: bosses, Users: []string{slacksim.Carol, slacksim.Bob, guest}})
}

// countDirectMessages is how many direct messages with the text someone has.
func (env *testEnv) countDirectMessages(who, text string) (n int) {
	for _, m := range env.slack.Messages(env.slack.DM(who)) {
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
	env := newEnv(t, func(env *testEnv) { withAdminGroup(env); env.policy.Admins[slacksim.Bob] = true })
	env.says(slacksim.Carol, "pause we count the money")
	env.seesDirectly(slacksim.Bob, "carol paused it on ")
	env.says(slacksim.Bob, "resume we are done")
	env.seesDirectly(slacksim.Carol, "bob resumed buying")
	env.restart()
	env.says(slacksim.Carol, "pause we count once more")
	env.seesDirectly(slacksim.Bob, "we count once more")
	for who, counts := range map[string]map[string]int{
		slacksim.Bob:   {"we count the money": 1, "we count once more": 1, "bob resumed buying": 0},
		slacksim.Carol: {"carol paused it on ": 0, "bob resumed buying": 1},
		"U0GUEST":      {"Buying": 0},
	} {
		for text, want := range counts {
			if got := env.countDirectMessages(who, text); got != want {
				t.Errorf("messages to %s with %q: got %d, want %d", who, text, got, want)
			}
		}
	}
	env.until(func() bool {
		notices, err := env.desk.Outbox.PendingNotifications(env.ctx)
		return err == nil && len(notices) == 0
	})
}

// When Slack does not tell who is in the group, the purchases channel reads so, once, and the members are told as soon
// as Slack tells. Those count who are in it then.
func TestPublisher_ExpandGroup_NotListed(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { withAdminGroup(env); env.policy.Admins[slacksim.Alice] = true })
	env.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"usergroups.users.list": {Error: "internal_error"}}})
	env.says(slacksim.Alice, "pause we count the money")
	checkContains(t, env.sees(slacksim.Bob, "Some admins haven't been told yet"), bosses, "I'll keep trying")
	env.restart()
	env.until(func() bool {
		asked := 0
		for _, c := range env.slack.Calls() {
			if c.Method == "usergroups.users.list" {
				asked++
			}
		}
		return asked > 1
	})
	env.slack.SetUserGroups(slacksim.UserGroup{ID: bosses, Users: []string{slacksim.Carol}})
	env.slack.SetFaults(slacksim.Faults{})
	env.restart() // without it, Slack is asked again after a quarter of a minute
	env.seesDirectly(slacksim.Carol, "alice paused it on ")
	said := 0
	for _, m := range env.slack.Messages(slacksim.General) {
		if strings.Contains(m.ContentText(), "Some admins haven't been told yet") {
			said++
		}
	}
	if said != 1 || env.countDirectMessages(slacksim.Bob, "Buying") != 0 || len(env.events("untold")) != 1 {
		t.Errorf("got %d messages in the channel, %d to bob, %d audit records; want 1, 0, 1", said,
			env.countDirectMessages(slacksim.Bob, "Buying"), len(env.events("untold")))
	}
}

// A group that was switched off has no one in it: that no one was told does not stay unseen.
func TestPublisher_ExpandGroup_Empty(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withAdminGroup(env)
		env.policy.Admins[slacksim.Alice] = true
		env.slack.SetUserGroups(slacksim.UserGroup{ID: bosses, Disabled: true})
	})
	env.says(slacksim.Alice, "pause we count the money")
	checkContains(t, env.sees(slacksim.Bob, "Some admins haven't been told"), "the user group "+bosses+" is empty")
	if n := len(env.events("untold")); n != 1 {
		t.Errorf("audit records: got %d, want 1", n)
	}
}
