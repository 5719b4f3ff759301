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

// A record is 4 bytes of CRC-32C over key and JSON, then the JSON. Without the checksum, a digit that flips on the disk
// would be valid JSON and change an amount.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(key, data []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, data)
}

func putJSON(tx *bbolt.Tx, bucket, key []byte, value any) error {
	return put(tx.Bucket(bucket), key, value)
}

func put(b *bbolt.Bucket, key []byte, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put(key, append(binary.BigEndian.AppendUint32(make([]byte, 0, len(data)+4), checksum(key, data)), data...))
}

// checksumOnly is the type of records that decode checks without reading their JSON.
type checksumOnly struct{}

// decode checks and reads the record of a key. The error is a *RecordError.
func decode[T any](bucket, key, record []byte) (value T, err error) {
	if len(record) < 4 || binary.BigEndian.Uint32(record) != checksum(key, record[4:]) {
		return value, recordError(bucket, key, "does not fit its checksum")
	}
	if _, skip := any(value).(checksumOnly); skip {
		return value, nil
	}
	if err := json.Unmarshal(record[4:], &value); err != nil {
		return value, recordError(bucket, key, "cannot be read: %v", err)
	}
	return value, nil
}

// getJSON reads a record; ok is false if there is none.
func getJSON[T any](tx *bbolt.Tx, bucket, key []byte) (value T, ok bool, err error) {
	record := tx.Bucket(bucket).Get(key)
	if record == nil {
		return value, false, nil
	}
	value, err = decode[T](bucket, key, record)
	return value, err == nil, err
}

// recoverDamage returns a function to defer that turns a panic of bbolt into an error that wraps ErrDamaged: on a page
// that was damaged since the file was opened, bbolt panics or reads unmapped memory. Every method of a transaction
// defers it, so that a panic of the transaction's caller stays a panic.
func recoverDamage(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			*err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}
}

// checkContents checks every record, and that the indexes and numbers match the records. Of audit records, which are by
// far the most and don't decide anything, it checks only the checksums; Verify reads them too.
func checkContents(tx *bbolt.Tx) error {
	if err := checkOrders(tx); err != nil {
		return err
	}
	licenses := map[string]uint64{}
	err := eachNumbered(tx, bucketPurchases, func(key []byte, p purchase.Purchase) error {
		if licenses[p.LicenseID] == 0 && p.LicenseID != "" {
			licenses[p.LicenseID] = p.Number
		}
		return checkNumber(bucketPurchases, key, p.Number)
	})
	if err != nil {
		return err
	}
	for license, n := range licenses {
		if at := tx.Bucket(bucketLicenses).Get([]byte(license)); !bytes.Equal(at, number(n)) {
			return recordError(bucketPurchases, number(n), "is not found by its license %s", license)
		}
	}
	if n := tx.Bucket(bucketLicenses).Stats().KeyN; n != len(licenses) {
		return damagedf("the list of licenses has %d, and should have %d", n, len(licenses))
	}
	err = eachNumbered(tx, bucketEvents, func([]byte, checksumOnly) error { return nil })
	if err != nil {
		return err
	}
	err = each(tx, bucketBudgets, func(key []byte, b purchase.Budget) error {
		if b.Month != string(key) {
			return recordError(bucketBudgets, key, "says it is that of %q", b.Month)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(tx, bucketAccount, func(key []byte, _ purchase.AccountState) error {
		if !bytes.Equal(key, keyAccount) {
			return recordError(bucketAccount, key, "is kept as %q", key)
		}
		return nil
	})
}

// checkOrders checks every order, and that the indexes list the orders that they should.
func checkOrders(tx *bbolt.Tx) error {
	indexes := []struct {
		bucket []byte
		lists  func(*purchase.Order) bool
		count  int
	}{{bucketOpen, (*purchase.Order).Open, 0}, {bucketUnpublished, (*purchase.Order).Stale, 0}}
	err := each(tx, bucketOrders, func(key []byte, o purchase.Order) error {
		if string(o.ID) != string(key) {
			return recordError(bucketOrders, key, "says it is order %q", o.ID)
		}
		for i := range indexes {
			index := &indexes[i]
			lists := index.lists(&o)
			if lists {
				index.count++
			}
			at := tx.Bucket(index.bucket).Get(key)
			if (at != nil) != lists {
				return recordError(bucketOrders, key, "is not where the list of %s orders has it", index.bucket)
			}
			if len(at) > 0 && !bytes.Equal(at, queueValue(o)) {
				return recordError(bucketOrders, key, "has another place in the queue than its list says")
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, index := range indexes {
		if n := tx.Bucket(index.bucket).Stats().KeyN; n != index.count {
			return damagedf("the list of %s orders has %d, and should have %d", index.bucket, n, index.count)
		}
	}
	return nil
}

// eachNumbered decodes every record of a bucket whose keys count from 1, and returns an error if a number is missing.
func eachNumbered[T any](tx *bbolt.Tx, bucket []byte, visit func(key []byte, value T) error) error {
	var n uint64
	err := each(tx, bucket, func(key []byte, value T) error {
		if n++; !bytes.Equal(key, number(n)) {
			return recordError(bucket, number(n), "is missing")
		}
		return visit(key, value)
	})
	if last := tx.Bucket(bucket).Sequence(); err == nil && last != n {
		return recordError(bucket, number(n+1), "is missing: there were %d", last)
	}
	return err
}

func checkNumber(bucket, key []byte, n uint64) error {
	if !bytes.Equal(key, number(n)) {
		return recordError(bucket, key, "says it is number %d", n)
	}
	return nil
}

// each calls visit with every record of a bucket, decoded.
func each[T any](tx *bbolt.Tx, bucket []byte, visit func(key []byte, value T) error) error {
	return tx.Bucket(bucket).ForEach(func(key, record []byte) error {
		value, err := decode[T](bucket, key, record)
		if err != nil {
			return err
		}
		return visit(key, value)
	})
}
