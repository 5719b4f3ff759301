package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/reconcile"
)

// largeLedger creates a ledger of many purchased orders, each with six audit records, like that of a team after years.
func largeLedger(b *testing.B, orders int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "ledger.db")
	ledger, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer ledger.Close()
	ledger.db.NoSync = true
	at := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	for first := 0; first < orders; first += 1000 {
		err := ledger.Update(context.Background(), func(w purchase.Writer) error {
			var all error
			for n := first; n < min(first+1000, orders); n++ {
				o := purchase.Order{
					ID: purchase.OrderID(fmt.Sprintf("01JD8Z3V5TQ4X6B7N8M9%06d", n)), Rev: 8, State: purchase.Purchased,
					Requester: purchase.Actor{ID: "UALICE", Team: "T1", Name: "alice"},
					Channel:   purchase.Channel{ID: "CMATH", Name: "math"},
					Spec:      purchase.Spec{RAM: 16, CPU: 2, Disk: 10, Title: "Statistics", Period: "monthly"}, Price: 6375,
					Created: at, Updated: at,
					Confirmed: at, AddSent: at, CheckoutSent: at, ItemID: int64(n), Reason: "winter school", Month: "2026-11",
					Sent:    []byte(`{"ram":16,"cpu":2,"title":"Statistics","description":"` + strings.Repeat("x", 300) + `"}`),
					Receipt: &purchase.Receipt{LicenseID: fmt.Sprint("license-", n), Time: at, Charged: 6375},
					Messages: []purchase.Message{{
						Kind: purchase.MessageLine, Channel: "CMATH", TS: "1732309200.000100",
						PublishedRev: 8,
					}},
				}
				_, err := w.AddPurchase(purchase.Purchase{
					Order: o.ID, LicenseID: o.Receipt.LicenseID, Month: o.Month,
					Charged: 6375, Time: at, Spec: o.Spec,
				})
				all = errors.Join(all, err, w.PutOrder(o))
				for _, kind := range []purchase.State{
					purchase.Proposed, purchase.Approved, purchase.Adding, purchase.Carted,
					purchase.Paying, purchase.Purchased,
				} {
					all = errors.Join(all,
						w.AppendEvent(purchase.Event{
							Time: at, Kind: string(kind), Order: o.ID, By: "UALICE", Place: "CMATH",
							Amount: 6375,
						}))
				}
			}
			return all
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return path
}

// How long a bot with many years of orders takes to start, and to have its ledger verified. With -short it has a tenth
// of them.
func BenchmarkLargeLedger(b *testing.B) {
	orders := 100_000
	if testing.Short() {
		orders = 10_000
	}
	path := largeLedger(b, orders)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			ledger, err := Open(path)
			if err != nil {
				b.Fatal(err)
			}
			ledger.Close()
		}
		b.ReportMetric(float64(info.Size())/(1<<20), "MB")
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := Verify(context.Background(), path); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("books", func(b *testing.B) {
		for b.Loop() {
			if err := ReadCopy(context.Background(), path, func(r purchase.Reader) error {
				_, err := reconcile.CheckConsistency(context.Background(), reconcile.Snapshot{Reader: r}, nil)
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
