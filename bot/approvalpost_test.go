package bot_test

import (
	"strings"
	"testing"

	"licensebot/purchase"
	"licensebot/slacksim"
)

// An approvers' card that Slack does not let change any more is replaced by a newer one. A click on the older card says
// so and decides nothing.
func TestPublisher_PublishApproval_CardReplaced(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { withApprovers(env); env.policy.Approvals = 2 })
	card, stale := env.requestApproval()
	env.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"chat.update": {Error: "cant_update_message", Times: 1}}})
	env.clicks(slacksim.Bob, stale, "Approve")
	newer, err := env.slack.Person(slacksim.Carol).WaitForMessage(env.ctx, theDesk, func(m slacksim.Message) bool {
		return m.TS != stale.TS && strings.Contains(m.ContentText(), "1 so far")
	})
	env.must(err)
	env.until(func() bool { // the ledger knows it
		m := env.orders()[0].Message(purchase.MessageAsk)
		return m.TS == newer.TS
	})
	for _, button := range []string{"Approve", "Deny"} {
		env.clicks(slacksim.Carol, stale, button)
		env.until(func() bool { return len(env.events("refused")) > 0 })
		env.waitForRefusal(slacksim.Carol, purchase.StaleCard)
	}
	env.seesIn(slacksim.Carol, theDesk, "This card is out of date")
	if env.hasDecided(slacksim.Carol) {
		t.Error("got a decision by the older card, want none")
	}
	env.clicks(slacksim.Carol, newer, "Approve")
	env.becomes(card, "Bought for $63.75")
	env.cardBecomes(newer, "Bought for $63.75")
	env.checkSpent(1, 6375)
}

// If an approvers' card can't show the outcome of an order, a new message shows it, and approvers don't
// click on a dead card.
func TestPublisher_PublishApproval_OutcomePosted(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withApprovers)
	card, stale := env.requestApproval()
	env.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"chat.update": {Error: "edit_window_closed"}}})
	env.clicks(slacksim.Bob, stale, "Approve")
	env.becomes(card, "Bought for $63.75")
	posted := func() (n int) {
		for _, m := range env.slack.Messages(theDesk) {
			if m.TS != stale.TS && strings.Contains(m.ContentText(), "Bought for $63.75") {
				n++
			}
		}
		return n
	}
	env.until(func() bool { return posted() == 1 })
	env.clicks(slacksim.Carol, stale, "Approve")
	env.seesIn(slacksim.Carol, theDesk, "This order was already decided")
}
