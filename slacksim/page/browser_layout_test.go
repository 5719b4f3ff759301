package page_test

import (
	"strings"
	"testing"

	"licensebot/slacksim/page/pagetest"
)

func TestBrowser_Phone_Layout(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Size(390, 844)
	tab.Send("/order card")
	tab.WaitText("Only visible to you")
	shot(t, tab, "phone")
	small := pagetest.Eval[[]string](tab, `[...document.querySelectorAll('button, .place, .person')]
		.filter(el => el.checkVisibility({visibilityProperty: true}))
		.filter(el => { const r = el.getBoundingClientRect(); return r.height < 44 || r.width < 44 })
		.map(el => el.outerHTML.slice(0, 80))`)
	if len(small) > 0 {
		t.Errorf("got %q below 44 pixels, want none", small)
	}
	if wide := pagetest.Eval[bool](tab, "document.documentElement.scrollWidth > innerWidth"); wide {
		t.Error("page: got it wider than the window, want no horizontal scrolling")
	}
	tab.Click("Channels and people")
	tab.WaitText("You are")
	shot(t, tab, "phone-drawer")
	tab.As("Bob Brandt")
	tab.Send("/order form")
	tab.WaitText("It costs $4.00.")
	shot(t, tab, "phone-modal")
	s.await(t, "command form by U0BOB")
	tab.Dark(true)
	tab.Press("Escape")
	tab.Click("Panel")
	tab.WaitText("Grinder jams")
	shot(t, tab, "phone-panel")
}

func TestBrowser_Panel_Switches(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.WaitText("roasted yesterday")
	tab.Turn("Grinder jams")
	s.await(t, "jam true")
	tab.Turn("On fire")
	tab.WaitText("the fire brigade forbids it")
	tab.Until("the switch to go back", "!document.querySelector('[data-switch=fire]').checked")
}

// TestBrowser_Keyboard_Only buys without the mouse.
func TestBrowser_Keyboard_Only(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	if got := tab.Focused(); !strings.HasPrefix(got, "Message #general") {
		t.Errorf("focus at the start: got %q, want the message box", got)
	}
	tab.Keys("/order card")
	tab.Press("Enter")
	tab.WaitText("Only visible to you")
	for range 10 {
		tab.Press("Shift+Tab")
		if tab.Focused() == "Buy for $12.00" {
			break
		}
	}
	tab.Press("Enter")
	tab.WaitText("You pay $12.00 now.")
	for range 4 { // the focus stays in the dialog
		tab.Press("Tab")
		if inside := pagetest.Eval[bool](
			tab, "!!document.activeElement.closest('dialog') || document.activeElement === document.body",
		); !inside {
			t.Errorf("focus: got %q, want it inside of the dialog", tab.Focused())
		}
	}
	for range 3 {
		if tab.Focused() == "Yes, buy" {
			break
		}
		tab.Press("Tab")
	}
	tab.Press("Enter")
	tab.WaitText("Bought 3 coffees")
	if outline := pagetest.Eval[bool](tab, "document.activeElement.classList.contains('message')"); !outline {
		t.Errorf("focus without the buttons: got %q, want the message", tab.Focused())
	}

	tab.Type("one")
	tab.Press("Shift+Enter")
	tab.Keys("two")
	tab.Press("Enter")
	tab.Until("a message of two lines", "[...document.querySelectorAll('.text')].some(el => el.innerText === 'one\\ntwo')")
	nameless := pagetest.Eval[[]string](tab, `[...document.querySelectorAll('button, input, textarea, select, a')]
		.filter(el => !el.innerText?.trim() && !el.getAttribute('aria-label') && !el.labels?.length)
		.filter(el => !el.getAttribute('aria-labelledby')).map(el => el.outerHTML)`)
	if len(nameless) > 0 {
		t.Errorf("got elements without a name: %q, want none", nameless)
	}
}
