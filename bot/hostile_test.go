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
func (w *env) sentToSlack() (all []any) {
	for _, call := range w.slack.Calls() {
		if call.Error != "" && (call.Method != "views.update" || call.Error != "hash_conflict" && call.Error != "not_found") {
			// the price is computed for every change of a form
			w.t.Errorf("got a refusal of %s: %s %v; want none", call.Method, call.Error, call.Args)
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
	for _, e := range w.slack.Envelopes() {
		var answer any
		if len(e.Answer) > 0 && json.Unmarshal(e.Answer, &answer) == nil {
			all = append(all, answer)
		}
	}
	return all
}

// checkHarmless checks everything that the bot has sent. Hostile text may stand in plain text alone, in one line behind
// what it is, with nothing in it that is not seen; and nowhere else but in the fields of forms and beside them.
func (w *env) checkHarmless() (found int) {
	w.t.Helper()
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
				w.checkOneLine(path, text)
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
				w.checkOneLine(path, v)
			case path == "/text" && !strings.ContainsAny(v, "<>*_~`"): // for notifications: no mark of any kind is left
				w.checkOneLine(path, v)
			default:
				w.t.Errorf("%s: %q", path, v)
			}
		}
	}
	for _, said := range w.sentToSlack() {
		look("", said)
	}
	return found
}

// maxShownText is how many characters a text of the bot may have that repeats what people wrote, with the rest of its
// sentence.
const maxShownText = 1300

func (w *env) checkOneLine(path, text string) {
	w.t.Helper()
	for i, r := range text {
		joins := r == '\u200d' && i > 0
		if r == '\n' || r == '\u2028' || r == '\u3164' || unicode.In(r, unicode.Cc, unicode.Cf) && !joins {
			w.t.Errorf("%s: got %q with %q, want one line of visible characters", path, text, r)
			return
		}
	}
	if n := utf8.RuneCountInString(text); n > maxShownText || strings.Contains(text, strings.Repeat("\u0301", 5)) {
		w.t.Errorf("%s: got %d characters, want at most %d without piled up marks: %q", path, n, maxShownText, text)
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
	w := newEnv(t, func(w *env) {
		withApprovers(w)
		w.policy.PersonOrders, w.policy.Admins = 0, map[string]bool{slacksim.Carol: true, slacksim.Bob: true}
		w.channel = slacksim.General
	})
	alice, bob := w.slack.Person(slacksim.Alice), w.slack.Person(slacksim.Bob)
	for _, c := range hostileTexts {
		w.slack.AddUser(slacksim.User{ID: slacksim.Alice, Name: first(70, c.text)})
		w.says(slacksim.Alice, "buy")
		form, err := alice.WaitForModal(w.ctx, nil)
		w.must(err)
		title, description, reason, why := first(200, c.text), first(1000, c.text), first(1000, c.text), first(500, c.text)
		for field, text := range map[string]string{
			"Memory per project": "16", "Title": title, "Description": description,
			"Reason": reason,
		} {
			w.must(alice.Fill(w.ctx, form, field, text))
		}
		w.must(alice.Choose(w.ctx, form, "Cores per project", "2 cores"))
		if problems, err := alice.Submit(w.ctx); err != nil || len(problems) > 0 {
			t.Fatalf("%s: %v, %v; want no error, len(problems) = 0", c.name, problems, err)
		}
		card := w.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
		w.clicks(slacksim.Alice, card, "Edit")
		_, err = alice.WaitForModal(w.ctx, nil)
		w.must(err)
		w.must(alice.CloseModal())
		w.clicks(slacksim.Alice, card, "Request approval ($63.75)")
		card = w.becomes(card, "Waiting for approval")
		id := orderIDBlock.FindString(card.ContentText())
		ask := w.seesIn(slacksim.Bob, theDesk, "requests a CoCalc license for $63.75 a month")
		w.clicks(slacksim.Bob, ask, "Deny")
		form, err = bob.WaitForModal(w.ctx, nil)
		w.must(err)
		w.must(bob.Fill(w.ctx, form, "Reason", why))
		if problems, err := bob.Submit(w.ctx); err != nil || len(problems) > 0 {
			t.Fatalf("%s: %v, %v; want no error, len(problems) = 0", c.name, problems, err)
		}
		w.becomes(card, "denied it")
		w.cardBecomes(ask, "denied it")
		w.says(slacksim.Carol, "order "+id)

		w.says(slacksim.Carol, "pause "+first(400, c.text))
		w.seesDirectly(slacksim.Bob, "carol paused it on ")
		w.says(slacksim.Alice, "buy ram=16 cpu=2")
		w.sees(slacksim.Alice, "An admin can resume it")
		w.says(slacksim.Bob, "pause me too")
		w.must(alice.Home())
		w.says(slacksim.Bob, "resume "+first(400, c.text))
		w.seesDirectly(slacksim.Carol, "resumed buying")

		o, err := w.desk.Outbox.Order(w.ctx, purchase.OrderID(id))
		w.must(err)
		trimmed := strings.TrimSpace
		if o.Spec.Title != trimmed(title) || o.Spec.Description != trimmed(description) || o.Reason != trimmed(reason) ||
			o.Approvals[0].Reason != trimmed(why) {
			t.Errorf("%s: the ledger has %q, %q, %q and %q", c.name, o.Spec.Title, o.Spec.Description, o.Reason,
				o.Approvals[0].Reason)
		}
	}
	if n := w.checkHarmless(); n < 10*len(hostileTexts) {
		t.Errorf("the texts were said %d times only; want at least %v", n, 10*len(hostileTexts))
	}
	w.checkSpent(0, 0)
}

// A reason that is typed may be longer than what any form takes: all of it is in the ledger, and as much as can be read
// on the card.
func TestUserText_LongReason(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withApprovers)
	reason := strings.TrimSpace(strings.Repeat("evil & ", 1400))
	w.says(slacksim.Alice, `buy ram=16 cpu=2 reason="`+reason+`"`)
	w.clicks(slacksim.Alice, w.sees(slacksim.Alice, "A CoCalc license for $63.75 a month"), "Request approval ($63.75)")
	w.seesIn(slacksim.Bob, theDesk, "Reason: evil & evil &")
	if w.checkHarmless(); w.orders()[0].Reason != reason {
		t.Errorf("the ledger has %d characters of %d; want all", len(w.orders()[0].Reason), len(reason))
	}
}

// Other people's licenses of the account bear titles that no one here has read: in lists, in details, on the card of
// another one like it, and after it was bought.
func TestLicenseList_HostileTitles(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { w.account.AddCredit(1_000_000, ""); w.channel = slacksim.General })
	sold := w.account.Balance()
	for _, c := range hostileTexts {
		spec := cocalc.DefaultSpec()
		spec.RAM, spec.CPU, spec.Title = 4, 1, c.text
		w.account.AddToCart("site-license", string(spec.CartDescription(time.Now())))
		w.must(w.account.Checkout())
	}
	if w.account.Balance() == sold || len(w.account.Licenses()) != len(hostileTexts) {
		t.Fatalf("%d licenses were sold; want w.account.Balance() other than %v, len(w.account.Licenses()) = %v",
			len(w.account.Licenses()), sold, len(hostileTexts))
	}
	for page := 1; page <= (len(hostileTexts)+9)/10; page++ {
		w.says(slacksim.Bob, fmt.Sprintf("list all page=%d", page))
		w.sees(slacksim.Bob, fmt.Sprintf("page %d of", page))
	}
	for i, license := range w.account.Licenses() {
		w.says(slacksim.Bob, "show "+license.ID)
		details, err := w.slack.Person(slacksim.Bob).WaitForMessage(w.ctx, slacksim.General, func(m slacksim.Message) bool {
			_, again := m.Button("Buy another like this")
			return again && strings.Contains(m.ContentText(), license.ID)
		})
		w.must(err)
		w.clicks(slacksim.Bob, details, "Buy another like this")
		card := w.sees(slacksim.Bob, "A CoCalc license for")
		if i > 0 {
			w.clicks(slacksim.Bob, card, "Cancel order")
			w.becomes(card, "Order cancelled. Nothing was charged")
			continue
		}
		w.clicks(slacksim.Bob, card, regexp.MustCompile(`Buy for [$0-9.]+`).FindString(strings.Join(card.Buttons(), " ")))
		w.sees(slacksim.Bob, "Bought for")
	}
	w.says(slacksim.Bob, "history")
	w.sees(slacksim.Bob, "spent, 1 license")
	if n := w.checkHarmless(); n < 3*len(hostileTexts) {
		t.Errorf("the titles were said %d times only; want at least %v", n, 3*len(hostileTexts))
	}
}
