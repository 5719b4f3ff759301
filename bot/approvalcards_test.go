package bot

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/slacksim/blockkit"
)

// asked is an order that waits for an approval.
func asked(o *purchase.Order) {
	o.State, o.Confirmed, o.ApproveBy, o.Month = purchase.AwaitingApproval, at, at.Add(72*time.Hour), "2026-11"
	o.SetMessage(purchase.Message{Kind: purchase.MessageAsk, Channel: "CDESK"})
}

func agreed(by string) func(*purchase.Order) {
	return func(o *purchase.Order) {
		o.Approvals = append(o.Approvals, purchase.Approval{By: purchase.Actor{ID: by}, At: at.Add(time.Hour)})
	}
}

func deniedBy(who string) func(*purchase.Order) {
	return func(o *purchase.Order) {
		asked(o)
		o.State = purchase.Denied
		o.Approvals = append(o.Approvals, purchase.Approval{
			By: purchase.Actor{ID: who}, At: at.Add(time.Hour), Denied: true,
			Reason: hostile,
		})
	}
}

// The approvers' card in every state in which they meet it. Its buttons are there as long as they can decide.
func TestApprovalCard_Golden(t *testing.T) {
	report := &orders.BudgetReport{
		Now: "2026-11", Resets: "Dec 1, 2026", Limit: purchase.Limit{Max: 100000}, Each: 20000,
		Months: []purchase.Budget{{
			Month: "2026-11", Spent: 12750, Reserved: 6375,
			People: map[string]purchase.Share{"UALICE": {Spent: 6375, Reserved: 6375}},
		}},
	}
	license := func(n int) purchase.License {
		l := purchase.License{
			ID: fmt.Sprintf("2f5a3c1e-7b64-4d0a-9c8e-%012d", n), Title: hostile, RunLimit: n,
			NumberRunning: n - 1,
		}
		if n > 1 {
			l.LastUsed = at.AddDate(0, 0, -n)
		}
		return l
	}
	full := approvalFacts{
		now: at, needed: 1, budget: report, known: true,
		similar: []purchase.License{license(1), license(2), license(3), license(4), license(5)},
	}
	with := func(changes ...func(*purchase.Order)) func(*purchase.Order) {
		return func(o *purchase.Order) {
			for _, change := range changes {
				change(o)
			}
		}
	}
	in := func(state purchase.State) func(*purchase.Order) { return func(o *purchase.Order) { o.State = state } }
	failed := func(why purchase.Cause) func(*purchase.Order) {
		return func(o *purchase.Order) {
			o.State, o.Failure = purchase.Failed, &purchase.Failure{Cause: why}
		}
	}
	for _, c := range []struct {
		name    string
		change  func(*purchase.Order)
		facts   approvalFacts
		buttons bool
	}{
		{"asked", asked, full, true},
		{
			"asked-about-a-fixed-term", with(asked, func(o *purchase.Order) {
				o.Spec.Period, o.Spec.End, o.Renews = "range", at.AddDate(0, 0, 90), 0
			}),
			approvalFacts{now: at, needed: 1, budget: &orders.BudgetReport{
				Now: "2026-11", Limit: purchase.Limit{None: true},
				Months: []purchase.Budget{{Month: "2026-11"}},
			}, known: true},
			true,
		},
		{
			"asked-with-little-known", with(asked, func(o *purchase.Order) { o.Spec.Period, o.Spec.RunLimit = "yearly", 40 }),
			approvalFacts{now: at, needed: 1},
			true,
		},
		{"asked-of-two", with(asked, agreed("UERIN")), approvalFacts{
			now: at, needed: 2, budget: report, known: true,
			similar: []purchase.License{license(1)},
		}, true},
		{"too-late", asked, approvalFacts{now: at.Add(72 * time.Hour), needed: 1}, false},
		{"expired", with(asked, in(purchase.Expired)), full, false},
		{"denied", deniedBy("UERIN"), full, false},
		{"withdrawn", with(asked, in(purchase.Cancelled)), full, false},
		{"being-bought", with(asked, agreed("UERIN"), in(purchase.Paying)), full, false},
		{"unknown", with(asked, agreed("UERIN"), in(purchase.Unknown)), full, false},
		{"bought", with(asked, agreed("UERIN"), agreed("UFRANK"), bought), full, false},
		{
			"price-moved", with(asked, agreed("UERIN"), failed(cause(purchase.FailPriceMoved, "was", "6375", "now", "7013"))),
			full, false,
		},
		{
			"failed", with(asked, agreed("UERIN"), failed(cause(purchase.FailNoCredit, "missing", "6275", "told", "yes"))), full,
			false,
		},
		{
			"failed-by-a-rule",
			with(asked, agreed("UERIN"),
				failed(under(cause(purchase.FailPolicy), cause(purchase.NotABuyer, "setting", "BUYERS")))), full, false,
		},
		{"failed-by-an-admin", with(asked, agreed("UERIN"), failed(*settledBy("dana", "not-bought", hostile))), full, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := approvalCard(order(c.change), c.facts)
			checkGolden(t, "ask-"+c.name, got)
			checkHarmless(t, got)
			raw, err := json.Marshal(got.blocks)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(raw), actionApprove) != c.buttons ||
				strings.Contains(string(raw), actionDeny) != c.buttons {
				t.Errorf("buttons: got %s\nwant buttons: %t", raw, c.buttons)
			}
		})
	}
}

func TestReasonView_Golden(t *testing.T) {
	remember := reasonState{Order: order(nil).ID, Channel: "CDESK", ChannelName: "approvals"}
	for name, view := range map[string]any{
		"deny-form":   denyView(order(asked), remember),
		"reason-form": reasonView(remember),
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(view)
			if err != nil {
				t.Fatal(err)
			}
			if problems := blockkit.ValidateView(raw, "modal", blockkit.Rules{Strict: true}); len(problems) > 0 {
				t.Errorf("problems by Slack's rules: got %v, want none", problems)
			}
		})
	}
	checkGolden(t, "deny-form", content{"Deny", denyView(order(asked), remember).Blocks.BlockSet})
	checkGolden(t, "reason-form", content{"Why", reasonView(remember).Blocks.BlockSet})
}

// A refusal names the channels where it would not be one, and never so many that no one reads them.
func TestRefusalText_Channels(t *testing.T) {
	for want, ids := range map[string][]string{
		"": nil, " You can use <#C1>.": {"C1"}, " You can use <#C1>, <#C2>.": {"C1", "C2"},
		" You can use <#C1>, <#C2>, <#C3>, <#C4>, <#C5> and 2 other channels.": {"C1", "C2", "C3", "C4", "C5", "C6", "C7"},
	} {
		if got := channelWords(ids); got != want {
			t.Errorf("%v: got %q, want %q", ids, got, want)
		}
	}
}
