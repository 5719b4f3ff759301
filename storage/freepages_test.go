package storage

import (
	"encoding/base32"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// A ledger that grows and is compacted as a bot's is has few free pages: bbolt keeps each in memory and writes all of
// them with each commit. With bbolt's other list (see freeList) there were 600 to 700 of them beside 760 in use.
func TestLedger_Compact_FreePages(t *testing.T) {
	const hours, commits, orders, records = 30, 5, 20, 6 // each: in the one before it
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	l.db.NoSync, l.db.NoGrowSync = true, true
	random, at, n := rand.New(rand.NewPCG(1, 1)), time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC), 0
	text := func(size int) string { // that can't be compressed much
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return base32.StdEncoding.EncodeToString(b)
	}
	order := func(w purchase.Writer) error {
		n++
		at = at.Add(time.Second)
		o := purchase.Order{
			ID: newID(at, n*7919), State: purchase.Purchased, Rev: 1, Reason: text(250), ItemID: int64(n), Created: at,
		}
		_, err := w.AddPurchase(purchase.Purchase{Order: o.ID, LicenseID: text(10), Time: at})
		err = errors.Join(err, w.PutOrder(o))
		for range records {
			err = errors.Join(err, w.AppendEvent(purchase.Event{Time: at, Kind: "x", Order: o.ID, Note: text(30)}))
		}
		return err
	}
	for range hours {
		for range commits {
			err := l.Update(t.Context(), func(w purchase.Writer) error {
				for range orders {
					if err := order(w); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var all int
	if err := l.db.View(func(tx *bbolt.Tx) error { all = int(tx.Size() / l.pageSize); return nil }); err != nil {
		t.Fatal(err)
	}
	stats := l.db.Stats()
	if free := stats.FreePageN + stats.PendingPageN; free > (all-free)/2 {
		t.Errorf("got %d free pages beside %d in use, want at most half as many", free, all-free)
	}
}
