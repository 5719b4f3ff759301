package purchase_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/purchase"
)

// bounded is a ledger that refuses changes beyond what a quiet bot makes, so that a loop without a rest ends.
type bounded struct {
	purchase.Ledger
	updates *int
}

func (l bounded) Update(ctx context.Context, fn func(purchase.Writer) error) error {
	if *l.updates++; *l.updates > 1000 {
		return errors.New("too many changes")
	}
	return l.Ledger.Update(ctx, fn)
}

// An approved order that has another's item out of the way rests while buying is stopped and the server is down: the ledger
// isn't written without end, the account is free for others, and the order goes on when both are over.
func TestAnOrderWithAParkedItemRestsWhileAllIsStopped(t *testing.T) {
	for _, by := range []string{"a pause", "lost access to Slack"} {
		t.Run(by, func(t *testing.T) {
			updates := 0
			inShopWithoutAccess(t, func(s *shop, lost *atomic.Bool) {
				theirs := s.account.AddToCart("site-license", string(s.description()))
				id := s.waits(maintenance())
				<-time.After(time.Minute)
				if by == "a pause" {
					if err := s.desk.Pause(context.Background(), byAdmin, "a look"); err != nil {
						t.Fatal(err)
					}
				} else {
					lost.Store(true)
				}
				s.close()
				s.amend(id, func(o *purchase.Order) { o.Parked = []int64{theirs} })
				s.open()
				updates = 0
				<-time.After(30 * time.Minute)
				if updates > 150 {
					t.Errorf("%d changes of the ledger in half an hour", updates)
				}
				o := s.order(id)
				if o.State != purchase.Approved || o.Wait == nil || o.Wait.Code != purchase.WaitsForResume {
					t.Errorf("it is %s and says %+v", o.State, o.Wait)
				}
				updates = 0
				s.server.ClearFaults()
				<-time.After(10 * time.Minute)
				if o = s.order(id); len(o.Parked) > 0 {
					t.Errorf("CoCalc is back, and it has parked %v", o.Parked)
				}
				lost.Store(false)
				if by == "a pause" {
					s.resume()
				}
				<-time.After(10 * time.Minute)
				if o = s.order(id); o.State != purchase.Purchased {
					t.Errorf("it is %s and says %+v", o.State, o.Wait)
				}
			}, func(s *shop) {
				s.wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
					return bounded{l, &updates}, over
				}
			})
		})
	}
}
