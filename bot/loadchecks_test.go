package bot_test

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/slacksim"
)

// What someone reads whose decision came too late.
var lateWords = regexp.MustCompile(`This order (was already decided|can no longer be approved or denied): (p\d{3} ` +
	`(approved it|denied it|withdrew it) on \w+ \d+, \d{4}, \d+:\d\d [AP]M UTC|it wasn't bought)`)

// What people read whose click, command or form was not taken, by why it was not.
var refusalWords = map[purchase.RefusalCode]*regexp.Regexp{
	purchase.TooLate: regexp.MustCompile(lateWords.String() +
		`|There's nothing to (cancel|resolve)|It's too late to cancel|This order can't be approved or denied yet`),
	purchase.AlreadyDone: regexp.MustCompile(
		`You've already (sent|confirmed|approved) this order|This order (was already bought|was denied|wasn't bought)`),
	purchase.NoSuchOrder:      regexp.MustCompile(`There's no order with that id`),
	purchase.NotYours:         regexp.MustCompile(`Only the person who requested this order can do that`),
	purchase.Elsewhere:        regexp.MustCompile(`This order's card is in another channel`),
	purchase.NotAnAdmin:       regexp.MustCompile(`Only admins can do that`),
	purchase.NotHere:          regexp.MustCompile(`You can't buy licenses in this channel`),
	purchase.OverOrderLimit:   regexp.MustCompile(`more than the limit of \$[\d.,]+ per order`),
	purchase.TooMany:          regexp.MustCompile(`You can order 1 license a day, and you've already ordered 1 today`),
	purchase.TooLarge:         regexp.MustCompile(`You asked for 16 GB of RAM, but the limit is 8 GB`),
	purchase.WrongPeriod:      regexp.MustCompile(`Licenses that renew aren't allowed here`),
	purchase.Paused:           regexp.MustCompile(`Buying is paused\. (<@)?@?[\w ]+>? paused it `),
	purchase.NobodyToAsk:      regexp.MustCompile(`This order needs approval, but `),
	purchase.OverBudget:       regexp.MustCompile(`but only \$[\d.,]+ of this month's budget of \$[\d.,]+ is left\.`),
	purchase.OverPersonBudget: regexp.MustCompile(`but only \$[\d.,]+ of your monthly limit of \$[\d.,]+ is left\.`),
	purchase.OwnOrder:         regexp.MustCompile(`You can't approve your own order\. Another approver has to`),
	purchase.NotAnApprover:    regexp.MustCompile(`Only approvers can approve or deny this order`),
	purchase.NotABuyer: regexp.MustCompile(
		`You aren't on the list of people who can buy|No one can buy licenses here yet`),
	purchase.Outsider: regexp.MustCompile(
		`Guests can't buy|Apps can't buy|People from other workspaces|Slack didn't tell me`),
}

// eventsFrom returns the audit records from a number on.
func (c *loadEnv) eventsFrom(first uint64) (found []purchase.Event) {
	c.t.Helper()
	c.must(c.ledger.View(c.ctx, func(r purchase.Reader) (err error) {
		found, err = r.Events(first, 100_000)
		return err
	}))
	return found
}

// ephemeralTexts returns, by person, the texts that only they saw in a channel since the second began.
func (c *loadEnv) ephemeralTexts(channel string) map[string][]string {
	told := map[string][]string{}
	for _, m := range c.slack.Messages(channel) {
		if m.OnlyFor != "" && !c.before[m.TS] {
			told[m.OnlyFor] = append(told[m.OnlyFor], m.ContentText())
		}
	}
	return told
}

// ackDeadline is how long Slack waits for an acknowledgement.
const ackDeadline = 3 * time.Second

// checkAcknowledged checks that every click was acknowledged, and Slack would have given up on none. Its three seconds
// count processor time here: what else the machine does meanwhile says nothing of the bot. So a click is late when the
// bot, and with it the simulators and 200 people, computes for three seconds before the acknowledgement, on all
// processors together. The waits for the disk are shared, as the tests of storage show. The race detector makes the
// same work ten times as long.
func (c *loadEnv) checkAcknowledged(sent []slacksim.Envelope) {
	c.t.Helper()
	var took, cost []time.Duration
	for _, e := range sent {
		if !e.Acked {
			c.t.Errorf("got no ack, want one: %.300s", e.Payload)
		}
		took, cost = append(took, e.Took), append(cost, e.Cost)
	}
	slices.Sort(took)
	slices.Sort(cost)
	last := len(sent) - 1
	c.t.Logf("%d clicks were acknowledged after %s (median), %s (99th percentile), %s; of processor time %s, %s, %s",
		len(sent), took[last/2], took[last*99/100], took[last], cost[last/2], cost[last*99/100], cost[last])
	if cost[last] > ackDeadline && !raceDetector {
		c.t.Errorf("got an ack after %s of processor time, want at most %s", cost[last], ackDeadline)
	}
	for _, m := range c.members {
		if told := c.slack.Person(m.id).Notices(); len(told) > 0 {
			c.t.Errorf("%s, who %s: got the notices %+v, want none", m.id, m.what, told)
		}
	}
}

// checkAnswered checks that every click counts or was refused, once, and that what was refused or typed was answered
// once, with the reason.
func (c *loadEnv) checkAnswered() {
	c.t.Helper()
	counted, refused := map[string]int{}, map[string][]purchase.RefusalCode{}
	requester := map[purchase.OrderID]string{}
	for _, o := range c.orders() {
		requester[o.ID] = o.Requester.ID
	}
	for _, e := range c.eventsFrom(c.firstEvent) {
		switch e.Kind {
		case "agreed", string(purchase.Denied), string(purchase.Cancelled), string(purchase.AwaitingApproval):
			counted[e.By]++
		case string(purchase.Approved):
			if e.By == requester[e.Order] {
				counted[e.By]++
			}
		case "refused":
			refused[e.By] = append(refused[e.By], purchase.RefusalCode(e.Note))
		}
	}
	var told map[string][]string
	awaited := func(m *loadUser) int {
		switch {
		case m.typed > 0:
			return m.typed
		case m.formed > 0:
			return 0 // in the form, or where it would have been
		}
		return len(refused[m.id])
	}
	c.until(func() bool { // what goes through response URLs comes after the acknowledgements
		told = c.ephemeralTexts(slacksim.General)
		for who, texts := range c.ephemeralTexts(theDesk) {
			told[who] = append(told[who], texts...)
		}
		return !slices.ContainsFunc(c.members, func(m *loadUser) bool { return len(told[m.id]) < awaited(m) })
	})
	for _, m := range c.members {
		if n := counted[m.id] + len(refused[m.id]); m.pressed > 0 && n != m.pressed {
			c.t.Errorf("%s, who %s: got %d decisions, want %d, one for each click", m.id, m.what, n, m.pressed)
		}
		if m.formed == 0 && len(told[m.id]) != awaited(m) {
			c.t.Errorf("%s, who %s: got the answers %q to %d commands and %d clicks, of which %v were refused; want %d", m.id,
				m.what, told[m.id], m.typed, m.pressed, refused[m.id], awaited(m))
		}
		for _, code := range refused[m.id] {
			words := refusalWords[code]
			if words == nil {
				c.t.Errorf("%s, who %s: got the refusal %s, want one with words", m.id, m.what, code)
			} else if m.formed == 0 && !slices.ContainsFunc(told[m.id], words.MatchString) {
				c.t.Errorf("%s, who %s, refused as %s: got %q, want a match of %s", m.id, m.what, code, told[m.id], words)
			}
		}
	}
}

// checkBudget checks that at no moment more was reserved and spent than the budgets of the team and of each person.
func (c *loadEnv) checkBudget() {
	c.t.Helper()
	requester := map[purchase.OrderID]string{}
	for _, o := range c.orders() {
		requester[o.ID] = o.Requester.ID
	}
	promised, each, over := map[purchase.OrderID]bool{}, map[string]purchase.Cents{}, 0
	team, most := purchase.Cents(0), purchase.Cents(0)
	for _, e := range c.eventsFrom(1) {
		change := purchase.Cents(0)
		switch state := purchase.State(e.Kind); state {
		case purchase.AwaitingApproval, purchase.Approved:
			if !promised[e.Order] {
				promised[e.Order], change = true, e.Amount
			}
		case purchase.Denied, purchase.Cancelled, purchase.Failed, purchase.Expired:
			if promised[e.Order] {
				promised[e.Order], change = false, -e.Amount
			}
		case "refused":
			if e.Note == string(purchase.OverBudget) {
				over++
			}
		default: // it reserves nothing and releases nothing
		}
		who := requester[e.Order]
		team, each[who] = team+change, each[who]+change
		if most = max(most, team); team > crowdBudget || each[who] > personally {
			c.t.Errorf("record %d: got %s for the team, and %s for %s; want at most %s and %s", e.Number, team, each[who], who,
				crowdBudget, personally)
		}
	}
	if c.t.Logf("at most %s of %s was promised; %d clicks were over it", most, crowdBudget, over); over == 0 {
		c.t.Errorf("clicks over the budget: got %d, want some", over)
	}
}

// checkBoughtOnce checks that the ledger is consistent, and that CoCalc sold and charged what it says.
func (c *loadEnv) checkBoughtOnce() {
	c.t.Helper()
	states, spent := map[purchase.State]int{}, purchase.Cents(0)
	for _, o := range c.orders() {
		if states[o.State]++; o.State == purchase.Purchased {
			spent += o.Receipt.Charged
		}
	}
	c.t.Logf("%v", states)
	for _, state := range []purchase.State{
		purchase.Purchased, purchase.Denied, purchase.Cancelled,
		purchase.AwaitingApproval,
	} {
		if states[state] == 0 {
			c.t.Errorf("orders that are %s: got none, want some", state)
		}
	}
	if n := len(c.account.Licenses()); n != states[purchase.Purchased] {
		c.t.Errorf("licenses sold by CoCalc: got %d, want %d", n, states[purchase.Purchased])
	}
	if charged := purchase.Cents(10_000_00 - c.account.Balance()); charged != spent || charged > crowdBudget {
		c.t.Errorf("charge by CoCalc: got %s, want %s as in the receipts, and at most %s", charged, spent, crowdBudget)
	}
	c.must(c.ledger.View(c.ctx, func(r purchase.Reader) error {
		findings, err := reconcile.CheckConsistency(c.ctx, reconcile.Snapshot{Reader: r}, nil)
		for _, f := range findings {
			c.t.Errorf("ledger: got the finding %s, want none", f)
		}
		return err
	}))
}

// checkDecidedOnce checks that each order has one approval or one denial, and never the requester's.
func (c *loadEnv) checkDecidedOnce() {
	c.t.Helper()
	decisions := map[purchase.OrderID]int{}
	for _, e := range c.eventsFrom(1) {
		if e.Kind == "agreed" || e.Kind == string(purchase.Denied) {
			decisions[e.Order]++
		}
	}
	for _, o := range c.orders() {
		if decisions[o.ID] != len(o.Approvals) || len(o.Approvals) > 1 {
			c.t.Errorf("order %s: got %d decisions, approvals %+v; want as many, and at most 1", o.ID, decisions[o.ID],
				o.Approvals)
		}
		if slices.ContainsFunc(o.Approvals, func(a purchase.Approval) bool { return a.By.ID == o.Requester.ID }) {
			c.t.Errorf("got an approval by the requester %s, want one by someone else", o.Requester.ID)
		}
		if asked := o.Price > 3000; o.State == purchase.Purchased && asked &&
			(len(o.Approvals) == 0 || o.Approvals[0].Denied) {
			c.t.Errorf("got order %s bought without an approval, want one", o.ID)
		}
	}
}

// orderOn is the order that a message's buttons are about.
func orderOn(m slacksim.Message) purchase.OrderID {
	for _, e := range m.Elements() {
		if orderIDBlock.MatchString(e.Value) {
			return purchase.OrderID(e.Value)
		}
	}
	return ""
}

// checkNoOpenRequests checks that the cards of what was decided have no buttons that decide, and say what became of it;
// the others have.
func (c *loadEnv) checkNoOpenRequests() {
	c.t.Helper()
	states := map[purchase.OrderID]purchase.State{}
	for _, o := range c.orders() {
		states[o.ID] = o.State
	}
	says := map[purchase.State]string{
		purchase.Purchased: "Bought for $", purchase.Denied: "denied it",
		purchase.Cancelled: "",
	}
	for _, ask := range c.slack.Messages(theDesk) {
		state := states[purchase.OrderID(orderIDBlock.FindString(ask.ContentText()))]
		if live := len(ask.Buttons()) > 0; ask.OnlyFor == "" && live != (state == purchase.AwaitingApproval) {
			c.t.Errorf("got the buttons %v on the approvers' card of an order that is %s, want some only while it waits",
				ask.Buttons(), state)
		}
	}
	for _, m := range c.members {
		for _, card := range m.cards {
			now, ok := c.slack.Current(card)
			state := states[orderOn(card)]
			buttons := strings.Join(now.Buttons(), ", ")
			if final := state.Final(); !ok || final && strings.Contains(buttons, "Withdraw") || state != purchase.Proposed &&
				(strings.Contains(buttons, "Buy for") || strings.Contains(buttons, "Request approval")) ||
				!strings.Contains(now.ContentText(), says[state]) {
				c.t.Errorf("card of an order that is %s: got the buttons %s\n%s\nwant the buttons of its state, and %q", state,
					buttons, now.ContentText(), says[state])
			}
		}
	}
}
