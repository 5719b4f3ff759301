package storagetest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// renewedLicense is a license that was renewed, and charged twice at the same moment.
func renewedLicense(id string) purchase.OwnedLicense {
	day := func(month time.Month, day int) time.Time { return time.Date(2027, month, day, 12, 0, 0, 0, time.UTC) }
	terms := cocalc.LicenseTerms{End: day(1, 28), RunLimit: 2, RAM: 4, CPU: 1, Disk: 3, Member: true, Uptime: "short"}
	longer := terms
	longer.End = day(2, 28)
	return purchase.OwnedLicense{
		ID: id, Order: "01M8ORDER", Entry: 1, Row: 110, Ends: longer.End,
		Subscription: &purchase.OwnedSubscription{
			ID: 44, Status: "active", Interval: "month", Cost: 2476, PaidTo: longer.End,
		},
		Upkeep:  []purchase.UpkeepCharge{{Row: 126, Entry: 2}, {Row: 127, Entry: 3}},
		Changed: &purchase.LastChange{Row: 127, LicenseChange: cocalc.LicenseChange{Before: terms, After: longer}},
		Doubles: []purchase.DoubleCharge{{
			Row: 127, With: 126, Time: day(1, 23), Amount: 2476, Requested: day(1, 24), By: "U1",
		}},
	}
}

// ownedKept checks that the record of a license is stored whole, and replaced as a whole.
func ownedKept(l ledger) {
	want := renewedLicense("license-1")
	l.update(func(w purchase.Writer) error {
		return errors.Join(w.PutOwned(purchase.OwnedLicense{ID: "license-1", Entry: 7}), w.PutOwned(want))
	})
	l.viewReopened(func(r purchase.Reader) error {
		got, ok, err := r.Owned("license-1")
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			l.Errorf("got the record %t, other than stored (-want +got):\n%s", ok, diff)
		}
		_, ok, err2 := r.Owned("license-2")
		if ok {
			l.Error("got a record of a license that has none")
		}
		return errors.Join(err, err2)
	})
}

// ownedPaged checks that records of licenses are listed by their ids, in pages.
func ownedPaged(l ledger) {
	l.update(func(w purchase.Writer) (err error) {
		for _, id := range []string{"c", "a", "d", "b"} {
			err = errors.Join(err, w.PutOwned(purchase.OwnedLicense{ID: id}))
		}
		return err
	})
	l.view(func(r purchase.Reader) error {
		for _, c := range []struct {
			after string
			limit int
			want  []string
		}{
			{"", 10, []string{"a", "b", "c", "d"}},
			{"", 2, []string{"a", "b"}},
			{"b", 10, []string{"c", "d"}},
			{"bb", 1, []string{"c"}},
			{"d", 10, nil},
			{"", 0, nil},
		} {
			page, err := r.OwnedAfter(c.after, c.limit)
			if err != nil {
				return err
			}
			var got []string
			for _, l := range page {
				got = append(got, l.ID)
			}
			if !slices.Equal(got, c.want) {
				l.Errorf("at most %d after %q: got %q, want %q", c.limit, c.after, got, c.want)
			}
		}
		return nil
	})
}

// ownedDropped checks that a dropped record is gone, and that it is kept if the transaction fails.
func ownedDropped(l ledger) {
	l.update(func(w purchase.Writer) error {
		return errors.Join(w.PutOwned(renewedLicense("a")), w.PutOwned(renewedLicense("b")))
	})
	fails := errors.New("fails")
	err := l.Update(l.Context(), func(w purchase.Writer) error {
		return errors.Join(w.DropOwned("a"), w.PutOwned(renewedLicense("c")), fails)
	})
	if !errors.Is(err, fails) {
		l.Errorf("got the error %v, want the one of the change", err)
	}
	l.wantOwned("a failed transaction", "a", "b")
	l.update(func(w purchase.Writer) error { return errors.Join(w.DropOwned("a"), w.DropOwned("unknown")) })
	l.wantOwned("one that dropped a", "b")
}

func (l ledger) wantOwned(after string, want ...string) {
	l.Helper()
	l.view(func(r purchase.Reader) error {
		var got []string
		for owned, err := range purchase.AllOwned(r) {
			if err != nil {
				return err
			}
			got = append(got, owned.ID)
		}
		if !slices.Equal(got, want) {
			l.Errorf("after %s: got records of %q, want %q", after, got, want)
		}
		return nil
	})
}
