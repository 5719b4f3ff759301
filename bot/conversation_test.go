package bot_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"licensebot/internal/app"
	"licensebot/purchase"
	"licensebot/slacksim"
)

func TestConversation_BuyAndList(t *testing.T) {
	env := newEnv(t, nil)
	card := env.card()
	if !card.Ephemeral() {
		t.Error("got a card that others see, want it ephemeral")
	}
	for _, want := range []string{
		"16 GB RAM · 2 cores · 10 GB disk", "Renews every month at $63.75 until cancelled",
		"$1,000.00 of this month's budget is left",
	} {
		if !strings.Contains(card.ContentText(), want) {
			t.Errorf("got this card, want %q in it:\n%s", want, card.ContentText())
		}
	}
	if got := strings.Join(card.Buttons(), ", "); got != "Buy for $63.75, Edit, Cancel order" {
		t.Errorf("buttons: got %s, want %q", got, "Buy for $63.75, Edit, Cancel order")
	}
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	receipt := env.becomes(card, "Bought for $63.75")
	license := env.account.Licenses()[0].ID
	if !strings.Contains(receipt.ContentText(), license) ||
		!regexp.MustCompile(`Order .?[0-9A-Z]{26}`).MatchString(receipt.ContentText()) {
		t.Errorf("got this receipt, want the ids of the license and the order in it:\n%s", receipt.ContentText())
	}
	line := env.sees(slacksim.Carol, "bought a CoCalc license for $63.75 a month")
	checkNoWholeIDs(t, line)
	checkContains(t, line, purchase.ShortID(license))
	if line.Ephemeral() {
		t.Error("got an ephemeral line, want it seen by all")
	}
	env.says(slacksim.Alice, "list")
	list := env.sees(slacksim.Alice, "1 active license")
	if !strings.Contains(list.ContentText(), license) || !strings.Contains(list.ContentText(), "never used") {
		t.Errorf("list: got %s\nwant %q and %q in it", list.ContentText(), license, "never used")
	}
	env.clicks(slacksim.Alice, list, "Details")
	details := env.becomes(list, "Each project gets")
	env.clicks(slacksim.Alice, details, "← Back to list")
	env.becomes(details, "1 active license")
	env.says(slacksim.Bob, "history")
	if h := env.sees(slacksim.Bob, "$63.75 spent, 1 license"); !strings.Contains(h.ContentText(), license) {
		t.Errorf("history: got %s\nwant %q in it", h.ContentText(), license)
	}
	env.checkSpent(1, 6375)
}

func TestConversation_EditBeforeBuying(t *testing.T) {
	env := newEnv(t, nil)
	card := env.card()
	env.clicks(slacksim.Alice, card, "Edit")
	alice := env.slack.Person(slacksim.Alice)
	modal, err := alice.WaitForModal(env.ctx, nil)
	env.must(err)
	env.must(alice.Fill(env.ctx, modal, "Memory per project", "8"))
	modal, err = alice.WaitForModal(env.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), "$48.75")
	})
	env.must(err)
	env.must(alice.Fill(env.ctx, modal, "Memory per project", "64"))
	problems, err := alice.Submit(env.ctx)
	env.must(err)
	if len(problems) != 1 || problems["ram"] == "" {
		t.Errorf("64 GB: got %v, want a problem of ram alone", problems)
	}
	modal, err = alice.WaitForModal(env.ctx, nil)
	env.must(err)
	env.must(alice.Fill(env.ctx, modal, "Memory per project", "8"))
	env.must(alice.Fill(env.ctx, modal, "Title", "Statistics *bold* <!channel>"))
	problems, err = alice.Submit(env.ctx)
	env.must(err)
	if len(problems) != 0 {
		t.Fatalf("problems: got %v, want none", problems)
	}
	card = env.becomes(card, "A CoCalc license for $48.75 a month")
	env.clicks(slacksim.Alice, card, "Buy for $48.75")
	receipt := env.becomes(card, "Bought for $48.75")
	if !strings.Contains(receipt.ContentText(), "Statistics *bold* <!channel>") {
		t.Errorf("receipt: got %s\nwant the title %q in it", receipt.ContentText(), "Statistics *bold* <!channel>")
	}
	env.checkSpent(1, 4875)
}

func TestConversation_BuyWithoutFields(t *testing.T) {
	env := newEnv(t, nil)
	env.says(slacksim.Alice, "buy")
	alice := env.slack.Person(slacksim.Alice)
	modal, err := alice.WaitForModal(env.ctx, nil)
	env.must(err)
	env.must(alice.Fill(env.ctx, modal, "Memory per project", "4"))
	env.must(alice.Choose(env.ctx, modal, "Cores per project", "1 core"))
	if strings.Contains(modal.ContentText(), "Last day") {
		t.Errorf("form of a license that renews: got %s\nwant no %q", modal.ContentText(), "Last day")
	}
	env.must(alice.Choose(env.ctx, modal, "Billing", "Fixed term, doesn't renew"))
	modal, err = alice.WaitForModal(env.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), "Choose a last day")
	})
	env.must(err)
	env.must(alice.Fill(env.ctx, modal, "Last day", time.Now().AddDate(0, 2, 0).Format("2006-01-02")))
	problems, err := alice.Submit(env.ctx)
	env.must(err)
	if len(problems) != 0 {
		t.Fatalf("problems: got %v, want none", problems)
	}
	card := env.sees(slacksim.Alice, "Fixed term. Doesn't renew")
	env.clicks(slacksim.Alice, card, "Cancel order")
	env.becomes(card, "Order cancelled. Nothing was charged")
	env.checkSpent(0, 0)
}

func TestConversation_Refusals(t *testing.T) {
	cases := []struct {
		name, who, text, says string
	}{
		{"someone without rights", slacksim.Carol, "buy ram=16 cpu=2", "You aren't on the list of people who can buy"},
		{"too expensive", slacksim.Alice, "buy ram=16 cpu=2 run_limit=10", "more than the limit of $200.00 per order"},
		{"a misspelt field", slacksim.Alice, "buy rma=16 cpu=2", "Did you mean `ram`?"},
		{"out of bounds", slacksim.Alice, "buy ram=64 cpu=9", "`ram` must be between 1 and 16 GB"},
		{"a field is missing", slacksim.Alice, "buy ram=16", "`cpu` is required"},
		{
			"only a command, misspelled", slacksim.Alice, "by",
			"I don't know `/license by`. Did you mean `/license buy`?\nSee `/license help buy`.",
		},
		{"an unknown command", slacksim.Alice, "byu ram=16", "Did you mean `/license buy`?"},
		{"an unknown order", slacksim.Alice, "order 01JD8Z3V5TQ4X6B7N8M9P0RSTW", "There's no order with that id"},
		{
			"an order that may have been pruned", slacksim.Alice, "order " + string(prunedOrder),
			"Orders of that time that were never confirmed have been removed",
		},
		{
			"an unknown license", slacksim.Alice, "show 2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e",
			"CoCalc doesn't know a license with that id",
		},
		{"no licenses yet", slacksim.Alice, "list", "No active licenses yet"},
		{"nothing bought yet", slacksim.Alice, "history", "No purchases yet"},
		{"help", slacksim.Alice, "", "/license buy"},
		{"help for a field", slacksim.Alice, "help uptime", "uptime"},
		{"a price", slacksim.Carol, "quote ram=16 cpu=2", "$63.75 a month"},
	}
	env := newEnv(t, func(env *testEnv) {
		env.decorate = app.Decorators{Ledger: func(l purchase.Ledger) purchase.Ledger { return prunedLedger{l} }}
	})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			env.says(c.who, c.text)
			if m := env.sees(c.who, c.says); !m.Ephemeral() {
				t.Error("got a message that everyone sees, want it ephemeral")
			}
		})
	}
	env.checkSpent(0, 0)
}

// prunedOrder is the id of an order of a time of which orders were pruned from a prunedLedger.
const prunedOrder purchase.OrderID = "01H8Z3V5TQ4X6B7N8M9P0RSTWX"

type prunedLedger struct{ purchase.Ledger }

func (l prunedLedger) View(ctx context.Context, read func(purchase.Reader) error) error {
	return l.Ledger.View(ctx, func(r purchase.Reader) error { return read(prunedReader{r}) })
}

type prunedReader struct{ purchase.Reader }

func (r prunedReader) Order(id purchase.OrderID) (purchase.Order, error) {
	if id == prunedOrder {
		return purchase.Order{}, purchase.ErrPruned
	}
	return r.Reader.Order(id)
}

func TestConversation_ClicksThatDoNotCount(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		env := newEnv(t, nil)
		card := env.card()
		env.clicks(slacksim.Alice, card, "Buy for $63.75")
		env.clicks(slacksim.Alice, card, "Buy for $63.75")
		env.sees(slacksim.Alice, "You've already confirmed this order")
		env.becomes(card, "Bought for $63.75")
		env.clicks(slacksim.Alice, card, "Buy for $63.75")
		env.sees(slacksim.Alice, "didn't buy it again")
		env.checkSpent(1, 6375)
	})
	t.Run("on a card from before", func(t *testing.T) {
		env := newEnv(t, nil)
		card := env.card()
		env.clicks(slacksim.Alice, card, "Cancel order")
		env.becomes(card, "Order cancelled. Nothing was charged")
		env.clicks(slacksim.Alice, card, "Buy for $63.75")
		env.sees(slacksim.Alice, "This order was cancelled, and nothing was charged.")
		env.checkSpent(0, 0)
	})
	t.Run("skip a repeated delivery", func(t *testing.T) {
		env := newEnv(t, nil)
		card := env.card()
		env.clicks(slacksim.Alice, card, "Buy for $63.75")
		env.becomes(card, "Bought for $63.75")
		e, ok := env.slack.LastEnvelope("interactive")
		if !ok {
			t.Fatal("got no click, want one")
		}
		env.must(env.slack.Redeliver(env.ctx, e))
		env.must(env.slack.Repeat(env.ctx, e)) // the same click under another envelope id
		env.checkSpent(1, 6375)
	})
}

func TestConversation_BotNotInChannel(t *testing.T) {
	env := newEnv(t, nil)
	alice := env.slack.Person(slacksim.Alice)
	env.must(alice.Command(env.ctx, slacksim.Random, "/license", "buy ram=16 cpu=2"))
	card, err := alice.WaitForText(env.ctx, slacksim.Random, "A CoCalc license for")
	env.must(err)
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "/invite @licensebot")
	env.checkSpent(1, 6375)
}

// With PURCHASES_CHANNEL every purchase is told there, wherever it was asked for.
func TestConversation_PurchasesChannel(t *testing.T) {
	env := newEnv(t, func(env *testEnv) { env.channel = slacksim.General })
	alice := env.slack.Person(slacksim.Alice)
	env.must(alice.Command(env.ctx, slacksim.Random, "/license", "buy ram=16 cpu=2"))
	card, err := alice.WaitForText(env.ctx, slacksim.Random, "A CoCalc license for")
	env.must(err)
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.sees(slacksim.Carol, "bought a CoCalc license")
}

func TestConversation_Restart(t *testing.T) {
	env := newEnv(t, nil)
	card := env.card()
	env.restart()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	env.restart()
	env.says(slacksim.Alice, "history")
	env.sees(slacksim.Alice, "$63.75 spent, 1 license")
	env.checkSpent(1, 6375)
}

// The outcome reaches the requester also when Slack no longer takes anything at the card's response URL.
func TestConversation_UnreachableCard(t *testing.T) {
	env := newEnv(t, nil)
	card := env.card()
	env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"response_url": {Status: 404}}})
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	m, err := env.slack.Person(slacksim.Alice).WaitForText(env.ctx, env.slack.DM(slacksim.Alice), "Bought for $63.75")
	env.must(err)
	if m.Ephemeral() {
		t.Error("got an ephemeral message, want one that can be updated")
	}
	env.checkSpent(1, 6375)
}

func TestHandler_HomeOpened(t *testing.T) {
	env := newEnv(t, nil)
	alice := env.slack.Person(slacksim.Alice)
	env.must(alice.Home())
	home, err := alice.WaitForHome(env.ctx, nil)
	env.must(err)
	env.clicks(slacksim.Alice, home, "Buy a license")
	modal, err := alice.WaitForModal(env.ctx, nil)
	env.must(err)
	env.must(alice.Fill(env.ctx, modal, "Memory per project", "16"))
	env.must(alice.Choose(env.ctx, modal, "Cores per project", "2 cores"))
	_, err = alice.Submit(env.ctx)
	env.must(err)
	card, err := alice.WaitForText(env.ctx, env.slack.DM(slacksim.Alice), "A CoCalc license for $63.75")
	env.must(err)
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	_, err = alice.WaitForText(env.ctx, env.slack.DM(slacksim.Alice), "Bought for $63.75")
	env.must(err)
	env.checkSpent(1, 6375)
}

// The Home tab offers the form to people who can buy alone: an admin who isn't a buyer sees licenses and money, and no
// way to an order that is refused.
func TestHandler_HomeOpened_AdminWithoutBuying(t *testing.T) {
	env := newEnv(t, func(env *testEnv) { env.policy.Admins = map[string]bool{slacksim.Carol: true} })
	carol := env.slack.Person(slacksim.Carol)
	env.must(carol.Home())
	home, err := carol.WaitForHome(env.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(),
			"left")
	})
	env.must(err)
	if said := home.ContentText(); strings.Contains(said, "Buy a license") || strings.Contains(said, "/license buy") ||
		!strings.Contains(said, "You can't buy licenses here") {
		t.Errorf("Home tab: got %s\nwant neither %q nor %q, and %q", said, "Buy a license", "/license buy",
			"You can't buy licenses here")
	}
	env.clicks(slacksim.Carol, home, "Purchase history")
}

// SIGTERM in the middle of a checkout: the checkout is brought to its end and the receipt shown before Run returns.
func TestConversation_StopDuringCheckout(t *testing.T) {
	env := newEnv(t, func(env *testEnv) { env.cocalc.SetCheckoutTakes(700 * time.Millisecond) })
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Paying …")
	env.stop()
	now, ok := env.slack.Current(card)
	if !ok || !strings.Contains(now.ContentText(), "Bought for $63.75") {
		t.Errorf("card after the stop: got %s (there: %t)\nwant %q in it", now.ContentText(), ok, "Bought for $63.75")
	}
	env.start()
	env.checkSpent(1, 6375)
}

func TestConversation_BuyAnotherLikeThis(t *testing.T) {
	env := newEnv(t, nil)
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	receipt := env.becomes(card, "Bought for $63.75")
	env.clicks(slacksim.Alice, receipt, "Buy another like this")
	env.clicks(slacksim.Alice, env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month"), "Buy for $63.75")
	env.until(func() bool { return len(env.account.Licenses()) == 2 })
	env.says(slacksim.Bob, "show "+env.account.Licenses()[0].ID)
	details := env.sees(slacksim.Bob, "Each project gets")
	env.clicks(slacksim.Bob, details, "Buy another like this") // bob's own order now
	env.clicks(slacksim.Bob, env.sees(slacksim.Bob, "A CoCalc license for $63.75 a month"), "Buy for $63.75")
	env.sees(slacksim.Bob, "Bought for $63.75")
	env.checkSpent(3, 3*6375)
}

// /license order tells the requester where an order stands, and what is known about it.
func TestHandler_Order_StatusForOthers(t *testing.T) {
	env := newEnv(t, nil)
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	receipt := env.becomes(card, "Bought for $63.75")
	id := regexp.MustCompile(`[0-9A-Z]{26}`).FindString(receipt.ContentText())
	env.says(slacksim.Alice, "order "+strings.ToLower(id))
	m := env.sees(slacksim.Alice, "Checkout sent")
	for _, want := range []string{
		"Bought for $63.75", "requested it", "Confirmed", "Cart item 1", "answer: success",
		"CoCalc purchase",
	} {
		if !strings.Contains(m.ContentText(), want) {
			t.Errorf("got this, want %q in it:\n%s", want, m.ContentText())
		}
	}
	if len(m.Buttons()) != 0 {
		t.Errorf("buttons: got %v, want none", m.Buttons())
	}
	env.says(slacksim.Bob, "order "+id)
	env.sees(slacksim.Bob, "This is someone else's order")
	env.says(slacksim.Bob, "cancel "+id)
	env.sees(slacksim.Bob, "Only the person who requested this order can do that")
	env.says(slacksim.Alice, "cancel "+id)
	env.sees(slacksim.Alice, "It's too late to cancel this order: the license was bought")
}
