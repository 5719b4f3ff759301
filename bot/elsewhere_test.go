package bot_test

import (
	"strings"
	"testing"

	"licensebot/purchase"
	"licensebot/slacksim"
)

// Where licenses may not be asked for no one fills in a form first: the answer names the channels where they may, also
// to anyone who came by the Home tab, which is no channel.
func TestHandler_OpenEditor_RefusedFirst(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { env.policy.Channels = map[string]bool{slacksim.Random: true} })
	alice := env.slack.Person(slacksim.Alice)
	env.says(slacksim.Alice, "buy")
	checkContains(t, env.sees(slacksim.Alice, "You can't buy licenses in this channel"), "Your admins can allow it",
		"You can use <#"+slacksim.Random+">")
	env.must(alice.Home())
	home, err := alice.WaitForHome(env.ctx, nil)
	env.must(err)
	env.clicks(slacksim.Alice, home, "Buy a license")
	checkContains(t, env.seesDirectly(slacksim.Alice, "You can't buy licenses in this channel"),
		"You can use <#"+slacksim.Random+">")
	env.says(slacksim.Carol, "buy")
	env.sees(slacksim.Carol, "You aren't on the list of people who can buy")
	if view, open := alice.Modal(); open {
		t.Errorf("got a form, want none:\n%s", view.ContentText())
	}
	env.waitForRefusal(slacksim.Alice, purchase.NotHere)
}

// A channel was taken off the list while someone filled in the form: the form says what to do, and a message names the
// channels, to which a form cannot link.
func TestHandler_SubmitEditor_ChannelNoLongerAllowed(t *testing.T) {
	t.Parallel()
	env := newEnv(t, nil)
	alice := env.slack.Person(slacksim.Alice)
	env.says(slacksim.Alice, "buy")
	form, err := alice.WaitForModal(env.ctx, nil)
	env.must(err)
	env.must(alice.Fill(env.ctx, form, "Memory per project", "16"))
	env.must(alice.Choose(env.ctx, form, "Cores per project", "2 cores"))
	env.policy.Channels = map[string]bool{slacksim.Random: true}
	env.restart()
	problems, err := alice.Submit(env.ctx)
	env.must(err)
	if said := problems["ram"]; !strings.Contains(said, "I've sent you a message with the channels") ||
		strings.ContainsAny(said, "<`") {
		t.Errorf("got %q, want where the channels are, without markup", problems)
	}
	checkContains(t, env.sees(slacksim.Alice, "You can't buy licenses in this channel"),
		"You can use <#"+slacksim.Random+">")
	env.checkSpent(0, 0)
}
