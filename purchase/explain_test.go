package purchase

import (
	"errors"
	"regexp"
	"testing"

	"licensebot/cocalc"
)

// again matches what invites people to repeat what they did.
var again = regexp.MustCompile(`(?i)try again|again later|in a (moment|minute)|keep trying`)

// What a server that sells no licenses, or that leads elsewhere, answers does not change by asking again. Buyers read
// neither where it leads nor the name of a setting.
func TestAnswersThatDoNotChangeInviteNobodyToTryAgain(t *testing.T) {
	const told = "Your admins have been told."
	errs := map[string]*cocalc.Error{
		"no endpoint":    {Op: "licenses/get-managed", Outcome: cocalc.Rejected, Kind: cocalc.NotSoldHere, Status: 404},
		"no key":         {Op: "purchases/get-subscriptions", Outcome: cocalc.Rejected, Kind: cocalc.KeyNotAllowed, Text: "API keys are not allowed to access billing account details"},
		"no sign-in":     {Op: "purchases/cancel-subscription", Outcome: cocalc.Rejected, Kind: cocalc.SignInRequired, Text: "browser sign-in is required"},
		"no capability":  {Op: "accounts/profile", Outcome: cocalc.Rejected, Kind: cocalc.CapabilityMissing, Capability: "account:read"},
		"another host":   {Op: "shopping/cart/get", Outcome: cocalc.Transient, Kind: cocalc.Redirected, Status: 302, Redirect: cocalc.Redirect{Status: 302, Host: "cocalc.ai", Elsewhere: true}},
		"another scheme": {Op: "shopping/cart/get", Outcome: cocalc.Transient, Kind: cocalc.Redirected, Status: 301, Redirect: cocalc.Redirect{Status: 301, Host: "cocalc.example", Address: "https://cocalc.example"}},
	}
	internal := regexp.MustCompile(`COCALC_|cocalc\.ai|cocalc\.example|account:read|licenses/|purchases/`)
	for name, e := range errs {
		for what, sentence := range map[string]string{
			"the order":    explain(e, told, "").Sentence,
			"the list":     explainReading(e, told),
			"the renewals": explainRenewals(e, told),
		} {
			if found := again.FindString(sentence); found != "" {
				t.Errorf("%s, %s: %q invites to try again with %q", name, what, sentence, found)
			}
			if found := internal.FindString(sentence); found != "" {
				t.Errorf("%s, %s: %q shows %q to a buyer", name, what, sentence, found)
			}
		}
	}
}

// What CoCalc keeps from API keys is said of the list that was asked for.
func TestWhyRenewalsAreNotShown(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"the successor", &cocalc.Error{Outcome: cocalc.Rejected, Kind: cocalc.KeyNotAllowed}, "CoCalc doesn't let API keys see renewals."},
		{"signed in only", &cocalc.Error{Outcome: cocalc.Rejected, Kind: cocalc.SignInRequired}, "CoCalc doesn't let API keys see renewals."},
		{"an older server", &cocalc.Error{Outcome: cocalc.Rejected, Kind: cocalc.NotSoldHere, Status: 404}, "This CoCalc server has no list of renewals."},
		{"moved", &cocalc.Error{Outcome: cocalc.Transient, Kind: cocalc.Redirected}, "I couldn't check renewals. I can't reach CoCalc where it was. Please tell your admins."},
		{"down", &cocalc.Error{Outcome: cocalc.Transient, Status: 503}, "I couldn't check renewals. CoCalc isn't responding. Please try again in a few minutes."},
		{"the ledger", errors.New("disk"), "I couldn't check renewals. Something went wrong. Please try again. If it keeps happening, tell your admins."},
	} {
		if got := (&Desk{}).RenewalsTrouble(c.err); got != c.want {
			t.Errorf("%s: people read %q, want %q", c.name, got, c.want)
		}
	}
}

// An order that is held because of the server says what happens to it, and neither that it goes on by itself nor where
// the server leads.
func TestWhyTheServerHoldsAnOrder(t *testing.T) {
	for condition, want := range map[Condition]string{
		SellsMemberships: "This CoCalc server no longer sells licenses, so this order is on hold. If nothing changes within an hour, I'll close it and release what's reserved. Your admins have been told.",
		HasMoved:         "I can't reach CoCalc where it was. This order is on hold. If nothing changes within an hour, I'll close it and release what's reserved. Your admins have been told.",
		IsForeign:        "I can't reach CoCalc where it was. This order is on hold. If nothing changes within an hour, I'll close it and release what's reserved. Your admins have been told.",
		Misaddressed:     "I can't reach CoCalc where it was. This order is on hold. If nothing changes within an hour, I'll close it and release what's reserved. Your admins have been told.",
	} {
		w := Wait{Cause: Cause{WaitsForServer, Args{"condition": string(condition), "host": "cocalc.ai", "told": "Your admins have been told."}}}
		if got := w.words(); got != want {
			t.Errorf("%s: people read %q", condition, got)
		}
	}
}
