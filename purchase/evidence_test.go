package purchase_test

import (
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// An item without a tag is the order's if it is not older than the order's add: another person removed the tag. An item
// with a tag belongs to the order of the tag.
func TestOrder_Owns_TagOrAge(t *testing.T) {
	added := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	o, _ := purchasetest.SentOrder(added)
	for name, c := range map[string]struct {
		text  string
		after time.Duration // since the add
		want  bool
	}{
		"its tag":                       {"mine\n" + purchasetest.SentOrderID.Tag(), 0, true},
		"another order's tag":           {purchasetest.OtherOrderID.Tag(), time.Second, false},
		"no tag, as old as the add":     {"edited", 0, true},
		"no tag, with clocks that lag":  {"edited", -cocalc.RangeTolerance + time.Second, true},
		"no tag, older than the add":    {"edited", -cocalc.RangeTolerance - time.Second, false},
		"no tag, a year older":          {"", -365 * 24 * time.Hour, false},
		"no tag, exactly at the margin": {"", -cocalc.RangeTolerance, false},
	} {
		if got := o.Owns(c.text, added.Add(c.after)); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
	o.AddedAfter = added.Add(time.Hour) // by CoCalc's clock, an hour ahead
	for after, want := range map[time.Duration]bool{
		time.Hour: true, time.Hour - purchase.ClocksApart + time.Second: true,
		time.Hour - purchase.ClocksApart - time.Second: false, 0: false,
	} {
		if got := o.Owns("edited", added.Add(after)); got != want {
			t.Errorf("no tag, %s after the add, by CoCalc's clock: got %t, want %t", after, got, want)
		}
	}
	o.AddSent, o.AddedAfter = time.Time{}, time.Time{}
	if o.Owns("edited", added) {
		t.Error("order that was never added, item without a tag: got owns true, want false")
	}
}

// Purchases count for an order if they are of its item and its own: on another server, or after a restore, another
// person's item can have the same number.
func TestOrder_PurchasesIn_OwnItem(t *testing.T) {
	added := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	o, _ := purchasetest.SentOrder(added)
	row := func(id, item int64, cost purchase.Cents, text string, at time.Time) cocalc.PurchaseRow {
		return cocalc.PurchaseRow{ID: id, CartItemID: item, Cost: cost, Text: text, Time: at}
	}
	rows := []cocalc.PurchaseRow{
		row(1, 7, 6375, purchasetest.SentOrderID.Tag(), added.Add(time.Second)),
		row(2, 7, 6375, "edited", added.Add(time.Minute)),
		row(3, 7, 6375, purchasetest.OtherOrderID.Tag(), added.Add(time.Second)),
		row(4, 7, 6375, "", added.AddDate(-1, 0, 0)),
		row(5, 8, 6375, purchasetest.SentOrderID.Tag(), added.Add(time.Second)),
		row(6, 7, -6375, purchasetest.SentOrderID.Tag(), added.Add(time.Second)),
		row(7, 7, 0, purchasetest.SentOrderID.Tag(), added.Add(time.Second)),
	}
	var got []int64
	for _, r := range o.PurchasesIn(rows) {
		got = append(got, r.ID)
	}
	if len(got) != 2 || got[0] != 1 || got[1] != 2 {
		t.Errorf("counted purchases: got %v, want 1 and 2", got)
	}
	o.ItemID = 0
	if len(o.PurchasesIn(append(rows, row(8, 0, 6375, purchasetest.SentOrderID.Tag(), added)))) != 0 {
		t.Error("order without an item: got purchases, want none")
	}
}

func TestCalendarDays_ClockChanges(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	at := func(m time.Month, d, h int) time.Time { return time.Date(2026, m, d, h, 0, 0, 0, vienna) }
	for _, c := range []struct {
		from, to time.Time
		days     int
		rest     time.Duration
	}{
		{at(6, 1, 0), at(6, 2, 0), 1, 0},
		{at(6, 1, 12), at(6, 2, 11), 0, 23 * time.Hour},
		{at(10, 25, 0), at(10, 26, 0), 1, 0}, // 25 hours
		{at(3, 29, 0), at(3, 30, 0), 1, 0},   // 23 hours
		{at(10, 24, 12), at(10, 25, 12), 1, 0},
		{at(10, 24, 12), at(10, 25, 11), 0, 24 * time.Hour},
		{at(1, 31, 5), at(12, 31, 6), 334, time.Hour},
		{at(6, 1, 0).UTC(), at(6, 2, 0).UTC(), 1, 0},
		{at(6, 2, 0), at(6, 1, 0), -1, 0},
	} {
		if days, rest := purchase.CalendarDays(c.from, c.to, vienna); days != c.days || rest != c.rest {
			t.Errorf("from %s to %s: got %d days and %s, want %d and %s", c.from, c.to, days, rest, c.days, c.rest)
		}
	}
}
