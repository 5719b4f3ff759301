package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// chronicle is a ledger with orders of every fate.
type chronicle struct {
	*testing.T
	ledger *Ledger
	at     time.Time // after its last record
	orders []purchase.Order
}

// writeChronicle writes 30 days with an order of every fate, from the start of 2025 on, and a checkpoint. All but the
// newest records are in bundles.
func writeChronicle(t *testing.T, path string) *chronicle {
	t.Helper()
	c := &chronicle{T: t, ledger: openTiny(t, path), at: time.Date(2025, 1, 1, 9, 0, 0, 0, time.UTC)}
	c.ledger.sizes.bundle = 3000 // a day's records
	err := c.ledger.Update(t.Context(), func(w purchase.Writer) error {
		for range 30 {
			if err := c.writeDay(w); err != nil {
				return err
			}
			c.at = c.at.AddDate(0, 0, 1)
		}
		return nil
	})
	if err == nil {
		_, err = c.ledger.Compact(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	c.checkpoint()
	return c
}

func (c *chronicle) writeDay(w purchase.Writer) error {
	event := func(e purchase.Event) error { e.Time = c.at; return w.AppendEvent(e) }
	asked := func(o *purchase.Order) { o.Confirmed, o.Month = c.at, "2025-01" }
	return errors.Join(
		c.enter(w, func(*purchase.Order) {}, purchase.Proposed, purchase.Expired),
		event(purchase.Event{Kind: "refused", By: "U2", Cause: purchase.NewCause("over-order-limit")}),
		event(purchase.Event{Kind: "refused", By: "U2", Count: 7}),
		c.enter(w, func(o *purchase.Order) { o.ReplacedBy = "01JD8Z3V5TQ4X6B7N8M9P00001" }, purchase.Proposed,
			purchase.Cancelled),
		c.enter(w, func(o *purchase.Order) { asked(o); o.AddSent, o.CheckoutSent, o.ItemID = c.at, c.at, 7 },
			purchase.Proposed, purchase.Approved, purchase.Adding, purchase.Carted, purchase.Paying, purchase.Purchased),
		event(purchase.Event{Kind: "paused", By: "U3"}),
		event(purchase.Event{Kind: "resumed", By: "U3"}),
		c.enter(w, asked, purchase.Proposed, purchase.AwaitingApproval, purchase.Denied),
		c.enter(w, asked, purchase.Proposed, purchase.AwaitingApproval, purchase.Expired),
		c.enter(w, func(o *purchase.Order) { o.Restored = true }, purchase.Proposed, purchase.Expired),
	)
}

// enter stores an order with an audit record for each of the states that it entered, an hour apart.
func (c *chronicle) enter(w purchase.Writer, change func(*purchase.Order), states ...purchase.State) error {
	o := purchase.Order{
		ID: newID(c.at, len(c.orders)), Rev: 1, Requester: purchase.Actor{ID: "U1", Name: "alice"}, Price: 6375,
		Created: c.at,
	}
	change(&o)
	for i, state := range states {
		o.State, o.Updated = state, c.at.Add(time.Duration(i)*time.Hour)
		err := w.AppendEvent(purchase.Event{
			Time: o.Updated, Kind: string(state), Order: o.ID, By: "U1", Amount: o.Price,
		})
		if err != nil {
			return err
		}
	}
	c.orders = append(c.orders, o)
	return w.PutOrder(o)
}

// checkpoint makes the newest audit record a checkpoint.
func (c *chronicle) checkpoint() {
	c.Helper()
	err := c.ledger.Update(c.Context(), func(w purchase.Writer) error {
		head, err := w.Head()
		account, err2 := w.Account()
		account.Checkpoint = &purchase.Checkpoint{Number: head.Number, Hash: head.Hash, Record: head.Number + 1}
		return errors.Join(err, err2, w.PutAccount(account), w.AppendEvent(purchase.Event{
			Time: c.at, Kind: purchase.KindVerified, Cause: account.Checkpoint.Cause(),
		}))
	})
	if err != nil {
		c.Fatal(err)
	}
}

func (c *chronicle) events() (all []purchase.Event) {
	c.Helper()
	err := c.ledger.View(c.Context(), func(r purchase.Reader) error {
		for e, err := range purchase.AllEvents(r) {
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		c.Fatal(err)
	}
	return all
}

// A pruning removes refusals and proposals that were never confirmed, and nothing else: all other records are as they
// were, the chain verifies, and what stands for the removed records has their numbers and the hash of the last.
func TestLedger_Prune_LeavesMoneyAndDecisions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	c := writeChronicle(t, path)
	events := c.events()
	before := time.Date(2025, 1, 20, 0, 0, 0, 0, time.UTC)
	orders, records, err := c.ledger.Prune(t.Context(), before, c.at, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := c.events()
	left := map[uint64]purchase.Event{}
	gone := 0
	for _, e := range now {
		left[e.Number] = e
		if e.Kind == purchase.KindPruned {
			gone += e.Count
			if last := events[e.Number-1]; e.Hash != last.Hash || !e.Time.Equal(last.Time) ||
				e.Prev != events[e.Number-uint64(e.Count)].Prev {
				t.Errorf("got %+v in place of records up to %+v", e, last)
			}
		}
	}
	pruned := map[purchase.OrderID]bool{}
	for _, o := range c.orders {
		err := c.ledger.View(t.Context(), func(r purchase.Reader) error {
			named, err := r.OrdersNamed(string(o.ID[20:]), 9)
			got, err2 := r.Order(o.ID)
			if pruned[o.ID] = errors.Is(err2, purchase.ErrNoOrder); pruned[o.ID] {
				if slices.Contains(named, o.ID) {
					t.Errorf("order %s is gone, and is still found by its end", o.ID)
				}
				if !errors.Is(err2, purchase.ErrPruned) {
					t.Errorf("order %s is gone: got error %v, want %v", o.ID, err2, purchase.ErrPruned)
				}
				return err
			}
			if diff := cmp.Diff(o, got); diff != "" || !slices.Contains(named, o.ID) {
				t.Errorf("order %s has changed, or isn't found by its end any more (%v):\n%s", o.ID, named, diff)
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Error(err)
		}
		if pruned[o.ID] && (!o.MayBePruned() || !o.Updated.Before(before)) {
			t.Errorf("order %s, %s, was pruned", o.ID, o.State)
		}
	}
	for _, e := range events {
		kept, ok := left[e.Number]
		if ok && kept.Kind != purchase.KindPruned {
			if diff := cmp.Diff(e, kept); diff != "" {
				t.Errorf("record %d has changed:\n%s", e.Number, diff)
			}
			continue
		}
		if !e.Time.Before(before) || e.Kind != "refused" && !pruned[e.Order] {
			t.Errorf("record %d is gone: %+v", e.Number, e)
		}
	}
	written := count(now, purchase.KindPruned) + count(now, purchase.KindPruning)
	if len(now) != len(events)-gone+written || gone != records || orders < 25 || orders > 38 || records < 100 {
		t.Errorf("got %d of %d records, %d of them new; %d are gone, and it says %d, and %d orders", len(now), len(events),
			written, gone, records, orders)
	}
	report, err := c.ledger.Verify(t.Context(), nil)
	if err != nil || report.Pruned != records || report.Orders != len(c.orders)-orders {
		t.Errorf("verify: got %+v and the error %v", report, err)
	}
	for day := range 40 {
		at := time.Date(2024, 12, 28+day, 12, 0, 0, 0, time.UTC)
		want := uint64(slices.IndexFunc(append(slices.Clone(now), purchase.Event{Time: at}), func(e purchase.Event) bool {
			return !e.Time.Before(at)
		}))
		wanted := now[len(now)-1].Number + 1
		if want < uint64(len(now)) {
			wanted = now[want].Number
		}
		err := c.ledger.View(t.Context(), func(r purchase.Reader) error {
			if got, err := r.EventsSince(at); err != nil || got != wanted {
				t.Errorf("records since %s: got number %d and the error %v, want %d", at, got, err, wanted)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if orders, records, err := c.ledger.Prune(t.Context(), before, c.at, nil); orders+records > 0 || err != nil {
		t.Errorf("once more: got %d orders, %d records and the error %v, want nothing", orders, records, err)
	}
	if err := c.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if report, err := Verify(t.Context(), path); err != nil || report.Pruned != records {
		t.Errorf("after it was opened again: got %+v and the error %v", report, err)
	}
}

func count(events []purchase.Event, kind string) (n int) {
	for _, e := range events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// A second pruning continues after the first, and both are in the sum of the last.
func TestLedger_Prune_Continues(t *testing.T) {
	c := writeChronicle(t, filepath.Join(t.TempDir(), "ledger.db"))
	total := 0
	for _, day := range []int{10, 20, 28} {
		_, records, err := c.ledger.Prune(t.Context(), time.Date(2025, 1, day, 0, 0, 0, 0, time.UTC), c.at, nil)
		if err != nil || records == 0 {
			t.Fatalf("January %d: got %d records and the error %v", day, records, err)
		}
		total += records
		if report, err := c.ledger.Verify(t.Context(), nil); err != nil || report.Pruned != total {
			t.Fatalf("January %d: verify: got %+v and the error %v, want %d pruned records", day, report, err, total)
		}
		if _, err := c.ledger.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing is pruned that the next start verifies, and nothing without a checkpoint.
func TestLedger_Prune_UpToCheckpoint(t *testing.T) {
	c := writeChronicle(t, filepath.Join(t.TempDir(), "ledger.db"))
	setCheckpoint := func(checkpoint *purchase.Checkpoint) {
		err := c.ledger.Update(t.Context(), func(w purchase.Writer) error {
			account, err := w.Account()
			account.Checkpoint = checkpoint
			return errors.Join(err, w.PutAccount(account))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	later := c.at.AddDate(1, 0, 0)
	setCheckpoint(nil)
	if _, records, err := c.ledger.Prune(t.Context(), later, later, nil); records > 0 || err != nil {
		t.Errorf("without a checkpoint: got %d pruned records and the error %v, want none", records, err)
	}
	setCheckpoint(&purchase.Checkpoint{Number: 200})
	if _, records, err := c.ledger.Prune(t.Context(), later, later, nil); records == 0 || err != nil {
		t.Errorf("got %d pruned records and the error %v, want some", records, err)
	}
	for _, e := range c.events() {
		if e.Kind == purchase.KindPruned && e.Number >= 200 {
			t.Errorf("got record %d pruned, want none from the checkpoint on", e.Number)
		}
	}
}

// A ledger that lacks more records than the audit says is damaged, whatever the missing records are replaced by.
func TestLedger_Verify_PrunedUnsaid(t *testing.T) {
	sum := func(change func(*purchase.Pruned)) func(*transaction) error {
		return func(t *transaction) error {
			total, err := readPruned(t.tx)
			change(&total)
			return errors.Join(err, putJSON(t.tx, bucketMeta, keyPruned, total))
		}
	}
	// rewrite changes the bundle of audit records that begins after number n.
	rewrite := func(t *transaction, n uint64, change func(*prunedBundle) error) error {
		key, value := t.tx.Bucket(bucketEventBundles).Cursor().Seek(number(n))
		u, err := unpackBundle(collectionEvents, key, value)
		if err != nil {
			return err
		}
		u.key, u.hashes = slices.Clone(u.key), slices.Clone(u.hashes)
		b := prunedBundle{u, 0, map[int]bool{}}
		if err := change(&b); err != nil {
			return err
		}
		return b.write(t.tx, &purchase.Pruned{})
	}
	for _, test := range []struct {
		name   string
		tamper func(*transaction) error
	}{
		{"one more record", func(t *transaction) error {
			return rewrite(t, 250, func(b *prunedBundle) error { b.removed[0] = true; return nil })
		}},
		{"a sum that is too small", sum(func(p *purchase.Pruned) { p.Records-- })},
		{"a sum that no record has", sum(func(p *purchase.Pruned) { p.Orders++ })},
		{"no sum", sum(func(p *purchase.Pruned) { *p = purchase.Pruned{} })},
		{"an older record of a pruning", sum(func(p *purchase.Pruned) { p.Record-- })},
		{"one more record, and a sum that includes it", func(t *transaction) error {
			total, err := readPruned(t.tx)
			if err != nil {
				return err
			}
			if err := rewrite(t, 290, func(b *prunedBundle) error {
				b.removed[0] = true
				e, err := b.standIn(0, 0)
				total.Add(e)
				return err
			}); err != nil {
				return err
			}
			return putJSON(t.tx, bucketMeta, keyPruned, total)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := writeChronicle(t, filepath.Join(t.TempDir(), "ledger.db"))
			_, records, err := c.ledger.Prune(t.Context(), time.Date(2025, 1, 12, 0, 0, 0, 0, time.UTC), c.at, nil)
			if err != nil || records == 0 {
				t.Fatalf("got %d pruned records and the error %v", records, err)
			}
			err = c.ledger.write(func(tx *bbolt.Tx) error {
				return test.tamper(&transaction{bundleReader: bundleReader{tx: tx}})
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.ledger.Verify(t.Context(), nil)
			if fault, ok := errors.AsType[*RecordError](err); !ok || !fault.OfChain() {
				t.Errorf("got %v, want a fault of the chain", err)
			}
		})
	}
}

// newID returns an id of a moment, with n as its end.
func newID(at time.Time, n int) purchase.OrderID {
	id := ulid.MustNew(ulid.Timestamp(at), bytes.NewReader(make([]byte, 10)))
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return purchase.OrderID(id.String())
}
