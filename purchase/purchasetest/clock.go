package purchasetest

import (
	"slices"
	"sync/atomic"
	"time"

	"licensebot/purchase"
)

// SampleTime is the time of records in tests without a clock.
var SampleTime = time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)

// ClockOf gives the bot a clock and returns the function that sets it ahead by a duration; a negative one sets it back.
func ClockOf(env *Env) (ahead func(time.Duration)) {
	var off atomic.Int64
	env.Now = func() time.Time { return time.Now().Add(time.Duration(off.Load())).Round(0) }
	return func(d time.Duration) { off.Store(int64(d)) }
}

// datelessShop is a CoCalc whose responses have no Date header.
type datelessShop struct{ purchase.Shop }

func (datelessShop) Time() (time.Time, bool) { return time.Time{}, false }

// WithoutDate makes CoCalc respond without a Date header, so its time is unknown.
func WithoutDate(env *Env) {
	env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
		return l, datelessShop{shop}
	}
}

// Until waits until the order is in one of the states, for at most an hour of fake time.
func (env *Env) Until(id purchase.OrderID, states ...purchase.State) purchase.Order {
	env.T.Helper()
	for range 3600 {
		if o := env.Order(id); slices.Contains(states, o.State) {
			return o
		}
		<-time.After(time.Second) // on the fake clock
	}
	o := env.Order(id)
	env.T.Fatalf("state after an hour: got %s (blocked %+v, failure %+v), want one of %v", o.State, o.Blocked, o.Failure,
		states)
	return purchase.Order{}
}

// TimeToEnd waits until the order ends and returns how long that took; it stops waiting after ten hours of fake time.
func (env *Env) TimeToEnd(id purchase.OrderID) time.Duration {
	env.T.Helper()
	for began := time.Now(); ; <-time.After(time.Second) {
		if env.Order(id).State.Final() || time.Since(began) > 10*time.Hour {
			return time.Since(began)
		}
	}
}

// ForeignReportedWithin reports whether a purchase that was made outside the bot is announced within limit.
func (env *Env) ForeignReportedWithin(limit time.Duration) bool {
	for began := time.Now(); time.Since(began) < limit; <-time.After(10 * time.Minute) {
		if len(env.Notifications("CBUYING", purchase.NotificationForeign)) > 0 {
			return true
		}
	}
	return false
}
