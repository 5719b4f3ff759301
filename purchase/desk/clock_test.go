package desk_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// Foreign purchases are reported if the clock was wrong at the very first start (no battery, no NTP yet) and is right
// since the second one.
func TestDesk_Clock_WrongAtFirstStart(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 48 * time.Hour, "behind": -48 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			withAndWithoutDate(t, func(t *testing.T, kind func(*purchasetest.Env)) {
				var ahead func(time.Duration)
				purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
					<-time.After(time.Minute)
					ahead(0)
					env.Restart()
					<-time.After(time.Hour)
					env.BuyForeignItem()
					if !env.ForeignReportedWithin(30 * time.Minute) {
						t.Errorf("foreign purchase reported: got false, want true; watching since %v, now %v",
							env.AccountState().Watching, time.Now())
					}
				}, purchasetest.WithChannel, kind, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env); ahead(off) })
			})
		})
	}
}

// A foreign purchase that is made while the clock of the first start is wrong is reported after the clock is corrected.
func TestDesk_Clock_PurchaseBeforeCorrection(t *testing.T) {
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		env.BuyForeignItem()
		env.Close()
		ahead(0)
		env.Open()
		if !env.ForeignReportedWithin(30 * time.Minute) {
			t.Errorf("foreign purchase reported: got false, want true; watching since %v, now %v",
				env.AccountState().Watching, time.Now())
		}
	}, purchasetest.WithChannel, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env); ahead(48 * time.Hour) })
}

// If the clock of a running bot is two days wrong for 25 minutes, an earlier foreign purchase is not reported again,
// and a later one is reported.
func TestDesk_Clock_StepAndBack(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 48 * time.Hour, "back": -48 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			withAndWithoutDate(t, func(t *testing.T, kind func(*purchasetest.Env)) {
				var ahead func(time.Duration)
				purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
					<-time.After(time.Hour)
					env.BuyForeignItem()
					if !env.ForeignReportedWithin(time.Hour) {
						t.Fatalf("records of foreign purchases: got %+v, want one", env.Events("foreign-purchase"))
					}
					ahead(off)
					<-time.After(25 * time.Minute)
					ahead(0)
					<-time.After(25 * time.Minute)
					if e := env.Events("foreign-purchase"); len(e) != 1 {
						t.Errorf("records of foreign purchases: got %+v, want one; account %+v", e, env.AccountState())
					}
					env.BuyForeignItem()
					if !env.ForeignReportedWithin(30*time.Minute) || len(env.Events("foreign-purchase")) != 2 {
						t.Errorf("records of foreign purchases: got %+v, want two, both announced", env.Events("foreign-purchase"))
					}
				}, purchasetest.WithChannel, kind, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
			})
		})
	}
}

// A step of the clock while the outcome of a checkout is unknown, or just before, does not change the length of the
// watch.
func TestDesk_Clock_StepDuringWatch(t *testing.T) {
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
			withAndWithoutDate(t, func(t *testing.T, kind func(*purchasetest.Env)) {
				var ahead func(time.Duration)
				purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
					ahead(c.before)
					env.Server.Inject(cocalctest.Fault{
						Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
						Times: 1,
					})
					id := env.Buy()
					<-time.After(time.Minute)
					ahead(c.after)
					if c.restart {
						env.Restart()
					}
					began := time.Now().Add(-time.Minute)
					for env.Order(id).State == purchase.Unknown && time.Since(began) < 100*time.Hour {
						<-time.After(time.Second)
					}
					// After a restart only CoCalc's clock shows how long the order was watched. Without it, the window begins again.
					const least = 19*time.Minute + 30*time.Second
					if took := time.Since(began); took < least || took > 22*time.Minute {
						t.Errorf("length of the watch: got %v, want 20 minutes (%v to 22m)", took, least)
					}
					<-time.After(30 * time.Minute)
					env.Check(0, 0, 0)
				}, purchasetest.WithChannel, kind, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
			})
		})
	}
}

// A checkout that hangs while the clock steps ahead, and commits within its window, is found, and no other order begins
// before.
func TestDesk_Clock_StepDuringCheckout(t *testing.T) {
	for _, restart := range []bool{false, true} {
		var ahead func(time.Duration)
		purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
			env.Server.Inject(cocalctest.Fault{
				Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
				Times: 1,
			})
			env.Server.SetCheckoutTakes(8*time.Minute, time.Second)
			first := env.Buy()
			<-time.After(time.Minute)
			second := env.Buy()
			ahead(30 * time.Hour)
			if restart {
				env.Restart()
			}
			<-time.After(5 * time.Minute)
			if o := env.Order(second); o.State != purchase.Approved {
				t.Errorf("second order during the checkout of the first: got %s, want %s", o.State, purchase.Approved)
			}
			env.Until(first, purchase.Purchased)
			env.Until(second, purchase.Purchased)
			<-time.After(time.Hour)
			env.Check(2, 2*6375, 0)
		}, purchasetest.WithChannel, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
	}
}

// If the bot restarts with a clock that is ahead while a checkout hangs, the order does not fail before two whole
// windows have passed, even if CoCalc's time is unknown, and no other order begins whose item the checkout would also
// buy. Otherwise its requester would read that it was not bought, order again, and get it twice.
func TestDesk_Clock_AheadAfterRestart(t *testing.T) {
	for name, at := range map[string]time.Duration{
		"in the first window":  time.Minute,
		"in the second window": 11 * time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			withAndWithoutDate(t, func(t *testing.T, kind func(*purchasetest.Env)) {
				var ahead func(time.Duration)
				purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
					env.Server.Inject(cocalctest.Fault{
						Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
						Times: 1,
					})
					env.Server.SetCheckoutTakes(18*time.Minute, time.Second)
					began, first := time.Now(), env.Buy()
					<-time.After(at)
					second := env.Buy()
					ahead(30 * time.Hour)
					env.Restart()
					for ; time.Since(began) < 17*time.Minute+30*time.Second; <-time.After(10 * time.Second) {
						if o := env.Order(second); o.State != purchase.Approved {
							t.Fatalf("second order after %v: got %s, want %s", time.Since(began), o.State, purchase.Approved)
						}
						if o := env.Order(first); o.State != purchase.Unknown && o.State != purchase.Paying {
							t.Fatalf("first order after %v: got %s, want %s or %s", time.Since(began), o.State, purchase.Unknown,
								purchase.Paying)
						}
					}
					env.Until(first, purchase.Purchased)
					env.Until(second, purchase.Purchased)
					<-time.After(time.Hour)
					env.Check(2, 2*6375, 0)
				}, purchasetest.WithChannel, kind, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
			})
		})
	}
}

// A card that was proposed while the clock was ahead expires no later than any other.
func TestDesk_Clock_StepDuringProposal(t *testing.T) {
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		ahead(48 * time.Hour)
		o := env.Propose(purchasetest.Spec())
		<-time.After(time.Minute)
		ahead(0)
		<-time.After(30 * time.Minute)
		if o = env.Order(o.ID); o.State != purchase.Expired {
			t.Errorf("card after 31 minutes: got %s, want %s", o.State, purchase.Expired)
		}
	}, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
}

// A clock that was ahead and is set back does not prolong the watch of an order.
func TestDesk_Clock_SetBack(t *testing.T) {
	var mu sync.Mutex
	ahead := 100 * time.Hour
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("server-error")
		unknown := env.Buy()
		env.Until(unknown, purchase.Unknown)
		mu.Lock()
		ahead = 0
		mu.Unlock()
		env.Restart()
		env.Until(unknown, purchase.Failed)
		env.Check(0, 0, 0)
	}, func(env *purchasetest.Env) {
		env.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(ahead) }
	})
}

// If the machine is suspended for ten hours while the outcome of a checkout is unknown, all clocks except the monotonic
// one are ahead afterwards. Foreign purchases of that time are reported, and the length of the watch is unchanged.
func TestDesk_Clock_MachineSuspended(t *testing.T) {
	var serverAhead atomic.Int64
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
			Times: 1,
		})
		began := time.Now()
		id := env.Buy()
		<-time.After(time.Minute)
		serverAhead.Store(int64(5 * time.Hour))
		items := env.Cart()
		env.Account.SetChecked(items[0].ID, false)
		env.BuyForeignItem()
		env.Account.SetChecked(items[0].ID, true)
		serverAhead.Store(int64(10 * time.Hour))
		ahead(10 * time.Hour)
		for env.Order(id).State == purchase.Unknown && time.Since(began) < 100*time.Hour {
			<-time.After(time.Second)
		}
		if took := time.Since(began); took < 19*time.Minute || took > 22*time.Minute {
			t.Errorf("length of the watch: got %v, want 20 minutes (19m to 22m)", took)
		}
		if !env.ForeignReportedWithin(30 * time.Minute) {
			t.Errorf("records of foreign purchases: got %+v, want one, announced", env.Events("foreign-purchase"))
		}
	}, purchasetest.WithChannel, func(env *purchasetest.Env) {
		ahead = purchasetest.ClockOf(env)
		env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Now: func() time.Time {
			return time.Now().Add(time.Duration(serverAhead.Load())).Round(0)
		}})
	})
}

// withAndWithoutDate runs a test with a CoCalc whose responses have a Date header, and with one whose responses have
// none.
func withAndWithoutDate(t *testing.T, test func(*testing.T, func(*purchasetest.Env))) {
	t.Run("with date", func(t *testing.T) { test(t, func(*purchasetest.Env) {}) })
	t.Run("without date", func(t *testing.T) { test(t, purchasetest.WithoutDate) })
}
