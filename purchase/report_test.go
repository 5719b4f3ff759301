package purchase_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

func TestPrepaid_Unused_FixedTerm(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	day := func(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, vienna) }
	for _, c := range []struct {
		name             string
		begins, ends, at time.Time
		paid, want       purchase.Cents
	}{
		{"before it begins", day(6, 1), day(7, 1), day(5, 1), 3000, 3000},
		{"when it begins", day(6, 1), day(7, 1), day(6, 1), 3000, 3000},
		{"after one second", day(6, 1), day(7, 1), day(6, 1).Add(time.Second), 3000, 2999},
		{"within its first second", day(6, 1), day(7, 1), day(6, 1).Add(time.Second - 1), 3000, 3000},
		{"after ten of thirty days", day(6, 1), day(7, 1), day(6, 11), 3000, 2000},
		{"a cent is not rounded up", day(6, 1), day(6, 4), day(6, 2), 100, 66},
		{"the last second", day(6, 1), day(7, 1), day(7, 1).Add(-time.Second), 2_592_000, 1},
		{"when it ends", day(6, 1), day(7, 1), day(7, 1), 3000, 0},
		{"after it ended", day(6, 1), day(7, 1), day(8, 1), 3000, 0},
		{"an hour is missing in spring", day(3, 29), day(3, 31), day(3, 30), 4700, 2400}, // 24 of 47 hours are left
		{"an hour more in autumn", day(10, 25), day(10, 27), day(10, 26), 4900, 2400},    // 24 of 49
		{"nothing paid", day(6, 1), day(7, 1), day(6, 11), 0, 0},
		{"more paid back than paid", day(6, 1), day(7, 1), day(6, 11), -500, 0},
		{
			"a sum whose product with the seconds exceeds 64 bits", day(1, 1), day(1, 1).AddDate(10, 0, 0), day(1, 1), 1 << 60,
			1 << 60,
		},
		{"half of that", day(6, 1), day(7, 1), day(6, 16), 1 << 60, 1 << 59},
		{"a term without a length", day(6, 1), day(6, 1), day(6, 1), 3000, 0},
	} {
		s := purchasetest.Spec()
		s.Period = cocalc.PeriodRange
		p := purchase.Prepaid{Spec: s, Begins: c.begins, Ends: c.ends, Paid: c.paid}
		if got := p.Unused(c.at); got != c.want {
			t.Errorf("%s: got %d of %d cents, want %d", c.name, got, c.paid, c.want)
		}
	}
	monthly := purchase.Prepaid{Spec: purchasetest.Spec(), Begins: day(6, 1), Ends: day(7, 1), Paid: 3000}
	if got := monthly.Unused(day(6, 11)); !monthly.Renews() || got != 0 {
		t.Errorf("license that renews: got %d cents, renews %t; want 0, true", got, monthly.Renews())
	}
}

// The unused part is between zero and the amount paid, never grows, and is exact to the cent: one cent more would be
// more than the rest of the term.
func TestPrepaid_Unused_AnyTerm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begins := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "begins"), 0)
		seconds := rapid.Int64Range(1, 10*366*24*3600).Draw(t, "seconds")
		paid := rapid.Int64Range(0, 1_000_000_00).Draw(t, "paid")
		s := purchasetest.Spec()
		s.Period = cocalc.PeriodRange
		p := purchase.Prepaid{
			Spec: s, Begins: begins, Ends: begins.Add(time.Duration(seconds) * time.Second),
			Paid: purchase.Cents(paid),
		}
		first := rapid.Int64Range(-1000, seconds+1000).Draw(t, "first")
		later := first + rapid.Int64Range(0, seconds).Draw(t, "later")
		at := func(after int64) int64 { return int64(p.Unused(begins.Add(time.Duration(after) * time.Second))) }
		if got := at(first); got < 0 || got > paid {
			t.Fatalf("unused: got %d cents, want from 0 to %d", got, paid)
		}
		if at(later) > at(first) {
			t.Fatalf("got %d cents after %d s, %d after %d s; want no more later", at(first), first, at(later), later)
		}
		if rest := min(max(seconds-first, 0), seconds); at(first)*seconds > paid*rest || (at(first)+1)*seconds <= paid*rest {
			t.Fatalf("got %d cents, want the part of %d cents for %d of %d s, rounded down", at(first), paid, rest, seconds)
		}
	})
}

func TestPrepaidLicenses_LogEntries(t *testing.T) {
	day := func(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC) }
	june := termEntry("june", day(6, 1), day(7, 1), 3000)
	change := func(e purchase.Purchase, edit func(*purchase.Purchase)) purchase.Purchase {
		edit(&e)
		return e
	}
	correction := func(license string, cents purchase.Cents) purchase.Purchase {
		return change(june, func(e *purchase.Purchase) { e.LicenseID, e.Charged, e.Correction = license, cents, true })
	}
	twin := func(license string, cents purchase.Cents) purchase.Purchase {
		return change(june, func(e *purchase.Purchase) { e.LicenseID, e.Charged, e.Duplicate = license, cents, true })
	}
	nameless := change(june, func(e *purchase.Purchase) { e.LicenseID = "" })
	type line struct {
		License      string
		Paid, Unused purchase.Cents
		Twice        bool
	}
	for _, c := range []struct {
		name string
		at   time.Time
		log  []purchase.Purchase
		want []line
	}{
		{"no purchases", day(6, 16), nil, nil},
		{"one that runs", day(6, 16), []purchase.Purchase{june}, []line{{"june", 3000, 1500, false}}},
		{"one that has ended", day(7, 1), []purchase.Purchase{june}, nil},
		{"one that was bought later", day(5, 31), []purchase.Purchase{june}, nil},
		{
			"one that has not begun", day(5, 31),
			[]purchase.Purchase{change(june, func(e *purchase.Purchase) { e.Time = day(5, 1) })},
			[]line{{"june", 3000, 3000, false}},
		},
		{
			"one that began when it was bought", day(6, 21),
			[]purchase.Purchase{change(june, func(e *purchase.Purchase) { e.Spec.Start, e.Time = time.Time{}, day(6, 11) })},
			[]line{{"june", 3000, 1500, false}},
		},
		{
			"one whose beginning had passed when it was bought", day(6, 21),
			[]purchase.Purchase{change(june, func(e *purchase.Purchase) { e.Time = day(6, 11) })},
			[]line{{"june", 3000, 1500, false}},
		},
		{
			"one whose end CoCalc says", day(6, 16),
			[]purchase.Purchase{change(june, func(e *purchase.Purchase) { e.Expires = day(6, 21) })},
			[]line{{"june", 3000, 750, false}},
		},
		{
			"one whose end CoCalc does not say", day(6, 16),
			[]purchase.Purchase{change(june, func(e *purchase.Purchase) { e.Expires = time.Time{} })},
			[]line{{"june", 3000, 1500, false}},
		},
		{
			"a correction", day(6, 16),
			[]purchase.Purchase{june, correction("june", -500)},
			[]line{{"june", 2500, 1250, false}},
		},
		{
			"a correction without an id", day(6, 16),
			[]purchase.Purchase{june, correction("", -500)},
			[]line{{"june", 2500, 1250, false}},
		},
		{
			"a correction that names the license", day(6, 16),
			[]purchase.Purchase{nameless, correction("june", 0)},
			[]line{{"june", 3000, 1500, false}},
		},
		{
			"a double buy", day(6, 16),
			[]purchase.Purchase{june, twin("twin", 3100)},
			[]line{{"june", 3000, 1500, false}, {"twin", 3100, 1550, true}},
		},
		{
			"a double buy and a correction", day(6, 16),
			[]purchase.Purchase{june, twin("twin", 3000), correction("june", 100)},
			[]line{{"june", 3100, 1550, false}, {"twin", 3000, 1500, true}},
		},
		{
			"a correction that takes the other of two licenses", day(6, 16),
			[]purchase.Purchase{june, correction("twin", 100), twin("june", 3000)},
			[]line{{"twin", 3100, 1550, false}, {"june", 3000, 1500, true}},
		},
		{
			"one that renews", day(6, 16),
			[]purchase.Purchase{change(june, func(e *purchase.Purchase) { e.Spec = purchasetest.Spec() })},
			[]line{{"june", 3000, 0, false}},
		},
		{
			"one that renews, years later", day(6, 16).AddDate(3, 0, 0),
			[]purchase.Purchase{change(june, func(e *purchase.Purchase) { e.Spec = purchasetest.Spec() })},
			[]line{{"june", 3000, 0, false}},
		},
	} {
		var got []line
		for _, p := range purchase.PrepaidLicenses(c.log, c.at) {
			got = append(got, line{p.LicenseID, p.Paid, p.Unused(c.at), p.Duplicate})
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// termEntry is the log entry of a license that was bought when its term began.
func termEntry(license string, begins, ends time.Time, charged purchase.Cents) purchase.Purchase {
	s := purchasetest.Spec()
	s.Period, s.Start, s.End = cocalc.PeriodRange, begins, ends
	return purchase.Purchase{
		Time: begins, Order: purchase.OrderID("order of " + license), LicenseID: license, Spec: s,
		Charged: charged, Expires: ends,
	}
}
