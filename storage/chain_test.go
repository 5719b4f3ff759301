package storage

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// checkpointedFile writes a ledger of 60 orders with a checkpoint at audit record 60 and four records after it; except
// for the last, they are in bundles. It returns the checkpoint.
func checkpointedFile(t *testing.T, path string) purchase.Checkpoint {
	t.Helper()
	l := openTiny(t, path)
	fill(t, l, 60)
	var checkpoint purchase.Checkpoint
	err := l.Update(t.Context(), func(w purchase.Writer) error {
		head, err := w.Head()
		checkpoint = purchase.Checkpoint{Number: head.Number, Hash: head.Hash, Record: head.Number + 2}
		return errors.Join(err, appendEvent("resumed")(w),
			w.AppendEvent(purchase.Event{Kind: purchase.KindVerified, Cause: checkpoint.Cause()}),
			appendEvent("paused")(w), appendEvent("resumed")(w))
	})
	if err == nil {
		_, err = l.Compact(t.Context())
	}
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	return checkpoint
}

// A start verifies the records since the checkpoint, and the checkpoint; without one, those that are not in bundles.
func TestLedger_VerifyTail_Checkpoint(t *testing.T) {
	// byOther changes who caused an audit record, wherever it is stored.
	byOther := func(n uint64) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			e, single, err := getJSON[purchase.Event](tx, bucketEvents, number(n))
			if e.By = "U2"; single || err != nil {
				return errors.Join(err, putJSON(tx, bucketEvents, number(n), e))
			}
			bundles := tx.Bucket(bucketEventBundles)
			key, value := bundles.Cursor().Seek(number(n))
			records, err := decodeBundle(collectionEvents, key, value)
			if err != nil {
				return err
			}
			at, _ := search(records, number(n))
			records[at].data = bytes.Replace(records[at].data, []byte(`"by":"`), []byte(`"by":"X`), 1)
			head, err := bundleHead(collectionEvents, key, value)
			if err != nil {
				return err
			}
			key, value = encodeBundle(collectionEvents, records, head.newest, bytes.Clone(head.hashes[:hashSize]))
			return putBundle(tx, collectionEvents, key, value)
		}
	}
	with := func(change func(*purchase.Checkpoint)) func(purchase.Checkpoint) *purchase.Checkpoint {
		return func(c purchase.Checkpoint) *purchase.Checkpoint {
			change(&c)
			return &c
		}
	}
	asWritten := with(func(*purchase.Checkpoint) {})
	none := func(purchase.Checkpoint) *purchase.Checkpoint { return nil }
	for _, c := range []struct {
		name   string
		tamper func(tx *bbolt.Tx) error // nil: nothing
		since  func(purchase.Checkpoint) *purchase.Checkpoint
		record string // empty: no fault
		says   string
	}{
		{"Unchanged", nil, asWritten, "", ""},
		{"UnchangedWithoutCheckpoint", nil, none, "", ""},
		{"BeforeCheckpoint", byOther(59), asWritten, "", ""}, // the verification of everything finds it
		{"AtCheckpoint", byOther(60), asWritten, "audit record 60", "was changed"},
		{"AfterCheckpoint", byOther(61), asWritten, "audit record 61", "was changed"},
		{"AfterCheckpointWithoutIt", byOther(61), none, "", ""},
		{"CheckpointItself", byOther(62), asWritten, "audit record 62", "was changed"},
		{"LastRecord", byOther(64), asWritten, "audit record 64", "was changed"},
		{"LastRecordWithoutCheckpoint", byOther(64), none, "audit record 64", "was changed"},
		{"LastRecordGone", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketEvents).Delete(number(64))
		}, asWritten, "audit record 64", "is missing"},
		{
			"OtherHash", nil, with(func(c *purchase.Checkpoint) { c.Hash = strings.Repeat("0", 64) }),
			"audit record 62", "is not the checkpoint",
		},
		{
			"OtherNumber", nil, with(func(c *purchase.Checkpoint) { c.Number = 58 }),
			"audit record 62", "is not the checkpoint",
		},
		{
			"OtherRecord", nil, with(func(c *purchase.Checkpoint) { c.Record = 63 }),
			"audit record 63", "is not the checkpoint",
		},
		{"NoRecord", nil, with(func(c *purchase.Checkpoint) { c.Record = 99 }), "audit record 99", "is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			checkpoint := checkpointedFile(t, path)
			l := openTiny(t, path)
			if c.tamper != nil {
				if err := l.db.Update(c.tamper); err != nil {
					t.Fatal(err)
				}
			}
			last, err := l.VerifyTail(t.Context(), c.since(checkpoint))
			if c.record == "" {
				if err != nil || last.Number != 64 {
					t.Errorf("got record %d and %v, want 64 and no error", last.Number, err)
				}
				return
			}
			fault, ok := errors.AsType[*RecordError](err)
			if !ok || fault.Record() != c.record || !strings.HasPrefix(fault.What, c.says) || !fault.OfChain() {
				t.Errorf("got %v, want %s %s", err, c.record, c.says)
			}
		})
	}
}

// Others write to the ledger between the steps of a verification: what they write is verified too, compaction waits,
// and the report describes the state at the end.
func TestLedger_Verify_BesideWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	compactedFile(t, path)
	l := openTiny(t, path)
	steps := uint64(0)
	report, err := l.Verify(t.Context(), func(ctx context.Context) error {
		steps++
		if l.bundling.TryLock() {
			t.Error("a compaction could change bundles meanwhile")
		}
		return l.Update(ctx, appendEvent("resumed"))
	})
	if err != nil || steps < 5 || report.Head.Number < 60+steps-1 || report.Orders != 60 || report.Purchases != 15 {
		t.Errorf("got %+v, %v after %d steps, want 60 orders, 15 purchases, and the records of most steps", report, err,
			steps)
	}
}

// A page of the file is damaged while the ledger is open: a verification and a change that read it get an error, also
// among changes that share a commit, and others go on.
func TestLedger_Verify_PageDamagedMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	compactedFile(t, path)
	l := openTiny(t, path)
	var at int64
	err := l.db.View(func(tx *bbolt.Tx) error {
		at = int64(tx.Bucket(bucketOrderBundles).Root()) * l.pageSize
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{0xFF, 0xFF}, at+8) // the page's flags
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Verify(t.Context(), nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("verifying: got %v, want ErrDamaged", err)
	}
	const bundled = "01JD8Z3V5TQ4X6B7N8M9P00002"
	done := make(chan error, 2)
	go func() {
		done <- l.Update(t.Context(), func(w purchase.Writer) error {
			o, err := w.Order(bundled)
			return errors.Join(err, w.PutOrder(o))
		})
	}()
	go func() { done <- l.Update(t.Context(), appendEvent("resumed")) }()
	first, second := <-done, <-done
	if errors.Is(first, ErrDamaged) == errors.Is(second, ErrDamaged) || first != nil && second != nil {
		t.Errorf("got %v and %v, want ErrDamaged for one of the changes and nil for the other", first, second)
	}
	if err := l.Update(t.Context(), appendEvent("paused")); err != nil {
		t.Errorf("got %v afterwards, want no error", err)
	}
}
