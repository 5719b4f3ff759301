package storage

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// A record is 4 bytes of CRC-32C over key and JSON, then the JSON. A digit that flips on a disk is still valid JSON, and
// an amount must not change unseen.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(key, data []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, data)
}

func putJSON(b *bbolt.Bucket, key []byte, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put(key, append(binary.BigEndian.AppendUint32(make([]byte, 0, len(data)+4), checksum(key, data)), data...))
}

// decode reads the record of a key.
func decode[T any](key, record []byte) (value T, err error) {
	if len(record) < 4 || binary.BigEndian.Uint32(record) != checksum(key, record[4:]) {
		return value, fmt.Errorf("%w: record %q does not fit its checksum", ErrDamaged, key)
	}
	if err := json.Unmarshal(record[4:], &value); err != nil {
		return value, fmt.Errorf("%w: record %q: %w", ErrDamaged, key, err)
	}
	return value, nil
}

// getJSON reads a record; ok is false when there is none.
func getJSON[T any](b *bbolt.Bucket, key []byte) (value T, ok bool, err error) {
	record := b.Get(key)
	if record == nil {
		return value, false, nil
	}
	value, err = decode[T](key, record)
	return value, err == nil, err
}

// orDamage turns what bbolt does on a page that was damaged since the file was opened into an error: it panics, or reads
// where nothing is mapped. Every method of a transaction begins with it, so that a panic of whoever uses the transaction
// stays what it is: a bug of theirs, and no sign of a damaged ledger.
func orDamage(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			*err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}
}

// checkContents reads every record once, and that the indexes and numbers fit the records.
func checkContents(tx *bbolt.Tx) error {
	t := &transaction{tx}
	open, unpublished := 0, 0
	err := each(tx, bucketOrders, func(key []byte, o purchase.Order) error {
		if string(o.ID) != string(key) {
			return damaged("order %q is kept as %q", o.ID, key)
		}
		for _, index := range []struct {
			bucket []byte
			want   bool
			count  *int
		}{{bucketOpen, o.Open(), &open}, {bucketUnpublished, o.Unpublished(), &unpublished}} {
			if (tx.Bucket(index.bucket).Get(key) != nil) != index.want {
				return damaged("order %q is not where the list of %s orders has it", key, index.bucket)
			}
			if at := tx.Bucket(bucketOpen).Get(key); len(at) > 0 && !bytes.Equal(at, place(o)) {
				return damaged("order %q has another place in the queue than its list says", key)
			}
			if index.want {
				*index.count++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, index := range []struct {
		bucket []byte
		want   int
	}{{bucketOpen, open}, {bucketUnpublished, unpublished}} {
		if n := tx.Bucket(index.bucket).Stats().KeyN; n != index.want {
			return damaged("the list of %s orders has %d, and should have %d", index.bucket, n, index.want)
		}
	}
	var n uint64
	numbered := func(number uint64) error {
		if n++; n != number {
			return damaged("entry %d has number %d", n, number)
		}
		return nil
	}
	licenses := map[string]bool{}
	err = each(tx, bucketPurchases, func(_ []byte, p purchase.Purchase) error {
		if _, ok, err := t.PurchaseOf(p.LicenseID); err != nil || (!ok && p.LicenseID != "") {
			return damaged("purchase %d is not found by its license (%v)", p.Number, err)
		}
		if p.LicenseID != "" {
			licenses[p.LicenseID] = true
		}
		return numbered(p.Number)
	})
	if err != nil || tx.Bucket(bucketPurchases).Sequence() != n || tx.Bucket(bucketLicenses).Stats().KeyN != len(licenses) {
		return orDamaged(err, "the numbers of the purchases")
	}
	n = 0
	err = each(tx, bucketEvents, func(_ []byte, e purchase.Event) error { return numbered(e.Number) })
	if err != nil || tx.Bucket(bucketEvents).Sequence() != n {
		return orDamaged(err, "the numbers of the audit records")
	}
	if err := each(tx, bucketBudgets, func([]byte, purchase.Budget) error { return nil }); err != nil {
		return err
	}
	return each(tx, bucketAccount, func([]byte, purchase.AccountState) error { return nil })
}

func orDamaged(err error, what string) error {
	if err != nil {
		return err
	}
	return damaged("%s", what)
}

// each decodes every record of a bucket.
func each[T any](tx *bbolt.Tx, bucket []byte, visit func(key []byte, value T) error) error {
	return tx.Bucket(bucket).ForEach(func(key, record []byte) error {
		value, err := decode[T](key, record)
		if err != nil {
			return err
		}
		return visit(key, value)
	})
}
