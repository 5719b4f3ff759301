package bot_test

import (
	"regexp"
	"strings"
	"testing"

	"licensebot/purchase"
	"licensebot/slacksim"
)

var wholeLicenseID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// checkNoWholeIDs fails when a message names a whole id, also where only notifications or buttons have it.
func checkNoWholeIDs(t *testing.T, m slacksim.Message) {
	t.Helper()
	if id := wholeLicenseID.FindString(string(m.Blocks) + m.Text); id != "" {
		t.Errorf("message in the channel: got the license id %s, want none:\n%s", id, m.ContentText())
	}
}

const visitor = "U0VISITOR"

// withGuestInChannel adds a guest to #general, where the bot is.
func withGuestInChannel(env *testEnv) {
	env.slack.AddUser(slacksim.User{ID: visitor, Name: "visitor", Restricted: true})
	env.slack.Invite(slacksim.General, visitor)
	env.slack.Invite(slacksim.General, env.slack.App().BotUserID)
}

// A license's id is its key. The requester and people who may see licenses get the whole id, in private; the channel
// gets its end where members alone read it, and guests get nothing of licenses, history and money by any door.
func TestHandler_Reveal_WholeID(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withGuestInChannel)
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	receipt := env.becomes(card, "Bought for $63.75")
	id := env.account.Licenses()[0].ID
	checkContains(t, receipt, id)
	line, err := env.slack.Person(visitor).WaitForText(env.ctx, slacksim.General, "bought a CoCalc license")
	env.must(err)
	checkNoWholeIDs(t, line)
	if said := line.ContentText(); strings.Contains(said, purchase.ShortID(id)) || strings.Contains(said, "$") {
		t.Errorf("got %s in the guest's channel, want no id and no price", said)
	}
	env.says(slacksim.Bob, "list")
	checkContains(t, env.sees(slacksim.Bob, "1 active license"), id)

	order := orderIDBlock.FindString(receipt.ContentText())
	for _, who := range []string{visitor, slacksim.Carol} {
		for i, command := range []string{"list", "show " + id, "history", "order " + order, "budget"} {
			env.says(who, command)
			env.until(func() bool { return len(env.ephemeralMessages(who)) > i })
			if said := env.ephemeralMessages(who)[i].ContentText(); strings.Contains(said, "$") ||
				strings.Contains(said, "GB") ||
				!strings.Contains(said, "see") {
				t.Errorf("%s, /license %s: got %s\nwant no details, and a word about seeing", who, command, said)
			}
		}
		env.must(env.slack.Person(who).Home())
		v, err := env.slack.Person(who).WaitForHome(env.ctx, func(v slacksim.View) bool {
			return strings.Contains(v.ContentText(), "see")
		})
		env.must(err)
		if said := v.ContentText(); strings.Contains(said, "$") || strings.Contains(said, "buy ram=16") {
			t.Errorf("Home tab of %s: got %s\nwant no amounts and no example of an order", who, said)
		}
	}
	env.waitForRefusal(visitor, purchase.Outsider)
	env.waitForRefusal(slacksim.Carol, purchase.NotAViewer)
}

// Buyers see licenses, the team's months and what their own orders cost; viewers, approvers and admins see all of it.
func TestHandler_Reveal_Money(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		all  bool
		set  func(*purchase.Policy)
	}{
		{"a buyer", false, func(p *purchase.Policy) { p.Buyers[slacksim.Carol] = true }},
		{"everyone may buy", false, func(p *purchase.Policy) { p.Everyone = true }},
		{"a viewer", true, func(p *purchase.Policy) { p.Viewers = map[string]bool{slacksim.Carol: true} }},
		{"everyone may view", true, func(p *purchase.Policy) { p.AllView = true }},
		{"an admin", true, func(p *purchase.Policy) { p.Admins = map[string]bool{slacksim.Carol: true} }},
		{"an approver", true, func(p *purchase.Policy) {
			p.Approvers, p.AutoApprove = map[string]bool{slacksim.Carol: true}, 100000
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, func(env *testEnv) { withGuestInChannel(env); c.set(&env.policy) })
			card := env.card()
			env.clicks(slacksim.Alice, card, "Buy for $63.75")
			receipt := env.becomes(card, "Bought for $63.75")
			id, order := env.account.Licenses()[0].ID, orderIDBlock.FindString(receipt.ContentText())
			says := func(command, text string) string {
				t.Helper()
				env.says(slacksim.Carol, command)
				return env.sees(slacksim.Carol, text).ContentText()
			}
			details := says("show "+id, "Bought by <@"+slacksim.Alice+">")
			history := says("history", "spent, 1 license") // the team's
			budget := says("budget", "The next budget starts")
			_, entry, _ := strings.Cut(history, "left")
			for what, said := range map[string]string{"license": details, "history": entry} {
				if got := strings.Contains(said, "$63.75"); got != c.all {
					t.Errorf("alice's amount on the %s: got %t, want %t:\n%s", what, got, c.all, said)
				}
			}
			if got := strings.Contains(budget, "<@"+slacksim.Alice+">"); got != c.all {
				t.Errorf("alice's part of the budget: got %t, want %t:\n%s", got, c.all, budget)
			}
			if c.all {
				says("order "+order, "Checkout sent")
				return
			}
			says("order "+order, "This is someone else's order")
			env.waitForRefusal(slacksim.Carol, purchase.NotYours)
		})
	}
}

// Buttons of a list that someone had before they lost their rights show nothing any more.
func TestHandler_ShowPage_FormerBuyer(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withGuestInChannel)
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	env.says(slacksim.Alice, "list")
	list := env.sees(slacksim.Alice, "1 active license")
	env.stop()
	env.policy.Buyers = map[string]bool{slacksim.Bob: true}
	env.start()
	env.clicks(slacksim.Alice, list, "Details")
	checkNoWholeIDs(t, env.becomes(list, "You can't see your team's licenses"))
	env.waitForRefusal(slacksim.Alice, purchase.NotAViewer)
}

// ephemeralMessages returns the messages in #general that only this person sees, in order.
func (env *testEnv) ephemeralMessages(who string) (told []slacksim.Message) {
	for _, m := range env.slack.Person(who).Messages(slacksim.General) {
		if m.Ephemeral() {
			told = append(told, m)
		}
	}
	return told
}

// What people write into an order may name whole ids, and so may what the bot says of the account: whatever goes to a
// channel shows their ends.
func TestPublisher_NoWholeIDInChannel(t *testing.T) {
	t.Parallel()
	const id = "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"
	env := newEnv(t, func(env *testEnv) {
		withApprovers(env)
		withAdmin(env)
		env.channel = slacksim.General
		env.slack.Invite(slacksim.General, env.slack.App().BotUserID)
	})
	env.says(slacksim.Alice, `buy ram=16 cpu=2 title="like `+id+`" reason="`+id+` is too small"`)
	env.clicks(slacksim.Alice, env.sees(slacksim.Alice, "A CoCalc license for"), "Request approval ($63.75)")
	ask := env.seesIn(slacksim.Bob, theDesk, "is too small")
	env.clicks(slacksim.Bob, ask, "Approve")
	env.until(func() bool { return len(env.account.Licenses()) == 1 })
	env.seesIn(slacksim.Bob, theDesk, "Bought for $63.75")
	env.says(slacksim.Alice, `buy ram=16 cpu=2 reason="once more"`)
	env.clicks(slacksim.Alice, env.sees(slacksim.Alice, "once more"), "Request approval ($63.75)")
	env.seesIn(slacksim.Bob, theDesk, "matching license is already active")
	env.says(slacksim.Carol, "pause who uses "+id)
	env.sees(slacksim.Carol, "Buying is paused")
	env.seesIn(slacksim.Bob, slacksim.General, "who uses …5c6e")
	env.says(slacksim.Bob, "buy ram=16 cpu=2")
	checkContains(t, env.sees(slacksim.Bob, "An admin can resume it"), "…5c6e")
	for _, channel := range []string{theDesk, slacksim.General} {
		for _, m := range env.slack.Messages(channel) {
			if !m.Ephemeral() {
				checkNoWholeIDs(t, m)
			}
		}
	}
}
