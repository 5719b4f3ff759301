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
func withAdmin(w *env) {
	w.policy.Admins = map[string]bool{slacksim.Carol: true}
	w.timing.Settle = time.Minute
}

var orderIDBlock = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}`)

// unresolvedOrder buys as alice, with a checkout whose answer is lost. It returns the card and the order's id.
func (w *env) unresolvedOrder() (card slacksim.Message, id string) {
	w.t.Helper()
	w.cocalc.Inject(cocalctest.Fault{
		Endpoint: checkoutPath, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
		Times: 1,
	})
	card = w.card()
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	card = w.becomes(card, "Not confirmed yet")
	return card, orderIDBlock.FindString(card.ContentText())
}

// seesDirectly waits until a person has a direct message with the text.
func (w *env) seesDirectly(to, text string) slacksim.Message {
	w.t.Helper()
	m, err := w.slack.Person(to).WaitForText(w.ctx, w.slack.DM(to), text)
	w.must(err)
	return m
}

// events returns the audit records of a kind.
func (w *env) events(kind string) (found []purchase.Event) {
	w.t.Helper()
	w.must(w.ledger.View(w.ctx, func(r purchase.Reader) error {
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
func (w *env) waitForRefusal(who string, code purchase.RefusalCode) {
	w.t.Helper()
	w.until(func() bool {
		for _, e := range w.events("refused") {
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
			w := newEnv(t, withAdmin)
			card, id := w.unresolvedOrder()
			w.says(slacksim.Alice, "order "+id)
			seen := w.sees(slacksim.Alice, "What CoCalc shows")
			checkContains(t, seen, "CoCalc's answer to the checkout was lost", "On hold since",
				"Cart item 1 is in the cart and isn't marked as bought",
				"The account has no licenses")
			if strings.Contains(seen.ContentText(), "API key") {
				t.Errorf("alice reads of the API key; want no %q:\n%s", "API key", seen.ContentText())
			}
			if len(seen.Buttons()) > 0 {
				t.Errorf("alice gets buttons: %v; want none", seen.Buttons())
			}
			w.says(slacksim.Bob, "settle "+id)
			w.sees(slacksim.Bob, "Only admins can do that")
			w.waitForRefusal(slacksim.Bob, purchase.NotAnAdmin)

			w.says(slacksim.Carol, "settle "+id)
			choice := w.sees(slacksim.Carol, "you can resolve this order")
			checkContains(t, choice, "CoCalc accepts the API key")
			w.clicks(slacksim.Carol, choice, c.button)
			carol := w.slack.Person(slacksim.Carol)
			modal, err := carol.WaitForModal(w.ctx, nil)
			w.must(err)
			if problems, err := carol.Submit(w.ctx); err != nil || problems["reason"] == "" {
				t.Errorf("without a reason: got %v, %v; want a problem of the reason", problems, err)
			}
			w.must(carol.Fill(w.ctx, modal, "How do you know?", "CoCalc's support looked"))
			if c.spent > 0 {
				w.must(carol.Fill(w.ctx, modal, "License id", "the big one"))
				if problems, err := carol.Submit(w.ctx); err != nil ||
					!strings.Contains(problems["license"], "isn't a license id") {
					t.Errorf("with nonsense for a license: got %v, %v; want a problem of the license", problems, err)
				}
				w.must(carol.Fill(w.ctx, modal, "License id", "https://cocalc.example/settings/licenses?id="+license))
			}
			problems, err := carol.Submit(w.ctx)
			if err != nil || len(problems) > 0 {
				t.Fatalf("%v, %v; want no error, len(problems) = 0", problems, err)
			}
			done, err := carol.WaitForUpdate(w.ctx, choice, func(m slacksim.Message) bool {
				return strings.Contains(m.ContentText(), "Marked as")
			})
			w.must(err)
			if text := strings.ReplaceAll(done.ContentText(), "*", ""); !strings.Contains(text, c.says) ||
				len(done.Buttons()) > 0 {
				t.Errorf("got this with the buttons %v, want %q and no buttons:\n%s", done.Buttons(), c.says, text)
			}
			now := w.becomes(card, c.reads)
			if c.spent > 0 {
				checkContains(t, now, license, "CoCalc didn't confirm this purchase")
			}
			if e := w.events("settled"); len(e) != 1 || e[0].By != slacksim.Carol ||
				!strings.Contains(e[0].Note, "CoCalc's support looked") {
				t.Errorf("recorded %+v; want len(e) = 1, e[0].By = %v, e[0].Note with %q", e, slacksim.Carol,
					"CoCalc's support looked")
			}
			h, err := w.desk.History(w.ctx, 1, 10)
			if w.must(err); h.Months[0].Spent != c.spent || h.Months[0].Reserved != 0 {
				t.Errorf("the ledger says %+v; want h.Months[0].Spent = %v, h.Months[0].Reserved = 0", h.Months[0], c.spent)
			}
			w.clicks(slacksim.Carol, choice, c.button) // the buttons of a screen that lags behind
			w.sees(slacksim.Carol, "There's nothing to resolve")
		})
	}
}

// Someone else buys on the same account: the purchases channel reads it once, also over a restart.
func TestPublisher_Notices_ForeignPurchaseOnce(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { w.channel = slacksim.General })
	w.until(func() bool { // the bot watches the account
		var account purchase.AccountState
		w.must(w.ledger.View(w.ctx, func(r purchase.Reader) (err error) { account, err = r.Account(); return err }))
		return !account.Watching.IsZero()
	})
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU, spec.Title = 4, 1, "somebody's own"
	w.account.AddToCart("site-license", string(spec.CartDescription(time.Now())))
	w.must(w.account.Checkout())
	w.restart()
	m := w.sees(slacksim.Bob, "A purchase made outside this bot")
	checkContains(t, m, purchase.ShortID(w.account.Licenses()[0].ID), "but not by me",
		"It doesn't count toward the budget")
	w.restart()
	w.says(slacksim.Alice, "history")
	w.sees(slacksim.Alice, "No purchases yet")
	told := 0
	for _, m := range w.slack.Messages(slacksim.General) {
		if strings.Contains(m.ContentText(), "A purchase made outside this bot") {
			told++
		}
	}
	if told != 1 || len(w.events("foreign-purchase")) != 1 {
		t.Errorf("told %d times, recorded %d times; want 1 and 1", told, len(w.events("foreign-purchase")))
	}
}

// An item that breaks the cart is named to the admins, who take it out with a button; the order goes on by itself.
func TestHandler_RemoveItem_Button(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { withAdmin(w); w.timing.Patience = 30 * time.Second })
	w.must(w.cocalc.SwitchOn("cart-broken"))
	card := w.card()
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	named := w.seesDirectly(slacksim.Carol, "An item blocks the CoCalc cart")
	button := fmt.Sprintf("Remove item %d from the cart", w.foreignItem())
	checkContains(t, named, fmt.Sprintf("Item %d in the cart", w.foreignItem()), "blocks every purchase")
	w.clicks(slacksim.Carol, named, button)
	now, err := w.slack.Person(slacksim.Carol).WaitForUpdate(w.ctx, named, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), "I removed item")
	})
	w.must(err)
	if checkContains(t, now, "An item blocks the CoCalc cart", "I removed item"); len(now.Buttons()) > 0 {
		t.Errorf("the button is still there: %v; want none", now.Buttons())
	}
	w.becomes(card, "Bought for $63.75")
	w.clicks(slacksim.Carol, named, button) // on a screen that lags behind
	_, err = w.slack.Person(slacksim.Carol).WaitForUpdate(w.ctx, now, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), "no longer in the cart")
	})
	w.must(err)
	w.checkSpent(1, 6375)
}

// Without admins the purchases channel is told; anyone who clicks there is refused, and nothing is touched.
func TestHandler_RemoveItem_OnlyAdmins(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { w.channel = slacksim.General })
	w.must(w.cocalc.SwitchOn("cart-broken"))
	card := w.card()
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	named := w.sees(slacksim.Bob, "An item blocks the CoCalc cart")
	w.clicks(slacksim.Bob, named, fmt.Sprintf("Remove item %d from the cart", w.foreignItem()))
	w.sees(slacksim.Bob, "Only admins can do that")
	w.waitForRefusal(slacksim.Bob, purchase.NotAnAdmin)
	for _, item := range w.account.Cart() {
		if item.ID == w.foreignItem() && !item.Removed.IsZero() {
			t.Error("got the item removed, want it kept")
		}
	}
}

func TestHandler_Pause_Resume(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) {
		withAdmin(w)
		w.channel = slacksim.General
		w.policy.Admins[slacksim.Bob] = true
	})
	card := w.card()
	w.says(slacksim.Alice, "pause I want to")
	w.sees(slacksim.Alice, "Only admins can do that")
	w.says(slacksim.Carol, "pause the *budget* is being checked")
	w.sees(slacksim.Carol, "Buying is paused. Payments already in progress")
	checkContains(t, w.seesDirectly(slacksim.Bob, "Buying is paused"), "carol paused it on ",
		"the *budget* is being checked",
		"/license resume")
	w.sees(slacksim.Alice, "carol paused it on ") // in the purchases channel
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	w.waitForRefusal(slacksim.Alice, purchase.Paused)
	alice := w.slack.Person(slacksim.Alice)
	w.must(alice.Home())
	home, err := alice.WaitForHome(w.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), "Buying is paused")
	})
	w.must(err)
	if strings.Contains(home.ContentText(), "/license resume") {
		t.Errorf("alice is told how to resume; want no %q:\n%s", "/license resume", home.ContentText())
	}
	w.says(slacksim.Carol, "pause once more")
	w.sees(slacksim.Carol, "Buying is already paused. ")
	w.says(slacksim.Bob, "resume it was checked")
	w.sees(slacksim.Bob, "Buying is back on. Orders that were waiting")
	w.seesDirectly(slacksim.Carol, "bob resumed buying. Reason: “it was checked”.")
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	w.becomes(card, "Bought for $63.75")
	w.checkSpent(1, 6375)
}

// Who is no full member neither buys nor decides, also when they are on every list, and is answered.
func TestHandler_Command_GuestsAndStrangers(t *testing.T) {
	t.Parallel()
	const guest, stranger, app, grid = "U0GUEST", "U0ELSE", "U0APP", "U0GRID"
	w := newEnv(t, func(w *env) {
		w.policy.Everyone = true
		w.policy.Admins = map[string]bool{guest: true, stranger: true, app: true}
		w.slack.AddUser(slacksim.User{ID: guest, Name: "gina", UltraRestricted: true})
		w.slack.AddUser(slacksim.User{ID: stranger, Name: "stan", TeamID: "T0ELSE", Stranger: true})
		w.slack.AddUser(slacksim.User{ID: app, Name: "other-app", Bot: true})
		w.slack.AddUser(slacksim.User{
			ID: grid, Name: "greta", TeamID: "T0ELSE",
			Teams: []string{"T0ELSE", w.slack.Team().ID},
		})
		for _, who := range []string{guest, stranger, app, grid} {
			w.slack.Invite(slacksim.General, who)
		}
	})
	for who, why := range map[string]string{
		guest: "Guests can't buy", stranger: "People from other workspaces",
		app: "Apps can't buy",
	} {
		w.says(who, "buy ram=16 cpu=2")
		w.sees(who, why)
		w.waitForRefusal(who, purchase.Outsider)
		w.says(who, "quote ram=16 cpu=2") // reading is for everyone in the channel
		w.sees(who, "$63.75 a month")
		before := len(w.events("refused"))
		w.says(who, "pause I can")
		w.until(func() bool { return len(w.events("refused")) > before })
	}
	w.says(grid, "buy ram=16 cpu=2") // of the same organization, and in this workspace
	card := w.sees(grid, "A CoCalc license for $63.75 a month")
	// who left it a moment ago: within five minutes no one asks
	w.slack.AddUser(slacksim.User{ID: grid, Name: "greta", TeamID: "T0ELSE"})
	w.clicks(grid, card, "Cancel order")
	w.until(func() bool { return len(w.events("cancelled")) == 1 })
	w.checkSpent(0, 0)
}

// When Slack does not say who someone is, they cannot buy, are told so within Slack's three seconds, and nothing is
// held up.
func TestHandler_Command_UnverifiedPerson(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"users.info": {Error: "internal_error"}}})
	w.says(slacksim.Alice, "buy ram=16 cpu=2")
	w.sees(slacksim.Alice, "Slack didn't tell me who you are")
	w.waitForRefusal(slacksim.Alice, purchase.Outsider)
	w.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"users.info": {Delay: 10 * time.Second}}})
	w.says(slacksim.Bob, "buy ram=16 cpu=2")
	w.sees(slacksim.Bob, "Slack didn't tell me who you are")
	w.slack.SetFaults(slacksim.Faults{})
	w.says(slacksim.Alice, "buy ram=16 cpu=2")
	w.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
}

// A double buy is on the card with both licenses and the amount, and is told to the admins and in the purchases
// channel.
func TestReceiptCard_DoubleBuy(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { withAdmin(w); w.channel = slacksim.General })
	card := w.card()
	w.inject("double-checkout")
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	now := w.becomes(card, "CoCalc sold this more than once")
	first, second := w.account.Licenses()[0].ID, w.account.Licenses()[1].ID
	checkContains(t, now, first, second, "$63.75 was charged too much", "Buying is paused until an admin resumes it")
	checkContains(t, w.seesDirectly(slacksim.Carol, "A license was bought more than once"), first, second,
		"$63.75 too much",
		"/license resume")
	public := w.sees(slacksim.Bob, "A license was bought more than once")
	checkContains(t, public, purchase.ShortID(first), purchase.ShortID(second))
	checkNoWholeIDs(t, public)
	w.says(slacksim.Alice, "buy ram=16 cpu=2")
	w.sees(slacksim.Alice, "An admin can resume it")
	w.says(slacksim.Carol, "resume CoCalc paid it back")
	w.sees(slacksim.Carol, "Buying is back on")
	w.checkSpent(2, 2*6375)
}
