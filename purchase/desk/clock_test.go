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

// The first start of all had a clock that was wrong (no battery, no NTP yet). It is right since the second start.
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
						t.Errorf("a stranger's purchase is not reported; the account is watched since %v, and it is %v",
							env.AccountState().Watching, time.Now())
					}
				}, purchasetest.WithChannel, kind, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env); ahead(off) })
			})
		})
	}
}

// What is bought while the clock of the first start is wrong is reported, also when the clock is set right before.
func TestDesk_Clock_PurchaseBeforeCorrection(t *testing.T) {
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		env.BuyForeignItem()
		env.Close()
		ahead(0)
		env.Open()
		if !env.ForeignReportedWithin(30 * time.Minute) {
			t.Errorf("a stranger's purchase is not reported; the account is watched since %v, and it is %v",
				env.AccountState().Watching,
				time.Now())
		}
	}, purchasetest.WithChannel, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env); ahead(48 * time.Hour) })
}

// The clock of a running bot is two days wrong for 25 minutes: what was reported before is not reported again, and what
// is bought later is.
func TestDesk_Clock_StepAndBack(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 48 * time.Hour, "back": -48 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			withAndWithoutDate(t, func(t *testing.T, kind func(*purchasetest.Env)) {
				var ahead func(time.Duration)
				purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
					<-time.After(time.Hour)
					env.BuyForeignItem()
					if !env.ForeignReportedWithin(time.Hour) {
						t.Fatal("a stranger's purchase is not reported")
					}
					ahead(off)
					<-time.After(25 * time.Minute)
					ahead(0)
					<-time.After(25 * time.Minute)
					if e := env.Events("foreign-purchase"); len(e) != 1 {
						t.Errorf("reported %d times: %+v; %+v", len(e), e, env.AccountState())
					}
					env.BuyForeignItem()
					if !env.ForeignReportedWithin(30*time.Minute) || len(env.Events("foreign-purchase")) != 2 {
						t.Errorf("a stranger's second purchase is not reported once: %+v", env.Events("foreign-purchase"))
					}
				}, purchasetest.WithChannel, kind, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
			})
		})
	}
}

// The clock steps while the outcome of a checkout is unknown, or just before: the windows are as long as they are.
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
					// After a restart, no clock but CoCalc's tells how long it was watched. Where it does not tell, the window begins
					// anew.
					const least = 19*time.Minute + 30*time.Second
					if took := time.Since(began); took < least || took > 22*time.Minute {
						t.Errorf("the outcome was watched for %v instead of 20 minutes", took)
					}
					<-time.After(30 * time.Minute)
					env.Check(0, 0, 0)
				}, purchasetest.WithChannel, kind, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
			})
		})
	}
}

// A checkout that hangs while the clock steps ahead, and commits within its window: it is found, and no other order is
// begun before.
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
				t.Errorf("another order is %s while the checkout of the first is at work", o.State)
			}
			env.Until(first, purchase.Purchased)
			env.Until(second, purchase.Purchased)
			<-time.After(time.Hour)
			env.Check(2, 2*6375, 0)
		}, purchasetest.WithChannel, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
	}
}

// The bot starts anew with a clock that is ahead while a checkout hangs, and CoCalc does not tell its time: the order
// is not given up before two whole windows have passed, and no other order is begun that the checkout would buy too.
// Its requester never reads that it was not bought, asks again, and gets it twice.
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
							t.Fatalf("after %v another order is %s while the checkout of the first is at work", time.Since(began), o.State)
						}
						if o := env.Order(first); o.State != purchase.Unknown && o.State != purchase.Paying {
							t.Fatalf("after %v the order whose checkout is at work is %s", time.Since(began), o.State)
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

// A card that was made while the clock was ahead is not good for longer than any other.
func TestDesk_Clock_StepDuringProposal(t *testing.T) {
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		ahead(48 * time.Hour)
		o := env.Propose(purchasetest.Spec())
		<-time.After(time.Minute)
		ahead(0)
		<-time.After(30 * time.Minute)
		if o = env.Order(o.ID); o.State != purchase.Expired {
			t.Errorf("after 31 minutes the card is %s", o.State)
		}
	}, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
}

// A clock that ran ahead and is set back does not hold an order for as long.
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

// The machine is suspended for ten hours while the outcome of a checkout is unknown: all clocks but the monotonic one
// are ahead then. What was bought meanwhile is reported, and the outcome is watched for as long as always.
func TestDesk_Clock_MachineSuspended(t *testing.T) {
	var there atomic.Int64
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
			Times: 1,
		})
		began := time.Now()
		id := env.Buy()
		<-time.After(time.Minute)
		there.Store(int64(5 * time.Hour))
		other := env.Cart()
		env.Account.SetChecked(other[0].ID, false)
		env.BuyForeignItem()
		env.Account.SetChecked(other[0].ID, true)
		there.Store(int64(10 * time.Hour))
		ahead(10 * time.Hour)
		for env.Order(id).State == purchase.Unknown && time.Since(began) < 100*time.Hour {
			<-time.After(time.Second)
		}
		if took := time.Since(began); took < 19*time.Minute || took > 22*time.Minute {
			t.Errorf("the outcome was watched for %v instead of 20 minutes", took)
		}
		if !env.ForeignReportedWithin(30 * time.Minute) {
			t.Error("what was bought meanwhile is not reported")
		}
	}, purchasetest.WithChannel, func(env *purchasetest.Env) {
		ahead = purchasetest.ClockOf(env)
		env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Now: func() time.Time {
			return time.Now().Add(time.Duration(there.Load())).Round(0)
		}})
	})
}

// onBothKinds runs a test with a CoCalc that tells its time, and with one that does not.
func withAndWithoutDate(t *testing.T, test func(*testing.T, func(*purchasetest.Env))) {
	t.Run("CoCalc tells its time", func(t *testing.T) { test(t, func(*purchasetest.Env) {}) })
	t.Run("CoCalc does not tell its time", func(t *testing.T) { test(t, purchasetest.WithoutDate) })
}
