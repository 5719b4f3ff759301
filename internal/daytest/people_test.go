package daytest_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"licensebot/slacksim"
)

// patience is how long people wait for an answer before they do something else.
const patience = 2 * time.Minute

// act lets a person do something. What Slack shows them when it doesn't work is part of life with outages.
func (tm *team) act(what string, person int, do func(context.Context, *slacksim.Person) error) {
	tm.acting.Go(func() {
		ctx, cancel := context.WithTimeout(tm.ctx, patience)
		defer cancel()
		err := do(ctx, tm.people[person])
		var failure *slacksim.Failure
		switch {
		case err == nil:
			tm.count(what)
		case errors.As(err, &failure):
			tm.count("Slack: " + failure.Code)
		case errors.Is(err, context.DeadlineExceeded):
			tm.count("no answer to " + what)
		case errors.Is(err, errNoCard):
			tm.count("refused")
		default:
			tm.t.Errorf("%s of %s: %v", what, tm.people[person].ID(), err)
		}
	})
}

// look types a command that only reads.
func (tm *team) look(person int, command string) {
	tm.act("look", person, func(ctx context.Context, p *slacksim.Person) error {
		return p.Command(ctx, channelOf(person), "/license", command)
	})
}

func (tm *team) openHome(person int) {
	tm.act("home", person, func(_ context.Context, p *slacksim.Person) error { return p.Home() })
}

// openForm opens the form for a license, changes the size, and looks at the price or closes it.
func (tm *team) openForm(person int, ram string) {
	tm.act("form", person, func(ctx context.Context, p *slacksim.Person) error {
		if err := p.Command(ctx, channelOf(person), "/license", "buy"); err != nil {
			return err
		}
		form, err := p.WaitForModal(ctx, nil)
		if err != nil {
			return err
		}
		if err := p.Fill(ctx, form, "ram", ram); err != nil {
			return err
		}
		time.Sleep(5 * time.Second)
		return p.CloseModal()
	})
}

// errNoCard says that a person got a refusal instead of a card.
var errNoCard = errors.New("there is no card")

// wish is an order that a person makes, and what becomes of it.
type wish struct {
	person  int
	command string
	after   time.Duration // until the person clicks
	fate    string        // one of fates
	// decider is the approver, and decided how long they take, if the order needs approval.
	decider int
	decided time.Duration
}

// fates are what can become of an order. Orders that need no approval are confirmed in the last four cases too.
var fates = []string{
	"confirm", "confirm", "confirm", "confirm", "confirm", "cancel", "ignore", "deny", "deny", "withdraw", "leave",
}

var orderID = regexp.MustCompile(`\b00[0-9A-HJKMNP-TV-Z]{24}\b`)

// order orders what a person wishes, and plans the decision about it.
func (tm *team) order(w wish) {
	tm.act("order", w.person, func(ctx context.Context, p *slacksim.Person) error {
		seen := newest(p, channelOf(w.person))
		if err := p.Command(ctx, channelOf(w.person), "/license", w.command); err != nil {
			return err
		}
		card, err := p.WaitForMessage(ctx, channelOf(w.person), func(m slacksim.Message) bool {
			return m.OnlyFor == p.ID() && m.TS > seen
		})
		if err != nil {
			return err
		}
		yes := slices.IndexFunc(card.Buttons(), func(b string) bool {
			return strings.HasPrefix(b, "Buy for") || strings.HasPrefix(b, "Request approval")
		})
		if yes < 0 {
			return errNoCard
		}
		time.Sleep(w.after)
		button := card.Buttons()[yes]
		switch w.fate {
		case "cancel":
			return p.Click(ctx, card, "Cancel order")
		case "ignore":
			return nil
		}
		if err := p.Click(ctx, card, button); err != nil {
			return err
		}
		if strings.HasPrefix(button, "Buy for") {
			return nil
		}
		tm.count("request")
		id := orderID.FindString(string(card.Blocks))
		tm.mu.Lock()
		defer tm.mu.Unlock()
		switch w.fate {
		case "leave": // until it expires
		case "withdraw":
			tm.later = append(tm.later, event{w.decided, func() { tm.withdraw(w, card) }})
		default:
			tm.later = append(tm.later, event{w.decided, func() { tm.decide(w, id) }})
		}
		return nil
	})
}

// newest returns the timestamp of the newest message that a person sees.
func newest(p *slacksim.Person, channel string) string {
	all := p.Messages(channel)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1].TS
}

func (tm *team) withdraw(w wish, card slacksim.Message) {
	tm.act("withdraw", w.person, func(ctx context.Context, p *slacksim.Person) error {
		card, ok := tm.slack.Current(card)
		if _, open := card.Button("Withdraw"); !ok || !open {
			return nil
		}
		return p.Click(ctx, card, "Withdraw")
	})
}

// decide lets an approver approve or deny an order, in the approvers' channel.
func (tm *team) decide(w wish, id string) {
	tm.act("decide", w.decider, func(ctx context.Context, p *slacksim.Person) error {
		card, err := p.WaitForMessage(ctx, approvals, func(m slacksim.Message) bool {
			return strings.Contains(string(m.Blocks), id)
		})
		if err != nil {
			return err
		}
		if _, open := card.Button("Approve"); !open {
			return nil
		}
		if w.fate != "deny" {
			return p.Click(ctx, card, "Approve")
		}
		if err := p.Click(ctx, card, "Deny"); err != nil {
			return err
		}
		form, err := p.WaitForModal(ctx, nil)
		if err != nil {
			return err
		}
		if err := p.Fill(ctx, form, "Reason", "we have one already"); err != nil {
			return err
		}
		problems, err := p.Submit(ctx)
		if len(problems) > 0 {
			err = p.CloseModal()
		}
		return err
	})
}

// administer lets the admin type a command.
func (tm *team) administer(command string) {
	const admin = 3
	tm.act("administer", admin, func(ctx context.Context, p *slacksim.Person) error {
		return p.Command(ctx, channelOf(admin), "/license", command)
	})
}

// buyCommand returns the command for a license of some size that renews monthly.
func buyCommand(ram, cpu int) string {
	return fmt.Sprintf(`buy ram=%d cpu=%d reason="a course"`, ram, cpu)
}
