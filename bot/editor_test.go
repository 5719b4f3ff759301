package bot_test

import (
	"strings"
	"testing"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/slacksim"
)

// form opens the form as alice, and waits until it shows what is expected.
func (env *testEnv) form() (alice *slacksim.Person, shows func(text string) slacksim.View) {
	env.t.Helper()
	alice = env.slack.Person(slacksim.Alice)
	env.says(slacksim.Alice, "buy")
	return alice, func(text string) slacksim.View {
		env.t.Helper()
		v, err := alice.WaitForModal(env.ctx, func(v slacksim.View) bool {
			return strings.Contains(v.Title+"\n"+v.ContentText(), text)
		})
		if err != nil {
			v, _ = env.slack.Person(slacksim.Alice).Modal()
			env.t.Fatalf("waiting for %q: got error %v and the form %s\n%s", text, err, v.Title, v.ContentText())
		}
		return v
	}
}

// While fields change, the form keeps the price in its title and says which limit it would pass, whether it needs
// approval, and what is left of the budget.
func TestEditorView_PriceLimitsApproval(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withApprovers(env)
		env.policy.AutoApprove, env.policy.Largest = 5000, purchase.Sizes{RAM: 12}
	})
	alice, shows := env.form()
	v := shows("Choose memory and cores to see the price.")
	if v.Title != "CoCalc license" || !strings.Contains(v.ContentText(), "GB, 1–12.") {
		t.Errorf("got %s, want CoCalc license, with RAM up to 12 GB:\n%s", v.Title, v.ContentText())
	}
	env.must(alice.Fill(env.ctx, v, "Memory per project", "8"))
	v = shows("Choose cores to see the price.")
	env.must(alice.Fill(env.ctx, v, "Disk per project", "99"))
	v = shows("Disk per project must be")
	if text := v.ContentText(); strings.Contains(text, "Cores per project must be") ||
		!strings.Contains(text, "Choose cores to see the price.") {
		t.Errorf("form with an empty field: got %s\nwant no %q, and %q", text, "Cores per project must be",
			"Choose cores to see the price.")
	}
	env.must(alice.Fill(env.ctx, v, "Disk per project", "10"))
	env.must(alice.Choose(env.ctx, v, "Cores per project", "2 cores"))
	v = shows("License: $48.75/month")
	if text := v.ContentText(); strings.Contains(text, "approval") ||
		!strings.Contains(text, "$1,000.00 of this month's budget is left.") {
		t.Errorf("form without approval: got %s\nwant no %q, and %q", text, "approval",
			"$1,000.00 of this month's budget is left.")
	}
	if f, ok := v.Field("Reason"); !ok || !f.Optional {
		t.Error("got a required reason, want it optional: no one has to approve")
	}
	env.must(alice.Fill(env.ctx, v, "Projects running at once", "2"))
	v = shows("Needs approval")
	if f, ok := v.Field("Reason"); !ok || f.Optional || v.Title != "License: $97.50/month" {
		t.Errorf("got an optional reason under %s, want it required under License: $97.50/month", v.Title)
	}
	env.must(alice.Fill(env.ctx, v, "Projects running at once", "5"))
	v = shows("$200.00")
	if text := v.ContentText(); !strings.Contains(text, "$200.00") || strings.Contains(text, "Needs approval") {
		t.Errorf("form over the limit of an order: got %s\nwant %q, and no %q", text, "$200.00", "Needs approval")
	}
	env.must(alice.Choose(env.ctx, v, "Billing", "Yearly, renews"))
	shows("/year")
	env.must(alice.Choose(env.ctx, v, "Stop when idle after", "1 day"))
	env.must(alice.Choose(env.ctx, v, "Member hosting", "No"))
	v = shows("needs member hosting")
	if text := v.ContentText(); strings.Contains(text, "`") ||
		!strings.Contains(text, "“Stop when idle after: 1 day” needs member hosting. Use “Member hosting: Yes”") {
		t.Errorf("form: got %s\nwant the label “Member hosting: Yes” in the advice, and no %q", text, "`")
	}
}

// A fixed term has days, and a license that renews has none. What was filled in elsewhere stays.
func TestEditorView_HidesFields(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { env.policy.Largest = purchase.Sizes{Days: 90} })
	alice, shows := env.form()
	v := shows("Choose memory")
	if strings.Contains(v.ContentText(), "Last day") {
		t.Errorf("form of a license that renews: got %s\nwant no %q", v.ContentText(), "Last day")
	}
	env.must(alice.Fill(env.ctx, v, "Memory per project", "8"))
	env.must(alice.Fill(env.ctx, v, "Title", "Statistics 101"))
	env.must(alice.Choose(env.ctx, v, "Cores per project", "2 cores"))
	env.must(alice.Choose(env.ctx, shows("$48.75"), "Billing", "Fixed term, doesn't renew"))
	v = shows("Choose a last day")
	if text := v.ContentText(); !strings.Contains(text, "First day") || !strings.Contains(text, "Up to 90 days.") {
		t.Errorf("form of a fixed term: got %s\nwant %q and %q", text, "First day", "Up to 90 days.")
	}
	if got := v.Values("Title"); len(got) != 1 || got[0] != "Statistics 101" {
		t.Errorf("the title is %q now; want len(got) = 1, got[0] = %q", got, "Statistics 101")
	}
	problems, err := alice.Submit(env.ctx)
	env.must(err)
	if len(problems) != 1 || problems["end"] == "" {
		t.Errorf("a fixed term without an end: got %v, want a problem of end alone", problems)
	}
	env.must(alice.Fill(env.ctx, v, "Last day", "2020-01-31"))
	problems, err = alice.Submit(env.ctx)
	env.must(err)
	if len(problems) != 1 || problems["end"] != "Last day must be in the future." {
		t.Errorf("an end in the past: got %v, want that it must be in the future", problems)
	}
	env.must(alice.Choose(env.ctx, v, "Billing", "Monthly, renews"))
	v = shows("License: $48.75/month")
	if strings.Contains(v.ContentText(), "Last day") {
		t.Errorf("form of a license that renews: got %s\nwant no %q", v.ContentText(), "Last day")
	}
}

// Ways of paying that are not allowed here are not offered.
func TestEditorView_AllowedChoices(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { env.policy.Periods = map[orders.Period]bool{"range": true} })
	_, shows := env.form()
	if text := shows("Last day").ContentText(); strings.Contains(text, "Monthly") {
		t.Errorf("form: got %s\nwant no %q", text, "Monthly")
	}
}

// Changes that arrive upon each other end with the last one.
func TestFormUpdates_Change_LastWins(t *testing.T) {
	t.Parallel()
	env := newEnv(t, nil)
	alice, shows := env.form()
	v := shows("Choose memory")
	env.must(alice.Choose(env.ctx, v, "Cores per project", "1 core"))
	for _, gb := range []string{"1", "12", "3", "14", "5"} {
		env.must(alice.Fill(env.ctx, v, "Memory per project", gb))
	}
	env.must(alice.Choose(env.ctx, v, "Billing", "Fixed term, doesn't renew"))
	shows("Last day")
}
