package bot

import (
	"slices"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// decisionExamples are the causes of people's decisions about subscriptions.
func decisionExamples() (all []purchase.Cause) {
	about := func(code purchase.CauseCode, doing string, more ...string) {
		all = append(all, cause(code, append([]string{
			"license", exampleLicense, "subscription", "44", "doing", doing, "by", "UALICE", "name", "alice",
			"until", exampleTime,
		}, more...)...))
	}
	price := []string{"amount", "6375", "period", "month"}
	already := append([]string{"already", "true"}, price...)
	for _, each := range []struct {
		doing                 string
		requested, sent, done purchase.CauseCode
	}{
		{"end", purchase.EndRequested, purchase.EndSent, purchase.SubscriptionEnded},
		{"keep", purchase.KeepRequested, purchase.KeepSent, purchase.SubscriptionKept},
	} {
		about(purchase.SubscriptionAsked, each.doing)
		about(purchase.SubscriptionPending, each.doing)
		about(each.requested, each.doing)
		about(each.sent, each.doing)
		about(each.done, each.doing, price...)
		about(each.done, each.doing, already...)
	}
	about(purchase.SubscriptionStale, "end")
	for _, why := range []string{"not-confirmed", "refused", "not-sent", "gone", "restored"} {
		about(purchase.SubscriptionUnchanged, "end", "why", why)
	}
	about(purchase.SubscriptionUnchanged, "keep", "why", "period-over")
	return all
}

// outcomeExamples are those of decisionExamples that are notices.
func outcomeExamples() []purchase.Cause {
	return slices.DeleteFunc(decisionExamples(), func(c purchase.Cause) bool {
		return c.Code != purchase.SubscriptionEnded && c.Code != purchase.SubscriptionKept &&
			c.Code != purchase.SubscriptionUnchanged
	})
}

// decided is a change of a license entry: a person decided about its subscription.
func decided(wish purchase.Wish, change func(*purchase.SubscriptionDecision)) func(*purchase.LicenseEntry) {
	return func(o *purchase.LicenseEntry) {
		d := &purchase.SubscriptionDecision{Number: 3, Wish: wish, By: "UERIN", At: at, Subscription: 44}
		if change != nil {
			change(d)
		}
		o.Owned = &purchase.OwnedLicense{ID: o.License.ID, Order: o.Purchase.Order, Decision: d}
	}
}

// cancelled is a change of a license entry: its subscription is cancelled.
func cancelled(o *purchase.LicenseEntry) { o.Subscription.Status = "canceled" }

func TestRenewalQuestion_Golden(t *testing.T) {
	sent := func(d *purchase.SubscriptionDecision) { d.Sent = at }
	done := func(d *purchase.SubscriptionDecision) { d.Done = at }
	late := func(o *purchase.LicenseEntry) { o.Subscription.CurrentPeriodEnd = at.AddDate(0, 0, 2) }
	over := func(o *purchase.LicenseEntry) { cancelled(o); o.Subscription.CurrentPeriodEnd = at.AddDate(0, 0, -2) }
	cancelledLate := func(o *purchase.LicenseEntry) { cancelled(o); late(o) }
	for _, c := range []struct {
		name string
		wish purchase.Wish
		o    purchase.LicenseEntry
	}{
		{"end", purchase.WishEnd, renewing(func(o *purchase.LicenseEntry) { o.License.Title = hostile })},
		{"end-again", purchase.WishEnd, renewing(decided(purchase.WishEnd, done))},
		{"end-when-the-charge-is-due", purchase.WishEnd, renewing(late)},
		{"end-already", purchase.WishEnd, renewing(cancelled)},
		{"end-pending", purchase.WishEnd, renewing(decided(purchase.WishEnd, nil))},
		{"end-of-no-subscription", purchase.WishEnd, renewing(func(o *purchase.LicenseEntry) { o.Subscription = nil })},
		{"end-unread", purchase.WishEnd, renewing(func(o *purchase.LicenseEntry) { o.Subscription, o.Unread = nil, true })},
		{"keep", purchase.WishKeep, renewing(cancelled)},
		{"keep-when-the-charge-is-due", purchase.WishKeep, renewing(cancelledLate)},
		{"keep-already", purchase.WishKeep, renewing(nil)},
		{"keep-after-the-period", purchase.WishKeep, renewing(over)},
		{"keep-instead-of-end", purchase.WishKeep, renewing(decided(purchase.WishEnd, nil))},
		{"keep-after-end-was-sent", purchase.WishKeep, renewing(decided(purchase.WishEnd, sent))},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := renewalQuestion(c.o, c.wish, at)
			checkGolden(t, "subscription-"+c.name, got)
			checkHarmless(t, got)
		})
	}
}

// A button's value is what the person saw, also after it came back from Slack.
func TestRenewalOf_Value(t *testing.T) {
	o := renewing(decided(purchase.WishEnd, nil))
	r, ok := renewalOf(actionKeep, renewalValue(o))
	if !ok || r.Wish != purchase.WishKeep || r.License != o.License.ID || r.Subscription != 44 || r.Seen != 3 ||
		!r.PaidTo.Equal(o.Subscription.CurrentPeriodEnd.Truncate(time.Millisecond)) {
		t.Errorf("got %+v, %t, want what the button was made of", r, ok)
	}
	for _, value := range []string{"", "x", "x 44", "x 0 1 1", "x -44 1 1", "x 44 1", "x y z w"} {
		if r, ok := renewalOf(actionEnd, value); ok {
			t.Errorf("%q: got %+v, want it refused", value, r)
		}
	}
}

// The details of a license have a button about its subscription, for people who may decide about it.
func TestLicenseDetails_RenewalButtons(t *testing.T) {
	policy := purchase.Policy{
		Everyone: true, AllView: true, Approvers: map[string]bool{"UERIN": true}, Admins: map[string]bool{"UDANA": true},
	}
	other := func(o *purchase.LicenseEntry) { o.Purchase = nil }
	over := func(o *purchase.LicenseEntry) { cancelled(o); o.Subscription.CurrentPeriodEnd = at.AddDate(0, 0, -2) }
	for _, c := range []struct {
		name string
		who  string
		o    purchase.LicenseEntry
		want string // the label; empty: no button
	}{
		{"its buyer", "UALICE", renewing(nil), "End subscription"},
		{"another buyer", "UBOB", renewing(nil), ""},
		{"an approver", "UERIN", renewing(nil), "End subscription"},
		{"an admin", "UDANA", renewing(nil), "End subscription"},
		{"an approver, of a license that was bought outside", "UERIN", renewing(other), ""},
		{"an admin, of a license that was bought outside", "UDANA", renewing(other), "End subscription"},
		{"cancelled", "UALICE", renewing(cancelled), "Keep subscription"},
		{"over", "UALICE", renewing(over), ""},
		{"decided", "UALICE", renewing(decided(purchase.WishEnd, nil)), ""},
	} {
		sight, no := policy.SightOf(purchase.Actor{ID: c.who, Team: "T1"})
		if no != nil {
			t.Fatal(no)
		}
		got := ""
		for _, b := range renewalButtons(c.o, at, sight) {
			got += b.(*slack.ButtonBlockElement).Text.Text
		}
		if got != c.want {
			t.Errorf("%s: got the button %q, want %q", c.name, got, c.want)
		}
	}
}
