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
	w := newEnv(t, func(w *env) { w.policy.Channels = map[string]bool{slacksim.Random: true} })
	alice := w.slack.Person(slacksim.Alice)
	w.says(slacksim.Alice, "buy")
	checkContains(t, w.sees(slacksim.Alice, "You can't buy licenses in this channel"), "Your admins can allow it",
		"You can use <#"+slacksim.Random+">")
	w.must(alice.Home())
	home, err := alice.WaitForHome(w.ctx, nil)
	w.must(err)
	w.clicks(slacksim.Alice, home, "Buy a license")
	checkContains(t, w.seesDirectly(slacksim.Alice, "You can't buy licenses in this channel"),
		"You can use <#"+slacksim.Random+">")
	w.says(slacksim.Carol, "buy")
	w.sees(slacksim.Carol, "You aren't on the list of people who can buy")
	if view, open := alice.Modal(); open {
		t.Errorf("got a form, want none:\n%s", view.ContentText())
	}
	w.waitForRefusal(slacksim.Alice, purchase.NotHere)
}

// A channel was taken off the list while someone filled in the form: the form says what to do, and a message names the
// channels, to which a form cannot link.
func TestHandler_SubmitEditor_ChannelNoLongerAllowed(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	alice := w.slack.Person(slacksim.Alice)
	w.says(slacksim.Alice, "buy")
	form, err := alice.WaitForModal(w.ctx, nil)
	w.must(err)
	w.must(alice.Fill(w.ctx, form, "Memory per project", "16"))
	w.must(alice.Choose(w.ctx, form, "Cores per project", "2 cores"))
	w.policy.Channels = map[string]bool{slacksim.Random: true}
	w.restart()
	problems, err := alice.Submit(w.ctx)
	w.must(err)
	if said := problems["ram"]; !strings.Contains(said, "I've sent you a message with the channels") ||
		strings.ContainsAny(said, "<`") {
		t.Errorf("got %q, want where the channels are, without markup", problems)
	}
	checkContains(t, w.sees(slacksim.Alice, "You can't buy licenses in this channel"),
		"You can use <#"+slacksim.Random+">")
	w.checkSpent(0, 0)
}
