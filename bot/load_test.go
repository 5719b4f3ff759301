package bot_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/slacksim"
)

var crowdSeed = flag.Uint64("crowd", 0, "which crowd clicks in TestConversation_Crowd; 0: another one each time")

// The roles of a load user.
const (
	withdrawing = "asked before, and wants it no more"
	impatient   = "asked before, and clicks on"
	buying      = "buys"
	greedy      = "buys three"
	cheap       = "buys what nobody is asked about"
	judging     = "asked before, and decides on others"
	reasonState = "decides"
	ruling      = "is an admin"
	nobody      = "may do nothing"
	visiting    = "is a guest"
	foreign     = "is of another workspace"
)

// crowdOf is how many of each there are: 200 people.
var crowdOf = []struct {
	what string
	many int
}{
	{withdrawing, 20},
	{impatient, 20},
	{buying, 30},
	{cheap, 10},
	{greedy, 10},
	{judging, 20},
	{reasonState, 50},
	{ruling, 5},
	{nobody, 25},
	{visiting, 7},
	{foreign, 3},
}

// loadUser is one of the people of a loadEnv.
type loadUser struct {
	id, what string
	orders   []purchase.OrderID
	cards    []slacksim.Message // of their orders, as they were when the second began

	typed, pressed, formed int // what they do in it
}

// loadEnv is an env with 200 people and one budget.
type loadEnv struct {
	*testEnv
	rng        *rand.Rand
	members    []*loadUser
	requests   map[purchase.OrderID]slacksim.Message // the approvers' cards, as they were when the second began
	waiting    []purchase.OrderID
	planned    []func() error
	before     map[string]bool // what was in the channels when the second began, by ts
	firstEvent uint64          // audit record of the second
}

const (
	crowdPrice  = purchase.Cents(6375)
	crowdBudget = 65*crowdPrice + 100 // 60 orders wait for an approval when it begins
	personally  = 2*crowdPrice + 100
)

func newLoadEnv(t testing.TB) *loadEnv {
	seed := cmp.Or(*crowdSeed, rand.Uint64())
	t.Logf("the crowd again: go test ./bot -run TestConversation_Crowd -crowd=%d", seed)
	c := &loadEnv{
		rng: rand.New(rand.NewPCG(seed, 0)), requests: map[purchase.OrderID]slacksim.Message{},
		before: map[string]bool{},
	}
	c.testEnv = newEnv(t, func(env *testEnv) {
		env.cocalc = cocalctest.New(cocalctest.Config{Seed: seed, CheckoutTakes: time.Millisecond, Unthrottled: true})
		env.account = env.cocalc.Add(cocalctest.NewAccount{Credit: 10_000_00, Partner: true})
		env.cocalcURL = env.cocalc.Start(t)
		env.approvals, env.handleWithin = theDesk, noTimeout
		env.slack.AddChannel(slacksim.Channel{ID: theDesk, Name: "approvals", Members: []string{env.slack.App().BotUserID}})
		buyers, bosses := slacksim.UserGroup{ID: "S0BUYERS"}, slacksim.UserGroup{ID: "S0BOSSES"}
		env.policy = purchase.Policy{
			Buyers: map[string]bool{buyers.ID: true}, Approvers: map[string]bool{bosses.ID: true}, Admins: map[string]bool{},
			AutoApprove: 3000, Approvals: 1, PersonBudget: personally,
			OrderLimit: purchase.Limit{Max: 20000}, MonthlyBudget: purchase.Limit{Max: crowdBudget},
		}
		for _, some := range crowdOf {
			for range some.many {
				m := &loadUser{id: fmt.Sprintf("U0P%03d", len(c.members)), what: some.what}
				c.members = append(c.members, m)
				u := slacksim.User{ID: m.id, Name: strings.ToLower(m.id[2:]), Restricted: m.what == visiting}
				if m.what == foreign {
					u.TeamID = "T0OTHER"
				}
				env.slack.AddUser(u)
				if m.what == visiting || m.what == foreign { // a channel in which they were from the start has no cards
					continue
				}
				env.slack.Invite(slacksim.General, m.id)
				env.slack.Invite(theDesk, m.id)
				list, group := env.policy.Buyers, &buyers
				switch m.what {
				case ruling:
					env.policy.Admins[m.id] = true
					continue
				case nobody:
					continue
				case reasonState:
					list, group = env.policy.Approvers, &bosses
				case judging:
					env.policy.Approvers[m.id] = true
				}
				if len(c.members)%3 == 0 { // some are listed themselves, the others by their group
					list[m.id] = true
				} else {
					group.Users = append(group.Users, m.id)
				}
			}
		}
		env.slack.SetUserGroups(buyers, bosses)
	})
	return c
}

// runAll runs the functions at the same time.
func (c *loadEnv) runAll(all []func() error) {
	c.t.Helper()
	begin := make(chan struct{})
	var group sync.WaitGroup
	for _, do := range all {
		group.Go(func() {
			<-begin
			if err := do(); err != nil {
				c.t.Error(err)
			}
		})
	}
	close(begin)
	group.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// prepare requests the cards of all buyers, and confirms those that are to wait for an approval.
func (c *loadEnv) prepare() {
	c.t.Helper()
	var asking, agreeing []func() error
	for _, m := range c.members {
		switch m.what {
		case withdrawing, impatient, buying, judging:
			asking = append(asking, c.requestCards(m, 1, "ram=16 cpu=2"))
		case greedy:
			asking = append(asking, c.requestCards(m, 3, "ram=16 cpu=2"))
		case cheap:
			asking = append(asking, c.requestCards(m, 1, "ram=4 cpu=1"))
		case reasonState, ruling: // the others meet the bot for the first time when the second begins
			asking = append(asking, func() error {
				return c.retryCommand(m, "cancel 01KAR000000000000000000001", "There's no order with that id")
			})
		}
	}
	c.runAll(asking)
	for _, m := range c.members {
		if m.what == withdrawing || m.what == impatient || m.what == judging {
			agreeing = append(agreeing, c.click(m, m.cards[0], "order_buy"))
		}
	}
	c.runAll(agreeing)
	c.waitUntilPublished()
	for _, ask := range c.slack.Messages(theDesk) {
		id := purchase.OrderID(orderIDBlock.FindString(ask.ContentText()))
		c.requests[id], c.waiting = ask, append(c.waiting, id)
	}
	for _, o := range c.orders() {
		for _, m := range c.members {
			if m.id == o.Requester.ID {
				m.orders = append(m.orders, o.ID)
			}
		}
	}
	for _, m := range c.members { // their screens show what they would see now
		for i, card := range m.cards {
			m.cards[i], _ = c.slack.Current(card)
		}
	}
	for _, channel := range []string{slacksim.General, theDesk} {
		for _, m := range c.slack.Messages(channel) {
			c.before[m.TS] = true
		}
	}
	if n := len(c.waiting); n != 60 {
		c.t.Fatalf("orders that wait for approval: got %d, want 60", n)
	}
}

// requestCards requests cards for a person, one after the other.
func (c *loadEnv) requestCards(m *loadUser, cards int, what string) func() error {
	return func() error {
		for range cards {
			if err := c.retryCommand(m, "buy "+what+` reason="a course"`, "A CoCalc license for"); err != nil {
				return err
			}
		}
		for _, card := range c.slack.Person(m.id).Messages(slacksim.General) {
			if _, ok := card.Button("order_buy"); ok {
				m.cards = append(m.cards, card)
			}
		}
		return nil
	}
}

// retryCommand repeats a command until it gets the answer: if Slack is slow to say who a person is, the bot asks them
// to try again.
func (c *loadEnv) retryCommand(m *loadUser, command, answer string) error {
	person := c.slack.Person(m.id)
	for {
		before := len(c.slack.Person(m.id).Messages(slacksim.General))
		if err := c.command(m, command); err != nil {
			return err
		}
		said, err := person.WaitForMessage(c.ctx, slacksim.General, func(said slacksim.Message) bool {
			return len(c.slack.Person(m.id).Messages(slacksim.General)) > before
		})
		if err != nil || strings.Contains(said.ContentText(), answer) {
			return err
		}
		if !strings.Contains(said.ContentText(), "Slack didn't tell me") {
			return fmt.Errorf("%s, who %s, reads %q", m.id, m.what, said.ContentText())
		}
	}
}

// waitUntilPublished waits until every approved order is bought, and every message shows it.
func (c *loadEnv) waitUntilPublished() {
	c.t.Helper()
	c.until(func() (done bool) {
		c.must(c.ledger.View(c.ctx, func(r purchase.Reader) error {
			queue, err := r.Queue()
			if err != nil {
				return err
			}
			for _, q := range queue {
				if q.State == purchase.Approved || q.State == purchase.Adding || q.State == purchase.Carted ||
					q.State == purchase.Paying {
					return nil
				}
			}
			late, err := r.Unpublished()
			done = len(late) == 0
			return err
		}))
		return done
	})
}

func (c *loadEnv) click(m *loadUser, on slacksim.Surface, button string) func() error {
	return func() error { return withUser(m, button, c.slack.Person(m.id).Click(c.ctx, on, button)) }
}

func (c *loadEnv) command(m *loadUser, text string) error {
	return withUser(m, text, c.slack.Person(m.id).Command(c.ctx, slacksim.General, "/license", text))
}

// withUser adds the person and the action to an error.
func withUser(m *loadUser, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s, who %s: %s: %w", m.id, m.what, what, err)
}

// planClick, planCommand and planDenial plan what is done in the second.
func (c *loadEnv) planClick(m *loadUser, on slacksim.Surface, button string) {
	m.pressed++
	c.planned = append(c.planned, c.click(m, on, button))
}

func (c *loadEnv) planCommand(m *loadUser, text string) {
	m.typed++
	c.planned = append(c.planned, func() error { return c.command(m, text) })
}

// planDenial plans a denial with a form. The person gets the form, or a sentence why there is none.
func (c *loadEnv) planDenial(m *loadUser, ask slacksim.Message) {
	m.formed++
	c.planned = append(c.planned, func() error {
		person := c.slack.Person(m.id)
		if err := c.click(m, ask, "order_deny")(); err != nil {
			return err
		}
		form, open := person.Modal()
		for tick := time.NewTicker(50 * time.Millisecond); !open && len(c.ephemeralTexts(theDesk)[m.id]) == 0; form,
			open = person.Modal() {
			select {
			case <-tick.C:
			case <-c.ctx.Done():
				return fmt.Errorf("%s, who %s, sees no form: %w", m.id, m.what, c.ctx.Err())
			}
		}
		if !open {
			return nil
		}
		if err := person.Fill(c.ctx, form, "Reason", "no money"); err != nil {
			return err
		}
		problems, err := person.Submit(c.ctx)
		if reason := problems["reason"]; len(problems) > 0 && !lateWords.MatchString(reason) {
			err = errors.Join(err, fmt.Errorf("reads %q in the form", problems))
		}
		return withUser(m, "sends the form", err)
	})
}

// randomRequest returns an order that waits for an approval, and its approvers' card.
func (c *loadEnv) randomRequest() (purchase.OrderID, slacksim.Message) {
	id := c.waiting[c.rng.IntN(len(c.waiting))]
	return id, c.requests[id]
}

// plan plans what everyone does in the second.
func (c *loadEnv) plan() {
	for i, m := range c.members {
		id, ask := c.randomRequest()
		other, another := c.randomRequest()
		switch m.what {
		case withdrawing:
			if i%2 == 0 {
				c.planClick(m, m.cards[0], "order_cancel")
			} else {
				c.planCommand(m, "cancel "+string(m.orders[0]))
			}
		case impatient:
			if i%2 == 0 {
				c.planClick(m, ask, "order_approve") // of someone else, without being asked
			} else {
				c.planCommand(m, "approve "+string(m.orders[0]))
			}
		case buying, cheap: // a double click
			c.planClick(m, m.cards[0], "order_buy")
			c.planClick(m, m.cards[0], "order_buy")
		case greedy:
			for _, card := range m.cards {
				c.planClick(m, card, "order_buy")
			}
		case judging:
			c.planClick(m, c.requests[m.orders[0]], "order_approve")
			c.planClick(m, ask, "order_approve")
		case reasonState:
			switch i % 3 {
			case 0:
				c.planClick(m, ask, "order_approve")
				c.planClick(m, another, "order_approve")
			case 1:
				c.planCommand(m, "deny "+string(id)+" no money")
				c.planCommand(m, "approve "+string(other))
			default:
				c.planDenial(m, ask)
			}
		case ruling:
			c.planCommand(m, "budget")
			c.planCommand(m, "approve "+string(id))
		case nobody:
			if i%2 == 0 {
				c.planClick(m, ask, "order_approve")
			} else {
				c.planCommand(m, `buy ram=16 cpu=2 reason="me too"`)
			}
		case visiting, foreign:
			c.planClick(m, ask, "order_approve")
		}
	}
	c.rng.Shuffle(len(c.planned), func(i, j int) { c.planned[i], c.planned[j] = c.planned[j], c.planned[i] })
}

// 200 people buy, agree, deny and withdraw in the same second, against one budget that fits a part of it: it is never
// passed, no order is decided or bought twice, everyone is answered, and no card goes on asking what was decided.
func TestConversation_Crowd(t *testing.T) {
	t.Parallel()
	c := newLoadEnv(t)
	c.prepare()
	for _, m := range c.members {
		c.slack.Invite(theDesk, m.id)
	}
	c.plan()
	head, sent := c.eventsFrom(1), len(c.slack.Envelopes())
	c.firstEvent = uint64(len(head)) + 1
	began := time.Now()
	c.runAll(c.planned)
	c.waitUntilPublished()
	t.Logf("after %s everything was bought and every card showed it", time.Since(began))

	c.checkAcknowledged(c.slack.Envelopes()[sent:])
	c.checkAnswered()
	c.checkBudget()
	c.checkBoughtOnce()
	c.checkDecidedOnce()
	c.checkNoOpenRequests()
}
