package bot_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/slacksim"
)

// withAdmin makes carol an admin, and keeps unknown outcomes open long enough to resolve them.
func withAdmin(env *testEnv) {
	env.policy.Admins = map[string]bool{slacksim.Carol: true}
	env.timing.Settle = time.Minute
}

var orderIDBlock = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}`)

// unresolvedOrder buys as alice, with a checkout whose answer is lost. It returns the card and the order's id.
func (env *testEnv) unresolvedOrder() (card slacksim.Message, id string) {
	env.t.Helper()
	env.cocalc.Inject(cocalctest.Fault{
		Endpoint: checkoutPath, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
		Times: 1,
	})
	card = env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	card = env.becomes(card, "Not confirmed yet")
	return card, orderIDBlock.FindString(card.ContentText())
}

// seesDirectly waits until a person has a direct message with the text.
func (env *testEnv) seesDirectly(to, text string) slacksim.Message {
	env.t.Helper()
	m, err := env.slack.Person(to).WaitForText(env.ctx, env.slack.DM(to), text)
	env.must(err)
	return m
}

// events returns the audit records of a kind.
func (env *testEnv) events(kind string) (found []purchase.Event) {
	env.t.Helper()
	env.must(env.ledger.View(env.ctx, func(r purchase.Reader) error {
		events, err := r.Events(1, 10_000)
		for _, e := range events {
			if e.Kind == kind {
				found = append(found, e)
			}
		}
		return err
	}))
	return found
}

// waitForRefusal waits until the audit has a refusal of a person with the code.
func (env *testEnv) waitForRefusal(who string, code purchase.RefusalCode) {
	env.t.Helper()
	env.until(func() bool {
		for _, e := range env.events("refused") {
			if e.By == who && e.Note == string(code) {
				return true
			}
		}
		return false
	})
}

func checkContains(t *testing.T, m slacksim.Message, words ...string) {
	t.Helper()
	for _, want := range words {
		if !strings.Contains(m.ContentText(), want) {
			t.Errorf("got this, want %q in it:\n%s", want, m.ContentText())
		}
	}
}

// The requester sees what CoCalc shows of a held order; an admin settles it, says how they know, and the requester
// reads it.
func TestHandler_Resolve_HeldOrder(t *testing.T) {
	const license = "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"
	for _, c := range []struct {
		button, says, reads string
		spent               purchase.Cents
	}{
		{
			"Mark as not bought", "Marked as not bought. $63.75 is back in the budget",
			"carol marked it as not bought. Reason: “CoCalc's support looked”.", 0,
		},
		{
			"Mark as bought", "Marked as bought. $63.75 counts as spent",
			"carol marked it as bought. Reason: “CoCalc's support looked”.", 6375,
		},
	} {
		t.Run(c.button, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, withAdmin)
			card, id := env.unresolvedOrder()
			env.says(slacksim.Alice, "order "+id)
			seen := env.sees(slacksim.Alice, "What CoCalc shows")
			checkContains(t, seen, "CoCalc's answer to the checkout was lost", "On hold since",
				"Cart item 1 is in the cart and isn't marked as bought",
				"The account has no licenses")
			if strings.Contains(seen.ContentText(), "API key") {
				t.Errorf("got %s\nwant no %q for alice", seen.ContentText(), "API key")
			}
			if len(seen.Buttons()) > 0 {
				t.Errorf("alice's buttons: got %v, want none", seen.Buttons())
			}
			env.says(slacksim.Bob, "settle "+id)
			env.sees(slacksim.Bob, "Only admins can do that")
			env.waitForRefusal(slacksim.Bob, purchase.NotAnAdmin)

			env.says(slacksim.Carol, "settle "+id)
			choice := env.sees(slacksim.Carol, "you can resolve this order")
			checkContains(t, choice, "CoCalc accepts the API key")
			env.clicks(slacksim.Carol, choice, c.button)
			carol := env.slack.Person(slacksim.Carol)
			modal, err := carol.WaitForModal(env.ctx, nil)
			env.must(err)
			if problems, err := carol.Submit(env.ctx); err != nil || problems["reason"] == "" {
				t.Errorf("without a reason: got %v, %v; want a problem of the reason", problems, err)
			}
			env.must(carol.Fill(env.ctx, modal, "How do you know?", "CoCalc's support looked"))
			if c.spent > 0 {
				env.must(carol.Fill(env.ctx, modal, "License id", "the big one"))
				if problems, err := carol.Submit(env.ctx); err != nil ||
					!strings.Contains(problems["license"], "isn't a license id") {
					t.Errorf("with nonsense for a license: got %v, %v; want a problem of the license", problems, err)
				}
				env.must(carol.Fill(env.ctx, modal, "License id", "https://cocalc.example/settings/licenses?id="+license))
			}
			problems, err := carol.Submit(env.ctx)
			if err != nil || len(problems) > 0 {
				t.Fatalf("got problems %v (error %v), want none", problems, err)
			}
			done, err := carol.WaitForUpdate(env.ctx, choice, func(m slacksim.Message) bool {
				return strings.Contains(m.ContentText(), "Marked as")
			})
			env.must(err)
			if text := strings.ReplaceAll(done.ContentText(), "*", ""); !strings.Contains(text, c.says) ||
				len(done.Buttons()) > 0 {
				t.Errorf("got this with the buttons %v, want %q and no buttons:\n%s", done.Buttons(), c.says, text)
			}
			now := env.becomes(card, c.reads)
			if c.spent > 0 {
				checkContains(t, now, license, "CoCalc didn't confirm this purchase")
			}
			if e := env.events("settled"); len(e) != 1 || e[0].By != slacksim.Carol ||
				!strings.Contains(e[0].Note, "CoCalc's support looked") {
				t.Errorf("audit records: got %+v, want one by %v with %q", e, slacksim.Carol, "CoCalc's support looked")
			}
			h, err := env.desk.History(env.ctx, 1, 10)
			if env.must(err); h.Months[0].Spent != c.spent || h.Months[0].Reserved != 0 {
				t.Errorf("ledger: got %+v, want %v spent and nothing reserved", h.Months[0], c.spent)
			}
			env.clicks(slacksim.Carol, choice, c.button) // the buttons of a screen that lags behind
			env.sees(slacksim.Carol, "There's nothing to resolve")
		})
	}
}

// Someone else buys on the same account: the purchases channel reads it once, also over a restart.
func TestPublisher_Notices_ForeignPurchaseOnce(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { env.channel = slacksim.General })
	env.until(func() bool { // the bot watches the account
		var account purchase.AccountState
		env.must(env.ledger.View(env.ctx, func(r purchase.Reader) (err error) { account, err = r.Account(); return err }))
		return !account.Watching.IsZero()
	})
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU, spec.Title = 4, 1, "somebody's own"
	env.account.AddToCart("site-license", string(spec.CartDescription(time.Now())))
	env.must(env.account.Checkout())
	env.restart()
	m := env.sees(slacksim.Bob, "A purchase made outside this bot")
	checkContains(t, m, purchase.ShortID(env.account.Licenses()[0].ID), "but not by me",
		"It doesn't count toward the budget")
	env.restart()
	env.says(slacksim.Alice, "history")
	env.sees(slacksim.Alice, "No purchases yet")
	told := 0
	for _, m := range env.slack.Messages(slacksim.General) {
		if strings.Contains(m.ContentText(), "A purchase made outside this bot") {
			told++
		}
	}
	if told != 1 || len(env.events("foreign-purchase")) != 1 {
		t.Errorf("got %d messages, %d records; want 1 and 1", told, len(env.events("foreign-purchase")))
	}
}

// An item that breaks the cart is named to the admins, who take it out with a button; the order goes on by itself.
func TestHandler_RemoveItem_Button(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { withAdmin(env); env.timing.Patience = 30 * time.Second })
	env.must(env.cocalc.SwitchOn("cart-broken"))
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	named := env.seesDirectly(slacksim.Carol, "An item blocks the CoCalc cart")
	button := fmt.Sprintf("Remove item %d from the cart", env.foreignItem())
	checkContains(t, named, fmt.Sprintf("Item %d in the cart", env.foreignItem()), "blocks every purchase")
	env.clicks(slacksim.Carol, named, button)
	now, err := env.slack.Person(slacksim.Carol).WaitForUpdate(env.ctx, named, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), "I removed item")
	})
	env.must(err)
	if checkContains(t, now, "An item blocks the CoCalc cart", "I removed item"); len(now.Buttons()) > 0 {
		t.Errorf("buttons afterwards: got %v, want none", now.Buttons())
	}
	env.becomes(card, "Bought for $63.75")
	env.clicks(slacksim.Carol, named, button) // on a screen that lags behind
	_, err = env.slack.Person(slacksim.Carol).WaitForUpdate(env.ctx, now, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), "no longer in the cart")
	})
	env.must(err)
	env.checkSpent(1, 6375)
}

// Without admins the purchases channel is told; anyone who clicks there is refused, and nothing is touched.
func TestHandler_RemoveItem_OnlyAdmins(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { env.channel = slacksim.General })
	env.must(env.cocalc.SwitchOn("cart-broken"))
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	named := env.sees(slacksim.Bob, "An item blocks the CoCalc cart")
	env.clicks(slacksim.Bob, named, fmt.Sprintf("Remove item %d from the cart", env.foreignItem()))
	env.sees(slacksim.Bob, "Only admins can do that")
	env.waitForRefusal(slacksim.Bob, purchase.NotAnAdmin)
	for _, item := range env.account.Cart() {
		if item.ID == env.foreignItem() && !item.Removed.IsZero() {
			t.Error("got the item removed, want it kept")
		}
	}
}

func TestHandler_Pause_Resume(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withAdmin(env)
		env.channel = slacksim.General
		env.policy.Admins[slacksim.Bob] = true
	})
	card := env.card()
	env.says(slacksim.Alice, "pause I want to")
	env.sees(slacksim.Alice, "Only admins can do that")
	env.says(slacksim.Carol, "pause the *budget* is being checked")
	env.sees(slacksim.Carol, "Buying is paused. Payments already in progress")
	checkContains(t, env.seesDirectly(slacksim.Bob, "Buying is paused"), "carol paused it on ",
		"the *budget* is being checked",
		"/license resume")
	env.sees(slacksim.Alice, "carol paused it on ") // in the purchases channel
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.waitForRefusal(slacksim.Alice, purchase.Paused)
	alice := env.slack.Person(slacksim.Alice)
	env.must(alice.Home())
	home, err := alice.WaitForHome(env.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), "Buying is paused")
	})
	env.must(err)
	if strings.Contains(home.ContentText(), "/license resume") {
		t.Errorf("alice's Home tab: got %s\nwant no %q", home.ContentText(), "/license resume")
	}
	env.says(slacksim.Carol, "pause once more")
	env.sees(slacksim.Carol, "Buying is already paused. ")
	env.says(slacksim.Bob, "resume it was checked")
	env.sees(slacksim.Bob, "Buying is back on. Orders that were waiting")
	env.seesDirectly(slacksim.Carol, "bob resumed buying. Reason: “it was checked”.")
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	env.checkSpent(1, 6375)
}

// Who is no full member neither buys nor decides, also when they are on every list, and is answered.
func TestHandler_Command_GuestsAndStrangers(t *testing.T) {
	t.Parallel()
	const guest, stranger, app, grid = "U0GUEST", "U0ELSE", "U0APP", "U0GRID"
	env := newEnv(t, func(env *testEnv) {
		env.policy.Everyone = true
		env.policy.Admins = map[string]bool{guest: true, stranger: true, app: true}
		env.slack.AddUser(slacksim.User{ID: guest, Name: "gina", UltraRestricted: true})
		env.slack.AddUser(slacksim.User{ID: stranger, Name: "stan", TeamID: "T0ELSE", Stranger: true})
		env.slack.AddUser(slacksim.User{ID: app, Name: "other-app", Bot: true})
		env.slack.AddUser(slacksim.User{
			ID: grid, Name: "greta", TeamID: "T0ELSE",
			Teams: []string{"T0ELSE", env.slack.Team().ID},
		})
		for _, who := range []string{guest, stranger, app, grid} {
			env.slack.Invite(slacksim.General, who)
		}
	})
	for who, why := range map[string]string{
		guest: "Guests can't buy", stranger: "People from other workspaces",
		app: "Apps can't buy",
	} {
		env.says(who, "buy ram=16 cpu=2")
		env.sees(who, why)
		env.waitForRefusal(who, purchase.Outsider)
		env.says(who, "quote ram=16 cpu=2") // reading is for everyone in the channel
		env.sees(who, "$63.75 a month")
		before := len(env.events("refused"))
		env.says(who, "pause I can")
		env.until(func() bool { return len(env.events("refused")) > before })
	}
	env.says(grid, "buy ram=16 cpu=2") // of the same organization, and in this workspace
	card := env.sees(grid, "A CoCalc license for $63.75 a month")
	// who left it a moment ago: within five minutes no one asks
	env.slack.AddUser(slacksim.User{ID: grid, Name: "greta", TeamID: "T0ELSE"})
	env.clicks(grid, card, "Cancel order")
	env.until(func() bool { return len(env.events("cancelled")) == 1 })
	env.checkSpent(0, 0)
}

// When Slack does not say who someone is, they cannot buy, are told so within Slack's three seconds, and nothing is
// held up.
func TestHandler_Command_UnverifiedPerson(t *testing.T) {
	t.Parallel()
	env := newEnv(t, nil)
	env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"users.info": {Error: "internal_error"}}})
	env.says(slacksim.Alice, "buy ram=16 cpu=2")
	env.sees(slacksim.Alice, "Slack didn't tell me who you are")
	env.waitForRefusal(slacksim.Alice, purchase.Outsider)
	env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"users.info": {Delay: 10 * time.Second}}})
	env.says(slacksim.Bob, "buy ram=16 cpu=2")
	env.sees(slacksim.Bob, "Slack didn't tell me who you are")
	env.slack.SetFaults(slacksim.Faults{})
	env.says(slacksim.Alice, "buy ram=16 cpu=2")
	env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
}

// A double buy is on the card with both licenses and the amount, and is told to the admins and in the purchases
// channel.
func TestReceiptCard_DoubleBuy(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withAdmin(env)
		env.channel = slacksim.General
		env.timing.Settle = 2 * time.Second // after which a purchase that shows late is found
	})
	card := env.card()
	env.inject("double-checkout")
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	now := env.becomes(card, "CoCalc sold this more than once")
	first, second := env.account.Licenses()[0].ID, env.account.Licenses()[1].ID
	checkContains(t, now, first, second, "$63.75 was charged too much", "Buying is paused until an admin resumes it")
	checkContains(t, env.seesDirectly(slacksim.Carol, "A license was bought more than once"), first, second,
		"$63.75 too much",
		"/license resume")
	public := env.sees(slacksim.Bob, "A license was bought more than once")
	checkContains(t, public, purchase.ShortID(first), purchase.ShortID(second))
	checkNoWholeIDs(t, public)
	env.says(slacksim.Alice, "buy ram=16 cpu=2")
	env.sees(slacksim.Alice, "An admin can resume it")
	env.says(slacksim.Carol, "resume CoCalc paid it back")
	env.sees(slacksim.Carol, "Buying is back on")
	env.checkSpent(2, 2*6375)
}
