package purchasetest

import (
	"slices"
	"sync/atomic"
	"time"

	"licensebot/purchase"
)

// SampleTime is the time of records in tests without a clock.
var SampleTime = time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)

// ClockOf gives the bot a clock that the test can set ahead or back.
func ClockOf(env *Env) (ahead func(time.Duration)) {
	var off atomic.Int64
	env.Now = func() time.Time { return time.Now().Add(time.Duration(off.Load())).Round(0) }
	return func(d time.Duration) { off.Store(int64(d)) }
}

// timeless is a CoCalc whose answers have no Date.
type datelessShop struct{ purchase.Shop }

func (datelessShop) Time() (time.Time, bool) { return time.Time{}, false }

// WithoutDate makes CoCalc answer without a Date header, so its time is unknown.
func WithoutDate(env *Env) {
	env.Wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
		return l, datelessShop{over}
	}
}

// Until waits until the order is in one of the states, for at most an hour of fake time.
func (env *Env) Until(id purchase.OrderID, states ...purchase.State) purchase.Order {
	env.T.Helper()
	for range 3600 {
		if o := env.Order(id); slices.Contains(states, o.State) {
			return o
		}
		<-time.After(time.Second) // on the bubble's clock: no time passes outside
	}
	env.T.Fatalf("after an hour the order is %s, not %v", env.Order(id).State, states)
	return purchase.Order{}
}

// TimeToEnd waits until the order ends and returns how long that took, at most ten hours of fake time.
func (env *Env) TimeToEnd(id purchase.OrderID) time.Duration {
	env.T.Helper()
	for began := time.Now(); ; <-time.After(time.Second) {
		if env.Order(id).State.Final() || time.Since(began) > 10*time.Hour {
			return time.Since(began)
		}
	}
}

// ForeignReportedWithin reports whether a purchase of another person is announced within patience.
func (env *Env) ForeignReportedWithin(patience time.Duration) bool {
	for began := time.Now(); time.Since(began) < patience; <-time.After(10 * time.Minute) {
		if len(env.Notifications("CBUYING", purchase.NotificationForeign)) > 0 {
			return true
		}
	}
	return false
}
