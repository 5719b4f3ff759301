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

// What a person of the crowd is.
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

// member is one person of the crowd.
type member struct {
	id, what string
	orders   []purchase.OrderID
	cards    []slacksim.Message // of their orders, as they were when the second began

	typed, pressed, formed int // what they do in it
}

// crowd is a world of 200 people with one budget.
type crowd struct {
	*world
	rng     *rand.Rand
	members []*member
	asks    map[purchase.OrderID]slacksim.Message // the approvers' cards, as they were when the second began
	waiting []purchase.OrderID
	clicks  []func() error
	before  map[string]bool // what was in the channels when the second began, by ts
	first   uint64          // audit record of the second
}

const (
	crowdPrice  = purchase.Cents(6375)
	crowdBudget = 65*crowdPrice + 100 // 60 orders wait for an approval when it begins
	personally  = 2*crowdPrice + 100
)

func newCrowd(t testing.TB) *crowd {
	seed := cmp.Or(*crowdSeed, rand.Uint64())
	t.Logf("the crowd again: go test ./bot -run TestConversation_Crowd -crowd=%d", seed)
	c := &crowd{
		rng: rand.New(rand.NewPCG(seed, 0)), asks: map[purchase.OrderID]slacksim.Message{},
		before: map[string]bool{},
	}
	c.world = newWorld(t, func(w *world) {
		w.cocalc = cocalctest.New(cocalctest.Config{Seed: seed, CheckoutTakes: time.Millisecond, Unthrottled: true})
		w.account = w.cocalc.Add(cocalctest.NewAccount{Credit: 10_000_00, Partner: true})
		w.shop = w.cocalc.Start(t)
		w.approvals, w.within = theDesk, boundless
		w.slack.AddChannel(slacksim.Channel{ID: theDesk, Name: "approvals", Members: []string{w.slack.App().BotUserID}})
		buyers, bosses := slacksim.UserGroup{ID: "S0BUYERS"}, slacksim.UserGroup{ID: "S0BOSSES"}
		w.policy = purchase.Policy{
			Buyers: map[string]bool{buyers.ID: true}, Approvers: map[string]bool{bosses.ID: true}, Admins: map[string]bool{},
			AutoApprove: 3000, Approvals: 1, PersonBudget: personally,
			OrderLimit: purchase.Limit{Max: 20000}, MonthlyBudget: purchase.Limit{Max: crowdBudget},
		}
		for _, some := range crowdOf {
			for range some.many {
				m := &member{id: fmt.Sprintf("U0P%03d", len(c.members)), what: some.what}
				c.members = append(c.members, m)
				u := slacksim.User{ID: m.id, Name: strings.ToLower(m.id[2:]), Restricted: m.what == visiting}
				if m.what == foreign {
					u.TeamID = "T0OTHER"
				}
				w.slack.AddUser(u)
				if m.what == visiting || m.what == foreign { // a channel in which they were from the start has no cards
					continue
				}
				w.slack.Invite(slacksim.General, m.id)
				w.slack.Invite(theDesk, m.id)
				list, group := w.policy.Buyers, &buyers
				switch m.what {
				case ruling:
					w.policy.Admins[m.id] = true
					continue
				case nobody:
					continue
				case reasonState:
					list, group = w.policy.Approvers, &bosses
				case judging:
					w.policy.Approvers[m.id] = true
				}
				if len(c.members)%3 == 0 { // some are listed themselves, the others by their group
					list[m.id] = true
				} else {
					group.Users = append(group.Users, m.id)
				}
			}
		}
		w.slack.SetUserGroups(buyers, bosses)
	})
	return c
}

// atOnce does all of it at the same time.
func (c *crowd) atOnce(all []func() error) {
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

// gather has everyone who buys ask for their cards, and those who asked before say yes to it.
func (c *crowd) gather() {
	c.t.Helper()
	var asking, agreeing []func() error
	for _, m := range c.members {
		switch m.what {
		case withdrawing, impatient, buying, judging:
			asking = append(asking, c.gets(m, 1, "ram=16 cpu=2"))
		case greedy:
			asking = append(asking, c.gets(m, 3, "ram=16 cpu=2"))
		case cheap:
			asking = append(asking, c.gets(m, 1, "ram=4 cpu=1"))
		case reasonState, ruling: // the others meet the bot for the first time when the second begins
			asking = append(asking, func() error {
				return c.tries(m, "cancel 01KAR000000000000000000001", "There's no order with that id")
			})
		}
	}
	c.atOnce(asking)
	for _, m := range c.members {
		if m.what == withdrawing || m.what == impatient || m.what == judging {
			agreeing = append(agreeing, c.press(m, m.cards[0], "order_buy"))
		}
	}
	c.atOnce(agreeing)
	c.settles()
	for _, ask := range c.slack.Messages(theDesk) {
		id := purchase.OrderID(orderIDBlock.FindString(ask.ContentText()))
		c.asks[id], c.waiting = ask, append(c.waiting, id)
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
		c.t.Fatalf("%d orders wait for an approval", n)
	}
}

// gets has a person ask for cards, one after the other.
func (c *crowd) gets(m *member, cards int, what string) func() error {
	return func() error {
		for range cards {
			if err := c.tries(m, "buy "+what+` reason="a course"`, "A CoCalc license for"); err != nil {
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

// tries types a command until it is answered so: where Slack is slow to say who someone is, they are asked to try
// again.
func (c *crowd) tries(m *member, command, answer string) error {
	person := c.slack.Person(m.id)
	for {
		before := len(c.slack.Person(m.id).Messages(slacksim.General))
		if err := c.say(m, command); err != nil {
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

// settles waits until everything that was promised is bought, and every message says so.
func (c *crowd) settles() {
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

func (c *crowd) press(m *member, on slacksim.Surface, button string) func() error {
	return func() error { return failing(m, button, c.slack.Person(m.id).Click(c.ctx, on, button)) }
}

func (c *crowd) say(m *member, text string) error {
	return failing(m, text, c.slack.Person(m.id).Command(c.ctx, slacksim.General, "/license", text))
}

// failing says who could not do what.
func failing(m *member, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s, who %s: %s: %w", m.id, m.what, what, err)
}

// presses, types and denies put something on the list of what is done in the second.
func (c *crowd) presses(m *member, on slacksim.Surface, button string) {
	m.pressed++
	c.clicks = append(c.clicks, c.press(m, on, button))
}

func (c *crowd) types(m *member, text string) {
	m.typed++
	c.clicks = append(c.clicks, func() error { return c.say(m, text) })
}

// denies is a no with a form, or the sentence why there is none.
func (c *crowd) denies(m *member, ask slacksim.Message) {
	m.formed++
	c.clicks = append(c.clicks, func() error {
		person := c.slack.Person(m.id)
		if err := c.press(m, ask, "order_deny")(); err != nil {
			return err
		}
		form, open := person.Modal()
		for tick := time.NewTicker(50 * time.Millisecond); !open && len(c.toldIn(theDesk)[m.id]) == 0; form,
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
		return failing(m, "sends the form", err)
	})
}

// anyAsk is an approvers' card.
func (c *crowd) anyAsk() (purchase.OrderID, slacksim.Message) {
	id := c.waiting[c.rng.IntN(len(c.waiting))]
	return id, c.asks[id]
}

// plan says what everyone does in the second.
func (c *crowd) plan() {
	for i, m := range c.members {
		id, ask := c.anyAsk()
		other, another := c.anyAsk()
		switch m.what {
		case withdrawing:
			if i%2 == 0 {
				c.presses(m, m.cards[0], "order_cancel")
			} else {
				c.types(m, "cancel "+string(m.orders[0]))
			}
		case impatient:
			if i%2 == 0 {
				c.presses(m, ask, "order_approve") // of someone else, without being asked
			} else {
				c.types(m, "approve "+string(m.orders[0]))
			}
		case buying, cheap: // a double click
			c.presses(m, m.cards[0], "order_buy")
			c.presses(m, m.cards[0], "order_buy")
		case greedy:
			for _, card := range m.cards {
				c.presses(m, card, "order_buy")
			}
		case judging:
			c.presses(m, c.asks[m.orders[0]], "order_approve")
			c.presses(m, ask, "order_approve")
		case reasonState:
			switch i % 3 {
			case 0:
				c.presses(m, ask, "order_approve")
				c.presses(m, another, "order_approve")
			case 1:
				c.types(m, "deny "+string(id)+" no money")
				c.types(m, "approve "+string(other))
			default:
				c.denies(m, ask)
			}
		case ruling:
			c.types(m, "budget")
			c.types(m, "approve "+string(id))
		case nobody:
			if i%2 == 0 {
				c.presses(m, ask, "order_approve")
			} else {
				c.types(m, `buy ram=16 cpu=2 reason="me too"`)
			}
		case visiting, foreign:
			c.presses(m, ask, "order_approve")
		}
	}
	c.rng.Shuffle(len(c.clicks), func(i, j int) { c.clicks[i], c.clicks[j] = c.clicks[j], c.clicks[i] })
}

// 200 people buy, agree, deny and withdraw in the same second, against one budget that fits a part of it: it is never
// passed, no order is decided or bought twice, everyone is answered, and no card goes on asking what was decided.
func TestConversation_Crowd(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.gather()
	for _, m := range c.members {
		c.slack.Invite(theDesk, m.id)
	}
	c.plan()
	head, sent := c.records(1), len(c.slack.Envelopes())
	c.first = uint64(len(head)) + 1
	began := time.Now()
	c.atOnce(c.clicks)
	c.settles()
	t.Logf("after %s everything was bought and every card showed it", time.Since(began))

	c.acknowledged(c.slack.Envelopes()[sent:])
	c.answered()
	c.neverOver()
	c.boughtOnce()
	c.decidedOnce()
	c.asksNoMore()
}
