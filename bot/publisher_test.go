package bot_test

import (
	"testing"
	"time"

	"licensebot/slacksim"
)

// The receipt comes as soon as the license is bought, whatever becomes of the channel's line: Slack may refuse that for
// now, limit its rate, or not answer for long.
func TestPublisher_Enqueue_ReceiptFirst(t *testing.T) {
	for name, fault := range map[string]slacksim.MethodFault{
		"a failure of Slack's": {Error: "internal_error"},
		"a limit of its rate":  {RetryAfter: time.Minute},
		"no answer":            {Delay: 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, func(env *testEnv) { env.channel = slacksim.Random })
			env.slack.Invite(slacksim.Random, env.slack.App().BotUserID)
			card := env.card()
			env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"chat.postMessage": fault}})
			began := time.Now()
			env.clicks(slacksim.Alice, card, "Buy for $63.75")
			env.becomes(card, "Bought for $63.75")
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("receipt: got it after %s, want at most %v", took, 5*time.Second)
			}
			env.slack.SetFaults(slacksim.Faults{})
		})
	}
}
