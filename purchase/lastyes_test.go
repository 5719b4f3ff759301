package purchase_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"licensebot/purchase/orders"

	"licensebot/purchase"
)

// The last yes checks where licenses may be asked for: an order of a channel that was closed meanwhile ends at once,
// and does not wait for its turn.
func TestTheLastYesToAnOrderOfAClosedChannel(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		id := s.buy()
		s.close()
		s.policy.Channels = map[string]bool{"CLICENSES": true}
		s.open()
		o, err := s.desk.Decide(context.Background(), purchase.Action{Actor: erin, Channel: approvals}, id,
			orders.Decision{Kind: orders.Approve})
		if err != nil || o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy {
			t.Errorf("it is %s, %+v (%v)", o.State, o.Failure, err)
		}
		s.check(0, 0, 0)
	}, withApprovers)
}

// While buying is paused, and while the bot is being stopped, a yes does not count; the order goes on waiting for one.
func TestAYesWhileNothingIsBought(t *testing.T) {
	for name, c := range map[string]struct {
		stop func(*shop)
		code purchase.RefusalCode
	}{
		"paused": {func(s *shop) {
			if err := s.desk.SetPaused(context.Background(), byAdmin, true, "to look at it"); err != nil {
				s.t.Fatal(err)
			}
		}, purchase.Paused},
		"stopping": {func(s *shop) { s.stop() }, purchase.ShuttingDown},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				id := s.buy()
				c.stop(s)
				err := s.approve(id, erin)
				if refusalCode(err) != c.code {
					t.Errorf("the yes: %v", err)
				}
				if o := s.order(id); o.State != purchase.AwaitingApproval || len(o.Approvals) != 0 {
					t.Errorf("it is %s with %d approvals", o.State, len(o.Approvals))
				}
				s.check(0, 0, 6375)
			}, withApprovers)
		})
	}
}

// crowdedDisk has no room for another order while it is full.
type crowdedDisk struct {
	purchase.Ledger
	full atomic.Bool
}

func (d *crowdedDisk) Room(ctx context.Context) error {
	if d.full.Load() {
		return fmt.Errorf("1 MB left: %w", purchase.ErrFull)
	}
	return d.Ledger.Room(ctx)
}

// A new price is a new order: on a disk without room for one it is not taken.
func TestANewPriceOnAFullDisk(t *testing.T) {
	disk := &crowdedDisk{}
	inShop(t, 20000, func(s *shop) {
		id := s.buy()
		s.close()
		s.unchecked = true
		s.amend(id, func(o *purchase.Order) { o.Price = 6000 })
		s.open()
		if err := s.approve(id, erin); err != nil {
			t.Fatal(err)
		}
		if o := s.order(id); o.State != purchase.Failed || o.Failure.NewPrice != 6375 {
			t.Fatalf("it is %s, %+v", o.State, o.Failure)
		}
		disk.full.Store(true)
		if o, err := s.desk.Decide(context.Background(), byAlice, id,
			orders.Decision{Kind: orders.ConfirmNewPrice}); refusalCode(err) != purchase.DiskFull {
			t.Errorf("on a full disk: %s, %v", o.State, err)
		}
		if o := s.order(id); o.ReplacedBy != "" {
			t.Errorf("it is replaced by %s", o.ReplacedBy)
		}
		disk.full.Store(false)
		var no *purchase.Refusal
		if o, err := s.desk.Decide(context.Background(), byAlice, id,
			orders.Decision{Kind: orders.ConfirmNewPrice}); errors.As(err, &no) ||
			o.State != purchase.AwaitingApproval {
			t.Errorf("with room again: %s, %v", o.State, err)
		}
	}, withApprovers, func(s *shop) {
		s.wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			disk.Ledger = l
			return disk, over
		}
	})
}
