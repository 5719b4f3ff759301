package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/slacksim"
)

// CoCalc moves a term that has begun to its own clock, so that the license ends a moment after the day that was asked
// for: it reads as that day all the same, on the card, the receipt, the list, the details and in the log.
func TestFormatEnd_Everywhere(t *testing.T) {
	env := newEnv(t, nil)
	last := time.Now().UTC().AddDate(0, 0, 20)
	noon := time.Date(last.Year(), last.Month(), last.Day(), 12, 0, 0, 0, time.UTC)
	until := fmt.Sprintf("<!date^%d^{date_short_pretty}|%s>", noon.Unix(), last.Format("Jan 2, 2006"))
	reads := func(what string, m slacksim.Message, want string) {
		if !strings.Contains(m.ContentText(), want) {
			t.Errorf("%s: got this, want %q in it:\n%s", what, want, m.ContentText())
		}
	}
	env.says(slacksim.Alice, "buy ram=16 cpu=2 end="+last.Format(time.DateOnly))
	card := env.sees(slacksim.Alice, "A CoCalc license for")
	reads("card", card, "from now until "+until)
	// Without this, both clocks can read the same millisecond, and nothing moves.
	const cartAdd = "shopping/cart/add"
	env.cocalc.Inject(cocalctest.Fault{Endpoint: cartAdd, Effect: cocalctest.Delay, Wait: 10 * time.Millisecond})
	env.clicks(slacksim.Alice, card, "order_buy")
	reads("receipt", env.becomes(card, "Bought for"), "*Expires*\n"+until)
	if end := env.account.Licenses()[0].Expires; end.Day() == last.Day() {
		t.Errorf("got the end %s, want it moved by CoCalc", end)
	}
	env.says(slacksim.Alice, "list")
	list := env.sees(slacksim.Alice, "1 active license")
	reads("list", list, "until "+until)
	env.clicks(slacksim.Alice, list, "Details")
	reads("license", env.becomes(list, "Each project gets"), "until "+until)
	h, err := env.desk.History(env.ctx, 1, 1)
	env.must(err)
	if end := h.Purchases[0].Ends(); end.Format(time.DateOnly) != last.Format(time.DateOnly) {
		t.Errorf("got the end %s, want %s", end, last.Format(time.DateOnly))
	}
}

// Another end than the one that was asked for is what it is.
func TestReceiptCard_EndChanged(t *testing.T) {
	end := time.Date(2026, 11, 29, 23, 59, 59, 999e6, time.UTC)
	p := purchase.Purchase{Spec: purchase.Spec{Period: "range", End: end}}
	for _, c := range []struct{ says, want time.Time }{
		{end.Add(18 * time.Millisecond), end},
		{end.Add(-3 * time.Second), end},
		{end.Add(time.Hour), end.Add(time.Hour)},
		{end.AddDate(0, 0, -1), end.AddDate(0, 0, -1)},
		{time.Time{}, time.Time{}},
	} {
		p.Expires = c.says
		if got := p.Ends(); !got.Equal(c.want) {
			t.Errorf("CoCalc's %s: got %s, want %s", c.says, got, c.want)
		}
	}
	p.Spec.Period, p.Expires = "monthly", end.Add(time.Second)
	if got := p.Ends(); !got.Equal(p.Expires) {
		t.Errorf("got the end %s, want %s", got, p.Expires)
	}
}
