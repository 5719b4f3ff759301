package purchase_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// until returns the terms of a license for two projects that ends on a day of 2027.
func until(month time.Month, day int) cocalc.LicenseTerms {
	return cocalc.LicenseTerms{
		End: time.Date(2027, month, day, 23, 59, 59, 0, time.UTC), RunLimit: 2, RAM: 4, CPU: 1, Disk: 3, Member: true,
		Uptime: "short",
	}
}

func withProjects(t cocalc.LicenseTerms, n int) cocalc.LicenseTerms {
	t.RunLimit = n
	return t
}

// startsOn returns the terms with a start in January.
func startsOn(t cocalc.LicenseTerms, day int) cocalc.LicenseTerms {
	t.Start = time.Date(2027, 1, day, 0, 0, 0, 0, time.UTC)
	return t
}

func endless(t cocalc.LicenseTerms) cocalc.LicenseTerms {
	t.End = time.Time{}
	return t
}

// edit is a row of service edit-license.
func edit(id int64, cost purchase.Cents, before, after cocalc.LicenseTerms) cocalc.PurchaseRow {
	return cocalc.PurchaseRow{
		ID: id, Time: time.Date(2027, 1, 23, 12, 0, 0, 0, time.UTC), Cost: cost, Service: cocalc.ServiceEdit,
		LicenseID: "license", Change: &cocalc.LicenseChange{Before: before, After: after},
	}
}

func refund(id, of int64, cost purchase.Cents) cocalc.PurchaseRow {
	return cocalc.PurchaseRow{
		ID: id, Time: time.Date(2027, 1, 24, 12, 0, 0, 0, time.UTC), Cost: cost, Service: cocalc.ServiceRefund,
		LicenseID: "license", RefundOf: of,
	}
}

// Rows of the upkeep of a license become log entries of their kinds, each once. Two that changed the same state are a
// double charge, in whatever order CoCalc shows them.
func TestOwnedLicense_Enter(t *testing.T) {
	january, february, march := until(1, 28), until(2, 28), until(3, 28)
	three, four := withProjects(january, 3), withProjects(january, 4)
	type entered struct {
		Kind   purchase.EntryKind
		Amount purchase.Cents
		Begins int // the month
		Ends   string
		For    int // projects
	}
	type double struct {
		Row, With int64
		Differs   bool
		Refund    int64
	}
	renewed := entered{purchase.EntryRenewal, 2476, 1, "02-28", 2}
	for _, c := range []struct {
		name    string
		isTerm  bool
		rows    []cocalc.PurchaseRow
		entries []entered
		doubles []double
		ends    string
	}{
		{
			name: "a renewal", rows: []cocalc.PurchaseRow{edit(126, 2476, january, february)},
			entries: []entered{renewed}, ends: "02-28",
		},
		{name: "the same row again", rows: []cocalc.PurchaseRow{
			edit(126, 2476, january, february), edit(126, 2476, january, february),
		}, entries: []entered{renewed}, ends: "02-28"},
		{name: "two renewals one after the other", rows: []cocalc.PurchaseRow{
			edit(126, 2476, january, february), edit(127, 2476, february, march),
		}, entries: []entered{renewed, {purchase.EntryRenewal, 2476, 2, "03-28", 2}}, ends: "03-28"},
		{name: "two renewals at once", rows: []cocalc.PurchaseRow{
			edit(126, 2476, january, february), edit(127, 2476, january, february),
		}, entries: []entered{renewed, renewed}, doubles: []double{{127, 126, false, 0}}, ends: "02-28"},
		{name: "two renewals at once, shown the other way round", rows: []cocalc.PurchaseRow{
			edit(127, 2476, january, february), edit(126, 2476, january, february),
		}, entries: []entered{renewed, renewed}, doubles: []double{{127, 126, false, 0}}, ends: "02-28"},
		{
			name: "three renewals at once", rows: []cocalc.PurchaseRow{
				edit(126, 2476, january, february), edit(127, 2476, january, february), edit(128, 2476, january, february),
			}, entries: []entered{renewed, renewed, renewed},
			doubles: []double{{127, 126, false, 0}, {128, 127, false, 0}}, ends: "02-28",
		},
		{
			name: "the first of two renewals at once, shown after the next period", rows: []cocalc.PurchaseRow{
				edit(126, 2476, january, february), edit(128, 2476, february, march), edit(127, 2476, january, february),
			}, entries: []entered{renewed, {purchase.EntryRenewal, 2476, 2, "03-28", 2}, renewed},
			doubles: []double{{127, 126, false, 0}}, ends: "03-28",
		},
		{
			name: "a renewal that read what two changes have replaced", rows: []cocalc.PurchaseRow{
				edit(126, 1230, january, three), edit(127, 1230, three, four), edit(128, 2476, january, february),
			}, entries: []entered{
				{purchase.EntryEdit, 1230, 1, "01-28", 3}, {purchase.EntryEdit, 1230, 1, "01-28", 4}, renewed,
			}, doubles: []double{{128, 126, true, 0}}, ends: "02-28",
		},
		{
			name: "three at once, of which two are refunded", rows: []cocalc.PurchaseRow{
				edit(126, 2476, january, february), edit(127, 2476, january, february), edit(128, 2476, january, february),
				refund(130, 127, -2476), refund(131, 126, -2476),
			}, entries: []entered{
				renewed, renewed, renewed,
				{purchase.EntryRefund, -2476, 1, "02-28", 2},
				{purchase.EntryRefund, -2476, 1, "02-28", 2},
			}, doubles: []double{{127, 126, false, 130}, {128, 127, false, 131}}, ends: "02-28",
		},
		{
			name: "a refund that is shown before its charge", rows: []cocalc.PurchaseRow{
				edit(126, 2476, january, february), refund(130, 127, -2476), edit(127, 2476, january, february),
			}, entries: []entered{renewed, {purchase.EntryRefund, -2476, 1, "02-28", 2}, renewed},
			doubles: []double{{127, 126, false, 130}}, ends: "02-28",
		},
		{
			name: "a term that begins earlier, and is then made longer", isTerm: true, rows: []cocalc.PurchaseRow{
				edit(144, 300, startsOn(january, 26), startsOn(january, 24)),
				edit(145, 2476, startsOn(january, 24), startsOn(february, 24)),
			}, entries: []entered{{purchase.EntryEdit, 300, 1, "01-28", 2}, {purchase.EntryEdit, 2476, 1, "02-28", 2}},
			ends: "02-28",
		},
		{
			name: "a change that tells no end", rows: []cocalc.PurchaseRow{edit(144, 1230, endless(january), endless(three))},
			entries: []entered{{purchase.EntryEdit, 1230, 1, "01-28", 3}}, ends: "01-28",
		},
		{
			name: "three renewals at once, of which the first is shown last", rows: []cocalc.PurchaseRow{
				edit(127, 2476, january, february), edit(128, 2476, january, february), edit(126, 2476, january, february),
			}, entries: []entered{renewed, renewed, renewed},
			doubles: []double{{128, 127, false, 0}, {127, 126, false, 0}}, ends: "02-28",
		},
		{
			name: "a refund of the later one", rows: []cocalc.PurchaseRow{
				edit(126, 2476, january, february), edit(127, 2476, january, february), refund(130, 127, -2476),
			}, entries: []entered{renewed, renewed, {purchase.EntryRefund, -2476, 1, "02-28", 2}},
			doubles: []double{{127, 126, false, 130}}, ends: "02-28",
		},
		{
			name: "a refund of the earlier one", rows: []cocalc.PurchaseRow{
				edit(126, 2476, january, february), edit(127, 2476, january, february), refund(130, 126, -2476),
			}, entries: []entered{renewed, renewed, {purchase.EntryRefund, -2476, 1, "02-28", 2}},
			doubles: []double{{127, 126, false, 130}}, ends: "02-28",
		},
		{name: "a change and back", rows: []cocalc.PurchaseRow{
			edit(144, 1230, january, three), edit(145, -1230, three, january),
		}, entries: []entered{
			{purchase.EntryEdit, 1230, 1, "01-28", 3}, {purchase.EntryEdit, -1230, 1, "01-28", 2},
		}, ends: "01-28"},
		{name: "the same change twice, with one back in between", rows: []cocalc.PurchaseRow{
			edit(144, 1230, january, three), edit(145, -1230, three, january), edit(146, 1230, january, three),
		}, entries: []entered{
			{purchase.EntryEdit, 1230, 1, "01-28", 3},
			{purchase.EntryEdit, -1230, 1, "01-28", 2},
			{purchase.EntryEdit, 1230, 1, "01-28", 3},
		}, ends: "01-28"},
		{name: "two different changes at once", rows: []cocalc.PurchaseRow{
			edit(144, 1230, january, three), edit(145, 2460, january, four),
		}, entries: []entered{
			{purchase.EntryEdit, 1230, 1, "01-28", 3}, {purchase.EntryEdit, 2460, 1, "01-28", 4},
		}, doubles: []double{{145, 144, true, 0}}, ends: "01-28"},
		{name: "money back twice for one change", rows: []cocalc.PurchaseRow{
			edit(144, -1230, three, january), edit(145, -1230, three, january),
		}, entries: []entered{
			{purchase.EntryEdit, -1230, 1, "01-28", 2}, {purchase.EntryEdit, -1230, 1, "01-28", 2},
		}, ends: "01-28"},
		{name: "a fixed term that is made longer", isTerm: true, rows: []cocalc.PurchaseRow{
			edit(144, 2705, january, february),
		}, entries: []entered{{purchase.EntryEdit, 2705, 1, "02-28", 2}}, ends: "02-28"},
		{name: "a row of a purchase", rows: []cocalc.PurchaseRow{{ID: 7, Service: cocalc.ServiceLicense}}, ends: "01-28"},
	} {
		bought := purchase.Purchase{LicenseID: "license", PurchaseID: 110, Expires: january.End}
		bought.Spec.Period, bought.Spec.RunLimit = cocalc.PeriodMonthly, 2
		if c.isTerm {
			bought.Spec.Period = cocalc.PeriodRange
		}
		l := purchase.NewOwnedLicense(bought)
		var entries []entered
		for _, row := range c.rows {
			after, e, ok := l.Enter(row, bought, "2027-01")
			if !ok {
				continue
			}
			l = after.SetEntry(row.ID, uint64(2+len(entries)))
			entries = append(entries, entered{
				e.Kind, e.Charged, int(e.Begins.Month()), e.Expires.Format("01-02"), e.Spec.RunLimit,
			})
			if e.PurchaseID != row.ID || e.LicenseID != "license" || e.Month != "2027-01" || e.Refunds != row.RefundOf {
				t.Errorf("%s: got the entry %+v of row %+v", c.name, e, row)
			}
		}
		var doubles []double
		for _, d := range l.Doubles {
			doubles = append(doubles, double{d.Row, d.With, d.Differs, d.Refund})
		}
		if diff := cmp.Diff(c.entries, entries); diff != "" {
			t.Errorf("%s: other entries (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.doubles, doubles); diff != "" {
			t.Errorf("%s: other double charges (-want +got):\n%s", c.name, diff)
		}
		if got := l.Ends.Format("01-02"); got != c.ends {
			t.Errorf("%s: got a license that ends on %s, want %s", c.name, got, c.ends)
		}
		if len(l.Upkeep) != len(c.entries) {
			t.Errorf("%s: got the upkeep %+v, want a charge for each of %d entries", c.name, l.Upkeep, len(c.entries))
		}
	}
}

// CoCalc charges an active subscription five days before the end of its period.
func TestOwnedLicense_NextCharge(t *testing.T) {
	end := time.Date(2026, 12, 28, 23, 59, 59, 999e6, time.UTC)
	for status, want := range map[string]string{"active": "2026-12-23T23:59:59.999Z", "canceled": ""} {
		l, _ := purchase.OwnedLicense{}.Subscribe(cocalc.Subscription{
			ID: 44, Status: status, Cost: 2476, CurrentPeriodEnd: end,
		})
		at, amount := l.NextCharge()
		got := ""
		if !at.IsZero() {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want || (amount == 2476) != (want != "") {
			t.Errorf("%s: got a charge of %s at %q, want %q", status, amount, got, want)
		}
	}
	if at, _ := (purchase.OwnedLicense{}).NextCharge(); !at.IsZero() {
		t.Errorf("no subscription: got a charge at %s, want none", at)
	}
}

// What changes in a subscription is told once; its first sight is none.
func TestOwnedLicense_Subscribe(t *testing.T) {
	active := cocalc.Subscription{ID: 44, Status: "active", Cost: 2476, Interval: "month"}
	cancelled, dearer, later := active, active, active
	cancelled.Status, dearer.Cost, later.CurrentPeriodEnd = "canceled", 3714, time.Date(2027, 2, 28, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name     string
		was      []cocalc.Subscription
		is       cocalc.Subscription
		want     purchase.CauseCode
		extended bool
	}{
		{"first sight", nil, active, "", false},
		{"unchanged", []cocalc.Subscription{active}, active, "", false},
		{"cancelled", []cocalc.Subscription{active}, cancelled, purchase.SubscriptionCancelled, false},
		{"resumed", []cocalc.Subscription{cancelled}, active, purchase.SubscriptionResumed, false},
		{"another price", []cocalc.Subscription{active}, dearer, purchase.SubscriptionRepriced, false},
		{
			"another price while cancelled",
			[]cocalc.Subscription{active, cancelled},
			dearer, purchase.SubscriptionResumed,
			false,
		},
		{"renewed", []cocalc.Subscription{active}, later, "", true},
	} {
		var l purchase.OwnedLicense
		for _, s := range c.was {
			l, _ = l.Subscribe(s)
		}
		l, got := l.Subscribe(c.is)
		if got != c.want || l.Ends.IsZero() == c.extended {
			t.Errorf("%s: got %q and the end %s, want %q", c.name, got, l.Ends, c.want)
		}
	}
}

// What renews is renewed, also if the order is unknown and its purchase was taken for a fixed term.
func TestOwnedLicense_Enter_RenewsByItsSubscription(t *testing.T) {
	bought := purchase.Purchase{LicenseID: "license", PurchaseID: 110, Expires: until(1, 28).End}
	bought.Spec.Period, bought.Spec.RunLimit = cocalc.PeriodRange, 2
	l, _ := purchase.NewOwnedLicense(bought).Subscribe(cocalc.Subscription{ID: 44, Status: "active"})
	_, e, _ := l.Enter(edit(126, 2476, until(1, 28), until(2, 28)), bought, "2027-01")
	if e.Kind != purchase.EntryRenewal {
		t.Errorf("got the kind %q, want a renewal", e.Kind)
	}
}

// A subscription says how long its license is paid, unless CoCalc ended the license since, as a refund does.
func TestOwnedLicense_Subscribe_AfterRefund(t *testing.T) {
	paid, ended := until(2, 28).End, until(1, 24).End
	s := cocalc.Subscription{ID: 44, Status: "canceled", CurrentPeriodEnd: paid}
	l, _ := purchase.OwnedLicense{}.Subscribe(s)
	if !l.Ends.Equal(paid) {
		t.Errorf("got a license until %s, want the end of the paid period", l.Ends)
	}
	l.Ends = ended
	if l, _ = l.Subscribe(s); !l.Ends.Equal(ended) {
		t.Errorf("got a license until %s, want it ended on %s", l.Ends, ended)
	}
}

// A row without what it changed extends nothing that it doesn't tell, and what it doesn't tell stays as bought.
func TestOwnedLicense_Enter_TellsLittle(t *testing.T) {
	bought := purchase.Purchase{LicenseID: "license", PurchaseID: 110, Expires: until(1, 28).End}
	bought.Spec.Period, bought.Spec.RunLimit, bought.Spec.RAM, bought.Spec.CPU = cocalc.PeriodMonthly, 2, 4, 1
	for name, row := range map[string]cocalc.PurchaseRow{
		"no change": {ID: 126, Service: cocalc.ServiceEdit, Cost: 2476},
		"no terms":  {ID: 126, Service: cocalc.ServiceEdit, Cost: 2476, Change: &cocalc.LicenseChange{}},
	} {
		l, e, ok := purchase.NewOwnedLicense(bought).Enter(row, bought, "2027-01")
		if !ok || e.Kind != purchase.EntryEdit || e.Charged != 2476 || !e.Expires.Equal(bought.Expires) ||
			!l.Ends.Equal(bought.Expires) || e.Spec.RAM != 4 || e.Spec.CPU != 1 || e.Spec.RunLimit != 2 {
			t.Errorf("%s: got %+v and the license %+v, want an edit of what was bought", name, e, l)
		}
	}
}
