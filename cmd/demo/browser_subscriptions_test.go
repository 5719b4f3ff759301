package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"licensebot/cocalc/cocalctest"
)

// renewing returns the licenses that the bot bought and that have a subscription.
func (d *demo) renewing() []cocalctest.License {
	d.t.Helper()
	own := slices.DeleteFunc(d.sims.account.Licenses(), func(l cocalctest.License) bool {
		return !strings.Contains(l.Description, "order ") || l.SubscriptionID == 0
	})
	if len(own) < 2 {
		d.t.Fatalf("got %d licenses of the bot that renew, want at least 2", len(own))
	}
	return own
}

// subscribed returns the subscription of a license.
func (d *demo) subscribed(license string) cocalctest.Subscription {
	d.t.Helper()
	all := d.sims.account.Subscriptions()
	at := slices.IndexFunc(all, func(s cocalctest.Subscription) bool { return s.LicenseID == license })
	if at < 0 {
		d.t.Fatalf("license %s: got no subscription, want one", license)
	}
	return all[at]
}

// renewTwice renews a license that the bot bought with two requests at once, which are both charged.
func (d *demo) renewTwice(license string) {
	d.t.Helper()
	id := d.subscribed(license).ID
	for range 10 { // two requests that come one after the other pay for two months
		rows, end := len(d.sims.account.Purchases()), d.subscribed(license).PeriodEnd
		d.sims.cocalc.Inject(cocalctest.Fault{
			Endpoint: "purchases/renew-subscription", Effect: cocalctest.Twice, Times: 1,
		})
		r, err := http.NewRequest(http.MethodPost, "http://cocalc.test/api/v2/purchases/renew-subscription",
			strings.NewReader(fmt.Sprintf(`{"subscription_id":%d}`, id)))
		if err != nil {
			d.t.Fatal(err)
		}
		r.SetBasicAuth(d.sims.account.Key(), "")
		r.Header.Set("Content-Type", "application/json")
		answer, err := d.sims.cocalc.Transport().RoundTrip(r)
		if err != nil {
			d.t.Fatal(err)
		}
		answer.Body.Close()
		d.sims.cocalc.Wait()
		if len(d.sims.account.Purchases()) == rows+2 && d.subscribed(license).PeriodEnd.Before(end.AddDate(0, 1, 15)) {
			return
		}
	}
	d.t.Fatal("got no two renewals at once, want them")
}
