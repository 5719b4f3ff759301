package bot_test

import (
	"strings"
	"testing"

	"licensebot/slacksim"
)

// An order that would need no approval by itself, and needs one since today's sum is used up, says so: on the card and
// in the form. An order that is above the limit by itself does not.
func TestProposalCard_DaySumUsedUp(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withApprovers(env)
		env.policy.AutoApprove = 10000
	})
	const used = "You've used $63.75 of the $100.00 a day that you can spend without approval."
	first := env.card()
	if strings.Contains(first.ContentText(), "a day that you can spend") {
		t.Errorf("first card: got %s\nwant no %q", first.ContentText(), "a day that you can spend")
	}
	env.clicks(slacksim.Alice, first, "Buy for $63.75")
	env.becomes(first, "Bought for $63.75")

	env.says(slacksim.Alice, `buy ram=16 cpu=2 title="second" reason="winter school"`)
	second := env.sees(slacksim.Alice, "second")
	checkContains(t, second, "This order needs approval", used)

	env.says(slacksim.Alice, `buy ram=16 cpu=2 run_limit=3 title="third" reason="winter school"`)
	if third := env.sees(slacksim.Alice, "third"); strings.Contains(third.ContentText(), "a day that you can spend") ||
		!strings.Contains(third.ContentText(), "This order needs approval") {
		t.Errorf("order above the limit: got %s\nwant no %q, and %q", third.ContentText(), "a day that you can spend",
			"This order needs approval")
	}

	env.clicks(slacksim.Alice, second, "Edit")
	_, err := env.slack.Person(slacksim.Alice).WaitForModal(env.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), "Needs approval before it's bought. "+used)
	})
	env.must(err)
}
