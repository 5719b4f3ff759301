package purchase_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
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

// leadsTo is a server that leads to another host, as a proxy with a page of each kind does.
func leadsTo(host string) cocalctest.Fault {
	return cocalctest.Fault{Effect: cocalctest.MovedServer, Text: "https://" + host}
}

// A server that leads to one host and then to another is one trouble: an order that waits for it ends after the hour, and the
// ledger and the admins have it once.
func TestARedirectToManyHostsIsOneTrouble(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		id := s.waits(leadsTo("one.example"))
		for began := time.Now(); time.Since(began) < 80*time.Minute; {
			for _, host := range []string{"two.example", "one.example"} {
				<-time.After(30 * time.Second)
				s.server.ClearFaults()
				s.server.Inject(leadsTo(host))
			}
		}
		if o := s.order(id); o.State != purchase.Failed || o.Failure.Code != purchase.FailNotSold {
			t.Errorf("it is %s: %+v", o.State, o.Failure)
		}
		if n := len(s.events("diagnosis")); n != 1 {
			t.Errorf("%d records", n)
		}
		if told := s.told(dana.ID, purchase.NoticeTrouble); len(told) != 1 {
			t.Errorf("the admins read %q", told)
		}
	})
}

// The same trouble that comes and goes is told once a day, and so is its end.
func TestAServerThatComesAndGoesIsToldOnceADay(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		for range 10 {
			s.server.Inject(leadsTo("one.example"))
			<-time.After(30 * time.Minute)
			s.server.ClearFaults()
			<-time.After(30 * time.Minute)
		}
		if told := s.told(dana.ID, purchase.NoticeTrouble); len(told) != 2 {
			t.Errorf("the admins read %q", told)
		}
		<-time.After(24 * time.Hour)
		s.server.Inject(leadsTo("one.example"))
		<-time.After(30 * time.Minute)
		if told := s.told(dana.ID, purchase.NoticeTrouble); len(told) != 1 {
			t.Errorf("a day later the admins read %q", told)
		}
	})
}

// A trouble that comes back within the day and stays is told when the day is over.
func TestATroubleThatComesBackAndStaysIsTold(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.server.Inject(leadsTo("one.example"))
		<-time.After(30 * time.Minute)
		s.server.ClearFaults()
		<-time.After(30 * time.Minute)
		s.server.Inject(leadsTo("one.example"))
		<-time.After(30 * time.Hour)
		if told := s.told(dana.ID, purchase.NoticeTrouble); len(told) != 3 {
			t.Errorf("the admins read %q", told)
		}
	})
}
