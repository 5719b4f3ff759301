package bot_test

import (
	"strings"
	"testing"

	"licensebot/slacksim"
)

// directMessages are the direct messages that someone has from the bot.
func (w *env) directMessages(who string) (texts []string) {
	for _, m := range w.slack.Messages(w.slack.DM(who)) {
		texts = append(texts, m.ContentText())
	}
	return texts
}

// A requester's card is gone when they load Slack anew, and its changes notify no one: what became of an order that
// waited comes as a direct message, once, also over a restart.
func TestGetsDirectMessage_EveryState(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withApprovers)
	card, ask := w.requestApproval()
	w.clicks(slacksim.Bob, ask, "Approve")
	w.seesDirectly(slacksim.Alice, "Bought for $63.75")
	w.becomes(card, "Bought for $63.75")

	card, ask = w.requestApproval()
	bob := w.slack.Person(slacksim.Bob)
	w.must(bob.Command(w.ctx, theDesk, "/license", "deny "+orderIDBlock.FindString(ask.ContentText())+" not this year"))
	w.seesDirectly(slacksim.Alice, "not this year")
	w.becomes(card, "not this year")

	card, ask = w.requestApproval()
	w.clicks(slacksim.Alice, card, "Withdraw") // who did it themselves is not told
	w.becomes(card, "Nothing was charged")
	w.cardBecomes(ask, "Withdrawn")
	w.restart()
	w.until(func() bool { ids, err := w.desk.Outbox.StaleOrders(w.ctx); return err == nil && len(ids) == 0 })
	if told := w.directMessages(slacksim.Alice); len(told) != 2 {
		t.Errorf("alice is told directly; want 2:\n%s", strings.Join(told, "\n\n"))
	}
	w.checkSpent(1, 6375)
}

// Who waits finds their orders on the Home tab, with what they can do; approvers find what they can decide on, and
// no one else is shown anything.
func TestHandler_WaitingOrders(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) {
		withApprovers(w)
		w.policy.Approvers = map[string]bool{slacksim.Alice: true, slacksim.Bob: true}
	})
	card, ask := w.requestApproval()
	id := orderIDBlock.FindString(ask.ContentText())
	home := func(who, text string) string {
		t.Helper()
		w.must(w.slack.Person(who).Home())
		v, err := w.slack.Person(who).WaitForHome(w.ctx, func(v slacksim.View) bool {
			return strings.Contains(v.ContentText(), text)
		})
		w.must(err)
		return v.ContentText()
	}
	mine := home(slacksim.Alice, "Waiting for approval")
	for _, want := range []string{"$63.75 a month", "/license order " + id, "/license cancel " + id} {
		if !strings.Contains(mine, want) {
			t.Errorf("got this, want %q in it:\n%s", want, mine)
		}
	}
	if strings.Contains(mine, "/license approve") {
		t.Errorf("alice is asked to decide on her own order; want no %q:\n%s", "/license approve", mine)
	}
	if theirs := home(slacksim.Bob, "<@"+slacksim.Alice+"> requests approval"); !strings.Contains(theirs,
		"/license approve "+id) || strings.Contains(theirs, "/license cancel") {
		t.Errorf("bob reads; want theirs with %q, theirs without %q:\n%s", "/license approve "+id, "/license cancel", theirs)
	}
	if carols := home(slacksim.Carol, "You can't see your team's licenses"); strings.Contains(carols, id) {
		t.Errorf("carol, who decides nothing, reads; want no %q:\n%s", id, carols)
	}
	w.clicks(slacksim.Bob, ask, "Approve")
	w.becomes(card, "Bought for $63.75")
	if after := home(slacksim.Alice, "$63.75 spent"); strings.Contains(after, "Waiting for approval") {
		t.Errorf("alice still waits; want no %q:\n%s", "Waiting for approval", after)
	}
}

// Approvers of two orders for the same within a minute see of the second what the first has brought.
func TestSimilar_JustBought(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withApprovers)
	card, ask := w.requestApproval()
	checkContains(t, ask, "No matching license is active")
	w.clicks(slacksim.Bob, ask, "Approve")
	w.becomes(card, "Bought for $63.75")
	w.until(func() bool { ids, err := w.desk.Outbox.StaleOrders(w.ctx); return err == nil && len(ids) == 0 })
	w.says(slacksim.Alice, `buy ram=16 cpu=2 reason="summer school"`)
	w.clicks(slacksim.Alice, w.sees(slacksim.Alice, "Reason: summer school"), "Request approval ($63.75)")
	next, err := w.slack.Person(slacksim.Bob).WaitForMessage(w.ctx, theDesk, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), "summer school")
	})
	w.must(err)
	checkContains(t, next, "A matching license is already active")
}

// A command that is written wrong points to the help about that command.
func TestMistakesMessage_Help(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	for text, help := range map[string]string{
		"deny": "/license help deny", "buy ram=x cpu=1": "/license help buy", "quote ram=x cpu=1": "/license help quote",
		"nonsense": "Try `/license help`",
	} {
		w.says(slacksim.Bob, text)
		w.sees(slacksim.Bob, help)
	}
}
