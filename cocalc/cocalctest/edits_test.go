package cocalctest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/cocalc/cocalctest"
)

const (
	edit   = "purchases/edit-license"
	renew  = "purchases/renew-subscription"
	resume = "purchases/resume-subscription"
)

// owner returns a client with a monthly license for $6.30, bought at the beginning of December 1, and its subscription.
func owner(t *testing.T, config cocalctest.Config) (c *client, license cocalctest.License) {
	t.Helper()
	time.Sleep(time.Until(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)))
	c = newClient(t, config)
	c.account.AddToCart("site-license", cheap)
	if err := c.account.Checkout(); err != nil {
		t.Fatal(err)
	}
	return c, c.account.Licenses()[0]
}

func (c *client) license() cocalctest.License           { return c.account.Licenses()[0] }
func (c *client) subscription() cocalctest.Subscription { return c.account.Subscriptions()[0] }

// edits counts the charges and refunds after the purchase.
func (c *client) edits() (n int) {
	for _, p := range c.account.Purchases() {
		if p.Service == "edit-license" {
			n++
		}
	}
	return n
}

// atOnce sends requests 1 ms after each other.
func (c *client) atOnce(requests ...[2]string) {
	var all sync.WaitGroup
	for i, r := range requests {
		all.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			_, answer, err := c.send(context.Background(), r[0], r[1])
			if err != nil || strings.Contains(answer, "error") {
				c.t.Errorf("%s %s: got %s (%v), want it to succeed", r[0], r[1], answer, err)
			}
		})
	}
	all.Wait()
}

// The races of testdata/transcripts/later-edit-license.json and later-subscriptions.json: each request is charged, and
// the effect of one remains.
func TestServer_EditLicense_Overlapping(t *testing.T) {
	for _, race := range []struct {
		name                    string
		first, second           string // changes; empty: a renewal
		charged                 int64
		runLimit                int64
		ram                     string
		licenseEnd, paidThrough string
	}{
		{"the same change", `{"quantity":2}`, `{"quantity":2}`, 2 * 661, 2, `"ram":2`, "2027-01-01", "2027-01-01"},
		{"different changes", `{"quantity":2}`, `{"custom_ram":4}`, 661 + 119, 1, `"ram":4`, "2027-01-01", "2027-01-01"},
		{"two renewals", "", "", 2 * 630, 1, `"ram":2`, "2027-02-01", "2027-02-01"},
		{"a renewal lost by an edit", "", `{"quantity":2}`, 630 + 661, 2, `"ram":2`, "2027-01-01", "2027-02-01"},
		{"an edit lost by a renewal", `{"quantity":2}`, "", 630 + 661, 1, `"ram":2`, "2027-02-01", "2027-02-01"},
	} {
		t.Run(race.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, license := owner(t, cocalctest.Config{})
				balance := c.account.Balance()
				request := func(changes string) [2]string {
					if changes == "" {
						return [2]string{renew, fmt.Sprintf(`{"subscription_id":%d}`, license.SubscriptionID)}
					}
					return [2]string{edit, fmt.Sprintf(`{"license_id":%q,"changes":%s}`, license.ID, changes)}
				}
				c.atOnce(request(race.first), request(race.second))
				if got := balance - c.account.Balance(); got != race.charged || c.edits() != 2 {
					t.Errorf("got %d cents in %d charges, want %d in 2", got, c.edits(), race.charged)
				}
				got := c.license()
				if got.RunLimit != race.runLimit || !strings.Contains(string(got.Quota), race.ram) {
					t.Errorf("got %d projects with %s, want %d with %s", got.RunLimit, got.Quota, race.runLimit, race.ram)
				}
				if end := got.Expires.Format(time.DateOnly); end != race.licenseEnd {
					t.Errorf("got the license until %s, want %s", end, race.licenseEnd)
				}
				if end := c.subscription().PeriodEnd.Format(time.DateOnly); end != race.paidThrough {
					t.Errorf("got the subscription paid until %s, want %s", end, race.paidThrough)
				}
			})
		})
	}
}

// A lapsed subscription that is resumed twice at once is charged twice, and gets one period that begins today.
func TestServer_ResumeSubscription_Overlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, license := owner(t, cocalctest.Config{})
		c.account.CancelSubscription(license.SubscriptionID)
		body := fmt.Sprintf(`{"subscription_id":%d}`, license.SubscriptionID)
		c.atOnce([2]string{resume, body}, [2]string{resume, body})
		if c.edits() != 0 {
			t.Errorf("got %d charges within the paid period, want none", c.edits())
		}
		c.account.CancelSubscription(license.SubscriptionID)
		time.Sleep(60 * 24 * time.Hour)
		balance := c.account.Balance()
		c.atOnce([2]string{resume, body}, [2]string{resume, body})
		if got := balance - c.account.Balance(); got != 2*630 {
			t.Errorf("got %d cents charged, want 1260", got)
		}
		if got := c.subscription(); got.Status != "active" || got.PeriodEnd != time.Date(2027, 2, 28, 0, 0, 0, 0, time.UTC) {
			t.Errorf("got %+v, want an active subscription until February 28", got)
		}
	})
}

// An edit that begins when the other has written finds nothing to change.
func TestServer_EditLicense_InTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, license := owner(t, cocalctest.Config{})
		body := fmt.Sprintf(`{"license_id":%q,"changes":{"quantity":2}}`, license.ID)
		c.want(edit, body, `{"cost":6.61,"purchase_id":3}`)
		c.want(edit, body, `{"cost":0}`)
		if got := c.subscription().Cents; got != 1260 {
			t.Errorf("got the subscription for %d cents, want the price of two projects: 1260", got)
		}
	})
}

// What an account's owner does in the settings.
func TestAccount_EditLicense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, license := owner(t, cocalctest.Config{})
		if cents, err := c.account.EditLicense(license.ID, `{"quantity":3}`); cents != 1322 || err != nil {
			t.Errorf("got a cost of %d cents (%v), want 1322", cents, err)
		}
		if cents, err := c.account.EditLicense(license.ID, `{"quantity":1}`); cents != -1322 || err != nil {
			t.Errorf("got a cost of %d cents (%v), want a refund of 1322", cents, err)
		}
		if _, err := c.account.EditLicense(license.ID, `{"custom_cpu":4}`); fmt.Sprint(err) !=
			"custom_ram must be at most 16" {
			t.Errorf("got %v, want the server's text about 4 CPUs", err)
		}
		if err := c.account.RenewSubscription(license.SubscriptionID); err != nil {
			t.Error(err)
		}
		if err := c.account.RenewSubscription(99); fmt.Sprint(err) != "no subscription with id=99" {
			t.Errorf("got %v, want an unknown subscription refused", err)
		}
	})
}

// A request that the server gets twice at once is charged twice.
func TestFault_Twice(t *testing.T) {
	for _, sent := range []struct {
		path, body string
		charged    int64
	}{
		{renew, `{"subscription_id":1}`, 1260},
		{edit, `{"license_id":"ID","changes":{"quantity":2}}`, 1322},
		{checkout, `{}`, 2 * 630},
	} {
		t.Run(sent.path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, license := owner(t, cocalctest.Config{})
				c.account.AddToCart("site-license", cheap)
				balance := c.account.Balance()
				fault := c.server.Inject(cocalctest.Fault{Endpoint: sent.path, Effect: cocalctest.Twice, Times: 1})
				c.post(sent.path, strings.Replace(sent.body, "ID", license.ID, 1))
				c.server.Wait()
				if got := balance - c.account.Balance(); got != sent.charged || fault.Hits() != 1 {
					t.Errorf("got %d cents charged by %d faults, want %d by 1", got, fault.Hits(), sent.charged)
				}
			})
		})
	}
}
