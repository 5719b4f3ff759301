package bot_test

import (
	"strings"
	"testing"

	"licensebot/slacksim"
)

// directMessages are the direct messages that someone has from the bot.
func (env *testEnv) directMessages(who string) (texts []string) {
	for _, m := range env.slack.Messages(env.slack.DM(who)) {
		texts = append(texts, m.ContentText())
	}
	return texts
}

// A requester's card is gone when they load Slack anew, and its changes notify no one: what became of an order that
// waited comes as a direct message, once, also over a restart.
func TestGetsDirectMessage_EveryState(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withApprovers)
	card, ask := env.requestApproval()
	env.clicks(slacksim.Bob, ask, "Approve")
	env.seesDirectly(slacksim.Alice, "Bought for $63.75")
	env.becomes(card, "Bought for $63.75")

	card, ask = env.requestApproval()
	bob := env.slack.Person(slacksim.Bob)
	env.must(bob.Command(env.ctx, theDesk, "/license",
		"deny "+orderIDBlock.FindString(ask.ContentText())+" not this year"))
	env.seesDirectly(slacksim.Alice, "not this year")
	env.becomes(card, "not this year")

	card, ask = env.requestApproval()
	env.clicks(slacksim.Alice, card, "Withdraw") // no message to people about what they did themselves
	env.becomes(card, "Nothing was charged")
	env.cardBecomes(ask, "Withdrawn")
	env.restart()
	env.until(func() bool { ids, err := env.desk.Outbox.StaleOrders(env.ctx); return err == nil && len(ids) == 0 })
	if told := env.directMessages(slacksim.Alice); len(told) != 2 {
		t.Errorf("alice's direct messages: got %d, want 2:\n%s", len(told), strings.Join(told, "\n\n"))
	}
	env.checkSpent(1, 6375)
}

// Who waits finds their orders on the Home tab, with what they can do; approvers find what they can decide on, and
// no one else is shown anything.
func TestHandler_WaitingOrders(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withApprovers(env)
		env.policy.Approvers = map[string]bool{slacksim.Alice: true, slacksim.Bob: true}
	})
	card, ask := env.requestApproval()
	id := orderIDBlock.FindString(ask.ContentText())
	home := func(who, text string) string {
		t.Helper()
		env.must(env.slack.Person(who).Home())
		v, err := env.slack.Person(who).WaitForHome(env.ctx, func(v slacksim.View) bool {
			return strings.Contains(v.ContentText(), text)
		})
		env.must(err)
		return v.ContentText()
	}
	mine := home(slacksim.Alice, "Waiting for approval")
	for _, want := range []string{"$63.75 a month", "/license order " + id, "/license cancel " + id} {
		if !strings.Contains(mine, want) {
			t.Errorf("got this, want %q in it:\n%s", want, mine)
		}
	}
	if strings.Contains(mine, "/license approve") {
		t.Errorf("alice's Home tab: got %s\nwant no %q", mine, "/license approve")
	}
	if theirs := home(slacksim.Bob, "<@"+slacksim.Alice+"> requests approval"); !strings.Contains(theirs,
		"/license approve "+id) || strings.Contains(theirs, "/license cancel") {
		t.Errorf("bob's Home tab: got %s\nwant %q, and no %q", theirs, "/license approve "+id, "/license cancel")
	}
	if carols := home(slacksim.Carol, "You can't see your team's licenses"); strings.Contains(carols, id) {
		t.Errorf("carol's Home tab: got %s\nwant no %q", carols, id)
	}
	env.clicks(slacksim.Bob, ask, "Approve")
	env.becomes(card, "Bought for $63.75")
	if after := home(slacksim.Alice, "$63.75 spent"); strings.Contains(after, "Waiting for approval") {
		t.Errorf("alice's Home tab afterwards: got %s\nwant no %q", after, "Waiting for approval")
	}
}

// Approvers of two orders for the same within a minute see of the second what the first has brought.
func TestSimilar_JustBought(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withApprovers)
	card, ask := env.requestApproval()
	checkContains(t, ask, "No matching license is active")
	env.clicks(slacksim.Bob, ask, "Approve")
	env.becomes(card, "Bought for $63.75")
	env.until(func() bool { ids, err := env.desk.Outbox.StaleOrders(env.ctx); return err == nil && len(ids) == 0 })
	env.says(slacksim.Alice, `buy ram=16 cpu=2 reason="summer school"`)
	env.clicks(slacksim.Alice, env.sees(slacksim.Alice, "Reason: summer school"), "Request approval ($63.75)")
	next, err := env.slack.Person(slacksim.Bob).WaitForMessage(env.ctx, theDesk, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), "summer school")
	})
	env.must(err)
	checkContains(t, next, "A matching license is already active")
}

// A command that is written wrong points to the help about that command.
func TestMistakesMessage_Help(t *testing.T) {
	t.Parallel()
	env := newEnv(t, nil)
	for text, help := range map[string]string{
		"deny": "/license help deny", "buy ram=x cpu=1": "/license help buy", "quote ram=x cpu=1": "/license help quote",
		"nonsense": "Try `/license help`",
	} {
		env.says(slacksim.Bob, text)
		env.sees(slacksim.Bob, help)
	}
}
