package killtest

import (
	"context"

	"licensebot/slacksim"
)

const (
	wanted   = standard + ` reason="winter school"`
	askedFor = "requests a CoCalc license for $63.75"
)

// approvalScenarios are about orders that need approval.
func approvalScenarios() []scenario {
	alice, bob, carol := slacksim.Alice, slacksim.Bob, slacksim.Carol
	return []scenario{
		{"two approvers agree", func(env *testEnv) { env.approvers("2", "72h") }, func(env *testEnv) {
			env.requestCard(wanted, aCard)
			env.click(alice, asking)
			env.approve(bob)
			env.approve(carol)
		}, ending{bought: 1}},
		{"an approver says no", func(env *testEnv) { env.approvers("1", "72h") }, func(env *testEnv) {
			env.requestCard(wanted, aCard)
			env.click(alice, asking)
			env.waitFor(env.messageShown(bob, askedFor)) // the other approvers don't decide, so it stays
			ask, _ := env.findMessage(bob, askedFor)
			env.commandUntil(bob, "deny "+orderID.FindString(ask.ContentText())+" not this month", "gets your reason",
				"This order was already decided")
		}, ending{}},
		{"no approver decides in time", func(env *testEnv) { env.approvers("1", "1s") }, func(env *testEnv) {
			env.requestCard(wanted, aCard)
			env.click(alice, asking)
		}, ending{}},
	}
}

// approvers lets alice buy through her group, with bob's and carol's group as approvers.
func (env *testEnv) approvers(required, ttl string) {
	env.slack.SetUserGroups(slacksim.UserGroup{ID: "S0BUYERS", Users: []string{slacksim.Alice}},
		slacksim.UserGroup{ID: "S0BOSSES", Users: []string{slacksim.Bob, slacksim.Carol}})
	env.settings["BUYERS"], env.settings["APPROVERS"] = "S0BUYERS", "S0BOSSES"
	env.settings["APPROVALS_CHANNEL"], env.settings["APPROVALS_REQUIRED"], env.settings["APPROVAL_TTL"] = slacksim.General,
		required, ttl
}

// approve makes an approver click, unless the order is decided.
func (env *testEnv) approve(who string) {
	env.Helper()
	env.act(func(ctx context.Context) error {
		if err := env.waitBriefly(ctx, env.anyMessageShown(who, askedFor,
			"requested a CoCalc license for $63.75")); err != nil {
			return err
		}
		ask, ok := env.button(who, "Approve")
		if !ok {
			return nil // it was decided
		}
		return env.slack.Person(who).Click(ctx, ask, "Approve")
	})
}
