package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/bot"
	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/internal/config"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/storage"
)

// refusalExample is the refusal that a person who reaches a limit reads; the desk itself renders it.
type refusalExample struct {
	setting string // and its value; settings that it needs besides follow
	when    string
	meet    func(t *testing.T, p *exampleDesk) error
}

// exampleDesk is a desk with a policy, which renders the sentences of docs/policy.md.
type exampleDesk struct {
	desk    *desk.Desk
	changed chan purchase.OrderID
	now     time.Time
	account *cocalctest.Account // that pays
	orders  int
}

// newID numbers the orders, so that the page is the same in every run.
func (p *exampleDesk) newID() purchase.OrderID {
	p.orders++
	return purchase.OrderID(fmt.Sprintf("01KAR%021d", p.orders))
}

var (
	alice = purchase.Actor{ID: "U0ALICE", Name: "alice"}
	bob   = purchase.Actor{ID: "U0BOB", Name: "bob"}
	carol = purchase.Actor{ID: "U0CAROL", Name: "carol"}
	here  = purchase.Channel{ID: "C0GENERAL", Name: "general"}
)

// propose proposes a license of $63.75 a month, or a changed one.
func (p *exampleDesk) propose(t *testing.T, who purchase.Actor,
	change ...func(*purchase.Request),
) (purchase.Order, error) {
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 16, 2
	ask := purchase.Request{Requester: who, Channel: here, Spec: spec, Reason: "the course begins"}
	for _, c := range change {
		c(&ask)
	}
	proposal, err := p.desk.Propose(t.Context(), ask)
	return proposal.Order, err
}

// approveAs returns the error of an approval of alice's order, in the approvals channel.
func approveAs(who purchase.Actor, before ...func(*exampleDesk)) func(*testing.T, *exampleDesk) error {
	return func(t *testing.T, p *exampleDesk) error {
		o, err := p.buy(t, alice)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range before {
			b(p)
		}
		for range 2 { // the second approval is refused in any case
			if _, err = p.desk.Decide(t.Context(), purchase.Action{Actor: who, Channel: purchase.Channel{ID: "C0APPROVALS"}},
				o.ID, orders.Decision{Kind: orders.Approve}); err != nil {
				break
			}
		}
		return err
	}
}

// buy confirms an order that was just proposed.
func (p *exampleDesk) buy(t *testing.T, who purchase.Actor, change ...func(*purchase.Request)) (purchase.Order, error) {
	o, err := p.propose(t, who, change...)
	if err != nil {
		return o, err
	}
	return p.desk.Decide(t.Context(), purchase.Action{Actor: who, Channel: here}, o.ID,
		orders.Decision{Kind: orders.Confirm})
}

// buyTwice buys two licenses; the second exceeds a limit.
func buyTwice(t *testing.T, p *exampleDesk) error {
	if _, err := p.buy(t, alice); err != nil {
		return err
	}
	_, err := p.buy(t, alice)
	return err
}

func proposeAs(who purchase.Actor, change ...func(*purchase.Request)) func(*testing.T, *exampleDesk) error {
	return func(t *testing.T, p *exampleDesk) error { _, err := p.propose(t, who, change...); return err }
}

// viewAs returns the error of viewing orders where only alice may buy.
func viewAs(who purchase.Actor) func(*testing.T, *exampleDesk) error {
	return func(t *testing.T, p *exampleDesk) error {
		_, err := p.desk.Allowed(t.Context(), purchase.Action{Actor: who, Channel: here, Typed: true}, "", orders.See)
		return err
	}
}

// refusals has an example for each setting that limits a person.
var refusals = []refusalExample{
	{"BUYERS=", "the list is empty", proposeAs(carol)},
	{"BUYERS=U0ALICE,U0BOB", "someone else orders a license", proposeAs(carol)},
	{"BUYERS=*", "a guest orders a license", proposeAs(purchase.Actor{ID: "U0DORA", Membership: purchase.Guest})},
	{
		"BUYERS=*", "someone from another workspace orders a license",
		proposeAs(purchase.Actor{ID: "U0EVA", Membership: purchase.Foreign}),
	},
	{"APPROVERS=U0BOB", "someone else approves an order", approveAs(carol)},
	{"APPROVERS=U0ALICE,U0BOB", "an approver approves their own order", approveAs(alice)},
	{
		"APPROVALS_CHANNEL=C0APPROVALS APPROVERS=U0BOB", "the bot isn't in that channel",
		func(t *testing.T, p *exampleDesk) error {
			o, err := p.buy(t, alice)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.desk.Decide(t.Context(), purchase.Action{}, o.ID,
				orders.Decision{Kind: orders.FailUnreachableApprovers, Reason: "not_in_channel"}); err != nil {
				t.Fatal(err)
			}
			return p.failure(t, o.ID)
		},
	},
	{"APPROVALS_REQUIRED=2 APPROVERS=U0BOB,U0CAROL", "one of them approves twice", approveAs(bob)},
	{"APPROVAL_TTL=24h APPROVERS=U0BOB", "an approver approves a day too late", approveAs(bob, func(p *exampleDesk) {
		p.now = p.now.Add(48 * time.Hour)
	})},
	{"APPROVE_RENEWING=true AUTO_APPROVE_LIMIT=100 APPROVERS=U0BOB", "an order that renews has no reason", withoutReason},
	{"AUTO_APPROVE_LIMIT=50 APPROVERS=U0BOB", "a more expensive order has no reason", withoutReason},
	{
		"AUTO_APPROVE_LIMIT=100 APPROVERS=U0BOB", "a second order of the day exceeds the limit and has no reason",
		func(t *testing.T, p *exampleDesk) error {
			if _, err := p.buy(t, alice); err != nil {
				t.Fatal(err)
			}
			return withoutReason(t, p)
		},
	},
	{"ADMINS=U0BOB", "someone else pauses buying", func(t *testing.T, p *exampleDesk) error {
		return p.desk.SetPaused(t.Context(), purchase.Action{Actor: carol, Channel: here}, true, "month-end close")
	}},
	{"VIEWERS=U0BOB", "someone who can't buy and isn't listed types `/license history`", viewAs(carol)},
	{"VIEWERS=*", "a guest types `/license history`", viewAs(purchase.Actor{ID: "U0DORA", Membership: purchase.Guest})},
	{"CHANNELS=C0LICENSES", "a license is ordered in another channel", proposeAs(alice)},
	{"ORDER_LIMIT=50", "an order costs more", proposeAs(alice)},
	{"MONTHLY_BUDGET=100", "too little of the month's budget is left", buyTwice},
	{"PERSON_BUDGET=100", "too little of the requester's limit is left", buyTwice},
	{"RENEWALS_LIMIT=100", "an order renews for more than is left", buyTwice},
	{"PERSON_ORDERS=1", "someone orders a second license that day", buyTwice},
	{"MAX_RAM=8", "an order has more RAM", proposeAs(alice)},
	{"MAX_CPU=1", "an order has more cores", proposeAs(alice)},
	{"MAX_DISK=10", "an order has a larger disk", proposeAs(alice, func(a *purchase.Request) { a.Spec.Disk = 20 })},
	{"MAX_RUN_LIMIT=30", "an order lets more projects run at once", proposeAs(alice, func(a *purchase.Request) {
		a.Spec.RunLimit = 100
	})},
	{"MAX_DAYS=100", "an order has a longer term", proposeAs(alice, func(a *purchase.Request) {
		a.Spec.Period, a.Spec.End = cocalc.PeriodRange, time.Date(2027, time.November, 1, 0, 0, 0, 0, time.UTC)
	})},
	{"PERIODS=range", "an order renews", proposeAs(alice)},
	{"LEAST_CREDIT=950", "less would remain of the account's $1,000.00", func(t *testing.T, p *exampleDesk) error {
		o, err := p.buy(t, alice)
		if err != nil {
			t.Fatal(err)
		}
		p.runUntil(t, o.ID, func(o purchase.Order) bool { return o.State.Final() })
		return p.failure(t, o.ID)
	}},
	{"TIMEZONE=Europe/Vienna PERSON_ORDERS=1", "someone orders a second license that day", buyTwice},
	{"COCALC_API_KEY=", "CoCalc doesn't accept the key", func(t *testing.T, p *exampleDesk) error {
		p.account.RevokeKey(p.account.Key())
		o, err := p.buy(t, alice)
		if err != nil {
			t.Fatal(err)
		}
		o = p.runUntil(t, o.ID, func(o purchase.Order) bool { return o.Blocked != nil })
		return errors.New(bot.Words(bot.Waits, o.Blocked.Cause, bot.Reader{Place: bot.Marked}))
	}},
}

// withoutReason returns the refusal of an order that needs a reason.
func withoutReason(t *testing.T, p *exampleDesk) error {
	_, err := p.buy(t, alice, func(a *purchase.Request) { a.Reason = "" })
	return err
}

// failure returns the reason why an order failed.
func (p *exampleDesk) failure(t *testing.T, id purchase.OrderID) error {
	o, err := p.desk.Outbox.Order(t.Context(), id)
	if err != nil || o.Failure == nil {
		t.Fatalf("got an order that is %s, want a failed one; error %v", o.State, err)
	}
	return errors.New(bot.FailureWords(o.Failure, bot.Reader{Place: bot.Marked}))
}

// runUntil lets the desk work until an order is as wanted.
func (p *exampleDesk) runUntil(t *testing.T, id purchase.OrderID, wanted func(purchase.Order) bool) purchase.Order {
	ctx, cancel := context.WithTimeout(t.Context(), processtest.Patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.desk.Run(ctx) }()
	for {
		select {
		case <-p.changed:
		case <-ctx.Done():
			t.Fatal("got an order in another state, want that of the example")
		}
		o, err := p.desk.Outbox.Order(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if wanted(o) {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			return o
		}
	}
}

// refusalText returns the refusal of a desk with this setting alone, on a day in November 2026.
func refusalText(t *testing.T, r refusalExample) string {
	t.Helper()
	settings := map[string]string{"BUYERS": "*"}
	for setting := range strings.FieldsSeq(r.setting) {
		name, value, _ := strings.Cut(setting, "=")
		settings[name] = value
	}
	if strings.HasPrefix(r.setting, "VIEWERS") {
		settings["BUYERS"] = "U0ALICE"
	}
	delete(settings, "COCALC_API_KEY") // the account has a key of its own
	if settings["APPROVERS"] != "" {
		settings["APPROVALS_CHANNEL"] = "C0APPROVALS"
	}
	processtest.Environment(t, settings)
	c, err := config.Read()
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	shop := cocalctest.New(cocalctest.Config{Seed: 7})
	defer shop.Close()
	account := shop.Add(cocalctest.NewAccount{Credit: 100_000, Partner: true})
	client, err := cocalc.New(cocalc.Options{BaseURL: shop.Start(t), Key: account.Key()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	p := &exampleDesk{
		changed: make(chan purchase.OrderID, 100), account: account,
		now: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC),
	}
	p.desk = desk.New(desk.Options{
		Ledger: ledger, Shop: client, Policy: c.Policy(), ApprovalsChannel: c.ApprovalsChannel,
		Changed: func(id purchase.OrderID) { p.changed <- id }, NewID: p.newID, KeyName: "sk-…f3Xa",
		Timing: purchase.Timing{Approval: c.ApprovalTTL}, Now: func() time.Time { return p.now },
	})
	no := r.meet(t, p)
	if no == nil {
		t.Fatalf("%s: got no refusal when %s, want one", r.setting, r.when)
	}
	var refusal *purchase.Refusal
	if errors.As(no, &refusal) {
		return bot.RefusalText(refusal, c.Timezone.Location)
	}
	return no.Error()
}
