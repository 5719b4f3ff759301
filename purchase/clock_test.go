package purchase_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// clockOf gives the bot a clock of its own, which can be set.
func clockOf(s *shop) (ahead func(time.Duration)) {
	var off atomic.Int64
	s.now = func() time.Time { return time.Now().Add(time.Duration(off.Load())).Round(0) }
	return func(d time.Duration) { off.Store(int64(d)) }
}

// timeless is a CoCalc whose answers have no Date.
type timeless struct{ purchase.Shop }

func (timeless) Time() (time.Time, bool) { return time.Time{}, false }

func withoutDate(s *shop) {
	s.wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) { return l, timeless{over} }
}

// onBothKinds runs a test with a CoCalc that tells its time, and with one that does not.
func onBothKinds(t *testing.T, test func(*testing.T, func(*shop))) {
	t.Run("CoCalc tells its time", func(t *testing.T) { test(t, func(*shop) {}) })
	t.Run("CoCalc does not tell its time", func(t *testing.T) { test(t, withoutDate) })
}

// reportedWithin reports whether a purchase by somebody else is announced in time.
func (s *shop) reportedWithin(patience time.Duration) bool {
	for began := time.Now(); time.Since(began) < patience; <-time.After(10 * time.Minute) {
		if len(s.told("CBUYING", purchase.NotificationForeign)) > 0 {
			return true
		}
	}
	return false
}

func (s *shop) buyAsStranger() {
	s.t.Helper()
	strangersItem(s)
	if err := s.account.Checkout(); err != nil {
		s.t.Fatal(err)
	}
}

// The first start of all had a clock that was wrong (no battery, no NTP yet). It is right since the second start.
func TestAFirstStartWithAWrongClock(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 48 * time.Hour, "behind": -48 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			onBothKinds(t, func(t *testing.T, kind func(*shop)) {
				var ahead func(time.Duration)
				inShop(t, 40000, func(s *shop) {
					<-time.After(time.Minute)
					ahead(0)
					s.restart()
					<-time.After(time.Hour)
					s.buyAsStranger()
					if !s.reportedWithin(30 * time.Minute) {
						t.Errorf("a stranger's purchase is not reported; the account is watched since %v, and it is %v",
							s.state().Watching, time.Now())
					}
				}, withChannel, kind, func(s *shop) { ahead = clockOf(s); ahead(off) })
			})
		})
	}
}

// What is bought while the clock of the first start is wrong is reported, also when the clock is set right before.
func TestAPurchaseDuringAFirstStartWithAWrongClock(t *testing.T) {
	var ahead func(time.Duration)
	inShop(t, 40000, func(s *shop) {
		<-time.After(time.Minute)
		s.buyAsStranger()
		s.close()
		ahead(0)
		s.open()
		if !s.reportedWithin(30 * time.Minute) {
			t.Errorf("a stranger's purchase is not reported; the account is watched since %v, and it is %v", s.state().Watching,
				time.Now())
		}
	}, withChannel, func(s *shop) { ahead = clockOf(s); ahead(48 * time.Hour) })
}

// The clock of a running bot is two days wrong for 25 minutes: what was reported before is not reported again, and what
// is bought later is.
func TestAClockThatStepsAndStepsBack(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 48 * time.Hour, "back": -48 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			onBothKinds(t, func(t *testing.T, kind func(*shop)) {
				var ahead func(time.Duration)
				inShop(t, 40000, func(s *shop) {
					<-time.After(time.Hour)
					s.buyAsStranger()
					if !s.reportedWithin(time.Hour) {
						t.Fatal("a stranger's purchase is not reported")
					}
					ahead(off)
					<-time.After(25 * time.Minute)
					ahead(0)
					<-time.After(25 * time.Minute)
					if e := s.events("foreign-purchase"); len(e) != 1 {
						t.Errorf("reported %d times: %+v; %+v", len(e), e, s.state())
					}
					s.buyAsStranger()
					if !s.reportedWithin(30*time.Minute) || len(s.events("foreign-purchase")) != 2 {
						t.Errorf("a stranger's second purchase is not reported once: %+v", s.events("foreign-purchase"))
					}
				}, withChannel, kind, func(s *shop) { ahead = clockOf(s) })
			})
		})
	}
}

// The clock steps while the outcome of a checkout is unknown, or just before: the windows are as long as they are.
func TestAWatchWhileTheClockSteps(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after time.Duration // how far the clock is ahead when checkout is sent, and a minute later
		restart       bool
	}{
		{"back after it was ahead", 24 * time.Hour, 0, false},
		{"ahead", 0, 24 * time.Hour, false},
		{"back", 0, -24 * time.Hour, false},
		{"back after it was ahead, with a restart", 24 * time.Hour, 0, true},
		{"ahead, with a restart", 0, 24 * time.Hour, true},
		{"back, with a restart", 0, -24 * time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBothKinds(t, func(t *testing.T, kind func(*shop)) {
				var ahead func(time.Duration)
				inShop(t, 40000, func(s *shop) {
					ahead(c.before)
					s.server.Inject(cocalctest.Fault{
						Endpoint: checkoutPath, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
						Times: 1,
					})
					id := s.buy()
					<-time.After(time.Minute)
					ahead(c.after)
					if c.restart {
						s.restart()
					}
					began := time.Now().Add(-time.Minute)
					for s.order(id).State == purchase.Unknown && time.Since(began) < 100*time.Hour {
						<-time.After(time.Second)
					}
					// After a restart, no clock but CoCalc's tells how long it was watched. Where it does not tell, the window begins
					// anew.
					const least = 19*time.Minute + 30*time.Second
					if took := time.Since(began); took < least || took > 22*time.Minute {
						t.Errorf("the outcome was watched for %v instead of 20 minutes", took)
					}
					<-time.After(30 * time.Minute)
					s.check(0, 0, 0)
				}, withChannel, kind, func(s *shop) { ahead = clockOf(s) })
			})
		})
	}
}

// A checkout that hangs while the clock steps ahead, and commits within its window: it is found, and no other order is
// begun before.
func TestASlowCheckoutWhileTheClockSteps(t *testing.T) {
	for _, restart := range []bool{false, true} {
		var ahead func(time.Duration)
		inShop(t, 40000, func(s *shop) {
			s.server.Inject(cocalctest.Fault{
				Endpoint: checkoutPath, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
				Times: 1,
			})
			s.server.SetCheckoutTakes(8*time.Minute, time.Second)
			first := s.buy()
			<-time.After(time.Minute)
			second := s.buy()
			ahead(30 * time.Hour)
			if restart {
				s.restart()
			}
			<-time.After(5 * time.Minute)
			if o := s.order(second); o.State != purchase.Approved {
				t.Errorf("another order is %s while the checkout of the first is at work", o.State)
			}
			s.until(first, purchase.Purchased)
			s.until(second, purchase.Purchased)
			<-time.After(time.Hour)
			s.check(2, 2*6375, 0)
		}, withChannel, func(s *shop) { ahead = clockOf(s) })
	}
}

// The bot starts anew with a clock that is ahead while a checkout hangs, and CoCalc does not tell its time: the order
// is not given up before two whole windows have passed, and no other order is begun that the checkout would buy too.
// Its requester never reads that it was not bought, asks again, and gets it twice.
func TestASlowCheckoutAfterARestartWithAClockAhead(t *testing.T) {
	for name, at := range map[string]time.Duration{
		"in the first window":  time.Minute,
		"in the second window": 11 * time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			onBothKinds(t, func(t *testing.T, kind func(*shop)) {
				var ahead func(time.Duration)
				inShop(t, 40000, func(s *shop) {
					s.server.Inject(cocalctest.Fault{
						Endpoint: checkoutPath, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
						Times: 1,
					})
					s.server.SetCheckoutTakes(18*time.Minute, time.Second)
					began, first := time.Now(), s.buy()
					<-time.After(at)
					second := s.buy()
					ahead(30 * time.Hour)
					s.restart()
					for ; time.Since(began) < 17*time.Minute+30*time.Second; <-time.After(10 * time.Second) {
						if o := s.order(second); o.State != purchase.Approved {
							t.Fatalf("after %v another order is %s while the checkout of the first is at work", time.Since(began), o.State)
						}
						if o := s.order(first); o.State != purchase.Unknown && o.State != purchase.Paying {
							t.Fatalf("after %v the order whose checkout is at work is %s", time.Since(began), o.State)
						}
					}
					s.until(first, purchase.Purchased)
					s.until(second, purchase.Purchased)
					<-time.After(time.Hour)
					s.check(2, 2*6375, 0)
				}, withChannel, kind, func(s *shop) { ahead = clockOf(s) })
			})
		})
	}
}

// A card that was made while the clock was ahead is not good for longer than any other.
func TestACardWhileTheClockSteps(t *testing.T) {
	var ahead func(time.Duration)
	inShop(t, 40000, func(s *shop) {
		ahead(48 * time.Hour)
		o := s.propose(spec())
		<-time.After(time.Minute)
		ahead(0)
		<-time.After(30 * time.Minute)
		if o = s.order(o.ID); o.State != purchase.Expired {
			t.Errorf("after 31 minutes the card is %s", o.State)
		}
	}, func(s *shop) { ahead = clockOf(s) })
}

// The machine is suspended for ten hours while the outcome of a checkout is unknown: all clocks but the monotonic one
// are ahead then. What was bought meanwhile is reported, and the outcome is watched for as long as always.
func TestASuspendedMachine(t *testing.T) {
	var there atomic.Int64
	var ahead func(time.Duration)
	inShop(t, 40000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{
			Endpoint: checkoutPath, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
			Times: 1,
		})
		began := time.Now()
		id := s.buy()
		<-time.After(time.Minute)
		there.Store(int64(5 * time.Hour))
		other := s.cart()
		s.account.SetChecked(other[0].ID, false)
		s.buyAsStranger()
		s.account.SetChecked(other[0].ID, true)
		there.Store(int64(10 * time.Hour))
		ahead(10 * time.Hour)
		for s.order(id).State == purchase.Unknown && time.Since(began) < 100*time.Hour {
			<-time.After(time.Second)
		}
		if took := time.Since(began); took < 19*time.Minute || took > 22*time.Minute {
			t.Errorf("the outcome was watched for %v instead of 20 minutes", took)
		}
		if !s.reportedWithin(30 * time.Minute) {
			t.Error("what was bought meanwhile is not reported")
		}
	}, withChannel, func(s *shop) {
		ahead = clockOf(s)
		s.server = cocalctest.New(cocalctest.Config{Seed: 1, Now: func() time.Time {
			return time.Now().Add(time.Duration(there.Load())).Round(0)
		}})
	})
}

// The order keeps CoCalc's own time of what was sent.
func TestTheDeskKnowsCoCalcsTime(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		if _, err := s.client.WhoAmI(context.Background()); err != nil {
			t.Fatal(err)
		}
		id := s.buy()
		o := s.until(id, purchase.Purchased)
		if o.AddedAfter.IsZero() || o.PaidAfter.Before(o.AddedAfter) || time.Until(o.AddedAfter).Abs() > 5*time.Second {
			t.Errorf("added after %v, paid after %v", o.AddedAfter, o.PaidAfter)
		}
	})
}
