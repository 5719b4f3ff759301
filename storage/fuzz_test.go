package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
	"licensebot/purchase/reconcile"
)

// FuzzRecord reads arbitrary bytes as each kind of record, with a checksum that fits and as they are. They are refused,
// naming the record, or they are a value that is stored and read again as it is.
func FuzzRecord(f *testing.F) {
	l, err := open(copyOfFixture(f), true, nil)
	if err != nil {
		f.Fatal(err)
	}
	err = l.db.View(func(tx *bbolt.Tx) error {
		for _, bucket := range [][]byte{bucketOrders, bucketPurchases, bucketBudgets, bucketEvents} {
			if err := tx.Bucket(bucket).ForEach(func(_, record []byte) error {
				f.Add(bytes.Clone(record[4:]))
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, l.Close()); err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		``, `null`, `{}`, `[]`, `0`, `"x"`, `{"id":null,"messages":[null]}`,
		`{"receipt":{},"hold":{},"wait":{},"failure":{}}`,
		`{"price_cents":1e400}`, `{"price_cents":9223372036854775808}`, `{"created":"0001-01-01T00:00:00+25:00"}`,
		`{"spec":{"End":"x"}}`,
		`{"id":"a","id":"b"}`, "{\"id\":\"\xff\"}", `{"sent":{"a":[[[[[[[]]]]]]]}}`, `{"pause":{},"notices":[{"left":null}]}`,
		`{"number":-1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		testRoundTrip[purchase.Order](t, bucketOrders, data)
		testRoundTrip[purchase.Purchase](t, bucketPurchases, data)
		testRoundTrip[purchase.Budget](t, bucketBudgets, data)
		testRoundTrip[purchase.AccountState](t, bucketAccount, data)
		testRoundTrip[purchase.Event](t, bucketEvents, data)
	})
}

// testRoundTrip decodes data as a record, and checks that the record is the same after it was stored again.
func testRoundTrip[T any](t *testing.T, bucket, data []byte) {
	t.Helper()
	key := []byte("k")
	record := func(data []byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, checksum(key, data)), data...)
	}
	refused := func(err error) bool {
		var f *RecordError
		if err != nil && (!errors.As(err, &f) || !errors.Is(err, ErrDamaged) || f.Record() == "") {
			t.Errorf("%s: got %v, want a RecordError", bucket, err)
		}
		return err != nil
	}
	_, err := decode[T](bucket, key, data)
	refused(err)
	value, err := decode[T](bucket, key, record(data))
	if refused(err) {
		return
	}
	stored, err := json.Marshal(value)
	if err != nil {
		return // the bot never makes such a value: a year above 9999, for example
	}
	read, err := decode[T](bucket, key, record(stored))
	if err != nil {
		t.Fatalf("%s: got %v from reading %q again, want no error", bucket, err, stored)
	}
	if twice, err := json.Marshal(read); err != nil || string(twice) != string(stored) {
		t.Errorf("%s: got %q (%v) stored again, want %q", bucket, twice, err, stored)
	}
}

// FuzzDamagedFile changes a ledger anywhere: some bytes, its length, with the checksums of the meta pages put right
// when sums is set. It is refused for a reason and stays as it is, or every record reads.
func FuzzDamagedFile(f *testing.F) { fuzzDamaged(f, fixture) }

// FuzzDamagedBundles does the same to a ledger whose records are in bundles.
func FuzzDamagedBundles(f *testing.F) { fuzzDamaged(f, "testdata/v3.ledger") }

func fuzzDamaged(f *testing.F, file string) {
	whole, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	const page = 4096
	for _, at := range []uint32{
		0, 8, 10, 12, 16, 20, 24, 32, 48, 56, 64, 80, page + 64, 2 * page, 2*page + 8, 3*page + 10,
		3*page + 16, 4*page + 12, 5*page + 20, 6*page + 40,
	} {
		f.Add(at, []byte{0xFF}, uint32(0), true)
		f.Add(at, []byte{0, 0, 0, 0, 0, 0, 0, 0x80}, uint32(0), true)
		f.Add(at, []byte{1}, uint32(0), false)
	}
	for _, cut := range []uint32{1, 100, page, 3 * page, uint32(len(whole)) - 100, uint32(len(whole))} {
		f.Add(uint32(0), []byte(nil), cut, false)
	}
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, cut uint32, sums bool) {
		data := append([]byte(nil), whole...)
		copy(data[int(at)%len(data):], patch)
		if sums {
			for _, m := range [][]byte{data[:page], data[page : 2*page]} {
				sum := fnv.New64a()
				sum.Write(m[header:metaSum])
				binary.NativeEndian.PutUint64(m[metaSum:], sum.Sum64())
			}
		}
		data = data[:len(data)-int(cut)%(len(data)+1)]
		path := filepath.Join(t.TempDir(), "ledger.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		known := func(doing string, err error) {
			if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) {
				t.Errorf("%s: got %v, want ErrDamaged, ErrForeign or ErrNewer", doing, err)
			}
		}
		_, recordError := Verify(context.Background(), path)
		known("verify", recordError)
		l, err := OpenReadOnly(path)
		known("open for reading", err)
		if err == nil {
			_, err := readAll(l)
			known("read", err)
			if err != nil && recordError == nil {
				t.Errorf("got %v from reading a file that verifies, want no error", err)
			}
			known("check the books", l.View(context.Background(), func(r purchase.Reader) error {
				_, err := reconcile.CheckConsistency(context.Background(), reconcile.Snapshot{Reader: r}, nil)
				return err
			}))
			l.Close()
		} else if recordError == nil {
			t.Errorf("got %v from opening a file that verifies, want no error", err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(data) {
			t.Errorf("got a changed file (%v), want it unchanged", err)
		}
		writing, err := Open(path)
		if err == nil {
			writing.Close()
			return
		}
		known("open", err)
		if after, err := os.ReadFile(path); err != nil || string(after) != string(data) {
			t.Errorf("got a refused file changed (%v), want it unchanged", err)
		}
	})
}
