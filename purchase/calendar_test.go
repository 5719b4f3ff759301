package purchase_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"licensebot/purchase"
)

// A day has 23 or 25 hours where the clock is changed, and is a day all the same.
func TestThirtyDaysOverAChangeOfTheClock(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	inShop(t, 90000, func(s *shop) {
		for _, month := range []time.Month{time.March, time.June, time.October} {
			first := time.Date(2000, month, 10, 0, 0, 0, 0, vienna)
			for days, fits := range map[int]bool{29: true, 30: true, 31: false} {
				for _, less := range []time.Duration{0, time.Millisecond} {
					sp := spec()
					sp.Period, sp.Start, sp.End = "range", first, first.AddDate(0, 0, days).Add(-less)
					_, err := s.desk.Propose(context.Background(),
						purchase.Request{Requester: alice, Channel: math, Spec: sp, Reason: "course"})
					var no *purchase.Refusal
					if refused := errors.As(err, &no) && no.Code == purchase.TooLarge; refused == fits || err != nil && !refused {
						t.Errorf("%d days from %s, less %s: %v", days, first, less, err)
					}
				}
			}
		}
	}, func(s *shop) { s.policy.Largest.Days, s.policy.Location = 30, vienna })
}

func TestCalendarDays(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	at := func(m time.Month, d, h int) time.Time { return time.Date(2026, m, d, h, 0, 0, 0, vienna) }
	for _, c := range []struct {
		from, to time.Time
		days     int
		rest     time.Duration
	}{
		{at(6, 1, 0), at(6, 2, 0), 1, 0},
		{at(6, 1, 12), at(6, 2, 11), 0, 23 * time.Hour},
		{at(10, 25, 0), at(10, 26, 0), 1, 0}, // 25 hours
		{at(3, 29, 0), at(3, 30, 0), 1, 0},   // 23 hours
		{at(10, 24, 12), at(10, 25, 12), 1, 0},
		{at(10, 24, 12), at(10, 25, 11), 0, 24 * time.Hour},
		{at(1, 31, 5), at(12, 31, 6), 334, time.Hour},
		{at(6, 1, 0).UTC(), at(6, 2, 0).UTC(), 1, 0},
		{at(6, 2, 0), at(6, 1, 0), -1, 0},
	} {
		if days, rest := purchase.CalendarDays(c.from, c.to, vienna); days != c.days || rest != c.rest {
			t.Errorf("from %s to %s are %d days and %s, want %d and %s", c.from, c.to, days, rest, c.days, c.rest)
		}
	}
}
