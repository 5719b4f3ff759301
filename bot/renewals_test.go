package bot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/slacksim"
)

// newRenewingEnv is a handlerEnv in which Alice bought a license that renews; or, if this ledger didn't buy it, in
// which the account has such a license.
func newRenewingEnv(t *testing.T, bought bool) *handlerEnv {
	c := newHandlerEnv(t)
	c.subscriptions = []cocalc.Subscription{{
		ID: 44, Cost: 6375, Interval: "month", Status: "active", CurrentPeriodEnd: c.now.AddDate(0, 1, 0),
		LicenseID: someLicense,
	}}
	if bought {
		err := c.ledger.Update(context.Background(), func(w purchase.Writer) error {
			_, err := w.AddPurchase(purchase.Purchase{
				Time: c.now, Month: "2026-11", Order: aliceOrder, Requester: purchase.Actor{ID: "UALICE", Team: "T1"},
				Charged: 6375, PurchaseID: 2, LicenseID: someLicense,
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *handlerEnv) command(who, text string) string {
	c.t.Helper()
	return c.answer(c.handler.Command(context.Background(), slack.SlashCommand{
		UserID: who, TeamID: "T1", ChannelID: "CMATH", Text: text, ResponseURL: "https://hooks.slack.com/commands/T1/1/x",
	}))
}

func (c *handlerEnv) decided() []string {
	c.t.Helper()
	var account purchase.AccountState
	err := c.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		account, err = r.Account()
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return account.Decided
}

// Buyers end what they bought, approvers what this ledger bought, and admins everything, by the whole id. The question
// and the click are refused alike, and recorded. What a click decides is durable before it is acknowledged.
func TestHandler_EndSubscription_Rights(t *testing.T) {
	const asks, notYours = "End this subscription?", "Only the person who bought this license, approvers and admins"
	part := someLicense[:8]
	for _, test := range []struct {
		name, who string
		bought    bool
		question  string // by the whole id
		byPart    string
		may       bool
	}{
		{"its buyer", "UALICE", true, asks, asks, true},
		{"another buyer", "UBOB", true, notYours, notYours, false},
		{"an approver", "UERIN", true, asks, asks, true},
		{"an admin", "UDANA", true, asks, asks, true},
		{"a guest", "UGUEST", true, "Guests can't", "Guests can't", false},
		{"an app", "UROBOT", true, "Apps can't", "Apps can't", false},
		{"someone of another workspace", "UELSE", true, "People from other workspaces", "People from other", false},
		{"a buyer, of a license that was bought outside", "UALICE", false, notYours, "I bought no license", false},
		{"an approver, of a license that was bought outside", "UERIN", false, notYours, "I bought no license", false},
		{"an admin, of a license that was bought outside", "UDANA", false, asks, "I bought no license", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newRenewingEnv(t, test.bought)
			if said := c.command(test.who, "end "+someLicense); !strings.Contains(said, test.question) {
				t.Errorf("by the whole id: got %q, want %q in it", said, test.question)
			}
			if e := c.lastEvent(); (e.Kind == "refused") == test.may {
				t.Errorf("by the whole id: got the record %+v, want a refusal %t", e, !test.may)
			}
			if said := c.command(test.who, "end "+part); !strings.Contains(said, test.byPart) {
				t.Errorf("by a part: got %q, want %q in it", said, test.byPart)
			}
			value := fmt.Sprintf("%s 44 %d 0", someLicense, c.subscriptions[0].CurrentPeriodEnd.UnixMilli())
			reply := c.handler.Action(context.Background(), payload(test.who, "T1", "CMATH", "subscription_end", value))
			if stored := slices.Contains(c.decided(), someLicense); stored != test.may {
				t.Errorf("before the acknowledgement: got a stored decision %t, want %t", stored, test.may)
			}
			said, kind := c.answer(reply), c.lastEvent().Kind
			if test.may && (!strings.Contains(said, "I'm asking CoCalc to end") || kind != "end-requested") ||
				!test.may && kind != "refused" {
				t.Errorf("the click: got %q and the record %q, want it to count %t", said, kind, test.may)
			}
		})
	}
}

// A click counts for what the person saw: once, and not after another decision.
func TestHandler_EndSubscription_Clicks(t *testing.T) {
	c := newRenewingEnv(t, true)
	paidTo := c.subscriptions[0].CurrentPeriodEnd.UnixMilli()
	for _, step := range []struct{ who, kind, value, says string }{
		{"UALICE", "subscription_end", "forged", "This button has expired. Nothing was changed."},
		{"UALICE", "subscription_end", fmt.Sprintf("%s 44 %d 7", someLicense, paidTo), "Something has changed since"},
		{"UALICE", "subscription_leave", "-", "Nothing was changed."},
		{"UALICE", "subscription_end", fmt.Sprintf("%s 44 %d 0", someLicense, paidTo), "I'm asking CoCalc to end"},
		{"UERIN", "subscription_end", fmt.Sprintf("%s 44 %d 0", someLicense, paidTo), "UALICE already asked to end"},
		{"UALICE", "subscription_ask_keep", someLicense, "Keep this license?"},
		{"UALICE", "subscription_keep", fmt.Sprintf("%s 44 %d 1", someLicense, paidTo), "I'm asking CoCalc to keep"},
	} {
		said := c.answer(c.handler.Action(context.Background(), payload(step.who, "T1", "CMATH", step.kind, step.value)))
		if !strings.Contains(said, step.says) {
			t.Errorf("%s clicks %s %s: got %q, want %q in it", step.who, step.kind, step.value, said, step.says)
		}
	}
	if d := c.owned(someLicense).Decision; d.Number != 2 || d.Wish != purchase.WishKeep || d.By != "UALICE" {
		t.Errorf("got the decision %+v, want the second, of Alice", d)
	}
	cb := payload("UALICE", "T1", "CMATH", "subscription_end", fmt.Sprintf("%s 44 %d 2", someLicense, paidTo))
	first := c.answer(c.handler.Action(context.Background(), cb))
	if again := c.answer(c.handler.Action(context.Background(), cb)); again != "" || !strings.Contains(first, "to end") {
		t.Errorf("a click that Slack delivers twice: got %q and %q, want one answer", first, again)
	}
}

// Alice buys a license, ends its subscription from its details, sees that, and keeps it after all.
func TestConversation_EndAndKeep(t *testing.T) {
	env := newEnv(t, nil)
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	subscription := func() string { return env.account.Subscriptions()[0].Status }
	env.says(slacksim.Alice, "show "+env.account.Subscriptions()[0].LicenseID)
	details := env.sees(slacksim.Alice, "Projects running at once")
	env.clicks(slacksim.Alice, details, "End subscription")
	question := env.sees(slacksim.Alice, "Saves $63.75 a month")
	if subscription() != "active" {
		t.Errorf("before the click: got the subscription %s, want it active", subscription())
	}
	env.clicks(slacksim.Alice, question, "End subscription")
	env.seesDirectly(slacksim.Alice, "ended the subscription of license")
	if subscription() != "canceled" {
		t.Errorf("after the click: got the subscription %s, want it canceled", subscription())
	}
	env.says(slacksim.Alice, "keep "+env.account.Subscriptions()[0].LicenseID[:6])
	question = env.sees(slacksim.Alice, "Keeping it is free now")
	env.clicks(slacksim.Alice, question, "Keep subscription")
	env.seesDirectly(slacksim.Alice, "kept license")
	if subscription() != "active" {
		t.Errorf("kept: got the subscription %s, want it active", subscription())
	}
	env.checkSpent(1, 6375)
}
