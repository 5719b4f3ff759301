package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

func TestVerify_Report(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path)
	fill(t, l, 12)
	report, err := Verify(context.Background(), path) // beside the program that has it open
	if err != nil {
		t.Fatal(err)
	}
	var head purchase.Event
	err = l.View(context.Background(), func(r purchase.Reader) (err error) {
		head, err = r.Head()
		return err
	})
	if err != nil || report.Orders != 12 || report.Purchases != 3 || report.Schema != SchemaVersion || report.Size == 0 ||
		head.Number != 12 || report.Head.Hash != head.Hash {
		t.Errorf("got the report %+v, want the head %+v; error %v", report, head, err)
	}
}

// Whatever is changed behind the program's back, also by someone who knows the format, the first record that is wrong
// is named, and the file stays as it is.
func TestVerify_FirstBadRecord(t *testing.T) {
	const order = "01JD8Z3V5TQ4X6B7N8M9P00003"
	event := func(tx *bbolt.Tx, n uint64, change func(*purchase.Event)) error {
		e, _, err := getJSON[purchase.Event](tx, bucketEvents, number(n))
		change(&e)
		return errors.Join(err, putJSON(tx, bucketEvents, number(n), e))
	}
	cases := []struct {
		name   string
		tamper func(tx *bbolt.Tx) error
		record string // empty: no record is at fault
		says   string
	}{
		{"an amount in the audit", func(tx *bbolt.Tx) error {
			return event(tx, 5, func(e *purchase.Event) { e.Amount = 1 })
		}, "audit record 5", "was changed after it was written"},
		{"an amount in the audit, with a new hash", func(tx *bbolt.Tx) error {
			return event(tx, 5, func(e *purchase.Event) { e.Amount = 1; e.Hash, _ = Hash(*e) })
		}, "audit record 6", "does not follow from the record before it"},
		{"an audit record is gone", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketEvents).Delete(number(4))
		}, "audit record 4", "is missing"},
		{"the last audit record is gone", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketEvents).Delete(number(8))
		}, "audit record 8", "is missing"},
		{"two audit records changed places", func(tx *bbolt.Tx) error {
			three, _, err := getJSON[purchase.Event](tx, bucketEvents, number(3))
			four, _, err2 := getJSON[purchase.Event](tx, bucketEvents, number(4))
			return errors.Join(err, err2, putJSON(tx, bucketEvents, number(3), four),
				putJSON(tx, bucketEvents, number(4), three))
		}, "audit record 3", "has the number 4"},
		{"an entry of the purchase log is gone", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketPurchases).Delete(number(1))
		}, "entry 1 of the purchase log", "is missing"},
		{"a license that leads nowhere", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketLicenses).Put([]byte("license-2"), number(7))
		}, "entry 1 of the purchase log", "is not listed under its license"},
		{"a flipped digit", func(tx *bbolt.Tx) error {
			record := append([]byte(nil), tx.Bucket(bucketOrders).Get([]byte(order))...)
			record[len(record)-10] ^= 1
			return tx.Bucket(bucketOrders).Put([]byte(order), record)
		}, "order " + order, "does not fit its checksum"},
		{"another kind of record", func(tx *bbolt.Tx) error {
			return putJSON(tx, bucketBudgets, []byte("2026-11"), []string{"no budget"})
		}, "the budget of 2026-11", "cannot be read"},
		{"an old budget of another month", func(tx *bbolt.Tx) error {
			return errors.Join(
				putJSON(tx, bucketBudgets, []byte("2026-09"), purchase.Budget{Month: "2026-08"}),
				putJSON(tx, bucketBudgets, []byte("2026-10"), purchase.Budget{Month: "2026-10"}),
			)
		}, "the budget of 2026-09", "names the month"},
		{"an order under another's name", func(tx *bbolt.Tx) error {
			return putJSON(tx, bucketOrders, []byte(order), purchase.Order{ID: "01JD8Z3V5TQ4X6B7N8M9P00099"})
		}, "order " + order, "contains order"},
		{"an order that the index forgot", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketOpen).Delete([]byte("01JD8Z3V5TQ4X6B7N8M9P00000"))
		}, "order 01JD8Z3V5TQ4X6B7N8M9P00000", "list of open orders"},
		{"an index that names nobody", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketUnpublished).Put([]byte("nobody"), nil)
		}, "", "the list of unpublished orders has 1"},
		{"a record of no length", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketAccount).Put(keyAccount, nil)
		}, "the state of the account", "checksum"},
		{"a key of another kind", func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketEvents).Put([]byte{0, 1}, binary.BigEndian.AppendUint32(nil, 0))
		}, "audit record 0001", "checksum"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			l := openTest(t, path)
			fill(t, l, 8)
			if err := l.db.Update(c.tamper); err != nil {
				t.Fatal(err)
			}
			l.Close()
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Verify(context.Background(), path)
			var f *RecordError
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.says) || errors.As(err, &f) != (c.record != "") ||
				(f != nil && f.Record() != c.record) {
				t.Errorf("got %v, want %s %s", err, c.record, c.says)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("got a changed file, want it unchanged; error %v", err)
			}
		})
	}
}

// Reading all audit records ends, since it goes by their keys, whatever number a record claims to have.
func TestVerify_WrongEventNumber(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	err := l.Update(t.Context(), func(w purchase.Writer) (err error) {
		for n := 0; n < 1000 && err == nil; n++ { // twice the size of a page
			err = w.AppendEvent(purchase.Event{Kind: "refused"})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = l.db.Update(func(tx *bbolt.Tx) error {
		for _, n := range []uint64{500, 700, 1000} {
			e, _, err := getJSON[purchase.Event](tx, bucketEvents, number(n))
			e.Number = 1
			if err := errors.Join(err, putJSON(tx, bucketEvents, number(n), e)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var seen uint64
	err = l.View(t.Context(), func(r purchase.Reader) error {
		for e, err := range purchase.AllEvents(r) {
			if seen++; err != nil || e.Number != seen {
				return fmt.Errorf("got record %d with the number %d, want the same: %w", seen, e.Number, err)
			}
		}
		return nil
	})
	if err != nil || seen != 1000 {
		t.Errorf("got %d records, want 1000; error %v", seen, err)
	}
}

func TestVerify_Canceled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	fill(t, openTest(t, path), 4)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Verify(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
