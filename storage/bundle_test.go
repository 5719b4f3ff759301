package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// compactedFile writes a ledger with 60 orders, most of whose records are in bundles, and returns the file's content
// and how many bytes of it bbolt uses.
func compactedFile(t *testing.T, path string) (whole []byte, used int64) {
	t.Helper()
	l := openTiny(t, path)
	fill(t, l, 60)
	if n, err := l.Compact(t.Context()); err != nil || n < 60 {
		t.Fatalf("got %d records bundled (%v), want most of those of 60 orders", n, err)
	}
	if err := l.db.View(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return whole, used
}

// Bytes flip anywhere in a file with bundles: it is refused, or every record reads as it was written, or reading it
// returns ErrDamaged, and then it does not verify.
func TestLedger_Compact_FlippedBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	whole, used := compactedFile(t, path)
	read := func() (string, error) {
		l, err := OpenReadOnly(path)
		if err != nil {
			return "", err
		}
		defer l.Close()
		return readAll(l)
	}
	want, err := read()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	noticed := 0
	for range 200 {
		data := bytes.Clone(whole)
		at := random.IntN(int(used))
		data[at] ^= byte(1 << random.IntN(8))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := read()
		if err == nil && got != want {
			t.Errorf("a flip at %d: got other records without an error, want an error", at)
		}
		_, verifies := Verify(t.Context(), path)
		if verifies != nil {
			noticed++
		}
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) {
				t.Errorf("a flip at %d: got %v, want ErrDamaged, ErrForeign or ErrNewer", at, err)
			}
			if verifies == nil {
				t.Errorf("a flip at %d: got a file that verifies and can't be read (%v)", at, err)
			}
		}
	}
	if noticed < 30 {
		t.Errorf("got %d of 200 flips noticed, want at least 30", noticed)
	}
}

// decodeBundle checks a bundle and returns its records; those of audit records have their hashes again.
func decodeBundle(c collection, key, value []byte) ([]record, error) {
	u, err := unpackBundle(c, key, value)
	for i := range u.records {
		u.records[i].data = u.json(i)
	}
	return u.records, err
}

// editBundle changes the records of the first bundle of a collection and writes it with a fitting checksum.
func editBundle(tx *bbolt.Tx, c collection, edit func([]record) []record) error {
	key, value := tx.Bucket(c.bundles).Cursor().First()
	key = bytes.Clone(key)
	records, err := decodeBundle(c, key, value)
	if err != nil {
		return err
	}
	if err := tx.Bucket(c.bundles).Delete(key); err != nil {
		return err
	}
	at, changed := encodeBundle(c, edit(records), 0, noHash[:])
	return putBundle(tx, c, at, changed)
}

// What is changed in a bundle by someone who knows the format is found by Verify, which names the record, and so is a
// bundle or an index entry that is missing.
func TestVerify_Bundles(t *testing.T) {
	replaced := func(n int, before, after string) func([]record) []record {
		return func(records []record) []record {
			records[n].data = bytes.Replace(records[n].data, []byte(before), []byte(after), 1)
			return records
		}
	}
	cases := []struct {
		name         string
		tamper       func(tx *bbolt.Tx) error
		record, says string
	}{
		{"an amount in an audit record", func(tx *bbolt.Tx) error {
			return editBundle(tx, collectionEvents, replaced(1, `"by":"U1"`, `"by":"U2"`))
		}, "audit record 2", "was changed after it was written"},
		{"an audit record is gone", func(tx *bbolt.Tx) error {
			return editBundle(tx, collectionEvents, func(r []record) []record { return append(r[:1:1], r[2:]...) })
		}, "audit record 2", "is missing"},
		{"a bundle of audit records is gone", func(tx *bbolt.Tx) error {
			first, _ := tx.Bucket(bucketEventBundles).Cursor().First()
			return tx.Bucket(bucketEventBundles).Delete(first)
		}, "audit record 1", "is missing"},
		{"the first bundle of log entries is gone", func(tx *bbolt.Tx) error {
			first, _ := tx.Bucket(bucketPurchaseBundles).Cursor().First()
			return tx.Bucket(bucketPurchaseBundles).Delete(first)
		}, "entry 1 ", "is missing"},
		{"the last bundle of log entries is gone", func(tx *bbolt.Tx) error {
			last, _ := tx.Bucket(bucketPurchaseBundles).Cursor().Last()
			return tx.Bucket(bucketPurchaseBundles).Delete(last)
		}, "entry ", "is missing"},
		{"an order under another's name", func(tx *bbolt.Tx) error {
			return editBundle(tx, collectionOrders, replaced(0, `"id":"01JD8Z3V5`, `"id":"01JD8Z3V6`))
		}, "order 01JD8Z3V5", "contains order"},
		{"an order that is open", func(tx *bbolt.Tx) error {
			return editBundle(tx, collectionOrders, replaced(0, `"state":"purchased"`, `"state":"approved"`))
		}, "order 01JD8Z3V5", "has something left to do"},
		{"a license that the index lacks", func(tx *bbolt.Tx) error {
			group, _ := tx.Bucket(bucketLicenseIndex).Cursor().First()
			return tx.Bucket(bucketLicenseIndex).Delete(group)
		}, "entry ", "is not listed under its license"},
		{"an id that the index lacks", func(tx *bbolt.Tx) error {
			group, _ := tx.Bucket(bucketIDIndex).Cursor().First()
			return tx.Bucket(bucketIDIndex).Delete(group)
		}, "order 01JD8Z3V5", "is listed 0 times in the index of ids"},
		{"a cart item that the index lacks", func(tx *bbolt.Tx) error {
			group, _ := tx.Bucket(bucketItemIndex).Cursor().First()
			return tx.Bucket(bucketItemIndex).Delete(group)
		}, "order 01JD8Z3V5", "is not listed under its cart item "},
		{"a cart item that the index has in excess", func(tx *bbolt.Tx) error {
			return addToGroup(tx, bucketItemIndex, []byte{0, 1}, make([]byte, itemEntry))
		}, "", "the item-index has"},
		{"an id that the index has in excess", func(tx *bbolt.Tx) error {
			return addToGroup(tx, bucketIDIndex, []byte("ZZZ"), make([]byte, 16))
		}, "", "the id-index has"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			compactedFile(t, path)
			l := openTiny(t, path)
			err := l.db.Update(c.tamper)
			if err := errors.Join(err, l.Close()); err != nil {
				t.Fatal(err)
			}
			_, err = Verify(context.Background(), path)
			var f *RecordError
			named := errors.As(err, &f)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.says) || named != (c.record != "") ||
				named && !strings.HasPrefix(f.Record(), c.record) {
				t.Errorf("got %v, want %s … %s", err, c.record, c.says)
			}
		})
	}
}

// FuzzBundle stores any audit records in a bundle and reads the same bytes again, also those that are not chained or
// not JSON, and reads any bytes as a bundle: an error, or records.
func FuzzBundle(f *testing.F) {
	var chain []byte
	prev := ""
	for n := uint64(1); n < 4; n++ {
		e := purchase.Event{Number: n, Kind: "approved", Time: time.Unix(1, 0).UTC(), Prev: prev}
		e.Hash, _ = Hash(e)
		prev = e.Hash
		data, _ := json.Marshal(e)
		chain = append(append(chain, data...), '\n')
	}
	f.Add(chain)
	f.Add([]byte("{\n\n}\n{\"prev\":\"\",\"hash\":\"\"}"))
	f.Add([]byte{1, 2, 0, 40, 181, 47, 253})
	f.Fuzz(func(t *testing.T, data []byte) {
		var records []record
		for i, line := range bytes.Split(data, []byte("\n")) {
			records = append(records, record{number(uint64(i + 1)), line})
		}
		key, value := encodeBundle(collectionEvents, records, 7, noHash[:])
		got, err := decodeBundle(collectionEvents, key, value)
		equal := func(a, b []byte) bool { return bytes.Equal(a, b) }
		if diff := cmp.Diff(records, got, cmp.AllowUnexported(record{}), cmp.Comparer(equal)); err != nil || diff != "" {
			t.Fatalf("got other records (%v; -stored +read):\n%s", err, diff)
		}
		key = number(1)
		value = append(make([]byte, 4), data...)
		binary.BigEndian.PutUint32(value, checksum(key, data))
		for _, c := range []collection{collectionPurchases, collectionEvents} {
			if _, err := decodeBundle(c, key, value); err != nil && !errors.Is(err, ErrDamaged) {
				t.Errorf("got %v, want ErrDamaged", err)
			}
		}
	})
}
