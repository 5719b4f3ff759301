package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
	"licensebot/storage/storagetest"
)

// openTiny opens a ledger with small bundles.
func openTiny(t testing.TB, path string) *Ledger {
	t.Helper()
	l, err := Open(path, WithSmallBundles())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// compactingLedger compacts after each change.
type compactingLedger struct{ *Ledger }

func (l compactingLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if err := l.Ledger.Update(ctx, change); err != nil {
		return err
	}
	_, err := l.Compact(context.WithoutCancel(ctx))
	return err
}

// A ledger whose records are all in bundles, except for the newest, does what every ledger must do.
func TestLedger_Compact_Conformance(t *testing.T) {
	storagetest.Ledger(t, func(t *testing.T) (purchase.Ledger, func() purchase.Ledger) {
		path := filepath.Join(t.TempDir(), "ledger.db")
		l := openTiny(t, path)
		return compactingLedger{l}, func() purchase.Ledger {
			l.Close()
			return compactingLedger{openTiny(t, path)}
		}
	})
}

// historian changes two ledgers in the same way, at random.
type historian struct {
	*rand.Rand
	at     time.Time
	orders []purchase.OrderID
	bought []string // licenses
	times  []time.Time
}

// change returns a change of some records: new orders, changed old ones, log entries, and audit records.
func (h *historian) change() func(purchase.Writer) error {
	var puts []purchase.Order
	var buys []purchase.Purchase
	var records []purchase.Event
	for range 1 + h.IntN(4) {
		h.at = h.at.Add(time.Duration(h.IntN(90_000)) * time.Millisecond)
		if h.IntN(10) == 0 { // the clock is set back
			h.at = h.at.Add(-time.Duration(h.IntN(900_000)) * time.Millisecond)
		}
		h.times = append(h.times, h.at)
		o := purchase.Order{
			State: []purchase.State{purchase.Purchased, purchase.Expired, purchase.Proposed, purchase.Failed}[h.IntN(4)], Rev: 1,
			Requester: purchase.Actor{ID: fmt.Sprint("U", h.IntN(9)), Name: "someone"}, Price: purchase.Cents(h.IntN(10_000)),
			Created: h.at, Updated: h.at, Reason: fmt.Sprint("reason ", h.Uint64()), ItemID: int64(h.IntN(60)) << h.IntN(14),
		}
		if n := len(h.orders); n > 0 && h.IntN(3) == 0 {
			o.ID = h.orders[h.IntN(n)] // an old one that changes, or is opened or closed
		} else {
			var random [10]byte
			for i := range random {
				random[i] = byte(h.IntN(256))
			}
			id, _ := ulid.New(ulid.Timestamp(h.at), nil)
			_ = id.SetEntropy(random[:])
			o.ID = purchase.OrderID(id.String())
			h.orders = append(h.orders, o.ID)
		}
		puts = append(puts, o)
		records = append(records, purchase.Event{
			Time: h.at, Kind: string(o.State), Order: o.ID, By: o.Requester.ID, Amount: o.Price,
			Cause: purchase.NewCause("some-code", "why", "{\"}"),
		})
		if h.IntN(2) == 0 {
			license := fmt.Sprintf("%08x-license", h.Uint32())
			if n := len(h.bought); n > 0 && h.IntN(4) == 0 {
				license = h.bought[h.IntN(n)] // a correction
			}
			h.bought = append(h.bought, license)
			buys = append(buys, purchase.Purchase{
				Time: h.at, Order: o.ID, LicenseID: license, Charged: o.Price, Correction: h.IntN(5) == 0,
			})
		}
	}
	return func(w purchase.Writer) error {
		for _, o := range puts {
			if err := w.PutOrder(o); err != nil {
				return err
			}
		}
		for _, p := range buys {
			if _, err := w.AddPurchase(p); err != nil {
				return err
			}
		}
		for _, e := range records {
			if err := w.AppendEvent(e); err != nil {
				return err
			}
		}
		return nil
	}
}

// contents reads a ledger in many ways.
func (h *historian) contents(t *testing.T, l *Ledger) (read map[string]any) {
	t.Helper()
	err := l.View(t.Context(), func(r purchase.Reader) error {
		read = map[string]any{}
		note := func(what string, value any, err error) error {
			read[what] = value
			return err
		}
		var errs []error
		for _, before := range []purchase.OrderID{"", h.orders[0], h.orders[len(h.orders)/2], "7"} {
			for _, limit := range []int{0, 1, 7, 10_000} {
				orders, err := r.Orders(before, limit)
				errs = append(errs, note(fmt.Sprintf("orders before %q, %d", before, limit), orders, err))
			}
		}
		for _, after := range []purchase.OrderID{"", h.orders[0], h.orders[len(h.orders)/2][:20], "7"} {
			for _, limit := range []int{0, 1, 7, 10_000} {
				facts, err := r.OrderFacts(after, limit)
				errs = append(errs, note(fmt.Sprintf("facts of orders after %q, %d", after, limit), facts, err))
			}
		}
		for _, first := range []uint64{0, 1, 5, 40, 10_000} {
			for _, limit := range []int{0, 1, 7, 10_000} {
				entries, err := r.EntryFacts(first, limit)
				events, err2 := r.EventFacts(first, limit)
				errs = append(errs, note(fmt.Sprintf("facts of entries from %d on, %d", first, limit), entries, err),
					note(fmt.Sprintf("facts of records from %d on, %d", first, limit), events, err2))
			}
		}
		for _, id := range h.orders {
			o, err := r.Order(id)
			errs = append(errs, note("order "+string(id), o, err))
		}
		for _, part := range []string{
			string(h.orders[0]), string(h.orders[0][:10]), string(h.orders[1][22:]), string(h.orders[2][25:]), "01", "nothing",
		} {
			ids, err := r.OrdersNamed(part, 5)
			errs = append(errs, note("named "+part, ids, err))
		}
		for item := range int64(60) {
			for _, item := range []int64{item, item << 13} {
				ids, err := r.OrdersOfItem(item)
				errs = append(errs, note(fmt.Sprint("of item ", item), ids, err))
			}
		}
		for _, before := range []uint64{0, 1, 5, 1000} {
			for _, limit := range []int{0, 3, 10_000} {
				log, err := r.Purchases(before, limit)
				errs = append(errs, note(fmt.Sprintf("purchases before %d, %d", before, limit), log, err))
				events, err := r.Events(before, limit)
				errs = append(errs, note(fmt.Sprintf("events from %d, %d", before, limit), events, err))
			}
		}
		for _, at := range h.times {
			for _, at := range []time.Time{at, at.Add(1)} {
				first, err := r.PurchasesSince(at)
				errs = append(errs, note(fmt.Sprint("purchases since ", at), first, err))
				first, err = r.EventsSince(at)
				errs = append(errs, note(fmt.Sprint("events since ", at), first, err))
			}
		}
		for _, license := range append(h.bought, "unknown", "") {
			p, ok, err := r.PurchaseOf(license)
			errs = append(errs, note("license "+license, []any{p, ok}, err))
		}
		open, err := r.OpenOrders()
		errs = append(errs, note("open", open, err))
		unpublished, err := r.Unpublished()
		errs = append(errs, note("unpublished", unpublished, err))
		head, err := r.Head()
		return errors.Join(append(errs, note("head", head, err))...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// A ledger of schema 3 from before there was an index of cart items reads as others do, and gets the index with the
// next compaction.
func TestLedger_Compact_WithoutItemIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	compactedFile(t, path)
	l := openTiny(t, path)
	if err := l.db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketItemIndex) }); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"without the index", "with the index"} {
		err := l.View(t.Context(), func(r purchase.Reader) error {
			ids, err := r.OrdersOfItem(102)
			if len(ids) != 1 || ids[0] != "01JD8Z3V5TQ4X6B7N8M9P00002" {
				t.Errorf("%s: got the orders %v, want the third", state, ids)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if _, err := l.Verify(t.Context(), nil); err != nil {
			t.Errorf("%s: got %v, want a ledger in order", state, err)
		}
		if n, err := l.Compact(t.Context()); err != nil || n > 0 && state == "with the index" {
			t.Errorf("%s: got %d records compacted, error %v", state, n, err)
		}
	}
	err := l.db.View(func(tx *bbolt.Tx) error {
		size := 0
		err := tx.Bucket(bucketItemIndex).ForEach(func(group, value []byte) error {
			entries, err := checked(bucketItemIndex, group, value)
			size += len(entries)
			return err
		})
		if size == 0 || size%itemEntry != 0 {
			t.Errorf("got an index of %d bytes, want entries of %d", size, itemEntry)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Orders with long reasons fill a bundle before there are enough of them to begin a compaction, and are bundled too.
func TestLedger_Compact_LongReasons(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	err := l.Update(t.Context(), func(w purchase.Writer) error {
		for n := range 400 {
			if err := w.PutOrder(purchase.Order{
				ID: purchase.OrderID(fmt.Sprintf("01JD8Z3V5TQ4X6B7N8M9P0%04d", n)), Rev: 1, State: purchase.Purchased,
				Reason: strings.Repeat("winter school ", 300),
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := l.Compact(t.Context()); err != nil || n < 400-defaultSizes.orders-defaultSizes.least {
		t.Errorf("got %d of 400 orders bundled (%v), want all but the newest", n, err)
	}
}

// A damaged bundle is an error when it is read, and hinders no new record: a change reads the last audit record, not
// the bundle before it.
func TestLedger_Update_DamagedBundle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	compactedFile(t, path)
	l := openTiny(t, path)
	err := l.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketEventBundles)
		key, value := b.Cursor().Last()
		key, value = bytes.Clone(key), bytes.Clone(value)
		value[len(value)-9] ^= 1
		return b.Put(key, value)
	})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	l = openTiny(t, path)
	if err := l.Update(t.Context(), appendEvent("resumed")); err != nil {
		t.Errorf("got %v, want a record that is appended", err)
	}
	if _, err := readAll(l); !errors.Is(err, ErrDamaged) {
		t.Errorf("reading everything: got %v, want ErrDamaged", err)
	}
	if _, err := l.Verify(t.Context(), nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("verifying: got %v, want ErrDamaged", err)
	}
}

// A damaged group of an index is not written again with a fitting checksum, and is found by a verification.
func TestLedger_Compact_DamagedIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	compactedFile(t, path)
	l := openTiny(t, path)
	err := l.db.Update(func(tx *bbolt.Tx) error {
		group, value := tx.Bucket(bucketLicenseIndex).Cursor().First()
		group, value = bytes.Clone(group), bytes.Clone(value)
		value[len(value)-1] ^= 1
		if err := tx.Bucket(bucketLicenseIndex).Put(group, value); err != nil {
			return err
		}
		if err := addToGroup(tx, bucketLicenseIndex, group, make([]byte, licenseEntry)); !errors.Is(err, ErrDamaged) {
			t.Errorf("adding to a damaged group: got %v, want ErrDamaged", err)
		}
		return nil
	})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), path); !errors.Is(err, ErrDamaged) {
		t.Errorf("verifying: got %v, want ErrDamaged", err)
	}
}

// diffContents compares what two ledgers contain. Most are equal, which is found quickly.
func diffContents(want, got map[string]any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

// A ledger that is compacted at random moments reads as one that never is, also after it was opened again, and both
// verify with the same numbers and the same last hash.
func TestLedger_Compact_ReadsAlike(t *testing.T) {
	for seed := range uint64(6) {
		h := &historian{Rand: rand.New(rand.NewPCG(seed, 0)), at: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
		dir := t.TempDir()
		plain, compacted := openTest(t, filepath.Join(dir, "plain.db")), openTiny(t, filepath.Join(dir, "compacted.db"))
		bundled := 0
		for range 60 {
			change := h.change()
			if err := errors.Join(plain.Update(t.Context(), change), compacted.Update(t.Context(), change)); err != nil {
				t.Fatal(err)
			}
			switch h.IntN(6) {
			case 0, 1:
				n, err := compacted.Compact(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				bundled += n
			case 2:
				if err := compacted.Close(); err != nil {
					t.Fatal(err)
				}
				compacted = openTiny(t, filepath.Join(dir, "compacted.db"))
			}
		}
		if diff := diffContents(h.contents(t, plain), h.contents(t, compacted)); diff != "" {
			t.Fatalf("seed %d: the compacted ledger reads otherwise (-plain +compacted):\n%s", seed, diff)
		}
		want, err := plain.Verify(t.Context(), nil)
		got, err2 := compacted.Verify(t.Context(), nil)
		want.Size, got.Size = 0, 0
		if diff := cmp.Diff(want, got); err != nil || err2 != nil || diff != "" || bundled == 0 {
			t.Fatalf("seed %d: %d records bundled, errors %v and %v, reports (-plain +compacted):\n%s", seed, bundled, err, err2,
				diff)
		}
	}
}
