package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// Hash returns the hash of an audit record that links the chain: the hex SHA-256 of its JSON with Prev and without
// Hash.
func Hash(e purchase.Event) (string, error) {
	e.Hash = ""
	data, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

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
	record, err := encode(key, value)
	if err != nil {
		return err
	}
	return b.Put(key, record)
}

// encode returns the record of a value.
func encode(key []byte, value any) ([]byte, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return seal(key, data), nil
}

// seal returns data after its checksum.
func seal(key, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, len(data)+4), checksum(key, data)), data...)
}

// checksumOnly is the type of records that decode checks without reading their JSON.
type checksumOnly struct{}

// decode checks and reads the record of a key. The error is a *RecordError.
func decode[T any](bucket, key, value []byte) (v T, err error) {
	data, err := checked(bucket, key, value)
	if err != nil {
		return v, err
	}
	if _, skip := any(v).(checksumOnly); skip {
		return v, nil
	}
	return unmarshal[T](bucket, key, data)
}

// checked checks the record of a key and returns its JSON. The error is a *RecordError.
func checked(bucket, key, value []byte) (data []byte, err error) {
	if len(value) < 4 || binary.BigEndian.Uint32(value) != checksum(key, value[4:]) {
		return nil, recordError(bucket, key, "does not fit its checksum")
	}
	return value[4:], nil
}

// unmarshal reads the JSON of a record. The error is a *RecordError.
func unmarshal[T any](bucket, key, data []byte) (value T, err error) {
	if err := json.Unmarshal(data, &value); err != nil {
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

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

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

// bboltPanic is a panic of bbolt, which trusts what it reads, as an error.
type bboltPanic struct{ reason any }

func (f bboltPanic) Error() string { return fmt.Sprintf("bbolt: %v", f.reason) }

// recoverPanics calls do and returns a bboltPanic if it panics or reads memory beyond the end of the file.
func recoverPanics(do func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			err = bboltPanic{r}
		}
	}()
	return do()
}

// eachNumbered decodes every single record of a collection whose keys count from 1, and returns an error if a number is
// missing. The first of them follows the last that is bundled.
func eachNumbered[T any](tx *bbolt.Tx, c collection, visit func(key []byte, value T) error) error {
	var n uint64
	if last := (&bundleReader{tx: tx}).lastBundled(c); last != nil {
		n = binary.BigEndian.Uint64(last)
	}
	err := each(tx, c.recent, func(key []byte, value T) error {
		if n++; !bytes.Equal(key, number(n)) {
			return recordError(c.recent, number(n), "is missing")
		}
		return visit(key, value)
	})
	if last := tx.Bucket(c.recent).Sequence(); err == nil && last != n {
		return recordError(c.recent, number(n+1), "is missing: there were %d", last)
	}
	return err
}

func checkNumber(bucket, key []byte, n uint64) error {
	if !bytes.Equal(key, number(n)) {
		return recordError(bucket, key, "has the number %d", n)
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
