package purchase_test

import (
	"errors"
	"testing"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// The answers of a server that sells no licenses, or redirects elsewhere, do not change by a retry.
func TestPolicy_UserMessage_PermanentAnswers(t *testing.T) {
	for _, c := range []struct {
		name                string
		err                 *cocalc.Error
		order, list, renews string
	}{
		{
			"no endpoint", &cocalc.Error{
				Op: "licenses/get-managed", Outcome: cocalc.Rejected, Kind: cocalc.NotSoldHere,
				Status: 404,
			},
			`not-sold told="yes" why="no-licenses"`, `not-read why="no-licenses"`, `no-renewals why="no-list"`,
		},
		{
			"no key", &cocalc.Error{
				Op: "purchases/get-subscriptions", Outcome: cocalc.Rejected, Kind: cocalc.KeyNotAllowed,
				Text: "API keys are not allowed",
			},
			`not-sold told="yes" why="no-licenses"`, `not-read why="not-for-keys"`, `no-renewals why="not-for-keys"`,
		},
		{
			"no sign-in", &cocalc.Error{
				Op: "purchases/cancel-subscription", Outcome: cocalc.Rejected,
				Kind: cocalc.SignInRequired, Text: "browser sign-in is required",
			},
			`not-sold told="yes" why="no-licenses"`, `not-read why="not-for-keys"`, `no-renewals why="not-for-keys"`,
		},
		{
			"no capability", &cocalc.Error{
				Op: "accounts/profile", Outcome: cocalc.Rejected, Kind: cocalc.CapabilityMissing,
				Capability: "account:read",
			},
			`key-refused told="yes"`, `not-read told="yes" why="capability"`,
			`no-renewals (not-read told="no" why="capability")`,
		},
		{
			"another host", &cocalc.Error{
				Op: "shopping/cart/get", Outcome: cocalc.Transient, Kind: cocalc.Redirected,
				Status: 302, Redirect: cocalc.Redirect{Status: 302, Host: "cocalc.ai", Elsewhere: true},
			},
			`not-sold told="yes" why="redirected"`, `not-read told="yes" why="redirected"`,
			`no-renewals (not-read told="no" why="redirected")`,
		},
	} {
		order := purchase.FailureFor(c.err, "yes", "")
		if got := order.String(); got != c.order {
			t.Errorf("%s, the order: got %s, want %s", c.name, got, c.order)
		}
		if got := (purchase.Policy{Admins: map[string]bool{"UDANA": true}}).UserMessage(c.err).Error(); got != c.list {
			t.Errorf("%s, the list: got %s, want %s", c.name, got, c.list)
		}
		if got := (purchase.Policy{}).RenewalsMessage(c.err).Error(); got != c.renews {
			t.Errorf("%s, the renewals: got %s, want %s", c.name, got, c.renews)
		}
	}
}

// An answer that is not CoCalc's says so.
func TestPolicy_RenewalsMessage_NoAnswer(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"down", &cocalc.Error{Outcome: cocalc.Transient, Status: 503}, `no-renewals (not-read why="no-answer")`},
		{"the ledger", errors.New("disk"), `no-renewals (not-read)`},
	} {
		if got := (purchase.Policy{}).RenewalsMessage(c.err).Error(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
