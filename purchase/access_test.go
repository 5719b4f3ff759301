package purchase_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// inShopWithoutAccess runs a test in a shop whose bot can lose its access to Slack.
func inShopWithoutAccess(t *testing.T, test func(*shop, *atomic.Bool), prepare ...func(*shop)) {
	var lost atomic.Bool
	prepare = append(prepare, func(s *shop) { s.accessLost = lost.Load })
	inShop(t, 20000, func(s *shop) { test(s, &lost) }, prepare...)
}

// Without access to Slack nothing new is promised, at any door, and people read why.
func TestWithoutAccessToSlackNothingIsPromised(t *testing.T) {
	ctx := context.Background()
	for door, tt := range map[string]struct {
		state purchase.State
		try   func(s *shop, id purchase.OrderID) error
	}{
		"a form": {"", func(s *shop, _ purchase.OrderID) error {
			_, err := s.desk.Allowed(ctx, purchase.Action{Actor: alice, Channel: approvals}, "", orders.Buy)
			return err
		}},
		"a card": {"", func(s *shop, _ purchase.OrderID) error {
			_, err := s.desk.Propose(ctx, purchase.Request{Requester: alice, Channel: approvals, Spec: spec()})
			return err
		}},
		"a card for somebody who cannot be checked": {"", func(s *shop, _ purchase.OrderID) error {
			who := alice
			who.Membership, who.NoAccess = purchase.Unverified, true
			_, err := s.desk.Propose(ctx, purchase.Request{Requester: who, Channel: approvals, Spec: spec()})
			return err
		}},
		"a change of a card": {purchase.Proposed, func(s *shop, id purchase.OrderID) error {
			_, err := s.desk.Propose(ctx, purchase.Request{Replaces: id, Requester: alice, Channel: approvals, Spec: spec()})
			return err
		}},
		"a yes": {purchase.Proposed, func(s *shop, id purchase.OrderID) error { return s.confirm(id) }},
		"a yes of somebody who cannot be checked": {purchase.Proposed, func(s *shop, id purchase.OrderID) error {
			who := alice
			who.Membership, who.NoAccess = purchase.Unverified, true
			_, err := s.desk.Decide(ctx, purchase.Action{Actor: who, Channel: approvals, Typed: true}, id,
				orders.Decision{Kind: orders.Confirm})
			return err
		}},
		"a yes to a new price": {purchase.Failed, func(s *shop, id purchase.OrderID) error {
			_, err := s.desk.Decide(ctx, purchase.Action{Actor: alice, Channel: approvals, Typed: true}, id,
				orders.Decision{Kind: orders.ConfirmNewPrice})
			return err
		}},
	} {
		t.Run(door, func(t *testing.T) {
			inShopWithoutAccess(t, func(s *shop, lost *atomic.Bool) {
				id := s.ready(tt.state)
				lost.Store(true)
				s.unchanged(id, purchase.AccessLost, func() error {
					err := tt.try(s, id)
					return err
				})
			})
		})
	}
	t.Run("an approver's yes", func(t *testing.T) {
		inShopWithoutAccess(t, func(s *shop, lost *atomic.Bool) {
			id := s.buy()
			lost.Store(true)
			s.refusedAs(s.approve(id, erin), purchase.AccessLost)
			s.check(0, 0, 6375)
			lost.Store(false)
			if err := s.approve(id, erin); err != nil {
				t.Fatal(err)
			}
			s.until(id, purchase.Purchased)
		}, withApprovers)
	})
}

// An order that waits for its turn is begun when access is back; one that is being bought is finished.
func TestOrdersWithoutAccessToSlack(t *testing.T) {
	t.Run("one that waits", func(t *testing.T) {
		inShopWithoutAccess(t, func(s *shop, lost *atomic.Bool) {
			id := s.waiting()
			lost.Store(true)
			s.resume()
			<-time.After(2 * time.Hour)
			if o := s.order(id); o.State != purchase.Approved || o.Blocked == nil {
				t.Fatalf("the order is %s and says %+v", o.State, o.Blocked)
			}
			lost.Store(false)
			s.desk.AccessChanged()
			s.until(id, purchase.Purchased)
			s.check(1, 6375, 0)
		})
	})
	t.Run("one that is being paid", func(t *testing.T) {
		inShopWithoutAccess(t, func(s *shop, lost *atomic.Bool) {
			s.server.Inject(cocalctest.Fault{Endpoint: paramsPath, Effect: cocalctest.Delay, Wait: 3 * time.Second})
			id := s.buy()
			s.until(id, purchase.Carted)
			lost.Store(true)
			s.until(id, purchase.Purchased)
			s.check(1, 6375, 0)
		})
	})
}

// The audit says when access was lost and when it was back.
func TestTheAuditKnowsOfTheAccess(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		for _, code := range []string{"token_revoked", ""} {
			if err := s.desk.Process.NoteAccess(context.Background(), code); err != nil {
				t.Fatal(err)
			}
		}
		if e := s.events("slack-lost", "slack-back"); len(e) != 2 || !strings.Contains(e[0].Note, "token_revoked") ||
			e[1].Kind != "slack-back" {
			t.Errorf("recorded %+v", e)
		}
	})
}
