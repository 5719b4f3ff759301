package bot

import (
	"testing"
	"testing/synctest"
	"time"

	"licensebot/purchase"
)

// A few changes are published at once. Those of a burst wait until no more come, and not for a burst without an end.
func TestChanges_AwaitCalm(t *testing.T) {
	for _, c := range []struct {
		name  string
		count int
		every time.Duration // 0: all at once
		want  time.Duration
	}{
		{"no change of an order", 0, 0, 0},
		{"a few at once", fewChanges, 0, 0},
		{"many at once", 500, 0, calm},
		{"many, one after the other", 100, time.Millisecond, 5 * calm},
		{"without an end", 5000, time.Millisecond, mostCalm},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				changes := NewChanges(nil)
				added := make(chan struct{})
				go func() {
					defer close(added)
					for n := range c.count {
						if n > fewChanges {
							time.Sleep(c.every)
						}
						changes.Add(purchase.OrderID("01M8"))
					}
				}()
				synctest.Wait()
				began := time.Now()
				changes.awaitCalm(t.Context())
				if got := time.Since(began); got != c.want {
					t.Errorf("wait: got %s, want %s", got, c.want)
				}
				<-added
				changes.awaitCalm(t.Context()) // whatever is left of the burst
				began = time.Now()
				changes.lookAgain("01M8")
				changes.Add("01M8")
				changes.awaitCalm(t.Context())
				if got := time.Since(began); got != 0 {
					t.Errorf("wait for one change after the burst: got %s, want none", got)
				}
			})
		})
	}
}
