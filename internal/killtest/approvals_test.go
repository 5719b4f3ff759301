package killtest

import (
	"context"

	"licensebot/slacksim"
)

const (
	wanted   = standard + ` reason="winter school"`
	askedFor = "requests a CoCalc license for $63.75"
)

// approvalScenarios are about orders to which someone else has to agree.
func approvalScenarios() []scenario {
	alice, bob, carol := slacksim.Alice, slacksim.Bob, slacksim.Carol
	return []scenario{
		{"two approvers agree", func(w *env) { w.approvers("2", "72h") }, func(w *env) {
			w.asks(wanted, aCard)
			w.clicks(alice, asking)
			w.agrees(bob)
			w.agrees(carol)
		}, ending{bought: 1}},
		{"an approver says no", func(w *env) { w.approvers("1", "72h") }, func(w *env) {
			w.asks(wanted, aCard)
			w.clicks(alice, asking)
			w.sees(w.reading(bob, askedFor)) // no one else decides, so it stays
			ask, _ := w.reads(bob, askedFor)
			w.says(bob, "deny "+orderID.FindString(ask.ContentText())+" not this month", "gets your reason",
				"This order was already decided")
		}, ending{}},
		{"no approver decides in time", func(w *env) { w.approvers("1", "1s") }, func(w *env) {
			w.asks(wanted, aCard)
			w.clicks(alice, asking)
		}, ending{}},
	}
}

// approvers lets alice buy by her group, and asks a group that bob and carol are in.
func (w *env) approvers(required, ttl string) {
	w.slack.SetUserGroups(slacksim.UserGroup{ID: "S0BUYERS", Users: []string{slacksim.Alice}},
		slacksim.UserGroup{ID: "S0BOSSES", Users: []string{slacksim.Bob, slacksim.Carol}})
	w.settings["BUYERS"], w.settings["APPROVERS"] = "S0BUYERS", "S0BOSSES"
	w.settings["APPROVALS_CHANNEL"], w.settings["APPROVALS_REQUIRED"], w.settings["APPROVAL_TTL"] = slacksim.General,
		required, ttl
}

// agrees has an approver click, unless the order is decided.
func (w *env) agrees(who string) {
	w.Helper()
	w.does(func(ctx context.Context) error {
		if err := w.soon(ctx, w.readingAny(who, askedFor, "requested a CoCalc license for $63.75")); err != nil {
			return err
		}
		ask, ok := w.button(who, "Approve")
		if !ok {
			return nil // it was decided
		}
		return w.slack.Person(who).Click(ctx, ask, "Approve")
	})
}
