package bot_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/slacksim"
)

const listEndpoint = "licenses/get-managed"

// However many lists people ask for while CoCalc is slow, forms open at once: Slack gives three seconds.
func TestListsDoNotHoldUpForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	card := w.card()
	asked := w.cocalc.Counts()[listEndpoint]
	w.cocalc.Inject(cocalctest.Fault{Endpoint: listEndpoint, Effect: cocalctest.Delay, Wait: 6 * time.Second})
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() { w.must(w.slack.Person(slacksim.Bob).Command(w.ctx, slacksim.General, "/license", "list")) })
	}
	wg.Wait()
	began := time.Now()
	w.clicks(slacksim.Alice, card, "Edit")
	if _, err := w.slack.Person(slacksim.Alice).WaitForModal(w.ctx, nil); err != nil || time.Since(began) > 2*time.Second {
		t.Errorf("the form opened after %s (%v)", time.Since(began), err)
	}
	// One person waits for two lists at a time, and reads at once why there are not more of them.
	count := func(text string) (n int) {
		for _, m := range w.slack.Person(slacksim.Bob).Messages(slacksim.General) {
			if strings.Contains(m.ContentText(), text) {
				n++
			}
		}
		return n
	}
	w.until(func() bool { return count("still working on your last requests") == 38 })
	w.until(func() bool { return count("No active licenses")+count("no active licenses") == 2 })
	if n := w.cocalc.Counts()[listEndpoint] - asked; n > 2 { // the buyer looks too
		t.Errorf("CoCalc was asked %d times", n)
	}
}

// What CoCalc said is shown for a moment, and not beyond a purchase.
func TestAListKnowsOfThePurchaseJustMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	listed := func() (n int) {
		for _, m := range w.slack.Person(slacksim.Alice).Messages(slacksim.General) {
			if strings.Contains(strings.ToLower(m.ContentText()), "no active licenses") {
				n++
			}
		}
		return n
	}
	w.says(slacksim.Alice, "list")
	w.until(func() bool { return listed() == 1 })
	asked := w.cocalc.Counts()[listEndpoint]
	w.says(slacksim.Alice, "list")
	w.until(func() bool { return listed() == 2 })
	if n := w.cocalc.Counts()[listEndpoint] - asked; n > 0 {
		t.Errorf("the second list asked CoCalc %d times", n)
	}
	card := w.card()
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	w.becomes(card, "Bought for $63.75")
	w.says(slacksim.Alice, "list")
	w.sees(slacksim.Alice, "1 active license")
}
