package storage

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"licensebot/internal/failpoint"
	"licensebot/purchase"
)

// A transaction's failpoint is named for its audit records, or else for the fields that it changes.
func TestTxTrace_Name(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	at := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	order := purchase.Order{ID: "01JD8Z3V5TQ4X6B7N8M9P00001", Rev: 1, State: purchase.Carted, HeldItems: []int64{3}}
	if err := l.Update(t.Context(), func(w purchase.Writer) error { return w.PutOrder(order) }); err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*purchase.Order)) func(purchase.Writer) error {
		o := order
		change(&o)
		return func(w purchase.Writer) error { return w.PutOrder(o) }
	}
	for _, c := range []struct {
		name   string
		change func(purchase.Writer) error
		want   failpoint.Name
	}{
		{"Nothing", func(purchase.Writer) error { return nil }, ""},
		{"SameOrder", changed(func(*purchase.Order) {}), ""},
		{"Field", changed(func(o *purchase.Order) { o.AddSent = at }), failpoint.Transaction("only add_sent")},
		{
			"FieldEmptied", changed(func(o *purchase.Order) { o.HeldItems = nil }),
			failpoint.Transaction("only parked emptied"),
		},
		{
			"FirstOfFields", changed(func(o *purchase.Order) { o.HeldItems, o.WatchUntil = []int64{3, 4}, at }),
			failpoint.Transaction("only parked"),
		},
		{
			"Account", func(w purchase.Writer) error { return w.PutAccount(purchase.AccountState{Reconciled: at}) },
			failpoint.Transaction("only reconciled"),
		},
		{"Records", func(w purchase.Writer) error {
			return errors.Join(w.PutOrder(order), appendEvent("paused")(w), appendEvent("unknown")(w), appendEvent("paused")(w))
		}, failpoint.Transaction("paused, unknown")},
	} {
		t.Run(c.name, func(t *testing.T) {
			undo := errors.New("undo")
			err := l.Update(t.Context(), func(w purchase.Writer) error {
				trace := &txTrace{Writer: w}
				if err := c.change(trace); err != nil {
					return err
				}
				if got := trace.name(); got != c.want {
					t.Errorf("got the failpoint %q, want %q", got, c.want)
				}
				return undo
			})
			if !errors.Is(err, undo) {
				t.Error(err)
			}
		})
	}
}
