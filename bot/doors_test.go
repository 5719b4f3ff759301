package bot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/purchase"
)

// doors are all ways by which someone gets at a license: each asks for a license, as alice, in #math.
var doors = []struct {
	name string
	sure bool // money is promised by it; the others lead to a card
	try  func(*handlerEnv) socket.Reply
}{
	{"the command", false, func(c *handlerEnv) socket.Reply {
		return c.handler.Command(context.Background(), slack.SlashCommand{
			UserID: "UALICE", TeamID: "T1", ChannelID: "CMATH",
			Text: "buy ram=16 cpu=2",
		})
	}},
	{"the form", false, func(c *handlerEnv) socket.Reply {
		return c.handler.Submission(context.Background(),
			form("UALICE", "T1", "license_editor", map[string]string{"channel": "CMATH"},
				map[string]string{"ram": "16", "cpu": "2"}))
	}},
	{"the form on a card", false, func(c *handlerEnv) socket.Reply {
		return c.handler.Submission(context.Background(),
			form("UALICE", "T1", "license_editor", map[string]string{"channel": "CMATH", "order": string(aliceOrder)},
				map[string]string{"ram": "16", "cpu": "2"}))
	}},
	{"the same once more", false, func(c *handlerEnv) socket.Reply {
		return c.handler.Action(context.Background(), payload("UALICE", "T1", "CMATH", "order_again", string(aliceOrder)))
	}},
	{"another license like it", false, func(c *handlerEnv) socket.Reply {
		return c.handler.Action(context.Background(), payload("UALICE", "T1", "CMATH", "license_again", someLicense))
	}},
	{"the button to buy", true, func(c *handlerEnv) socket.Reply {
		return c.handler.Action(context.Background(), payload("UALICE", "T1", "CMATH", "order_buy", string(aliceOrder)))
	}},
	{"the button to buy at the new price", true, func(c *handlerEnv) socket.Reply {
		return c.handler.Action(context.Background(),
			payload("UALICE", "T1", "CMATH", "order_buy_new_price", string(aliceRepriced)))
	}},
	{"the form that asks why", true, func(c *handlerEnv) socket.Reply {
		return c.handler.Submission(context.Background(),
			form("UALICE", "T1", "order_reason", map[string]string{"channel": "CMATH", "order": string(aliceOrder)},
				map[string]string{"reason": "winter school"}))
	}},
	{"that form for the new price", true, func(c *handlerEnv) socket.Reply {
		return c.handler.Submission(context.Background(),
			form("UALICE", "T1", "order_reason", map[string]any{
				"channel": "CMATH", "order": string(aliceRepriced),
				"new_price": true,
			}, map[string]string{"reason": "winter school"}))
	}},
}

// Every rule stands at every door: whatever leads to a license is refused with the same reason, told and recorded, and
// nothing else changes. The rules were changed after the cards were made, so that no card is a way around them.
func TestHandler_EveryDoor_EveryRule(t *testing.T) {
	rules := []struct {
		name string
		code purchase.RefusalCode
		sure bool // only where money is promised
		set  func(*handlerEnv)
	}{
		{"nobody may buy", purchase.NotABuyer, false, func(c *handlerEnv) { c.policy.Everyone = false }},
		{"others may buy", purchase.NotABuyer, false, func(c *handlerEnv) {
			c.policy.Everyone, c.policy.Buyers = false, map[string]bool{"UBOB": true}
		}},
		{"a group that is gone may buy", purchase.NotABuyer, false, func(c *handlerEnv) {
			c.policy.Everyone, c.policy.Buyers = false, map[string]bool{"SGONE": true}
		}},
		{"in another channel", purchase.NotHere, false, func(c *handlerEnv) {
			c.policy.Channels = map[string]bool{"COTHER": true}
		}},
		{"an order costs less", purchase.OverOrderLimit, false, func(c *handlerEnv) {
			c.policy.OrderLimit = purchase.Limit{Max: 1000}
		}},
		{"the month has less", purchase.OverBudget, false, func(c *handlerEnv) {
			c.policy.MonthlyBudget = purchase.Limit{Max: 1000}
		}},
		{"a person has less", purchase.OverPersonBudget, false, func(c *handlerEnv) { c.policy.PersonBudget = 1000 }},
		{"a day has fewer", purchase.TooMany, false, func(c *handlerEnv) {
			c.policy.PersonOrders = 1
			today := purchase.Share{Days: map[string]int{"2026-11-22": 1}}
			if err := c.ledger.Update(context.Background(), func(w purchase.Writer) error {
				return w.PutBudget(purchase.Budget{Month: "2026-11", People: map[string]purchase.Share{"UALICE": today}})
			}); err != nil {
				c.t.Fatal(err)
			}
		}},
		{"they are smaller", purchase.TooLarge, false, func(c *handlerEnv) { c.policy.Largest.RAM = 8 }},
		{"they do not renew", purchase.WrongPeriod, false, func(c *handlerEnv) {
			c.policy.Periods = map[cocalc.Period]bool{cocalc.PeriodRange: true}
		}},
		{"buying is paused", purchase.Paused, false, func(c *handlerEnv) {
			if err := c.desk.SetPaused(context.Background(), purchase.Action{Actor: purchase.Actor{ID: "UDANA"}, Typed: true},
				true, "the books are closed"); err != nil {
				c.t.Fatal(err)
			}
		}},
		{"approvers cannot be asked", purchase.NobodyToAsk, true, func(c *handlerEnv) { c.policy.AutoApprove = 0 }},
	}
	for _, r := range rules {
		for _, d := range doors {
			if r.sure && !d.sure {
				continue
			}
			t.Run(r.name+", by "+d.name, func(t *testing.T) {
				c := newFilledHandlerEnv(t)
				c.t = t
				for _, id := range []purchase.OrderID{aliceOrder, aliceRepriced} {
					// they say what it is for, so that this is not what is missing
					if _, err := c.desk.Outbox.UpdateMessages(context.Background(), id, func(o *purchase.Order) {
						o.Reason = "winter school"
					}); err != nil {
						t.Fatal(err)
					}
				}
				r.set(c)
				c.open()
				_, records := c.state()
				before := c.budgets()
				said := c.answer(d.try(c))
				_, recorded := c.state()
				if after := c.budgets(); after != before {
					t.Errorf("ledger: got\n%s\nwant\n%s", after, before)
				}
				if last := c.lastEvent(); recorded != records+1 || last.Kind != "refused" || last.Note != string(r.code) ||
					last.By != "UALICE" || last.Place != "CMATH" {
					t.Errorf("got %d audit records, the last %+v; want one about %s", recorded-records, last, r.code)
				}
				if strings.Contains(said, "Nothing was charged.") != d.sure {
					t.Errorf("got %q, want %q in it: %t", said, "Nothing was charged.", d.sure)
				}
				if words := refusalWords[r.code]; words == nil || !words.MatchString(said) {
					t.Errorf("refusal %s: got %q, want a match of %s", r.code, said, words)
				}
			})
		}
	}
}

// budgets is where the orders stand, and what the month has promised: what no refused click changes. Where an order is
// shown may have changed.
func (c *handlerEnv) budgets() string {
	c.t.Helper()
	var said []string
	err := c.ledger.View(context.Background(), func(r purchase.Reader) error {
		orders, err := r.Orders("", 1000)
		for _, o := range orders {
			said = append(said, fmt.Sprint(o.ID, o.State, o.Price, o.ReplacedBy))
		}
		month, err2 := r.Budget("2026-11")
		said = append(said, fmt.Sprint(month))
		return errors.Join(err, err2)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.Join(said, "; ")
}
