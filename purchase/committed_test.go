package purchase_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc"
	"licensebot/purchase"
)

func moment(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC)
}

// paidTo is the end of a period that is paid to the end of a day.
func paidTo(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 23, 59, 59, 999e6, time.UTC)
}

// Renewals count in the months in which CoCalc charges them, five days before each period ends, for a year ahead.
func TestCommitted_Add(t *testing.T) {
	now := moment(11, 22)
	for _, c := range []struct {
		name          string
		period        cocalc.Period
		paidTo        time.Time
		months        map[string]purchase.Cents
		present, next purchase.Cents // of the owner
	}{
		{
			"a month that is charged in December", cocalc.PeriodMonthly, paidTo(12, 28),
			map[string]purchase.Cents{
				"2026-12": 100, "2027-01": 100, "2027-02": 100, "2027-03": 100, "2027-04": 100, "2027-05": 100, "2027-06": 100,
				"2027-07": 100, "2027-08": 100, "2027-09": 100, "2027-10": 100, "2027-11": 100,
			},
			0, 100,
		},
		{
			"a year that is charged in November", cocalc.PeriodYearly, paidTo(12, 5),
			map[string]purchase.Cents{"2026-11": 100, "2027-11": 100},
			100, 0,
		},
		{
			"a year that is charged in a year and more", cocalc.PeriodYearly, paidTo(12, 28).AddDate(1, 0, 0),
			nil, 0, 0,
		},
		{
			"a charge that is overdue", cocalc.PeriodYearly, paidTo(11, 2),
			map[string]purchase.Cents{"2026-11": 100, "2027-10": 100},
			100, 0,
		},
	} {
		var got purchase.Committed
		got.Add(purchase.Policy{}, "UALICE", 100, c.period, c.paidTo, now)
		if diff := cmp.Diff(c.months, got.Months); diff != "" {
			t.Errorf("%s: other months (-want +got):\n%s", c.name, diff)
		}
		present, next := got.People["2026-11"]["UALICE"], got.People["2026-12"]["UALICE"]
		if present != c.present || next != c.next {
			t.Errorf("%s: got %s and %s of the owner, want %s and %s", c.name, present, next, c.present, c.next)
		}
		if got.Licenses != 1 || got.Monthly+got.Yearly != 100 || (got.Yearly == 100) != (c.period == cocalc.PeriodYearly) {
			t.Errorf("%s: got %+v, want one license of 100 cents", c.name, got)
		}
	}
}

// A month that is bought on one of the first days is renewed before the month is over.
func TestPolicy_AgainInMonth(t *testing.T) {
	for _, c := range []struct {
		period cocalc.Period
		now    time.Time
		want   purchase.Cents
	}{
		{cocalc.PeriodMonthly, moment(11, 1), 6375}, // until December 1: charged on November 26
		{cocalc.PeriodMonthly, moment(11, 5), 6375}, // until December 5: charged on November 30
		{cocalc.PeriodMonthly, moment(11, 6), 0},    // until December 6: charged on December 1
		{cocalc.PeriodMonthly, moment(11, 22), 0},   // until December 22
		{cocalc.PeriodYearly, moment(11, 1), 0},     // until next year
		{cocalc.PeriodRange, moment(11, 1), 0},      // does not renew
		{cocalc.PeriodMonthly, moment(1, 31), 0},    // until March 3: CoCalc counts from the 31st of February
		{cocalc.PeriodMonthly, moment(2, 1), 6375},  // until March 1: charged on February 24
		{cocalc.PeriodMonthly, moment(12, 31), 0},   // until January 31
	} {
		spec := purchase.Spec{Period: c.period}
		renews := purchase.Cents(6375)
		if c.period == cocalc.PeriodRange {
			renews = 0
		}
		if got := (purchase.Policy{}).AgainInMonth(spec, renews, c.now); got != c.want {
			t.Errorf("%s on %s: got %s again, want %s", c.period, c.now.Format(time.DateOnly), got, c.want)
		}
	}
}

// What renewals cost, and what is still due, is deducted from what a month leaves, unless renewals don't count.
func TestPolicy_CheckLimits_Renewals(t *testing.T) {
	now := moment(11, 22)
	policy := purchase.Policy{
		OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{Max: 20000}, PersonBudget: 15000,
		RenewalsLimit: 30000,
	}
	due := purchase.Due{Amount: 5000, Counts: true}
	for _, c := range []struct {
		name   string
		price  purchase.Cents
		change func(w *purchase.Commitment, month *purchase.Budget)
		want   purchase.RefusalCode
	}{
		{"what is left", 7000, nil, ""},
		{"a cent more", 7001, nil, purchase.OverBudget},
		{"renewed in the same month", 3500, func(w *purchase.Commitment, _ *purchase.Budget) { w.Again = 3500 }, ""},
		{
			"a cent more with that", 3501, func(w *purchase.Commitment, _ *purchase.Budget) { w.Again = 3500 },
			purchase.OverBudget,
		},
		{"renewals that don't count", 15000, func(w *purchase.Commitment, month *purchase.Budget) {
			month.Due.Counts, w.Share.Due.Counts = false, false
		}, ""},
		{"money that was given back", 10001, func(w *purchase.Commitment, month *purchase.Budget) {
			month.Spent, month.Upkeep = 2000, -3000
		}, purchase.OverBudget},
		{"a person's renewals", 5001, func(w *purchase.Commitment, month *purchase.Budget) {
			w.Share = purchase.Share{Spent: 6000, Upkeep: 6000, Due: purchase.Due{Amount: 4000, Counts: true}}
		}, purchase.OverPersonBudget},
		{"the monthly sum of licenses that renew", 100, func(w *purchase.Commitment, _ *purchase.Budget) {
			w.Renews, w.Recurring = 100, 29900
		}, ""},
		{
			"a cent more of that", 100, func(w *purchase.Commitment, _ *purchase.Budget) { w.Renews, w.Recurring = 100, 29901 },
			purchase.OverRenewals,
		},
		{"a year counts a twelfth", 100, func(w *purchase.Commitment, _ *purchase.Budget) {
			w.Spec.Period, w.Renews, w.Recurring = cocalc.PeriodYearly, 1200, 29900
		}, ""},
		{"a fixed term doesn't renew", 100, func(w *purchase.Commitment, _ *purchase.Budget) { w.Recurring = 40000 }, ""},
	} {
		// $80 of the month's $200 is spent, $30 of it for renewals, and $50 more is due.
		month := purchase.Budget{Month: "2026-11", Spent: 8000, Upkeep: 3000, Due: due}
		asked := purchase.Commitment{Price: c.price, Now: now, Share: purchase.Share{Due: purchase.Due{Counts: true}}}
		if c.change != nil {
			c.change(&asked, &month)
		}
		var got purchase.RefusalCode
		if no := policy.CheckLimits(asked, month); no != nil {
			got = no.Code
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
