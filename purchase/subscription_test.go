package purchase_test

import (
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

func TestPolicy_MayDecideRenewal(t *testing.T) {
	policy := purchase.Policy{
		Everyone: true, Approvers: map[string]bool{"UERIN": true, "SBOSSES": true}, Admins: map[string]bool{"UDANA": true},
		Viewers: map[string]bool{"UVERA": true},
	}
	person := func(id string) purchase.Actor { return purchase.Actor{ID: id, Team: "T1"} }
	guest, elsewhere := person("UALICE"), purchase.Actor{ID: "UALICE", Team: "T2"}
	twin := purchase.Actor{ID: "UALICE2", Org: "WALICE", Team: "T1"}
	guest.Membership = purchase.Guest
	boss, unknown := person("UFRANK"), person("UFRANK")
	boss.Groups, unknown.UnknownGroups = []string{"SBOSSES"}, []string{"SBOSSES"}
	for _, test := range []struct {
		name         string
		who          purchase.Actor
		bought       purchase.RefusalCode // of a license that Alice bought; empty: allowed
		boughtByNone purchase.RefusalCode // of a license that this ledger didn't buy
	}{
		{"its buyer", person("UALICE"), "", purchase.NotYourLicense},
		{"its buyer, by the organization's id", twin, "", purchase.NotYourLicense},
		{"another buyer", person("UBOB"), purchase.NotYourLicense, purchase.NotYourLicense},
		{"a viewer", person("UVERA"), purchase.NotYourLicense, purchase.NotYourLicense},
		{"an approver", person("UERIN"), "", purchase.NotYourLicense},
		{"an approver of a group", boss, "", purchase.NotYourLicense},
		{"someone who may be in the group", unknown, purchase.Outsider, purchase.NotYourLicense},
		{"an admin", person("UDANA"), "", ""},
		{"its buyer, now a guest", guest, purchase.Outsider, purchase.Outsider},
		{"its buyer's id in another workspace", elsewhere, purchase.NotYourLicense, purchase.NotYourLicense},
	} {
		bought := &purchase.Purchase{Requester: purchase.Actor{ID: "UALICE", Org: "WALICE", Team: "T1"}}
		for of, want := range map[*purchase.Purchase]purchase.RefusalCode{bought: test.bought, nil: test.boughtByNone} {
			var got purchase.RefusalCode
			if no := policy.MayDecideRenewal(of, test.who); no != nil {
				got = no.Code
			}
			if got != want {
				t.Errorf("%s, bought here %t: got the refusal %q, want %q", test.name, of != nil, got, want)
			}
		}
	}
}

// A decision counts for what its person saw, and not while another one is open. One that isn't sent yet can be
// replaced.
func TestOwnedLicense_Decide(t *testing.T) {
	at := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	open := purchase.SubscriptionDecision{Number: 2, Wish: purchase.WishEnd, By: "UERIN"}
	sent, done := open, open
	sent.Sent, done.Done = at, at
	for _, test := range []struct {
		name string
		last *purchase.SubscriptionDecision
		wish purchase.Wish
		seen int
		want purchase.CauseCode
	}{
		{"the first", nil, purchase.WishEnd, 0, purchase.SubscriptionAsked},
		{"one that was seen, and is not known any more", nil, purchase.WishEnd, 2, purchase.SubscriptionStale},
		{"the same again", &open, purchase.WishEnd, 2, purchase.SubscriptionPending},
		{"the same, of somebody who didn't see it", &open, purchase.WishEnd, 1, purchase.SubscriptionPending},
		{"the opposite", &open, purchase.WishKeep, 2, purchase.SubscriptionAsked},
		{"the opposite, of somebody who didn't see it", &open, purchase.WishKeep, 1, purchase.SubscriptionStale},
		{"the opposite, once it is sent", &sent, purchase.WishKeep, 2, purchase.SubscriptionPending},
		{"the next", &done, purchase.WishEnd, 2, purchase.SubscriptionAsked},
		{"a click from before the last", &done, purchase.WishEnd, 1, purchase.SubscriptionStale},
	} {
		before := purchase.OwnedLicense{ID: "x", Decision: test.last}
		l, said, changed := before.Decide(purchase.SubscriptionDecision{Number: test.seen, Wish: test.wish, By: "UALICE"})
		if asked := test.want == purchase.SubscriptionAsked; said.Code != test.want || changed != asked ||
			asked && (l.LastDecision() != test.seen+1 || l.Decision.By != "UALICE") || !asked && l.Decision != test.last {
			t.Errorf("%s: got %s, changed %t and %+v, want %s", test.name, said.Code, changed, l.Decision, test.want)
		}
	}
}

// A subscription is as wished because of a decision only if its request was sent for the same period.
func TestSubscriptionDecision_MayBeOf(t *testing.T) {
	end := time.Date(2026, 12, 28, 23, 59, 59, 999e6, time.UTC)
	s := cocalc.Subscription{ID: 44, Status: "canceled", CurrentPeriodEnd: end}
	sent := end.AddDate(0, 0, -9)
	d := func(change func(*purchase.SubscriptionDecision)) *purchase.SubscriptionDecision {
		d := &purchase.SubscriptionDecision{Wish: purchase.WishEnd, Subscription: 44, PaidTo: end, Sent: sent}
		change(d)
		return d
	}
	outcome := func(code purchase.CauseCode) func(*purchase.SubscriptionDecision) {
		return func(d *purchase.SubscriptionDecision) { d.Done, d.Outcome = end, code }
	}
	for name, test := range map[string]struct {
		d    *purchase.SubscriptionDecision
		want bool
	}{
		"none":                    {nil, false},
		"sent":                    {d(func(*purchase.SubscriptionDecision) {}), true},
		"not sent":                {d(func(d *purchase.SubscriptionDecision) { d.Sent = time.Time{} }), false},
		"given up":                {d(outcome(purchase.SubscriptionUnchanged)), true},
		"done":                    {d(outcome(purchase.SubscriptionEnded)), false},
		"of another period":       {d(func(d *purchase.SubscriptionDecision) { d.PaidTo = end.AddDate(0, -1, 0) }), false},
		"of another subscription": {d(func(d *purchase.SubscriptionDecision) { d.Subscription = 45 }), false},
		"the opposite":            {d(func(d *purchase.SubscriptionDecision) { d.Wish = purchase.WishKeep }), false},
	} {
		if got := test.d.MayBeOf(s); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
}
