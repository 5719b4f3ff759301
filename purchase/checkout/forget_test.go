package checkout

import (
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// timeless is a shop whose clock is unknown.
type timeless struct{ purchase.Shop }

func (timeless) Time() (time.Time, bool) { return time.Time{}, false }

// A person can end an order that waits for CoCalc: nothing of it is remembered then.
func TestWorker_ForgetEnded_OpenOnesStay(t *testing.T) {
	now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	wk := New(register.New(register.Options{Shop: timeless{}, Now: func() time.Time { return now }}))
	span := register.Span{What: "patience", Until: now.Add(10 * time.Minute), Length: 10 * time.Minute}
	for _, id := range []purchase.OrderID{"ended", "open"} {
		wk.retryDelay(id)
		wk.due[id] = time.Hour
		wk.learned[id] = learned{item: 7}
	}
	for _, id := range []purchase.OrderID{"ended", "open", ""} { // "" is the account
		wk.spans.Ends(id, span)
	}
	wk.forgetEnded([]purchase.Order{{ID: "open"}})
	if len(wk.tries) != 1 || wk.tries["open"] != 1 {
		t.Errorf("tries: got %v, want those of the open order", wk.tries)
	}
	if len(wk.due) != 1 || wk.due["open"] != time.Hour {
		t.Errorf("pauses: got %v, want that of the open order", wk.due)
	}
	if len(wk.learned) != 1 || wk.learned["open"].item != 7 {
		t.Errorf("items: got %v, want that of the open order", wk.learned)
	}
	now = now.Add(9 * time.Minute) // a remembered span doesn't notice that the clock was set
	for id, want := range map[purchase.OrderID]time.Duration{
		"ended": time.Minute, "open": 10 * time.Minute, "": 10 * time.Minute,
	} {
		if got := wk.spans.Ends(id, span).Round(time.Minute); got != want {
			t.Errorf("span of %q: got its end after %s, want %s", id, got, want)
		}
	}
}
