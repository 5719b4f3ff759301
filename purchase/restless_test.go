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
	updates *atomic.Int64
}

func (l bounded) Update(ctx context.Context, fn func(purchase.Writer) error) error {
	if l.updates.Add(1) > 1000 {
		return errors.New("too many changes")
	}
	return l.Ledger.Update(ctx, fn)
}

// An approved order that has another's item out of the way rests while buying is stopped and the server is down: the
// ledger isn't written without end, the account is free for others, and the order goes on when both are over.
func TestAnOrderWithAParkedItemRestsWhileAllIsStopped(t *testing.T) {
	for _, by := range []string{"a pause", "lost access to Slack"} {
		t.Run(by, func(t *testing.T) {
			var updates atomic.Int64
			inShopWithoutAccess(t, func(s *shop, lost *atomic.Bool) {
				theirs := s.account.AddToCart("site-license", string(s.description()))
				id := s.waits(maintenance())
				<-time.After(time.Minute)
				if by == "a pause" {
					if err := s.desk.SetPaused(context.Background(), byAdmin, true, "a look"); err != nil {
						t.Fatal(err)
					}
				} else {
					lost.Store(true)
				}
				s.close()
				s.amend(id, func(o *purchase.Order) { o.HeldItems = []int64{theirs} })
				s.open()
				updates.Store(0)
				<-time.After(30 * time.Minute)
				if n := updates.Load(); n > 150 {
					t.Errorf("%d changes of the ledger in half an hour", n)
				}
				o := s.order(id)
				if o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForResume {
					t.Errorf("it is %s and says %+v", o.State, o.Blocked)
				}
				updates.Store(0)
				s.server.ClearFaults()
				<-time.After(10 * time.Minute)
				if o = s.order(id); len(o.HeldItems) > 0 {
					t.Errorf("CoCalc is back, and it has parked %v", o.HeldItems)
				}
				lost.Store(false)
				if by == "a pause" {
					s.resume()
				}
				<-time.After(10 * time.Minute)
				if o = s.order(id); o.State != purchase.Purchased {
					t.Errorf("it is %s and says %+v", o.State, o.Blocked)
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

// A server that leads to one host and then to another is one trouble: an order that waits for it ends after the hour,
// and the ledger and the admins have it once.
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
		if told := s.toldOfServer(); len(told) != 1 {
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
		if told := s.toldOfServer(); len(told) != 2 {
			t.Errorf("the admins read %q", told)
		}
		<-time.After(24 * time.Hour)
		s.server.Inject(leadsTo("one.example"))
		<-time.After(30 * time.Minute)
		if told := s.toldOfServer(); len(told) != 1 {
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
		if told := s.toldOfServer(); len(told) != 3 {
			t.Errorf("the admins read %q", told)
		}
	})
}

// One probe that finds a redirect or a page is no proof: the server counts as down until a second one finds the same,
// so that orders wait and aren't refused, and the admins hear nothing.
func TestOneProbeProvesNoMove(t *testing.T) {
	for name, fault := range map[string]cocalctest.Fault{
		"a redirect": leadsTo("status.example"),
		"a page":     {Effect: cocalctest.Fail, Status: 403},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				id := s.waits(fault)
				<-time.After(5 * time.Second)
				got := s.desk.Server()
				if got.SellsLicenses() || got.RefusesOrders() || s.desk.Rules().Policy.RefuseNotSold(s.desk.Server()) != nil {
					t.Errorf("after one probe it is %+v", got)
				}
				if o := s.order(id); o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForServer {
					t.Errorf("the order is %s and says %+v", o.State, o.Blocked)
				}
				s.propose(spec())
				s.server.ClearFaults()
				s.until(id, purchase.Purchased)
				told, records := s.toldOfServer(), s.events("diagnosis")
				if len(told) > 0 || len(records) > 0 {
					t.Errorf("the admins read %q, and the records are %+v", told, records)
				}
				s.server.Inject(fault)
				<-time.After(11 * time.Minute)
				if got := s.desk.Server(); !got.RefusesOrders() || got.Probes < 2 {
					t.Errorf("after more probes it is %+v", got)
				}
				if told, records := s.toldOfServer(), s.events("diagnosis"); len(told) != 1 || len(records) != 1 {
					t.Errorf("the admins read %q, and the records are %+v", told, records)
				}
			})
		})
	}
}

// A server of which every other answer is a page never counts as moved, and is no noise.
func TestEveryOtherAnswerIsAPage(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		for range 60 {
			s.server.Inject(leadsTo("status.example"))
			_, _ = s.desk.Account.Licenses(context.Background())
			<-time.After(time.Second)
			s.server.ClearFaults()
			<-time.After(59 * time.Second)
			if s.desk.Server().RefusesOrders() {
				t.Fatal("it refuses orders")
			}
		}
		if told, records := s.toldOfServer(), s.events("diagnosis"); len(told) > 0 || len(records) > 0 {
			t.Errorf("the admins read %q, and there are %d records", told, len(records))
		}
	})
}

// A week is a week also when the machine's clock is set ahead while the bot is stopped, and nothing tells CoCalc's
// time.
func TestAClockAheadReleasesNothing(t *testing.T) {
	var ahead func(time.Duration)
	inShop(t, 40000, func(s *shop) {
		id := s.unknown(leadsTo("one.example"), cocalctest.Before)
		<-time.After(2 * time.Hour)
		s.close()
		ahead(30 * 24 * time.Hour)
		s.open()
		<-time.After(6 * 24 * time.Hour)
		if o := s.order(id); !o.Promised() {
			t.Error("it was released within the week")
		}
		<-time.After(2 * 24 * time.Hour)
		if o := s.order(id); o.Promised() {
			t.Error("it was never released")
		}
		s.server.ClearFaults()
		s.until(id, purchase.Failed)
	}, func(s *shop) {
		ahead = clockOf(s)
		withoutDate(s)
	})
}

// unreadable is a ledger whose first read fails.
type unreadable struct {
	purchase.Ledger
	read *bool
}

func (l unreadable) View(ctx context.Context, fn func(purchase.Reader) error) error {
	if !*l.read {
		*l.read = true
		return errors.New("no room for a read")
	}
	return l.Ledger.View(ctx, fn)
}

// A bot that couldn't read at its start what the server was, and finds that it sells, keeps that.
func TestAServerThatIsBackAndWasForgotten(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{Effect: cocalctest.SuccessorServer})
		<-time.After(time.Hour)
		s.close()
		s.server.ClearFaults()
		read := false
		s.wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return unreadable{l, &read}, over
		}
		s.open()
		<-time.After(time.Minute)
		if d := s.state().Diagnosis; d != nil {
			t.Errorf("the ledger says %+v", d)
		}
		if n := len(s.events("diagnosis")); n != 2 {
			t.Errorf("%d records", n)
		}
		s.wrap = nil
		s.restart()
		s.until(s.buy(), purchase.Purchased)
	})
}
