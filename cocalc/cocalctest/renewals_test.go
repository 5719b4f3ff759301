package cocalctest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/cocalc/cocalctest"
)

const day = 24 * time.Hour

// paidUntil checks the ends of the subscription's period and of the license, and the number of charges after the
// purchase.
func (c *client) paidUntil(date string, charges int) {
	c.t.Helper()
	period, license := c.subscription().PeriodEnd.Format(time.DateOnly), c.license().Expires.Format(time.DateOnly)
	if period != date || license != date || c.edits() != charges {
		c.t.Errorf("got a period until %s, a license until %s and %d charges, want %s and %d", period, license, c.edits(),
			date, charges)
	}
}

// The job charges 5 days before the end of the period, which is January 1, and extends the license then.
func TestServer_RunRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, license := owner(t, cocalctest.Config{})
		time.Sleep(27*day - 1*time.Second)
		if n := c.server.RunRenewals(); n != 0 {
			t.Errorf("got %d charges more than 5 days before the end, want none", n)
		}
		c.paidUntil("2027-01-01", 0)
		time.Sleep(1 * time.Second)
		if n := c.server.RunRenewals(); n != 1 {
			t.Errorf("got %d charges 5 days before the end, want 1", n)
		}
		c.paidUntil("2027-02-01", 1)
		c.bought(1, 10000-2*630)
		if n := c.server.RunRenewals(); n != 0 {
			t.Errorf("got %d charges in the next round, want none", n)
		}
		if got := c.post("purchases/get-purchases", `{"service":"license"}`); strings.Contains(got, "2027-02-01") {
			t.Errorf("got the purchases of licenses %s, want the renewal only among all services", got)
		}
		got := c.post("purchases/get-purchases", `{"limit":1}`)
		for _, part := range []string{
			`"cost":6.3,"period_start":"2026-12-28T00:00:00.040Z","period_end":"2027-02-01T23:59:59.999Z"`,
			`"service":"edit-license"`,
			`"note":"This is a subscription with a fixed cost per period. We use the fixed cost $6.30."`,
			`"origInfo":{"end":"2027-01-01T23:59:59.999Z"`, `"modifiedInfo":{"end":"2027-02-01T23:59:59.999Z"`, license.ID,
		} {
			if !strings.Contains(got, part) {
				t.Errorf("got the row %s, want it to contain %s", got, part)
			}
		}
		got = c.post("purchases/get-subscriptions", `{}`)
		want := `"payment":{"amount":6.3,"status":"paid","created":1798416000040,"new_expires_ms":1801526399999,` +
			`"subscription_id":1}`
		if !strings.Contains(got, want) {
			t.Errorf("got the subscription %s, want %s", got, want)
		}
	})
}

// Subscriptions that the job passes over: they stay as they are, and the license ends.
func TestServer_RunRenewals_NotRenewed(t *testing.T) {
	for _, reason := range []struct {
		name    string
		arrange func(*client, int64)
		status  string
		payment string
	}{
		{
			"canceled", func(c *client, id int64) { c.account.CancelSubscription(id) }, "canceled", "null",
		},
		{
			"no Stripe customer", func(c *client, id int64) { c.account.SetStripeCustomer(false) }, "active", "null",
		},
		{
			"credit may not pay", func(c *client, id int64) { c.account.SetCreditRenewals(false) }, "active",
			`"status":"active"`,
		},
		{
			"a cent short", func(c *client, id int64) { c.account.AddCredit(629-c.account.Balance(), "spent") }, "active",
			`"status":"active"`,
		},
	} {
		t.Run(reason.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, license := owner(t, cocalctest.Config{Renewals: true})
				reason.arrange(c, license.SubscriptionID)
				for range 8 { // 40 days
					time.Sleep(5 * day)
					if n := c.server.RunRenewals(); n != 0 {
						t.Errorf("got %d charges, want none", n)
					}
				}
				c.paidUntil("2027-01-01", 0)
				got := c.post("purchases/get-subscriptions", `{}`)
				if c.subscription().Status != reason.status || !strings.Contains(got, reason.payment) {
					t.Errorf("got the subscription %s, want the status %s and the payment %s", got, reason.status, reason.payment)
				}
			})
		})
	}
}

// An open invoice is not tried again, until the owner renews the subscription.
func TestServer_RunRenewals_OpenInvoice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, license := owner(t, cocalctest.Config{})
		c.account.AddCredit(600-c.account.Balance(), "spent")
		time.Sleep(28 * day)
		c.server.RunRenewals()
		c.account.AddCredit(10000, "too late for the invoice")
		if n := c.server.RunRenewals(); n != 0 {
			t.Errorf("got %d charges beside an open invoice, want none", n)
		}
		if err := c.account.RenewSubscription(license.SubscriptionID); err != nil {
			t.Error(err)
		}
		c.paidUntil("2027-02-01", 1)
		got := c.post("purchases/get-subscriptions", `{}`)
		if !strings.Contains(got, `"status":"canceled","created"`) {
			t.Errorf("got the subscription %s, want its invoice canceled", got)
		}
		time.Sleep(31 * day)
		if n := c.server.RunRenewals(); n != 1 {
			t.Errorf("got %d charges of the next period, want 1", n)
		}
	})
}

// A subscription whose period ended 20 days ago is renewed from now.
func TestServer_RunRenewals_Ended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := owner(t, cocalctest.Config{})
		c.account.SetStripeCustomer(false)
		time.Sleep(52 * day) // January 22
		c.server.RunRenewals()
		c.paidUntil("2027-01-01", 0)
		c.account.SetStripeCustomer(true)
		if n := c.server.RunRenewals(); n != 1 {
			t.Errorf("got %d charges, want 1", n)
		}
		c.paidUntil("2027-02-22", 1)
	})
}

// Two processes of the job charge twice, also if the credit is for one, and extend once.
func TestFault_DoubleRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := owner(t, cocalctest.Config{})
		c.account.AddCredit(700-c.account.Balance(), "spent")
		fault := c.server.Inject(cocalctest.Fault{Effect: cocalctest.DoubleRenewals, Times: 1})
		c.want("purchases/get-balance", `{}`, "7") // no request takes the fault
		time.Sleep(27 * day)
		if n := c.server.RunRenewals(); n != 2 || fault.Hits() != 1 {
			t.Errorf("got %d charges and %d hits, want 2 and 1", n, fault.Hits())
		}
		c.paidUntil("2027-02-01", 2)
		if got := c.account.Balance(); got != 700-2*630 {
			t.Errorf("got the balance of %d cents, want %d", got, 700-2*630)
		}
		c.account.AddCredit(10000, "paid in")
		time.Sleep(31 * day)
		if n := c.server.RunRenewals(); n != 1 {
			t.Errorf("got %d charges after the fault, want 1", n)
		}
	})
}

// A server that runs the job itself catches up with each request: every charge has the time of its round, which is 5
// days before the end of the period.
func TestConfig_Renewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept []byte
		c, _ := owner(t, cocalctest.Config{Renewals: true, Keep: func(snapshot []byte) { kept = snapshot }})
		time.Sleep(100 * day) // March 11
		c.post("purchases/get-balance", `{}`)
		c.bought(1, 10000-4*630)
		c.paidUntil("2027-04-01", 3)
		var times []string
		for _, p := range c.account.Purchases() {
			if p.Service == "edit-license" {
				times = append(times, p.Time.Format(time.DateTime))
			}
		}
		if got := fmt.Sprint(times); got != "[2027-02-25 00:00:00 2027-01-28 00:00:00 2026-12-28 00:00:00]" {
			t.Errorf("got charges at %s, want each 5 days before the end of a period", got)
		}

		time.Sleep(30 * day) // the server is stopped, and another one continues
		next := cocalctest.New(cocalctest.Config{Renewals: true})
		if err := next.Restore(kept); err != nil {
			t.Fatal(err)
		}
		account, _ := next.Account(c.account.ID())
		restored := &client{t, next, account, c.key}
		restored.post("purchases/get-balance", `{}`)
		restored.bought(1, 10000-5*630)
		restored.paidUntil("2027-05-01", 4)
		if got := restored.account.Purchases()[0].Time.Format(time.DateTime); got != "2027-03-28 00:00:00" {
			t.Errorf("got a charge at %s, want March 28, when the job was due", got)
		}
	})
}
