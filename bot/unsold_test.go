package bot_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/goldenfile"
	"licensebot/purchase"
	"licensebot/slacksim"
)

// presets are the servers that sell no licenses, with what an admin reads about each.
var presets = []struct {
	name  string
	admin string
}{
	{cocalctest.Preset(cocalctest.Successor), "memberships"},
	{cocalctest.Preset(cocalctest.Moved), "cocalc.ai"},
}

// stopSelling makes CoCalc a server that sells no licenses, and waits until the bot has noticed.
func (env *testEnv) stopSelling(preset string) {
	env.t.Helper()
	env.must(env.cocalc.SwitchOn(preset))
	if _, err := env.desk.Account.Licenses(env.ctx); err == nil { // any read makes the bot look
		env.t.Error("got licenses, want an error")
	}
	env.until(func() bool { return env.desk.Server().RefusesOrders() })
}

// unsellable matches what no one may press while the server sells no licenses, offers, and what invites to try again.
var unsellable = regexp.MustCompile(
	`\[(Buy|Order again|Try again|Request approval|Edit|Approve|Check again)|A CoCalc ` +
		`license for \$|Choose .* to see the price|(?i)try again|keep trying|in a (moment|minute)|isn't responding`)

// insiders matches what only admins read.
var insiders = regexp.MustCompile(`cocalc\.ai|COCALC_|redirect`)

// transcript records what people type and click, and what they read then.
type transcript struct {
	*testEnv
	text strings.Builder
}

// command types a command in #general, and records its answer.
func (s *transcript) command(who, text string) slacksim.Message {
	s.t.Helper()
	seen := len(s.slack.Person(who).Messages(slacksim.General))
	s.says(who, text)
	var m slacksim.Message
	s.until(func() bool {
		all := s.slack.Person(who).Messages(slacksim.General)
		if len(all) > seen {
			m = all[len(all)-1]
		}
		return len(all) > seen
	})
	fmt.Fprintf(&s.text, "> %s: /license %s\n", s.name(who), text)
	s.write(m.ContentText(), m.Buttons())
	return m
}

// home opens the Home tab, and records it once it has the text.
func (s *transcript) home(who, text string) {
	s.t.Helper()
	s.must(s.slack.Person(who).Home())
	v, err := s.slack.Person(who).WaitForHome(s.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), text)
	})
	s.must(err)
	fmt.Fprintf(&s.text, "> %s opens the Home tab\n", s.name(who))
	s.write(v.ContentText(), v.Buttons())
}

// update records a card that changed by itself.
func (s *transcript) update(what string, m slacksim.Message) {
	fmt.Fprintf(&s.text, "> %s\n", what)
	s.write(m.ContentText(), m.Buttons())
}

func (s *transcript) name(who string) string {
	return map[string]string{slacksim.Alice: "alice", slacksim.Bob: "bob", slacksim.Carol: "carol, an admin"}[who]
}

func (s *transcript) write(text string, buttons []string) {
	s.text.WriteString(text)
	if len(buttons) > 0 {
		s.text.WriteString("\n[" + strings.Join(buttons, "] [") + "]")
	}
	s.text.WriteString("\n\n")
}

var (
	momentText = regexp.MustCompile(`<!date\^[^>]*>|[A-Z][a-z]{2} \d{1,2}, \d{4}(, \d{1,2}:\d\d [AP]M UTC)?`)
	monthText  = regexp.MustCompile(`\b(January|February|March|April|May|June|July|August|September|October|November|` +
		`December) \d{4}|\*(Team|<@[A-Z0-9]+>) in [A-Z][a-z]+\*`)
	licenseText = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	dueText     = regexp.MustCompile(` ?\S+ is due this month\.`)
)

// normalizeRun replaces what differs from one run to the next. orders are the names of orders by id.
func normalizeRun(text string, orders map[string]string) string {
	for id, name := range orders {
		if id == "" {
			continue
		}
		text = strings.ReplaceAll(text, id, name)
	}
	text = momentText.ReplaceAllString(text, "DATE")
	text = monthText.ReplaceAllString(text, "MONTH")
	text = dueText.ReplaceAllString(text, "")
	return licenseText.ReplaceAllString(text, "LICENSE")
}

// compare compares the transcript with a golden file.
func (s *transcript) compare(t *testing.T, name string, orders map[string]string) {
	t.Helper()
	got := normalizeRun(s.text.String(), orders)
	goldenfile.Compare(t, filepath.Join("testdata", name+".txt"), got)
}

// Every command on a server that sells no licenses, as a buyer and as an admin read its answer, with an order that
// waits, one that needs approval, and one whose outcome is unknown. No answer shows a price, a form or a button that
// buys, or invites anyone to try again.
func TestHandler_Command_Unsold(t *testing.T) {
	for _, preset := range presets {
		t.Run(preset.name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, func(env *testEnv) {
				withApprovers(env)
				withAdmin(env)
				env.policy.Buyers[slacksim.Carol] = true
				env.policy.AutoApprove = 12000
				env.timing.Probe = env.timing.PollMax
			})
			// what was bought, what waits for an approval, what is unknown, and what waits for that
			bought := env.card()
			env.clicks(slacksim.Alice, bought, "Buy for $63.75")
			bought = env.becomes(bought, "Bought for $63.75")
			env.says(slacksim.Alice, `buy ram=16 cpu=2 run_limit=2 reason="winter school"`)
			dear := env.sees(slacksim.Alice, "A CoCalc license for $127.50 a month")
			env.clicks(slacksim.Alice, dear, "Request approval ($127.50)")
			ask := env.seesIn(slacksim.Bob, theDesk, "requests a CoCalc license for $127.50 a month")
			env.cocalc.Inject(cocalctest.Fault{
				Endpoint: checkoutPath, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
				Times: 1,
			})
			env.says(slacksim.Alice, "buy ram=8 cpu=2")
			held := env.sees(slacksim.Alice, "A CoCalc license for $48.75 a month")
			env.clicks(slacksim.Alice, held, "Buy for $48.75")
			held = env.becomes(held, "Not confirmed yet")
			env.says(slacksim.Bob, "buy ram=4 cpu=1")
			waits := env.sees(slacksim.Bob, "A CoCalc license for $26.25 a month")
			env.clicks(slacksim.Bob, waits, "Buy for $26.25")
			env.until(func() bool {
				return env.hasOpenOrder(func(o purchase.Order) bool { return o.Blocked != nil && o.Price == 2625 })
			})
			env.says(slacksim.Bob, "buy ram=2 cpu=1")
			waits = env.becomesAsSeenBy(slacksim.Bob, waits, "Order")
			open := env.seesNew(slacksim.Bob, "A CoCalc license for $", waits)

			env.says(slacksim.Alice, "help") // whose answer then has to change

			spent := env.cocalc.Counts()
			env.stopSelling(preset.name)
			env.until(func() bool {
				return env.hasOpenOrder(func(o purchase.Order) bool {
					return o.Price == 2625 && o.Blocked != nil && o.Blocked.Code == purchase.WaitsForServer &&
						o.Blocked.Args["told"] != ""
				}) && env.hasOpenOrder(func(o purchase.Order) bool { return o.Unresolvable() })
			})
			id := func(m slacksim.Message) string { return orderIDBlock.FindString(m.ContentText()) }
			orders := map[string]string{id(bought): "BOUGHT", id(ask): "ASKED", id(held): "UNKNOWN", id(waits): "WAITING"}
			s := &transcript{testEnv: env}
			for _, command := range []string{
				"buy", "buy ram=16 cpu=2", "buy rma=16", "quote ram=16 cpu=2", "list", "list all", "show " + someLicense,
				"show f05a", "end " + someLicense, "end f05a", "keep " + someLicense, "keep f05a",
				"history", "budget", "order " + id(bought), "order " + id(held), "order " + id(ask), "help", "help buy",
			} {
				s.command(slacksim.Alice, command)
			}
			s.home(slacksim.Alice, "license history")
			s.command(slacksim.Bob, "order "+id(waits))
			s.command(slacksim.Bob, "approve "+id(ask))
			s.home(slacksim.Bob, "license history")
			for _, command := range []string{
				"buy", "quote ram=16 cpu=2", "list", "budget", "end " + someLicense, "order " + id(held),
				"settle " + id(held), "pause month-end close", "resume the books are closed",
			} {
				s.command(slacksim.Carol, command)
			}
			s.home(slacksim.Carol, "Not confirmed")
			env.clicks(slacksim.Bob, open, "order_buy")
			open = env.becomesAsSeenBy(slacksim.Bob, open, "/license history")
			orders[id(open)] = "PROPOSED"
			s.update("bob clicks Buy on a card from before", open)
			env.clicks(slacksim.Alice, bought, "Buy another like this")
			env.until(func() bool { m, ok := env.current(slacksim.Alice, bought); return ok && len(m.Buttons()) == 0 })
			now, _ := env.current(slacksim.Alice, bought)
			s.update("alice clicks Buy another like this on a receipt from before", now)
			s.command(slacksim.Bob, "deny "+id(ask)+" not sold any more")
			s.command(slacksim.Bob, "cancel "+id(waits))
			if found := unsellable.FindAllString(s.text.String(), -1); len(found) > 0 {
				t.Errorf("texts about buying: got %q, want none", found)
			}
			s.compare(t, "unsold-"+preset.name, orders)
			admins := 0
			for part := range strings.SplitSeq(s.text.String(), "\n> ") {
				switch {
				case strings.HasPrefix(part, "carol") && strings.Contains(part, preset.admin):
					admins++
				case !strings.HasPrefix(part, "carol") && insiders.MatchString(part):
					t.Errorf("a buyer's text: got %s\nwant nothing for admins", part)
				}
			}
			if admins < 4 {
				t.Errorf("admins' texts about %s: got %d, want at least 4", preset.admin, admins)
			}
			for endpoint, n := range env.cocalc.Counts() {
				if canSpend(endpoint) && n != spent[endpoint] {
					t.Errorf("got %d more requests to %s, want none", n-spent[endpoint], endpoint)
				}
			}
		})
	}
}

// seesNew waits for a message with the text, other than seen.
func (env *testEnv) seesNew(who, text string, seen slacksim.Message) slacksim.Message {
	env.t.Helper()
	m, err := env.slack.Person(who).WaitForMessage(env.ctx, slacksim.General, func(m slacksim.Message) bool {
		return m.TS != seen.TS && strings.Contains(m.ContentText(), text)
	})
	env.must(err)
	return m
}

// becomesAsSeenBy waits until a person's message has changed to one with the text.
func (env *testEnv) becomesAsSeenBy(who string, m slacksim.Message, text string) slacksim.Message {
	env.t.Helper()
	now, err := env.slack.Person(who).WaitForUpdate(env.ctx, m, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), text)
	})
	env.must(err)
	return now
}

// checkFormClosed waits until a person's form says that no licenses are sold. It must have no submit button and no
// price.
func (env *testEnv) checkFormClosed(who string) {
	env.t.Helper()
	v, err := env.slack.Person(who).WaitForModal(env.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), "/license history")
	})
	env.must(err)
	if v.Submit != "" || strings.Contains(v.Title+v.ContentText(), "$") {
		env.t.Errorf("form: got %s, submit %q\n%s\nwant no submit button and no price", v.Title, v.Submit, v.ContentText())
	}
	env.must(env.slack.Person(who).CloseModals())
}

// Buttons and forms that were shown while the server sold licenses lead to none afterwards: each is refused and
// recorded, and what showed it is shown anew without it. CoCalc gets no request that could spend money.
func TestHandler_Action_UnsoldSince(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withApprovers(env)
		env.policy.Approvers = map[string]bool{slacksim.Bob: true}
		env.policy.Buyers[slacksim.Carol] = true
		env.policy.AutoApprove = 20000
		env.policy.OrderLimit = purchase.Limit{Max: 50000}
		env.timing.Probe = env.timing.PollMax
	})
	alice, bob, carol := env.slack.Person(slacksim.Alice), env.slack.Person(slacksim.Bob), env.slack.Person(slacksim.Carol)
	bought := env.card()
	env.clicks(slacksim.Alice, bought, "Buy for $63.75")
	bought = env.becomes(bought, "Bought for $63.75")
	license := env.account.Licenses()[0].ID
	env.says(slacksim.Alice, "show "+license)
	details := env.sees(slacksim.Alice, "Each project gets")
	env.says(slacksim.Alice, "buy ram=2 cpu=1")
	failed := env.sees(slacksim.Alice, "2 GB RAM")
	env.inject("no-credit")
	env.clicks(slacksim.Alice, failed, "order_buy")
	failed = env.becomes(failed, "enough credit")
	env.cocalc.ClearFaults()
	env.says(slacksim.Alice, "buy ram=3 cpu=1")
	moved := env.sees(slacksim.Alice, "3 GB RAM")
	env.inject("price-moved")
	env.clicks(slacksim.Alice, moved, "order_buy")
	moved = env.becomes(moved, "price went up")
	env.cocalc.ClearFaults()
	env.says(slacksim.Alice, "buy ram=4 cpu=1")
	edited := env.sees(slacksim.Alice, "4 GB RAM")
	env.says(slacksim.Alice, "buy ram=16 cpu=2 run_limit=5")
	dear := env.sees(slacksim.Alice, "A CoCalc license for $318.75 a month")
	env.clicks(slacksim.Alice, dear, "order_buy")
	why, err := alice.WaitForModal(env.ctx, func(v slacksim.View) bool { return v.Title == "Request approval" })
	env.must(err)
	env.says(slacksim.Bob, "buy")
	form, err := bob.WaitForModal(env.ctx, nil)
	env.must(err)
	env.says(slacksim.Carol, `buy ram=16 cpu=2 run_limit=4 reason="winter school"`)
	waits := env.sees(slacksim.Carol, "A CoCalc license for $255.00 a month")
	env.clicks(slacksim.Carol, waits, "order_buy")
	ask := env.seesIn(slacksim.Bob, theDesk, "requests a CoCalc license for $255.00 a month")
	env.must(carol.Home())
	home, err := carol.WaitForHome(env.ctx, nil)
	env.must(err)
	spent := map[string]int{}
	for endpoint, n := range env.cocalc.Counts() {
		spent[endpoint] = n
	}

	env.stopSelling("successor")
	env.must(alice.Fill(env.ctx, why, "Reason", "winter school"))
	if _, err := alice.Submit(env.ctx); err != nil {
		t.Fatal(err)
	}
	env.checkFormClosed(slacksim.Alice)
	env.must(bob.Fill(env.ctx, form, "Memory per project", "8")) // the form changes
	env.checkFormClosed(slacksim.Bob)
	without := func(who string, on slacksim.Message, button string) {
		t.Helper()
		env.clicks(who, on, button)
		env.until(func() bool {
			now, ok := env.current(who, on)
			return ok && len(now.Buttons()) == 0 && strings.Contains(now.ContentText(), "Order ")
		})
	}
	without(slacksim.Alice, bought, "Buy another like this")
	without(slacksim.Alice, failed, "Try again")
	without(slacksim.Alice, moved, "order_buy_new_price")
	without(slacksim.Alice, edited, "Edit")
	env.clicks(slacksim.Alice, details, "Buy another like this")
	env.until(func() bool {
		now, ok := env.current(slacksim.Alice, details)
		return ok && len(now.Buttons()) == 0 && strings.Contains(now.ContentText(), "no longer sells licenses")
	})
	offers := func(buttons string) { // no one has to press anything for it
		t.Helper()
		env.until(func() bool {
			now, ok := env.current(slacksim.Bob, ask)
			return ok && strings.Join(now.Buttons(), ",") == buttons
		})
	}
	offers("Deny")
	env.cardBecomes(ask, "no longer sells licenses")
	env.clicks(slacksim.Carol, home, "Buy a license")
	if _, err := carol.WaitForHome(env.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), "no longer sells")
	}); err != nil {
		t.Error(err)
	}
	refused := map[string]int{}
	env.until(func() bool {
		clear(refused)
		for _, e := range env.events("refused") {
			if e.Note == string(purchase.NotSold) {
				refused[e.By]++
			}
		}
		return refused[slacksim.Alice] >= 6 && refused[slacksim.Carol] >= 1
	})
	for endpoint, n := range env.cocalc.Counts() {
		if canSpend(endpoint) && n != spent[endpoint] {
			t.Errorf("got %d more requests to %s, want none", n-spent[endpoint], endpoint)
		}
	}
	env.cocalc.ClearFaults()
	env.until(func() bool { return env.desk.Server().SellsLicenses() })
	offers("Approve,Deny")
}

// canSpend reports whether a request to the endpoint could buy something, or change a cart.
func canSpend(endpoint string) bool {
	return strings.HasPrefix(endpoint, "shopping/") && endpoint != "shopping/cart/get" || endpoint == checkoutPath
}

// current returns a message as the person sees it now.
func (env *testEnv) current(who string, seen slacksim.Message) (slacksim.Message, bool) {
	for _, m := range env.slack.Person(who).Messages(seen.Channel) {
		if m.TS == seen.TS {
			return m, true
		}
	}
	return slacksim.Message{}, false
}
