package storagetest

import (
	"fmt"
	"math"
	"time"

	"licensebot/purchase"
)

// minutes are the times of records, in minutes after at: the clock was set back twice, once by much, and stood still.
var minutes = []int{0, 10, 20, 5, 20, 30, -600, -590, 31, 40, 40, 39, 50}

// since has the number of the first of these records at or after a time; what is beyond is one more than the last.
var since = []struct {
	name string
	t    time.Time
	want uint64
}{
	{"the zero time", time.Time{}, 1},
	{"the beginning of time", time.Unix(0, math.MinInt64).AddDate(-100, 0, 0), 1},
	{"long before", at.AddDate(-1, 0, 0), 1},
	{"the first", at, 1},
	{"between the first two", at.Add(time.Second), 2},
	{"a moment that the clock had twice", at.Add(20 * time.Minute), 3},
	{"a moment to which the clock was set back", at.Add(5 * time.Minute), 2},
	{"after the first moment that the clock had twice", at.Add(20*time.Minute + 1), 6},
	{"after the clock was set back by much", at.Add(30*time.Minute + 1), 9},
	{"a moment at which the clock stood still", at.Add(40 * time.Minute), 10},
	{"the last", at.Add(50 * time.Minute), 13},
	{"after the last", at.Add(50*time.Minute + 1), 14},
	{"the end of time", time.Unix(0, math.MaxInt64).AddDate(100, 0, 0), 14},
}

// purchasesSince checks that the first entry at or after a time is found, also if a clock was set back.
func purchasesSince(l ledger) {
	l.wantSince("an empty log", purchase.Reader.PurchasesSince, at, 1)
	for n, m := range minutes {
		l.update(func(w purchase.Writer) error {
			_, err := w.AddPurchase(purchase.Purchase{
				Time: at.Add(time.Duration(m) * time.Minute), LicenseID: fmt.Sprint("license-", n), Charged: 100,
			})
			return err
		})
	}
	for _, c := range since {
		l.wantSince(c.name, purchase.Reader.PurchasesSince, c.t, c.want)
	}
}

// eventsSince checks the same of audit records.
func eventsSince(l ledger) {
	l.wantSince("an empty audit", purchase.Reader.EventsSince, at, 1)
	for _, m := range minutes {
		l.update(func(w purchase.Writer) error {
			return w.AppendEvent(purchase.Event{Time: at.Add(time.Duration(m) * time.Minute), Kind: "proposed", By: "U1"})
		})
	}
	for _, c := range since {
		l.wantSince(c.name, purchase.Reader.EventsSince, c.t, c.want)
	}
}

func (l ledger) wantSince(what string, first func(purchase.Reader, time.Time) (uint64, error), t time.Time,
	want uint64,
) {
	l.Helper()
	l.view(func(r purchase.Reader) error {
		got, err := first(r, t)
		if got != want {
			l.Errorf("%s: got number %d, want %d", what, got, want)
		}
		return err
	})
}
