package bot_test

import (
	"testing"
	"time"

	"licensebot/internal/slacksim"
)

// While Slack does not let the bot in, people read that it has lost its access, in the answers that need no token, and
// nothing is bought. It ends by itself.
func TestPeopleReadThatTheBotHasLostItsAccess(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"token_revoked", "account_inactive"} {
		t.Run(code, func(t *testing.T) {
			w := newWorld(t, nil)
			card := w.card()
			w.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"*": {Error: code}, "response_url": {}}}) // a response URL needs no token
			w.says(slacksim.Bob, "buy ram=8 cpu=1")                                                                              // whom the bot has not looked up yet: that is how it finds out
			w.sees(slacksim.Bob, "lost my access to Slack")
			w.clicks(slacksim.Alice, card, "Buy for $63.75")
			w.sees(slacksim.Alice, "lost my access to Slack")
			w.spent(0, 0)
			w.slack.SetFaults(slacksim.Faults{})
			w.until(func() bool { _, lost := w.access.Lost(); return !lost })
			w.clicks(slacksim.Alice, card, "Buy for $63.75")
			w.becomes(card, "Bought for $63.75")
			w.spent(1, 6375)
		})
	}
}

// One odd answer when Slack renews a connection ends neither the bot nor the sale.
func TestOneInvalidAuthAtARefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	time.Sleep(6 * time.Second) // a connection is steady after five
	w.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"apps.connections.open": {Error: "invalid_auth", Times: 1}}})
	before := w.slack.Connected()
	w.slack.Disconnect(slacksim.RefreshRequested)
	w.must(w.slack.WaitForReconnect(w.ctx, before))
	card := w.card()
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	w.becomes(card, "Bought for $63.75")
	w.spent(1, 6375)
}
