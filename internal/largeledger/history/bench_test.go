package history

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

// BenchmarkCheckConsistency checks ledgers of 24 months, and reports the time per order and how much memory was in use
// at most. With -short the large one has a tenth of its orders.
func BenchmarkCheckConsistency(b *testing.B) {
	large := 100_000
	if testing.Short() {
		large = 10_000
	}
	for _, orders := range []int{1_000, large} {
		b.Run(fmt.Sprint(orders, " orders"), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "ledger.db")
			if err := Create(b.Context(), path, Options{Orders: orders, Months: 24, Until: until, Seed: 1}); err != nil {
				b.Fatal(err)
			}
			ledger, err := storage.OpenReadOnly(path)
			if err != nil {
				b.Fatal(err)
			}
			defer ledger.Close()
			runtime.GC() // of what writing the ledger left
			stop := make(chan struct{})
			peak := make(chan uint64)
			go watchHeap(stop, peak)
			for b.Loop() {
				found, err := reconcile.CheckConsistency(b.Context(), ledger, nil)
				if err != nil || len(found) > 0 {
					b.Fatalf("got %v, %v, want no findings", found, err)
				}
			}
			close(stop)
			b.ReportMetric(float64(<-peak)/(1<<20), "MB")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(orders), "ns/order")
		})
	}
}

// watchHeap sends the largest size of the heap's objects, live and dead, until stop.
func watchHeap(stop <-chan struct{}, peak chan<- uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	most := uint64(0)
	for tick := time.NewTicker(time.Millisecond); ; {
		select {
		case <-stop:
			tick.Stop()
			peak <- most
			return
		case <-tick.C:
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
		}
	}
}
