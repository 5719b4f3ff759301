package upkeep_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

const (
	cancelEndpoint = "purchases/cancel-subscription"
	readEndpoint   = "purchases/get-subscriptions"
	sweep          = 11 * time.Minute // longer than the pause between two comparisons
)

// shop notes the requests about subscriptions, and what the ledger had stored when one was sent.
type shop struct {
	purchase.Shop
	env      *purchasetest.Env
	mu       sync.Mutex
	requests []string
	ignores  bool // the next cancellation is answered with success, and does nothing
}

func (s *shop) Subscriptions(ctx context.Context) ([]cocalc.Subscription, error) {
	s.add("read")
	return s.Shop.Subscriptions(ctx)
}

func (s *shop) CancelSubscription(ctx context.Context, id int64) error {
	s.note("cancel")
	if s.ignores {
		s.ignores = false
		return nil
	}
	return s.Shop.CancelSubscription(ctx, id)
}

func (s *shop) ResumeSubscription(ctx context.Context, id int64) error {
	s.note("resume")
	return s.Shop.ResumeSubscription(ctx, id)
}

func (s *shop) note(request string) {
	if open := s.env.AccountState().Decided; len(open) != 1 || s.env.Owned(open[0]).Decision.Sent.IsZero() {
		request += " without a stored intent"
	}
	s.add(request)
}

func (s *shop) add(request string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
}

// all returns the requests since the last reset.
func (s *shop) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *shop) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// noted sets up an Env whose requests about subscriptions the shop notes.
func (s *shop) noted(env *purchasetest.Env) {
	s.env = env
	env.Policy.Approvers = map[string]bool{purchasetest.Erin.ID: true}
	env.Policy.AutoApprove = 50000
	env.Wrap = func(l purchase.Ledger, inner purchase.Shop) (purchase.Ledger, purchase.Shop) {
		s.Shop = inner
		return l, s
	}
}

// run runs a test with a license that Alice bought, whose subscription is followed.
func run(t *testing.T, test func(*purchasetest.Env, *shop, string), prepare ...func(*purchasetest.Env)) {
	t.Helper()
	s := &shop{}
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		license := env.Until(env.Buy(), purchase.Purchased).Receipt.LicenseID
		<-time.After(sweep)
		s.reset()
		test(env, s, license)
	}, append([]func(*purchasetest.Env){s.noted}, prepare...)...)
}

// renewal returns a decision about a license as CoCalc shows it.
func renewal(env *purchasetest.Env, wish purchase.Wish, license string) orders.Renewal {
	env.T.Helper()
	now := env.Account.Subscriptions()[0]
	var l purchase.OwnedLicense // the ledger may have no record yet
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		l, _, err = r.Owned(license)
		return err
	})
	if err != nil {
		env.T.Fatal(err)
	}
	return orders.Renewal{
		Wish: wish, License: license, Subscription: now.ID, PaidTo: now.PeriodEnd, Seen: l.LastDecision(),
	}
}

// decide lets a person decide, and returns the code of the answer.
func decide(env *purchasetest.Env, who purchase.Actor, wish purchase.Wish, license string) string {
	env.T.Helper()
	return click(env, who, renewal(env, wish, license))
}

func click(env *purchasetest.Env, who purchase.Actor, r orders.Renewal) string {
	env.T.Helper()
	action := purchase.Action{Actor: who, Channel: purchasetest.MathChannel}
	said, err := env.Desk.Account.DecideRenewal(context.Background(), action, r)
	if err != nil {
		return err.Error()
	}
	return string(said.Code)
}

func status(env *purchasetest.Env) string { return env.Account.Subscriptions()[0].Status }

// kinds returns the audit records about subscriptions.
func kinds(env *purchasetest.Env) (kinds []string) {
	for _, e := range env.Events("end-requested", "keep-requested", "end-sent", "keep-sent", "subscription-ended",
		"subscription-kept", "subscription-unchanged", "subscription-cancelled", "subscription-resumed") {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func wantText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// outcomes returns who is told of an outcome, with the code.
func outcomes(env *purchasetest.Env) (told []string) {
	for _, code := range []purchase.CauseCode{
		purchase.SubscriptionEnded, purchase.SubscriptionKept, purchase.SubscriptionUnchanged,
	} {
		for _, who := range []purchase.Actor{purchasetest.Alice, purchasetest.Dana, purchasetest.Erin} {
			for range env.Notifications(who.ID, code) {
				told = append(told, who.ID+" "+string(code))
			}
		}
	}
	return told
}
