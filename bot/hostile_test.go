package bot_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/slacksim"
)

// evil stands in every hostile text, so that it is found wherever the bot says it.
const evil = "evil"

// hostileTexts are what someone could write to make the bot say what they want. Each reaches titles, descriptions,
// reasons and names.
var hostileTexts = []struct{ name, text string }{
	{"a mention of everybody", "<!channel> evil is free"},
	{"a link with another name", "<https://evil.example|Approve here>"},
	{"a mention of a person", "evil <@" + slacksim.Alice + "> @here <#" + slacksim.General + ">"},
	{"formats", "*evil* _evil_ ~evil~ `evil` ```evil``` > evil"},
	{"a second line of the card", "evil\nApprove: $0.00\r\nPrice: $1\u2028:white_check_mark: *Bought for $1.00*"},
	{"a list", "evil\n• one\n• two\n\n\n\n\n\n\n\n\n\nNothing was bought."},
	{"an end of the quotes", "evil”. bob resumed buying. Reason: “evil"},
	{"10,000 characters", strings.Repeat("evil ", 2000)},
	{"10,000 characters that take four bytes", "evil" + strings.Repeat("🎉", 9996)},
	{"turned around", "evil \u202e00.1$ rof\u202c \u2067thguob\u2069\u200f"},
	{"not to be seen", "ev\u200bil evil\ufeff\u2060\u00ad\u3164\u3164"},
	{"emoji", "evil 🎉 :tada: 👩\u200d💻"},
	{"entities", "evil &lt;!here&gt; &amp; <!subteam^S0BOSSES|evil>"},
	{"a date", "evil <!date^1^{date}|evil>"},
	{"controls", "evil\x1b[2J\x1b[1;1H\x07\u009b31m\x7f"},
	{"piled up marks", "evil" + strings.Repeat("\u0301", 100)},
	{"blocks", `evil", "blocks": [{"type": "divider"}], "x": "`},
	{"a formula", `=evil("https://evil.example")`},
}

// sentToSlack returns everything that the bot has sent to Slack: the bodies of its requests, and the answers to what
// people did.
func (env *testEnv) sentToSlack() (all []any) {
	for _, call := range env.slack.Calls() {
		if call.Error != "" && (call.Method != "views.update" || call.Error != "hash_conflict" && call.Error != "not_found") {
			// the price is computed for every change of a form
			env.t.Errorf("got a refusal of %s: %s %v; want none", call.Method, call.Error, call.Args)
		}
		body := map[string]any{}
		for name, arg := range call.Args {
			var value any
			if json.Unmarshal([]byte(arg), &value) != nil || name == "text" {
				value = arg
			}
			body[name] = value
		}
		all = append(all, body)
	}
	for _, e := range env.slack.Envelopes() {
		var answer any
		if len(e.Answer) > 0 && json.Unmarshal(e.Answer, &answer) == nil {
			all = append(all, answer)
		}
	}
	return all
}

// checkHarmless checks everything that the bot has sent. Hostile text may stand in plain text alone, in one line behind
// what it is, with nothing in it that is not seen; and nowhere else but in the fields of forms and beside them.
func (env *testEnv) checkHarmless() (found int) {
	env.t.Helper()
	var look func(path string, v any)
	look = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			text, _ := v["text"].(string)
			kind, _ := v["type"].(string)
			for name, inner := range v {
				if name != "text" || kind != slack.PlainTextType {
					look(path+"/"+name, inner)
				}
			}
			if kind == slack.PlainTextType && strings.Contains(text, evil) {
				found++
				env.checkOneLine(path, text)
			}
		case []any:
			for i, inner := range v {
				look(fmt.Sprintf("%s/%d", path, i), inner)
			}
		case string:
			if !strings.Contains(v, evil) {
				return
			}
			switch {
			case strings.HasSuffix(path, "/initial_value"): // what someone wrote, in the field where they write it
			case strings.Contains(path, "/errors/"):
				env.checkOneLine(path, v)
			case path == "/text" && !strings.ContainsAny(v, "<>*_~`"): // for notifications: no mark of any kind is left
				env.checkOneLine(path, v)
			default:
				env.t.Errorf("%s: got %q, want a known kind of text", path, v)
			}
		}
	}
	for _, said := range env.sentToSlack() {
		look("", said)
	}
	return found
}

// maxShownText is how many characters a text of the bot may have that repeats what people wrote, with the rest of its
// sentence.
const maxShownText = 1300

func (env *testEnv) checkOneLine(path, text string) {
	env.t.Helper()
	for i, r := range text {
		joins := r == '\u200d' && i > 0
		if r == '\n' || r == '\u2028' || r == '\u3164' || unicode.In(r, unicode.Cc, unicode.Cf) && !joins {
			env.t.Errorf("%s: got %q with %q, want one line of visible characters", path, text, r)
			return
		}
	}
	if n := utf8.RuneCountInString(text); n > maxShownText || strings.Contains(text, strings.Repeat("\u0301", 5)) {
		env.t.Errorf("%s: got %d characters, want at most %d without piled up marks: %q", path, n, maxShownText, text)
	}
}

// first returns the first n characters of a text.
func first(n int, text string) string {
	return string([]rune(text)[:min(n, utf8.RuneCountInString(text))])
}

// Each text is the title, the description and the reason of an order, the reason of the no to it, and the reason of a
// pause that someone meets; everything goes through the real forms, commands and buttons. The ledger has it as it was
// written.
func TestCard_HostileWords(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withApprovers(env)
		env.policy.PersonOrders, env.policy.Admins = 0, map[string]bool{slacksim.Carol: true, slacksim.Bob: true}
		env.channel = slacksim.General
	})
	alice, bob := env.slack.Person(slacksim.Alice), env.slack.Person(slacksim.Bob)
	for _, c := range hostileTexts {
		env.slack.AddUser(slacksim.User{ID: slacksim.Alice, Name: first(70, c.text)})
		env.says(slacksim.Alice, "buy")
		form, err := alice.WaitForModal(env.ctx, nil)
		env.must(err)
		title, description, reason, why := first(200, c.text), first(1000, c.text), first(1000, c.text), first(500, c.text)
		for field, text := range map[string]string{
			"Memory per project": "16", "Title": title, "Description": description,
			"Reason": reason,
		} {
			env.must(alice.Fill(env.ctx, form, field, text))
		}
		env.must(alice.Choose(env.ctx, form, "Cores per project", "2 cores"))
		if problems, err := alice.Submit(env.ctx); err != nil || len(problems) > 0 {
			t.Fatalf("%s: got problems %v (error %v), want none", c.name, problems, err)
		}
		card := env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
		env.clicks(slacksim.Alice, card, "Edit")
		_, err = alice.WaitForModal(env.ctx, nil)
		env.must(err)
		env.must(alice.CloseModal())
		env.clicks(slacksim.Alice, card, "Request approval ($63.75)")
		card = env.becomes(card, "Waiting for approval")
		id := orderIDBlock.FindString(card.ContentText())
		ask := env.seesIn(slacksim.Bob, theDesk, "requests a CoCalc license for $63.75 a month")
		env.clicks(slacksim.Bob, ask, "Deny")
		form, err = bob.WaitForModal(env.ctx, nil)
		env.must(err)
		env.must(bob.Fill(env.ctx, form, "Reason", why))
		if problems, err := bob.Submit(env.ctx); err != nil || len(problems) > 0 {
			t.Fatalf("%s: got problems %v (error %v), want none", c.name, problems, err)
		}
		env.becomes(card, "denied it")
		env.cardBecomes(ask, "denied it")
		env.says(slacksim.Carol, "order "+id)

		env.says(slacksim.Carol, "pause "+first(400, c.text))
		env.seesDirectly(slacksim.Bob, "carol paused it on ")
		env.says(slacksim.Alice, "buy ram=16 cpu=2")
		env.sees(slacksim.Alice, "An admin can resume it")
		env.says(slacksim.Bob, "pause me too")
		env.must(alice.Home())
		env.says(slacksim.Bob, "resume "+first(400, c.text))
		env.seesDirectly(slacksim.Carol, "resumed buying")

		o, err := env.desk.Outbox.Order(env.ctx, purchase.OrderID(id))
		env.must(err)
		trimmed := strings.TrimSpace
		if o.Spec.Title != trimmed(title) || o.Spec.Description != trimmed(description) || o.Reason != trimmed(reason) ||
			o.Approvals[0].Reason != trimmed(why) {
			t.Errorf("%s: got %q, %q, %q and %q in the ledger; want %q, %q, %q and %q", c.name, o.Spec.Title, o.Spec.Description,
				o.Reason, o.Approvals[0].Reason, trimmed(title), trimmed(description), trimmed(reason), trimmed(why))
		}
	}
	if n := env.checkHarmless(); n < 10*len(hostileTexts) {
		t.Errorf("shown texts: got %d, want at least %d", n, 10*len(hostileTexts))
	}
	env.checkSpent(0, 0)
}

// A reason that is typed may be longer than what any form takes: all of it is in the ledger, and as much as can be read
// on the card.
func TestUserText_LongReason(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withApprovers)
	reason := strings.TrimSpace(strings.Repeat("evil & ", 1400))
	env.says(slacksim.Alice, `buy ram=16 cpu=2 reason="`+reason+`"`)
	env.clicks(slacksim.Alice, env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month"),
		"Request approval ($63.75)")
	env.seesIn(slacksim.Bob, theDesk, "Reason: evil & evil &")
	if env.checkHarmless(); env.orders()[0].Reason != reason {
		t.Errorf("reason in the ledger: got %d bytes, want all %d", len(env.orders()[0].Reason), len(reason))
	}
}

// Other people's licenses of the account bear titles that no one here has read: in lists, in details, on the card of
// another one like it, and after it was bought.
func TestLicenseList_HostileTitles(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { env.account.AddCredit(1_000_000, ""); env.channel = slacksim.General })
	sold := env.account.Balance()
	for _, c := range hostileTexts {
		spec := cocalc.DefaultSpec()
		spec.RAM, spec.CPU, spec.Title = 4, 1, c.text
		env.account.AddToCart("site-license", string(spec.CartDescription(time.Now())))
		env.must(env.account.Checkout())
	}
	if env.account.Balance() == sold || len(env.account.Licenses()) != len(hostileTexts) {
		t.Fatalf("got %d licenses, balance %v; want %d, and a balance other than %v", len(env.account.Licenses()),
			env.account.Balance(), len(hostileTexts), sold)
	}
	for page := 1; page <= (len(hostileTexts)+9)/10; page++ {
		env.says(slacksim.Bob, fmt.Sprintf("list all page=%d", page))
		env.sees(slacksim.Bob, fmt.Sprintf("page %d of", page))
	}
	for i, license := range env.account.Licenses() {
		env.says(slacksim.Bob, "show "+license.ID)
		details, err := env.slack.Person(slacksim.Bob).WaitForMessage(env.ctx, slacksim.General,
			func(m slacksim.Message) bool {
				_, again := m.Button("Buy another like this")
				return again && strings.Contains(m.ContentText(), license.ID)
			})
		env.must(err)
		env.clicks(slacksim.Bob, details, "Buy another like this")
		card := env.sees(slacksim.Bob, "A CoCalc license for")
		if i > 0 {
			env.clicks(slacksim.Bob, card, "Cancel order")
			env.becomes(card, "Order cancelled. Nothing was charged")
			continue
		}
		env.clicks(slacksim.Bob, card, regexp.MustCompile(`Buy for [$0-9.]+`).FindString(strings.Join(card.Buttons(), " ")))
		env.sees(slacksim.Bob, "Bought for")
	}
	env.says(slacksim.Bob, "history")
	env.sees(slacksim.Bob, "spent, 1 license")
	if n := env.checkHarmless(); n < 3*len(hostileTexts) {
		t.Errorf("shown titles: got %d, want at least %d", n, 3*len(hostileTexts))
	}
}
