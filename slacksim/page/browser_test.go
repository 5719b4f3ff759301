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
		Name: "/order", Usage: "card | form | blocks | slow", Description: "Order coffee", Examples: []string{"/order card", "/order form"},
	}},
	Notes:   map[string]string{slacksim.Alice: "may buy", slacksim.Carol: "may not buy"},
	Welcome: "*Welcome!* Type `/order card` to begin.",
}

// shot keeps a picture if PAGE_SHOTS names a folder: for looking at, not for tests.
func shot(t *testing.T, tab *pagetest.Tab, name string) {
	t.Helper()
	if dir := os.Getenv("PAGE_SHOTS"); dir != "" {
		tab.Screenshot(dir + "/" + name + ".png")
	}
}

// Whoever closes a dialog and opens it again at once is asked anew, and answers once.
func TestADialogOpenedAgainAtOnce(t *testing.T) {
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
	if got := strings.Count(s.told(), "action buy"); got != 1 {
		t.Errorf("it was bought %d times: %s", got, s.told())
	}
}

func TestCommandButtonConfirm(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.WaitText("Welcome! Type /order card to begin.")
	shot(t, tab, "welcome")

	tab.Type("/or")
	tab.WaitText("Order coffee")
	shot(t, tab, "suggest")
	tab.Press("Tab")
	if got := tab.Draft(); got != "/order " {
		t.Errorf("Tab made it %q", got)
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
		t.Errorf("the dialog gives the focus to %q", got)
	}
	tab.Press("Escape")
	tab.WaitNoText("You pay $12.00 now.")
	if strings.Contains(s.told(), "action buy") {
		t.Errorf("a declined dialog sent: %s", s.told())
	}
	tab.Click("Buy for $12.00")
	tab.Click("Yes, buy")
	tab.WaitText("✅ Bought 3 coffees for $12.00.")
	if tab.Has("Cancel") || tab.Has("Buy for $12.00") {
		t.Error("the buttons are still there")
	}
	if got := s.told(); got != "command card by U0ALICE\naction edit:3 value= option= options= by U0ALICE\naction buy value=3 option= options= by U0ALICE" {
		t.Errorf("the app was told:\n%s", got)
	}
	shot(t, tab, "bought")

	tab.Type("")
	tab.Press("ArrowUp")
	if got := tab.Draft(); got != "/order card" {
		t.Errorf("the arrow up brought back %q", got)
	}
}

func TestPeopleSeeTheirOwn(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Send("/order card")
	tab.WaitText("Only visible to you")
	tab.Send("<b>Hi</b> *all*\nsecond line &amp; more")
	tab.WaitText("<b>Hi</b> all")

	tab.As("Carol Conti")
	tab.WaitText("<b>Hi</b> all")
	if strings.Contains(tab.Text(), "Only visible to you") {
		t.Error("Carol sees what only Alice may see")
	}
	if text := tab.Text(); !strings.Contains(text, "second line &amp; more") {
		t.Errorf("the text reads differently:\n%s", text)
	}
	tab.Visit("random")
	tab.WaitText("3 members")
	tab.Visit("coffeebot")
	tab.Home()
	tab.WaitText("None yet, @Carol Conti.")
	shot(t, tab, "home")
}

func TestModal(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Send("/order form")
	tab.WaitText("Order coffee")
	tab.WaitText("It costs $4.00.")
	shot(t, tab, "modal")

	// What is typed stays while the app changes the view around it.
	tab.Fill("Name", "nobody")
	tab.Fill("Cups", "7")
	tab.WaitText("It costs $7.50.")
	if got := tab.Value("Name"); got != "nobody" {
		t.Errorf("the name is now %q", got)
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
		t.Errorf("under the other modal the milk became %q", got)
	}

	tab.Click("Order")
	tab.WaitText("Somebody must drink it.")
	shot(t, tab, "errors")
	if got := tab.Focused(); got != "On the cup" {
		t.Errorf("the focus is on %q, not on the field that is wrong", got)
	}
	tab.Fill("Name", "Äda & Co")
	tab.Click("Order")
	tab.WaitText("Coffee for Äda & Co")
	tab.Until("the modal to close", "!document.querySelector('dialog[open]')")
	if want := "submitted name=Äda & Co cups=7 milk=oat day=2027-02-03 size=l extra=1"; !strings.Contains(s.told(), want) {
		t.Errorf("the app was told:\n%s\nwithout %s", s.told(), want)
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

func TestEveryBlock(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Send("/order blocks")
	tab.WaitText("Spending, as an area")
	if got := s.told(); got != "command blocks by U0ALICE" {
		t.Fatal(got)
	}
	tab.Size(1280, 3600)
	shot(t, tab, "gallery")
	tab.WaitText("1–3 of 5")
	tab.Click("Next page")
	tab.WaitText("4–5 of 5")
	tab.WaitNoText("c3")
	tab.Choose("Somebody", "Bob Brandt")
	s.await(t, "action somebody")
	tab.Click("Several")
	tab.Click("Apples")
	s.await(t, "action several value= option= options=a ")
	tab.Click("Cherries")
	s.await(t, "action several value= option= options=a,c ")
	tab.Press("Escape")

	// A menu that asks first, and goes back if the answer is no.
	tab.Choose("Alarm", "On")
	tab.Click("Better not")
	tab.WaitValue("Alarm", "Alarm") // the dialog tells the menu after it is gone
	tab.Choose("Alarm", "On")
	tab.Click("Ring")
	s.await(t, "action alarm value= option=on ")
	if strings.Count(s.told(), "action alarm") != 1 {
		t.Errorf("the app was told:\n%s", s.told())
	}

	// A menu whose options the app has.
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
		t.Errorf("%d blocks cannot be shown", n)
	}
}

func TestPhone(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Size(390, 844)
	tab.Send("/order card")
	tab.WaitText("Only visible to you")
	shot(t, tab, "phone")
	small := pagetest.Eval[[]string](tab, `[...document.querySelectorAll('button, .place, .person')].filter(el => el.checkVisibility({visibilityProperty: true}))
		.filter(el => { const r = el.getBoundingClientRect(); return r.height < 44 || r.width < 44 }).map(el => el.outerHTML.slice(0, 80))`)
	if len(small) > 0 {
		t.Errorf("too small for a thumb: %q", small)
	}
	if wide := pagetest.Eval[bool](tab, "document.documentElement.scrollWidth > innerWidth"); wide {
		t.Error("the page scrolls sideways")
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

func TestPanel(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.WaitText("roasted yesterday")
	tab.Turn("Grinder jams")
	s.await(t, "jam true")
	tab.Turn("On fire")
	tab.WaitText("the fire brigade forbids it")
	tab.Until("the switch to go back", "!document.querySelector('[data-switch=fire]').checked")
}

// TestNoAnswer shows what people see of an app that does not answer, and of one that is
// gone.
func TestNoAnswer(t *testing.T) {
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

// TestLive follows what others do, without a word from this reader.
func TestLive(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	tab.Type("half a thought")
	bob := s.ws.Person(slacksim.Bob)
	for range 30 {
		if _, err := bob.Say(slacksim.General, "a message from Bob"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bob.Say(slacksim.General, "the last message"); err != nil {
		t.Fatal(err)
	}
	tab.WaitText("the last message")
	const newestInSight = "(l => l.scrollHeight - l.scrollTop - l.clientHeight < 3)(document.getElementById('log'))"
	tab.Until("the newest message to be in sight", newestInSight)
	tab.Size(1000, 500)
	tab.Until("it to stay there in a smaller window", newestInSight)
	if got := tab.Draft(); got != "half a thought" {
		t.Errorf("the draft became %q", got)
	}
	// Who reads further up is left there.
	pagetest.Eval[bool](tab, "new Promise(done => { const l = document.getElementById('log'); l.addEventListener('scroll', () => done(true), {once: true}); l.scrollTop = 10 })")
	if _, err := bob.Say(slacksim.General, "one more"); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Say(slacksim.Random, "elsewhere"); err != nil {
		t.Fatal(err)
	}
	tab.WaitText("one more")
	if top := pagetest.Eval[float64](tab, "document.getElementById('log').scrollTop"); top > 30 {
		t.Errorf("the page scrolled to %v", top)
	}
	tab.Until("the other channel to be unread", "document.querySelector('.place.unread .badge')?.innerText.startsWith('1')")
	tab.Visit("random")
	tab.WaitText("elsewhere")
	tab.Until("nothing to be unread", "!document.querySelector('.place.unread')")
	tab.Visit("general")
	if got := tab.Draft(); got != "half a thought" {
		t.Errorf("back again the draft is %q", got)
	}
}

// TestKeyboardOnly buys without the mouse.
func TestKeyboardOnly(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	if got := tab.Focused(); !strings.HasPrefix(got, "Message #general") {
		t.Errorf("the page opens with the focus on %q", got)
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
		if inside := pagetest.Eval[bool](tab, "!!document.activeElement.closest('dialog') || document.activeElement === document.body"); !inside {
			t.Errorf("the focus left the dialog for %q", tab.Focused())
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
		t.Errorf("after the buttons went the focus is on %q", tab.Focused())
	}

	tab.Type("one")
	tab.Press("Shift+Enter")
	tab.Keys("two")
	tab.Press("Enter")
	tab.Until("a message of two lines", "[...document.querySelectorAll('.text')].some(el => el.innerText === 'one\\ntwo')")
	nameless := pagetest.Eval[[]string](tab, `[...document.querySelectorAll('button, input, textarea, select, a')]
		.filter(el => !el.innerText?.trim() && !el.getAttribute('aria-label') && !el.labels?.length && !el.getAttribute('aria-labelledby')).map(el => el.outerHTML)`)
	if len(nameless) > 0 {
		t.Errorf("without a name: %q", nameless)
	}
}

// TestComingAndGoing becomes somebody else more often than a browser opens connections to one server, and goes back to
// a page that it left: what happened meanwhile is there.
func TestComingAndGoing(t *testing.T) {
	s := open(t, hints)
	tab := pagetest.Open(t, s.url)
	for range 3 {
		tab.As("Bob Brandt")
		tab.As("Alice Amsel")
	}
	tab.Send("still here")
	tab.WaitText("still here")
	tab.Visit("random")
	if _, err := s.ws.Person(slacksim.Bob).Say(slacksim.General, "a message from Bob"); err != nil {
		t.Fatal(err)
	}
	pagetest.Eval[bool](tab, "(history.back(), true)")
	tab.WaitText("a message from Bob")
	tab.Send("and here")
	tab.WaitText("and here")
}

// TestRestart leaves a page open while the workspace is replaced by another at the same
// address, as when somebody starts the demo again.
func TestRestart(t *testing.T) {
	first := slacksim.New(slacksim.Options{})
	srv, err := first.Listen("127.0.0.1:0", page.New(first, page.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	tab := pagetest.Open(t, srv.URL)
	tab.Send("before")
	tab.WaitText("before")
	srv.Close()
	tab.WaitText("Connection lost.")

	second := slacksim.New(slacksim.Options{})
	again, err := second.Listen(srv.Addr, page.New(second, page.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	tab.WaitNoText("Connection lost.")
	tab.WaitNoText("before")
	tab.Send("after")
	tab.WaitText("after")
}
