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
	w := newEnv(t, func(w *env) {
		withApprovers(w)
		w.policy.AutoApprove = 10000
	})
	const used = "You've used $63.75 of the $100.00 a day that you can spend without approval."
	first := w.card()
	if strings.Contains(first.ContentText(), "a day that you can spend") {
		t.Errorf("the first card says; want no %q:\n%s", "a day that you can spend", first.ContentText())
	}
	w.clicks(slacksim.Alice, first, "Buy for $63.75")
	w.becomes(first, "Bought for $63.75")

	w.says(slacksim.Alice, `buy ram=16 cpu=2 title="second" reason="winter school"`)
	second := w.sees(slacksim.Alice, "second")
	checkContains(t, second, "This order needs approval", used)

	w.says(slacksim.Alice, `buy ram=16 cpu=2 run_limit=3 title="third" reason="winter school"`)
	if third := w.sees(slacksim.Alice, "third"); strings.Contains(third.ContentText(), "a day that you can spend") ||
		!strings.Contains(third.ContentText(), "This order needs approval") {
		t.Errorf("an order above the limit says; want third.ContentText() without %q, third.ContentText() with %q:\n%s",
			"a day that you can spend", "This order needs approval", third.ContentText())
	}

	w.clicks(slacksim.Alice, second, "Edit")
	_, err := w.slack.Person(slacksim.Alice).WaitForModal(w.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), "Needs approval before it's bought. "+used)
	})
	w.must(err)
}
