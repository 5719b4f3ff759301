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
		t.Errorf("everyone in the channel can use license %s; want empty:\n%s", id, m.ContentText())
	}
}

const visitor = "U0VISITOR"

// withGuestInChannel adds a guest to #general, where the bot is.
func withGuestInChannel(w *env) {
	w.slack.AddUser(slacksim.User{ID: visitor, Name: "visitor", Restricted: true})
	w.slack.Invite(slacksim.General, visitor)
	w.slack.Invite(slacksim.General, w.slack.App().BotUserID)
}

// A license's id is its key. The requester and people who may see licenses get the whole id, in private; the channel
// gets its end where members alone read it, and guests get nothing of licenses, history and money by any door.
func TestHandler_Reveal_WholeID(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withGuestInChannel)
	card := w.card()
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	receipt := w.becomes(card, "Bought for $63.75")
	id := w.account.Licenses()[0].ID
	checkContains(t, receipt, id)
	line, err := w.slack.Person(visitor).WaitForText(w.ctx, slacksim.General, "bought a CoCalc license")
	w.must(err)
	checkNoWholeIDs(t, line)
	if said := line.ContentText(); strings.Contains(said, purchase.ShortID(id)) || strings.Contains(said, "$") {
		t.Errorf("got %s in the guest's channel, want no id and no price", said)
	}
	w.says(slacksim.Bob, "list")
	checkContains(t, w.sees(slacksim.Bob, "1 active license"), id)

	order := orderIDBlock.FindString(receipt.ContentText())
	for _, who := range []string{visitor, slacksim.Carol} {
		for i, command := range []string{"list", "show " + id, "history", "order " + order, "budget"} {
			w.says(who, command)
			w.until(func() bool { return len(w.ephemeralMessages(who)) > i })
			if said := w.ephemeralMessages(who)[i].ContentText(); strings.Contains(said, "$") || strings.Contains(said, "GB") ||
				!strings.Contains(said, "see") {
				t.Errorf("%s types /license %s and reads:\n%s", who, command, said)
			}
		}
		w.must(w.slack.Person(who).Home())
		v, err := w.slack.Person(who).WaitForHome(w.ctx, func(v slacksim.View) bool {
			return strings.Contains(v.ContentText(), "see")
		})
		w.must(err)
		if said := v.ContentText(); strings.Contains(said, "$") || strings.Contains(said, "buy ram=16") {
			t.Errorf("the Home tab of %s says:\n%s", who, said)
		}
	}
	w.waitForRefusal(visitor, purchase.Outsider)
	w.waitForRefusal(slacksim.Carol, purchase.NotAViewer)
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
			w := newEnv(t, func(w *env) { withGuestInChannel(w); c.set(&w.policy) })
			card := w.card()
			w.clicks(slacksim.Alice, card, "Buy for $63.75")
			receipt := w.becomes(card, "Bought for $63.75")
			id, order := w.account.Licenses()[0].ID, orderIDBlock.FindString(receipt.ContentText())
			says := func(command, text string) string {
				t.Helper()
				w.says(slacksim.Carol, command)
				return w.sees(slacksim.Carol, text).ContentText()
			}
			details := says("show "+id, "Bought by <@"+slacksim.Alice+">")
			history := says("history", "spent, 1 license") // the team's
			budget := says("budget", "The next budget starts")
			_, entry, _ := strings.Cut(history, "left")
			for what, said := range map[string]string{"license": details, "history": entry} {
				if got := strings.Contains(said, "$63.75"); got != c.all {
					t.Errorf("what alice paid is on the %s: %t, want %t:\n%s", what, got, c.all, said)
				}
			}
			if got := strings.Contains(budget, "<@"+slacksim.Alice+">"); got != c.all {
				t.Errorf("alice's part of the budget is told: %t, want %t:\n%s", got, c.all, budget)
			}
			if c.all {
				says("order "+order, "Checkout sent")
				return
			}
			says("order "+order, "This is someone else's order")
			w.waitForRefusal(slacksim.Carol, purchase.NotYours)
		})
	}
}

// Buttons of a list that someone had before they lost their rights show nothing any more.
func TestHandler_ShowPage_FormerBuyer(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withGuestInChannel)
	card := w.card()
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	w.becomes(card, "Bought for $63.75")
	w.says(slacksim.Alice, "list")
	list := w.sees(slacksim.Alice, "1 active license")
	w.stop()
	w.policy.Buyers = map[string]bool{slacksim.Bob: true}
	w.start()
	w.clicks(slacksim.Alice, list, "Details")
	checkNoWholeIDs(t, w.becomes(list, "You can't see your team's licenses"))
	w.waitForRefusal(slacksim.Alice, purchase.NotAViewer)
}

// ephemeralMessages returns the messages in #general that only this person sees, in order.
func (w *env) ephemeralMessages(who string) (told []slacksim.Message) {
	for _, m := range w.slack.Person(who).Messages(slacksim.General) {
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
	w := newEnv(t, func(w *env) {
		withApprovers(w)
		withAdmin(w)
		w.channel = slacksim.General
		w.slack.Invite(slacksim.General, w.slack.App().BotUserID)
	})
	w.says(slacksim.Alice, `buy ram=16 cpu=2 title="like `+id+`" reason="`+id+` is too small"`)
	w.clicks(slacksim.Alice, w.sees(slacksim.Alice, "A CoCalc license for"), "Request approval ($63.75)")
	ask := w.seesIn(slacksim.Bob, theDesk, "is too small")
	w.clicks(slacksim.Bob, ask, "Approve")
	w.until(func() bool { return len(w.account.Licenses()) == 1 })
	w.seesIn(slacksim.Bob, theDesk, "Bought for $63.75")
	w.says(slacksim.Alice, `buy ram=16 cpu=2 reason="once more"`)
	w.clicks(slacksim.Alice, w.sees(slacksim.Alice, "once more"), "Request approval ($63.75)")
	w.seesIn(slacksim.Bob, theDesk, "matching license is already active")
	w.says(slacksim.Carol, "pause who uses "+id)
	w.sees(slacksim.Carol, "Buying is paused")
	w.seesIn(slacksim.Bob, slacksim.General, "who uses …5c6e")
	w.says(slacksim.Bob, "buy ram=16 cpu=2")
	checkContains(t, w.sees(slacksim.Bob, "An admin can resume it"), "…5c6e")
	for _, channel := range []string{theDesk, slacksim.General} {
		for _, m := range w.slack.Messages(channel) {
			if !m.Ephemeral() {
				checkNoWholeIDs(t, m)
			}
		}
	}
}
