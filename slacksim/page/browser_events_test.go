package page_test

import (
	"testing"

	"licensebot/slacksim"
	"licensebot/slacksim/page"
	"licensebot/slacksim/page/pagetest"
)

// A page shows what other people do, without an action of its reader.
func TestBrowser_Events_Live(t *testing.T) {
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
		t.Errorf("draft after a change elsewhere: got %q, want %q", got, "half a thought")
	}
	// A reader who has scrolled up stays there.
	pagetest.Eval[bool](
		tab,
		`new Promise(done => {
			const l = document.getElementById('log');
			l.addEventListener('scroll', () => done(true), {once: true});
			l.scrollTop = 10;
		})`,
	)
	if _, err := bob.Say(slacksim.General, "one more"); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Say(slacksim.Random, "elsewhere"); err != nil {
		t.Fatal(err)
	}
	tab.WaitText("one more")
	if top := pagetest.Eval[float64](tab, "document.getElementById('log').scrollTop"); top > 30 {
		t.Errorf("scrolled page: got %v, want at most 30", top)
	}
	tab.Until(
		"the other channel to be unread", "document.querySelector('.place.unread .badge')?.innerText.startsWith('1')",
	)
	tab.Visit("random")
	tab.WaitText("elsewhere")
	tab.Until("nothing to be unread", "!document.querySelector('.place.unread')")
	tab.Visit("general")
	if got := tab.Draft(); got != "half a thought" {
		t.Errorf("draft after a visit elsewhere: got %q, want %q", got, "half a thought")
	}
}

// TestBrowser_Events_ManyVisits becomes another person more often than a browser opens connections to one server, and
// goes back to a page that it left: what happened meanwhile is there.
func TestBrowser_Events_ManyVisits(t *testing.T) {
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

// TestBrowser_Events_Restart leaves a page open while the workspace is replaced by another at the same
// address, as after a restart of the demo.
func TestBrowser_Events_Restart(t *testing.T) {
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
