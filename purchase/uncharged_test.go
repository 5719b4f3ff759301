package purchase_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/purchase"
)

// A click that was to pay is answered with whether money moved, once; a command that asked for a card is not, since
// nobody expects to pay by it.
func TestOnlyAClickThatWouldPaySaysThatNothingWasCharged(t *testing.T) {
	ctx := context.Background()
	const uncharged = `uncharged="true"`
	reads := func(t *testing.T, err error, times int) {
		t.Helper()
		if err == nil {
			t.Fatal("it was not refused")
		}
		if n := strings.Count(err.Error(), uncharged); n != times {
			t.Errorf("it says %d times that nothing was charged, want %d: %s", n, times, err)
		}
	}
	refusing := map[string]func(*shop){
		"paused": func(s *shop) {
			if err := s.desk.SetPaused(ctx, byAdmin, true, "month-end close"); err != nil {
				s.t.Fatal(err)
			}
		},
		"a limit":         func(s *shop) { s.policy.OrderLimit = purchase.Limit{Max: 1}; s.restart() },
		"not a buyer":     func(s *shop) { s.policy.Everyone = false; s.restart() },
		"another channel": func(s *shop) { s.policy.Channels = map[string]bool{"COTHER": true}; s.restart() },
	}
	for name, refuse := range refusing {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				card := s.propose(spec())
				refuse(s)
				reads(t, s.confirm(card.ID), 1)
				_, err := s.desk.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec()})
				reads(t, err, 0)
			})
		})
	}
	t.Run("a new price", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			moved := s.buy()
			s.close()
			s.unchecked = true
			s.amend(moved, func(o *purchase.Order) { o.Price = 6000 })
			s.open()
			if err := s.approve(moved, erin); err != nil {
				t.Fatal(err)
			}
			s.policy.OrderLimit = purchase.Limit{Max: 1}
			s.restart()
			_, err := s.desk.Decide(ctx, byAlice, moved, orders.Decision{Kind: orders.ConfirmNewPrice})
			reads(t, err, 1)
		}, withApprovers)
	})
	t.Run("a second click on what was bought", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			s.until(id, purchase.Purchased)
			reads(t, s.confirm(id), 0)
		})
	})
	t.Run("a card that is too old", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			card := s.propose(spec())
			<-time.After(31 * time.Minute)
			reads(t, s.confirm(card.ID), 0) // which says so itself
		})
	})
}
