package main

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"licensebot/slacksim"
	"licensebot/slacksim/blockkit"
	"licensebot/slacksim/page/pagetest"
)

// buttons is the fifth play: the people press every button of every card, list and Home tab, and each press reaches the
// bot with the button's action id.
func buttons(t *testing.T, d *demo) {
	p := &presser{t: t, d: d, pressed: map[string]bool{}}
	// Lists of more than one page, one of them with licenses that have expired.
	now := time.Now().UTC()
	for i := range 13 {
		period := `"period":"monthly"`
		if i > 6 {
			period = `"period":"range","range":["` + now.AddDate(0, 0, -40).Format(time.RFC3339) +
				`","` + now.AddDate(0, 0, -9).Format(time.RFC3339) + `"]`
		}
		d.sims.account.AddToCart("site-license",
			`{"ram":4,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic","boost":false,`+
				period+`,"run_limit":1,"title":"Course `+strconv.Itoa(i)+`"}`)
	}
	d.sims.account.AddCredit(100000, "for the lists")
	if err := d.sims.account.Checkout(); err != nil {
		t.Fatal(err)
	}

	alice := p.open(slacksim.Alice, "")
	for n := range 12 { // a history of more than one page
		alice.Send(tryBuying)
		p.press(alice, only("order_buy"), "order_buy")
		p.bought(n + 1)
		p.forget("order_buy")
	}
	alice.Send("/license history")
	p.press(alice, every, "history_page")
	alice.Send("/license list")
	p.press(alice, every, "list_page", "license_show", "license_again", "link")

	// A license that is ended.
	renews := d.renewing()
	ended := renews[len(renews)-1].ID
	if d.subscribed(ended).Status == "active" {
		alice.Send("/license end " + ended)
		p.forget("subscription_end")
		p.press(alice, only("subscription_end"), "subscription_end")
	}
	p.until("the subscription to be cancelled", func() bool { return d.subscribed(ended).Status == "canceled" })

	// CoCalc renews a license twice at once: the admins get a button for the request of a refund.
	carol := p.open(slacksim.Carol, d.sims.workspace.DM(slacksim.Carol))
	d.stop()
	d.renewTwice(renews[0].ID)
	d.start()
	p.press(carol, every, "refund_requested")

	// The license that was ended is kept, after the first question about it is answered with no.
	alice.Send("/license keep " + ended)
	p.press(alice, only("subscription_leave"), "subscription_leave")
	alice.Send("/license show " + ended)
	p.press(alice, only("subscription_ask_keep"), "subscription_ask_keep")
	p.press(alice, only("subscription_keep"), "subscription_keep")
	p.until("the subscription to be active", func() bool { return d.subscribed(ended).Status == "active" })

	// Orders that wait for approval: Bob approves one and denies one.
	bob := p.open(slacksim.Bob, approvalsChannel)
	for _, decision := range []string{"order_deny", "order_approve"} {
		alice.Send(tryAsking + ` reason="winter school"`)
		p.forget("order_buy")
		p.press(alice, only("order_buy"), "order_buy")
		p.press(bob, only(decision), decision)
		if decision == "order_deny" {
			continue // the form for the reason is closed again, so the other order can still be approved
		}
		p.press(bob, every)
	}
	// A card on which only these two are pressed: after Buy it has neither.
	alice.Send(tryBuying)
	p.press(alice, only("order_edit"), "order_edit")
	p.press(alice, only("order_cancel"), "order_cancel")
	p.press(alice, every)

	// A price that has changed, and a card that is requested again. What is still being bought would get that price too.
	alice.Until("the purchases to end", noButton("order_refresh"))
	alice.Send(tryBuying)
	alice.Until("the card", hasButton("order_buy"))
	if err := d.sims.cocalc.SwitchOn("price-moved"); err != nil {
		t.Fatal(err)
	}
	p.forget("order_buy")
	p.press(alice, only("order_buy", "order_buy_new_price"), "order_buy_new_price")
	d.sims.cocalc.SwitchOff("price-moved")
	alice.Until("the purchase to end", noButton("order_buy_new_price"))
	p.press(alice, every, "order_again")

	// An item that makes the cart unreadable: the admins get a button that removes it.
	alice.Send(tryBuying)
	if err := d.sims.cocalc.SwitchOn("cart-broken"); err != nil {
		t.Fatal(err)
	}
	p.forget("order_buy")
	p.press(alice, only("order_buy"), "order_buy")
	p.press(carol, every, "item_take_out")
	alice.Until("the purchase to end", noButton("order_refresh"))

	// An unknown outcome: Carol settles it.
	alice.Send(tryBuying)
	if err := d.sims.cocalc.SwitchOn("late-checkout"); err != nil {
		t.Fatal(err)
	}
	p.forget("order_buy")
	p.press(alice, only("order_buy"), "order_buy")
	order := p.unknown()
	alice.Send("/license order " + order)
	p.press(alice, every)
	carol.Send("/license settle " + order)
	p.press(carol, every, "order_was_bought", "order_was_not_bought")

	// The Home tabs, and the other posts.
	for _, who := range []string{slacksim.Alice, slacksim.Bob, slacksim.Carol, olga} {
		home := p.open(who, "home")
		home.Until("the Home tab", "document.querySelector('.home .surface')")
		if who != olga {
			home.Until("its buttons", "document.querySelector('.home [data-press]')")
		}
		p.press(home, every)
	}
	for _, tab := range []*pagetest.Tab{alice, bob, carol} {
		p.press(tab, every)
	}
	for _, action := range botActions(t) {
		if !p.pressed[action] {
			t.Errorf("got no press of the button %q, want one", action)
		}
	}
}

// unhurried is the time limit of a press with all its effects, on a busy machine.
const unhurried = 3 * time.Minute

// presser presses buttons, and records which.
type presser struct {
	t       *testing.T
	d       *demo
	who     map[*pagetest.Tab]string
	pressed map[string]bool // by action without what follows a colon, and by person, action id and label
}

func (p *presser) open(who, at string) *pagetest.Tab {
	p.t.Helper()
	address := "?as=" + who
	if at != "" {
		address += "&at=" + at
	}
	tab := p.d.open(address)
	if p.who == nil {
		p.who = map[*pagetest.Tab]string{}
	}
	p.who[tab] = who
	return tab
}

func kind(action string) string { name, _, _ := strings.Cut(action, ":"); return name }

func every(pagetest.Button) bool { return true }

func only(kinds ...string) func(pagetest.Button) bool {
	return func(b pagetest.Button) bool { return slices.Contains(kinds, kind(b.Action)) }
}

func (p *presser) key(tab *pagetest.Tab, b pagetest.Button) string {
	return p.who[tab] + " " + b.Action + " " + b.Value + " " + b.Label
}

// forget allows buttons of a kind to be pressed, and waited for, once more.
func (p *presser) forget(action string) {
	for key := range p.pressed {
		if key == action || strings.Contains(key, " "+action+" ") || strings.Contains(key, " "+action+":") {
			delete(p.pressed, key)
		}
	}
}

// press presses every allowed button on the page that was not pressed yet, until none is left and each of the wanted
// actions was pressed.
func (p *presser) press(tab *pagetest.Tab, may func(pagetest.Button) bool, wanted ...string) {
	p.t.Helper()
	late := time.Now().Add(unhurried)
	for more := true; more; {
		if time.Now().After(late) {
			p.t.Fatalf("buttons of %s after %s: got some left to press, or to wait for (%q), want none; the page shows:\n%s",
				p.who[tab], unhurried, wanted, tab.Text())
		}
		more = false
		for _, b := range tab.Buttons() {
			if p.pressed[p.key(tab, b)] || !may(b) {
				continue
			}
			more = true
			if p.once(tab, b) {
				p.pressed[p.key(tab, b)], p.pressed[kind(b.Action)] = true, true
			}
			break
		}
		missing := slices.IndexFunc(wanted, func(w string) bool { return !p.pressed[w] })
		if !more && missing >= 0 {
			tab.Until("a button of the action "+wanted[missing], hasButton(wanted[missing]))
			more = true
		}
	}
}

// once presses a button, waits until the bot has acknowledged it, and closes what it opened. It returns false if the
// card had changed and the button was gone.
func (p *presser) once(tab *pagetest.Tab, b pagetest.Button) bool {
	p.t.Helper()
	who := p.who[tab]
	before, acked, shown := p.sent(who, b.Action), p.acked(who, b.Action), p.shown(who, b)
	if !tab.PressButton(b) {
		return false
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), unhurried)
	defer cancel()
	ws := p.d.sims.workspace
	sent, gone := false, false
	if err := ws.Wait(ctx, func() bool {
		gone = !p.has(who, b) // before the other: what is pressed changes the card afterwards
		sent = p.sent(who, b.Action) > before
		return sent || gone
	}); err != nil {
		p.t.Fatalf("%s, button %q: got error %v, want the bot to receive %q", who, b.Label, err, b.Action)
	}
	if !sent {
		return false
	}
	if err := ws.Wait(ctx, func() bool {
		return p.acked(who, b.Action) > acked || len(ws.Person(who).Notices()) > 0
	}); err != nil {
		p.t.Fatalf("%s, button %q (%s): got error %v, want it acknowledged by the bot", who, b.Label, b.Action, err)
	}
	if notices := ws.Person(who).Notices(); len(notices) > 0 {
		p.t.Errorf("%s, button %q (%s): got notice %q, want none", who, b.Label, b.Action, notices[0].Text)
		ws.Person(who).DismissNotice(notices[0].ID)
	}
	if kind(b.Action) == "link" {
		return true
	}
	if err := ws.Wait(ctx, func() bool { return p.shown(who, b) != shown }); err != nil {
		p.t.Fatalf("%s, button %q (%s): got error %v, want a change of what is shown", who, b.Label, b.Action, err)
	}
	if _, open := ws.Person(who).Modal(); open {
		tab.Until("the form", "document.querySelector('dialog.modal[open]')")
		tab.CloseModals()
	}
	return true
}

// has reports whether a person still sees a button.
func (p *presser) has(who string, b pagetest.Button) bool {
	ws := p.d.sims.workspace
	for _, c := range ws.Person(who).Channels() {
		for _, m := range ws.Person(who).Messages(c.ID) {
			if m.TS == b.On {
				return slices.ContainsFunc(m.Elements(), func(e blockkit.Element) bool { return e.ActionID == b.Action })
			}
		}
	}
	home, ok := ws.Person(who).HomeTab()
	return ok && home.ID == b.On
}

// until waits until something is true.
func (p *presser) until(what string, is func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), unhurried)
	defer cancel()
	if err := p.d.sims.workspace.Wait(ctx, is); err != nil {
		p.t.Fatalf("waiting for %s: got error %v, want it", what, err)
	}
}

// bought waits until n receipts and the lines about them are in #general.
func (p *presser) bought(n int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), unhurried)
	defer cancel()
	if err := p.d.sims.workspace.Wait(ctx, func() bool {
		receipts, lines := 0, 0
		for _, m := range p.d.sims.workspace.Messages(slacksim.General) {
			if !m.Ephemeral() {
				lines++
			} else if slices.ContainsFunc(m.Elements(), func(e blockkit.Element) bool { return kind(e.ActionID) == "link" }) {
				receipts++
			}
		}
		return receipts >= n && lines >= n
	}); err != nil {
		p.t.Fatalf("purchases: got error %v, want %d", err, n)
	}
}

// shown counts what a person sees, with its changes; of a list, only the changes of its own message.
func (p *presser) shown(who string, b pagetest.Button) (n int) {
	ws := p.d.sims.workspace
	for _, c := range ws.Person(who).Channels() {
		for _, m := range ws.Person(who).Messages(c.ID) {
			n += 1 + m.Revision
			if m.TS == b.On && only("list_page", "license_show", "history_page")(b) {
				return m.Revision
			}
		}
	}
	return n + 1000000*len(ws.Person(who).Modals())
}

// sent counts the presses of a button by a person that the bot was sent; acked counts those that it acknowledged.
func (p *presser) sent(who, action string) int {
	return p.presses(who, action, func(slacksim.Envelope) bool { return true })
}

func (p *presser) acked(who, action string) int {
	return p.presses(who, action, func(e slacksim.Envelope) bool { return e.Acked })
}

func (p *presser) presses(who, action string, counts func(slacksim.Envelope) bool) int {
	n := 0
	for _, e := range p.d.sims.workspace.Envelopes() {
		var payload struct {
			User    struct{ ID string }
			Actions []struct {
				ID string `json:"action_id"`
			}
		}
		if e.Type == "interactive" && counts(e) && json.Unmarshal(e.Payload, &payload) == nil && payload.User.ID == who &&
			len(payload.Actions) > 0 && payload.Actions[0].ID == action {
			n++
		}
	}
	return n
}

// unknown waits for the order whose outcome is unknown, and returns its id.
func (p *presser) unknown() string {
	p.t.Helper()
	home := p.open(slacksim.Carol, "home")
	settle := regexp.MustCompile(`/license settle (\w+)`)
	home.Until("an order to be held",
		`(() => { fetch('/-/do/home', {method: 'POST', headers: {'Content-Type': 'application/json'},
			body: JSON.stringify({as: document.body.dataset.as, at: 'home'})});
		return /license settle \w+/.test(document.body.innerText) })()`)
	return settle.FindStringSubmatch(home.Text())[1]
}

func hasButton(action string) string {
	return "[...document.querySelectorAll('.control')].some(c => c.dataset.actionId.split(':')[0] === '" + action +
		"' && c.querySelector('[data-press]')?.checkVisibility())"
}

func noButton(action string) string { return "!" + hasButton(action) }

// botActions returns the actions of all the bot's buttons, from its source.
func botActions(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../bot/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if strings.HasPrefix(name.Name, "action") && i < len(spec.Values) {
					if value, ok := spec.Values[i].(*ast.BasicLit); ok && value.Kind == token.STRING {
						all = append(all, strings.Trim(value.Value, `"`))
					}
				}
			}
			return true
		})
	}
	if len(all) < 15 {
		t.Fatalf("got the actions %q, want at least 15", all)
	}
	return all
}
