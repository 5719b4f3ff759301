package bot

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
)

func owned(n int, change func(*purchase.LicenseEntry)) purchase.LicenseEntry {
	o := purchase.LicenseEntry{License: purchase.License{
		ID: fmt.Sprintf("2f5a3c1e-7b64-4d0a-9c8e-%012d", n), Title: fmt.Sprint("Course ", n), RunLimit: n,
		Activates: at.AddDate(0, -1, 0), Expires: at.AddDate(0, 1, 0), Created: at.AddDate(0, -1, 0), IsManager: true,
	}}
	o.License.Quota.RAM, o.License.Quota.CPU, o.License.Quota.Disk = 16, 2, 10
	o.License.Quota.Member, o.License.Quota.Uptime, o.License.Quota.User = true, "medium", "academic"
	if change != nil {
		change(&o)
	}
	return o
}

func TestLicenseList_Golden(t *testing.T) {
	all := []purchase.LicenseEntry{
		owned(1, func(o *purchase.LicenseEntry) { o.License.Title, o.License.LastUsed = hostile, at.AddDate(0, 0, -3) }),
		owned(2, func(o *purchase.LicenseEntry) { o.License.Expires = at.AddDate(0, 0, -1); o.License.Title = "" }),
		owned(3, func(o *purchase.LicenseEntry) { o.License.Activates = at.AddDate(0, 0, 5) }),
		owned(4, func(o *purchase.LicenseEntry) { o.License.Expires = time.Time{}; o.License.Quota.CPU = 0.5 }),
	}
	for n := 5; n <= 16; n++ {
		all = append(all, owned(n, nil))
	}
	cases := []struct {
		name string
		all  []purchase.LicenseEntry
		l    listState
	}{
		{"first-page", all, listState{"active", 1}},
		{"last-page", all, listState{"active", 2}},
		{"page-beyond-the-end", all, listState{"active", 99}},
		{"expired", all, listState{"expired", 1}},
		{"all", all, listState{"all", 1}},
		{"none-at-all", nil, listState{"active", 1}},
		{"none-expired", all[4:], listState{"expired", 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := licenseList(c.all, c.l, at, seesAll)
			checkGolden(t, "list-"+c.name, got)
			checkHarmless(t, got)
		})
	}
}

// seesAll is what viewers, approvers and admins see.
var seesAll = purchase.Sight{Licenses: true, All: true}

func TestLicenseDetails_Golden(t *testing.T) {
	got := licenseDetails(owned(1, func(o *purchase.LicenseEntry) {
		o.License.Title = hostile
		o.Purchase = &purchase.Purchase{
			Number: 4, Time: at, Order: "01JD8Z3V5TQ4X6B7N8M9P0RSTW", Requester: purchase.Actor{ID: "UALICE"},
			Charged: 6375, Renews: 6375, Spec: order(nil).Spec,
		}
	}), &listState{"active", 2}, at, seesAll, testSite)
	checkGolden(t, "license-details", got)
	checkHarmless(t, got)
}

// renewing is a license with a subscription that is paid until the 15th of the next month.
func renewing(change func(*purchase.LicenseEntry)) purchase.LicenseEntry {
	return owned(1, func(o *purchase.LicenseEntry) {
		o.License.Expires = time.Date(2026, 12, 15, 23, 59, 59, 999e6, time.UTC)
		o.Purchase = &purchase.Purchase{
			Number: 4, Time: at, Order: "01JD8Z3V5TQ4X6B7N8M9P0RSTW", Requester: purchase.Actor{ID: "UALICE"},
			Charged: 6375, Renews: 6375, Spec: order(nil).Spec,
		}
		o.Subscription = &purchase.Subscription{
			ID: 44, Cost: 12750, Interval: "month", Status: "active", CurrentPeriodEnd: o.License.Expires,
		}
		if change != nil {
			change(o)
		}
	})
}

// A license says when CoCalc charges it again, not only until when it is paid.
func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		name  string
		entry purchase.LicenseEntry
		sight purchase.Sight
		want  string
	}{
		{"renews", renewing(nil), seesAll, "renews Dec 10, 2026 for $127.50"},
		{"without a right to see the price", renewing(nil), purchase.Sight{Licenses: true}, "renews Dec 10, 2026"},
		{
			"cancelled", renewing(func(o *purchase.LicenseEntry) { o.Subscription.Status = "canceled" }), seesAll,
			"cancelled, ends Dec 15, 2026",
		},
		{"not charged in time", renewing(func(o *purchase.LicenseEntry) {
			o.License.Expires = at.AddDate(0, 0, 2)
			o.Subscription.CurrentPeriodEnd = o.License.Expires
		}), seesAll, "should have renewed Nov 19, 2026 for $127.50, ends Nov 24, 2026, 9:00 PM UTC"},
		{
			"subscriptions not read", renewing(func(o *purchase.LicenseEntry) { o.Subscription, o.Unread = nil, true }), seesAll,
			"paid until Dec 15, 2026",
		},
		{"a fixed term", renewing(func(o *purchase.LicenseEntry) { o.Subscription = nil }), seesAll, "until Dec 15, 2026"},
		{
			"expired", renewing(func(o *purchase.LicenseEntry) { o.License.Expires = at.AddDate(0, 0, -2) }), seesAll,
			"expired Nov 20, 2026, 9:00 PM UTC",
		},
	} {
		if got := dateTokens.ReplaceAllString(expiry(c.entry, at, c.sight), "$1"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// dateTokens are Slack's dates, with the text for clients that don't know them.
var dateTokens = regexp.MustCompile(`<!date[^|]*\|([^>]*)>`)

// What happened to a license since it was bought stands beneath its purchase, the newest first.
func TestLicenseDetails_Upkeep(t *testing.T) {
	entry := renewing(func(o *purchase.LicenseEntry) {
		upkeep := func(kind purchase.EntryKind, cents purchase.Cents) purchase.Purchase {
			return purchase.Purchase{
				Kind: kind, Time: at, Charged: cents, Spec: order(nil).Spec, Expires: o.License.Expires, Refunds: 126,
			}
		}
		o.Upkeep = []purchase.Purchase{
			upkeep(purchase.EntryRefund, -6375), upkeep(purchase.EntryEdit, -1230), upkeep(purchase.EntryEdit, 1230),
			upkeep(purchase.EntryRenewal, 6375),
		}
		double := purchase.DoubleCharge{Row: 127, With: 126, Amount: 6375}
		requested, refunded := double, double
		requested.Requested, requested.By = at, "UDANA"
		refunded.Refund = 130
		o.Owned = &purchase.OwnedLicense{Doubles: []purchase.DoubleCharge{double, requested, refunded}}
	})
	for name, sight := range map[string]purchase.Sight{"all": seesAll, "no-money": {Licenses: true}} {
		got := licenseDetails(entry, nil, at, sight, testSite)
		checkGolden(t, "license-upkeep-"+name, got)
		checkHarmless(t, got)
	}
}

func TestHistoryPage_Golden(t *testing.T) {
	entry := func(n uint64, change func(*purchase.Purchase)) purchase.Purchase {
		p := purchase.Purchase{
			Number: n, Time: at, Month: "2026-11", Order: "01JD8Z3V5TQ4X6B7N8M9P0RSTW", Requester: purchase.Actor{ID: "UALICE"},
			Spec: order(nil).Spec, Shown: 6375, Charged: 6375, Renews: 6375, LicenseID: "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e",
		}
		if change != nil {
			change(&p)
		}
		return p
	}
	h := orders.History{
		Purchases: []purchase.Purchase{
			entry(4, func(p *purchase.Purchase) { p.Correction, p.Charged = true, -375 }),
			entry(7, func(p *purchase.Purchase) { p.Kind, p.Charged, p.Refunds = purchase.EntryRefund, -6375, 126 }),
			entry(6, func(p *purchase.Purchase) { p.Kind, p.Charged = purchase.EntryEdit, -1230 }),
			entry(5, func(p *purchase.Purchase) { p.Kind, p.Expires = purchase.EntryRenewal, at.AddDate(0, 1, 0) }),
			entry(3, nil),
			entry(2, func(p *purchase.Purchase) { p.Duplicate = true }),
			entry(1, func(p *purchase.Purchase) {
				p.Renews, p.Spec.Period, p.Month, p.Time, p.Spec.Title = 0, "range", "2026-10", at.AddDate(0, -1, 0), ""
			}),
		},
		Months: []purchase.Budget{
			{Month: "2026-11", Spent: 12750, Reserved: 6375, Bought: 2},
			{Month: "2026-10", Spent: 12750, Upkeep: 6375, Bought: 1},
		},
		Page: 2, Pages: 3, More: true, Limit: purchase.Limit{Max: 100000}, Now: "2026-11",
	}
	got := historyPage(h, seesAll)
	checkGolden(t, "history", got)
	checkHarmless(t, got)
	checkGolden(t, "history-empty",
		historyPage(orders.History{
			Months: []purchase.Budget{{Month: "2026-11"}}, Limit: purchase.Limit{None: true},
			Now: "2026-11", Page: 1, Pages: 1,
		}, seesAll))
}
