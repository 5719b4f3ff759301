package cocalctest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/cocalc/cocalctest"
)

// A refund ends the license now and cancels its subscription; the cart item stays purchased.
func TestServer_Refund(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, license := owner(t, cocalctest.Config{})
		time.Sleep(3 * day)
		const sold = 2 // after the credit
		if err := c.server.Refund(sold); err != nil {
			t.Fatal(err)
		}
		row := c.account.Purchases()[0]
		if row.Service != "refund" || row.Cents != -630 || row.LicenseID != license.ID || c.account.Balance() != 10000 {
			t.Errorf("got the row %+v and the balance of %d cents, want $6.30 back", row, c.account.Balance())
		}
		got := c.post("purchases/get-purchases", `{"limit":1}`)
		want := fmt.Sprintf(`"description":{"type":"refund","notes":"","reason":"requested_by_customer","purchase_id":%d}`,
			sold)
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := c.license().Expires; !got.Equal(row.Time) {
			t.Errorf("got the license until %v, want the moment of the refund, %v", got, row.Time)
		}
		if got := c.subscription().Status; got != "canceled" {
			t.Errorf("got the status %q, want canceled", got)
		}
		if got := c.post(get, `{"purchased":true}`); !strings.Contains(got, license.ID) {
			t.Errorf("got the purchased items %s, want the refunded one too", got)
		}
	})
}

func TestServer_Refund_Refused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := owner(t, cocalctest.Config{})
		if err := c.server.Refund(2); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[int64]string{
			1: "purchase 1 is of the service credit, not of a license", 2: "purchase 2 was refunded",
			3: "purchase 3 is of the service refund, not of a license", 9: "there is no purchase 9",
		} {
			if err := c.server.Refund(id); fmt.Sprint(err) != want {
				t.Errorf("purchase %d: got %v, want %s", id, err, want)
			}
		}
		if got := len(c.account.Purchases()); got != 3 {
			t.Errorf("got %d rows, want the credit, the charge and one refund", got)
		}
	})
}

// An admin of the site gives a license to another account, which may then edit it.
func TestServer_EditLicenseOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, license := owner(t, cocalctest.Config{})
		admin := c.server.Add(cocalctest.NewAccount{Admin: true})
		other := c.server.Add(cocalctest.NewAccount{Credit: 1000})
		body := fmt.Sprintf(`{"license_id":%q,"new_account_id":%q}`, license.ID, other.ID())
		c.want("purchases/edit-license-owner", body, `{"error":"only admins can edit the owner of a license"}`)
		c.key = admin.Key()
		c.want("purchases/edit-license-owner", body, success)
		if _, err := c.account.EditLicense(license.ID, `{"quantity":2}`); err == nil {
			t.Error("got the former owner's edit carried out, want it refused")
		}
		if cents, err := other.EditLicense(license.ID, `{"quantity":2}`); cents != 661 || err != nil {
			t.Errorf("got a cost of %d cents (%v), want 661 for the new owner", cents, err)
		}
		if len(other.Licenses()) != 0 || len(c.account.Licenses()) != 1 {
			t.Error("got another manager, want the managers unchanged")
		}
		time.Sleep(28 * day)
		if n := c.server.RunRenewals(); n != 0 {
			t.Errorf("got %d renewals by an account that does not own the license, want none", n)
		}
	})
}
