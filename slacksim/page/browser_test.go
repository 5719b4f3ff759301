package page_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"licensebot/slacksim"
	"licensebot/slacksim/page"
	"licensebot/slacksim/page/pagetest"
)

func TestMain(m *testing.M) {
	pagetest.Main(m, func(code int) int {
		if err := goleak.Find(); err != nil && code == 0 {
			println(err.Error())
			return 1
		}
		return code
	})
}

var hints = page.Options{
	Commands: []page.Command{{
		Name: "/order", Usage: "card | form | blocks | slow", Description: "Order coffee", Examples: []string{
			"/order card", "/order form",
		},
	}},
	Notes:   map[string]string{slacksim.Alice: "may buy", slacksim.Carol: "may not buy"},
	Welcome: "*Welcome!* Type `/order card` to begin.",
}

// shot saves a picture in the folder of the variable PAGE_SHOTS, if it is set, for a look at the page.
func shot(t *testing.T, tab *pagetest.Tab, name string) {
	t.Helper()
	if dir := os.Getenv("PAGE_SHOTS"); dir != "" {
		tab.Screenshot(dir + "/" + name + ".png")
	}
}

// A dialog that is closed and opened again at once asks again, and sends one answer.
func TestBrowser_Confirm_OpenedAgain(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Send("/order card")
	tab.WaitText("Budget left: $88.00")
	pagetest.Eval[bool](tab, `(() => {
		const buy = [...document.querySelectorAll('button')].find(b => b.textContent.trim() === 'Buy for $12.00');
		const dialog = document.getElementById(buy.dataset.ask);
		buy.click();
		dialog.close();
		buy.click();
		return dialog.open;
	})()`)
	tab.Click("Yes, buy")
	tab.WaitText("✅ Bought 3 coffees for $12.00.")
	if got := strings.Count(s.received(), "action buy"); got != 1 {
		t.Errorf("got %d answers, want 1: %s", got, s.received())
	}
}

func TestBrowser_Command_Button(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.WaitText("Welcome! Type /order card to begin.")
	shot(t, tab, "welcome")

	tab.Type("/or")
	tab.WaitText("Order coffee")
	shot(t, tab, "suggest")
	tab.Press("Tab")
	if got := tab.Draft(); got != "/order " {
		t.Errorf("draft after Tab: got %q, want %q", got, "/order ")
	}
	tab.Type("card")
	tab.Press("Enter")
	tab.WaitText("Only visible to you")
	tab.WaitText("Nov 14, 2023 at 11:13 PM") // in the reader's time zone
	shot(t, tab, "card")

	tab.Click("Edit") // its action id has a colon
	s.await(t, "action edit:3 ")
	tab.Click("Buy for $12.00")
	tab.WaitText("You pay $12.00 now.")
	shot(t, tab, "confirm")
	if got := tab.Focused(); got != "Yes, buy" {
		t.Errorf("focus in the dialog: got %q, want %q", got, "Yes, buy")
	}
	tab.Press("Escape")
	tab.WaitNoText("You pay $12.00 now.")
	if strings.Contains(s.received(), "action buy") {
		t.Errorf("requests after a declined dialog: got %s, want none", s.received())
	}
	tab.Click("Buy for $12.00")
	tab.Click("Yes, buy")
	tab.WaitText("✅ Bought 3 coffees for $12.00.")
	if tab.Has("Cancel") || tab.Has("Buy for $12.00") {
		t.Errorf("buttons of the card: got %t, %t; want them gone", tab.Has("Cancel"), tab.Has("Buy for $12.00"))
	}
	want := "command card by U0ALICE\n" +
		"action edit:3 value= option= options= by U0ALICE\n" +
		"action buy value=3 option= options= by U0ALICE"
	if got := s.received(); got != want {
		t.Errorf("requests to the app: got\n%s\nwant\n%s", got, want)
	}
	shot(t, tab, "bought")

	tab.Type("")
	tab.Press("ArrowUp")
	if got := tab.Draft(); got != "/order card" {
		t.Errorf("draft after the arrow up: got %q, want %q", got, "/order card")
	}
}

func TestBrowser_People_SeeTheirOwn(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Send("/order card")
	tab.WaitText("Only visible to you")
	tab.Send("<b>Hi</b> *all*\nsecond line &amp; more")
	tab.WaitText("<b>Hi</b> all")

	tab.As("Carol Conti")
	tab.WaitText("<b>Hi</b> all")
	if strings.Contains(tab.Text(), "Only visible to you") {
		t.Error("Carol's page: got a message for Alice only, want none")
	}
	if text := tab.Text(); !strings.Contains(text, "second line &amp; more") {
		t.Errorf("got the text\n%s\nwant %q in it", text, "second line &amp; more")
	}
	tab.Visit("random")
	tab.WaitText("3 members")
	tab.Visit("coffeebot")
	tab.Home()
	tab.WaitText("None yet, @Carol Conti.")
	shot(t, tab, "home")
}

func TestBrowser_Modal_Submitted(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Send("/order form")
	tab.WaitText("Order coffee")
	tab.WaitText("It costs $4.00.")
	shot(t, tab, "modal")

	// Typed text stays while the app updates the view.
	tab.Fill("Name", "no one")
	tab.Fill("Cups", "7")
	tab.WaitText("It costs $7.50.")
	if got := tab.Value("Name"); got != "no one" {
		t.Errorf("name: got %q, want %q", got, "no one")
	}
	tab.Choose("Milk", "Oat")
	tab.Fill("Day", "2027-02-03")
	tab.Click("Large")
	tab.Click("Sugar")

	tab.Click("About our beans")
	tab.WaitText("From far away.")
	shot(t, tab, "stack")
	tab.Click("Back")
	tab.WaitNoText("From far away.")
	if got := tab.Value("Milk"); got != "Oat" {
		t.Errorf("milk in the modal below: got %q, want %q", got, "Oat")
	}

	tab.Click("Order")
	tab.WaitText("A person must drink it.")
	shot(t, tab, "errors")
	if got := tab.Focused(); got != "On the cup" {
		t.Errorf("focus: got %q, want the field with the error", got)
	}
	tab.Fill("Name", "Äda & Co")
	tab.Click("Order")
	tab.WaitText("Coffee for Äda & Co")
	tab.Until("the modal to close", "!document.querySelector('dialog[open]')")
	if want := "submitted name=Äda & Co cups=7 milk=oat day=2027-02-03 size=l extra=1"; !strings.Contains(
		s.received(), want,
	) {
		t.Errorf("requests to the app: got\n%s\nwant %s", s.received(), want)
	}

	// Slack's own check, without the app, and Escape.
	tab.Send("/order form")
	tab.WaitText("It costs $4.00.")
	tab.Click("Order")
	tab.Until("a complaint", "document.querySelector('.modal .error')")
	tab.Press("Escape")
	tab.Until("the modal to close", "!document.querySelector('dialog[open]')")
	s.await(t, "closed cleared=false")
}

func TestBrowser_Blocks_All(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Send("/order blocks")
	tab.WaitText("Spending, as an area")
	if got := s.received(); got != "command blocks by U0ALICE" {
		t.Fatalf("the app got %q, want one command", got)
	}
	tab.Size(1280, 3600)
	shot(t, tab, "gallery")
	tab.WaitText("1–3 of 5")
	tab.Click("Next page")
	tab.WaitText("4–5 of 5")
	tab.WaitNoText("c3")
	tab.Choose("Person", "Bob Brandt")
	s.await(t, "action person")
	tab.Click("Several")
	tab.Click("Apples")
	s.await(t, "action several value= option= options=a ")
	tab.Click("Cherries")
	s.await(t, "action several value= option= options=a,c ")
	tab.Press("Escape")

	// A menu with a confirm dialog returns to its earlier option if the dialog is declined.
	tab.Choose("Alarm", "On")
	tab.Click("Better not")
	tab.WaitValue("Alarm", "Alarm") // the dialog tells the menu after it is gone
	tab.Choose("Alarm", "On")
	tab.Click("Ring")
	s.await(t, "action alarm value= option=on ")
	if strings.Count(s.received(), "action alarm") != 1 {
		t.Errorf("requests to the app: got\n%s\nwant one action alarm", s.received())
	}

	// A menu with options from the app.
	tab.Fill("Find a project", "bio")
	tab.Click("bio 2")
	s.await(t, "action project value= option=p2 ")

	tab.Click("More actions")
	shot(t, tab, "overflow")
	tab.Click("Delete")
	s.await(t, "action overflow value= option=delete ")
	tab.Dark(true)
	shot(t, tab, "gallery-dark")
	if n := pagetest.Eval[int](tab, "document.querySelectorAll('.unknown').length"); n > 0 {
		t.Errorf("got %d blocks that can't be shown, want 0", n)
	}
}

// TestBrowser_Command_NoAnswer shows what people see of an app that does not answer, and of one that is
// gone.
func TestBrowser_Command_NoAnswer(t *testing.T) {
	s := openWith(t, slacksim.Options{AckTimeout: 200 * time.Millisecond}, hints)
	tab := pagetest.Open(t, s.url)
	tab.Send("/order slow")
	tab.WaitText(`/order failed with the error "operation_timeout"`)
	tab.WaitText("Slackbot")
	shot(t, tab, "timeout")
	tab.Click("Dismiss message")
	tab.WaitNoText("operation_timeout")

	tab.Send("/nonsense")
	tab.WaitText("/nonsense is not a valid command.")
	tab.Send("/order sleepy")
	tab.WaitText("Only visible to you")
	tab.Click("Do nothing")
	tab.WaitText("This app responded too slowly.")
	shot(t, tab, "timeout-button")
	tab.Click("Dismiss")
	tab.WaitNoText("This app responded too slowly.")
}
