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
	w := newEnv(t, func(w *env) { withApprovers(w); w.policy.Approvals = 2 })
	card, stale := w.requestApproval()
	w.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"chat.update": {Error: "cant_update_message", Times: 1}}})
	w.clicks(slacksim.Bob, stale, "Approve")
	newer, err := w.slack.Person(slacksim.Carol).WaitForMessage(w.ctx, theDesk, func(m slacksim.Message) bool {
		return m.TS != stale.TS && strings.Contains(m.ContentText(), "1 so far")
	})
	w.must(err)
	w.until(func() bool { // the ledger knows it
		m := w.orders()[0].Message(purchase.MessageAsk)
		return m.TS == newer.TS
	})
	for _, button := range []string{"Approve", "Deny"} {
		w.clicks(slacksim.Carol, stale, button)
		w.until(func() bool { return len(w.events("refused")) > 0 })
		w.waitForRefusal(slacksim.Carol, purchase.StaleCard)
	}
	w.seesIn(slacksim.Carol, theDesk, "This card is out of date")
	if w.hasDecided(slacksim.Carol) {
		t.Error("got a decision by the older card, want none")
	}
	w.clicks(slacksim.Carol, newer, "Approve")
	w.becomes(card, "Bought for $63.75")
	w.cardBecomes(newer, "Bought for $63.75")
	w.checkSpent(1, 6375)
}

// What became of an order is posted anew where its card cannot say so: approvers do not click in vain for days.
func TestPublisher_PublishApproval_OutcomePosted(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withApprovers)
	card, stale := w.requestApproval()
	w.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"chat.update": {Error: "edit_window_closed"}}})
	w.clicks(slacksim.Bob, stale, "Approve")
	w.becomes(card, "Bought for $63.75")
	posted := func() (n int) {
		for _, m := range w.slack.Messages(theDesk) {
			if m.TS != stale.TS && strings.Contains(m.ContentText(), "Bought for $63.75") {
				n++
			}
		}
		return n
	}
	w.until(func() bool { return posted() == 1 })
	w.clicks(slacksim.Carol, stale, "Approve")
	w.seesIn(slacksim.Carol, theDesk, "This order was already decided")
}
