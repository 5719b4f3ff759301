package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"reflect"
	"runtime/debug"
	"sync"

	"github.com/klauspost/compress/zstd"
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

// numberOf returns the number that a key is of. The error is a *RecordError.
func numberOf(bucket, key []byte) (uint64, error) {
	if len(key) != 8 {
		return 0, recordError(bucket, key, "has no number")
	}
	return binary.BigEndian.Uint64(key), nil
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

// unpacker is safe for concurrent use, and starts no goroutines.
var unpacker = newUnpacker()

func newUnpacker() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxBundle))
	if err != nil {
		panic(err) // the options are constant
	}
	return d
}

// worthTables is from how many bytes on the large tables of the better compression are worth their making.
const worthTables = 32 << 10

// pack compresses the records of a bundle, and appends them to value. Bundles are written rarely, so the encoder's
// tables, some megabytes, are not kept.
func pack(plain, value []byte) []byte {
	level := zstd.SpeedBetterCompression
	if len(plain) < worthTables {
		level = zstd.SpeedFastest
	}
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level),
		zstd.WithWindowSize(512<<10), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err)
	}
	return e.EncodeAll(plain, value)
}

// maxCachedBudgets is the number of decoded budgets that are kept: a month's last state and the one before it, which
// older transactions may still read, and those of another month.
const maxCachedBudgets = 4

// budgetCache keeps the budgets that were decoded or encoded last. A month's budget has a share for each person, and
// each card and each decision reads it; decoding takes far longer than comparing bytes. A cached budget is found by the
// bytes of its record in the caller's transaction, never by its month alone. So a reader of an older state, a change
// that another change in its commit preceded, and a transaction that was rolled back each get the budget of their own
// state, and a damaged record is never covered by an earlier one.
type budgetCache struct {
	mu     sync.Mutex
	recent []decodedBudget // the newest last
}

// decodedBudget is a budget and its record, with the checksum.
type decodedBudget struct {
	record []byte
	budget purchase.Budget
}

// changedBudgets are the budgets that a transaction has changed and not written yet, by month. Changes that share a
// commit share them too, so that a budget is encoded once for all of them. A transaction that fails leaves none behind.
type changedBudgets map[string]changedBudget

// changedBudget is a budget that a transaction has changed.
type changedBudget struct {
	purchase.Budget
	// owned is set if People was copied for this transaction: a month may have hundreds, and a commit hundreds of changes.
	owned bool
}

// sameMap reports whether a and b are one map, so that a change of one changes the other.
func sameMap(a, b map[string]purchase.Share) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

// read returns a month's budget in the state of tx; if there is none, an empty one with the month.
func (c *budgetCache) read(tx *bbolt.Tx, month string) (purchase.Budget, error) {
	record := tx.Bucket(bucketBudgets).Get([]byte(month))
	if record == nil {
		return purchase.Budget{Month: month}, nil
	}
	if budget, ok := c.find(month, record); ok {
		return budget, nil
	}
	budget, err := decode[purchase.Budget](bucketBudgets, []byte(month), record)
	budget.Month = month
	if err == nil {
		c.keep(decodedBudget{bytes.Clone(record), budget})
	}
	return budget, err
}

// write puts changed budgets into their bucket.
func (c *budgetCache) write(tx *bbolt.Tx, changed changedBudgets) (err error) {
	defer recoverDamage(&err)()
	for month, budget := range changed {
		record, err := encode([]byte(month), budget.Budget)
		if err != nil {
			return err
		}
		if err := tx.Bucket(bucketBudgets).Put([]byte(month), record); err != nil {
			return err
		}
		c.keep(decodedBudget{record, budget.Budget})
	}
	return nil
}

// find returns the budget that was decoded from this record of this month, or encoded as it.
func (c *budgetCache) find(month string, record []byte) (purchase.Budget, bool) {
	c.mu.Lock()
	recent := c.recent // keep replaces the slice
	c.mu.Unlock()
	for _, d := range recent {
		if d.budget.Month == month && bytes.Equal(d.record, record) {
			return d.budget, true
		}
	}
	return purchase.Budget{}, false
}

// keep adds a budget, and drops the oldest above maxCachedBudgets.
func (c *budgetCache) keep(d decodedBudget) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := c.recent[max(0, len(c.recent)+1-maxCachedBudgets):]
	c.recent = append(rest[:len(rest):len(rest)], d)
}

// checkContents checks every single record, and that the lists and numbers match them. Of audit records, and of
// budgets, which have a share for each person, it checks only the checksums; see [Ledger.Verify]. It doesn't read
// bundles, so it takes as long for a million orders as for a thousand.
func checkContents(tx *bbolt.Tx) error {
	if err := checkOrders(tx); err != nil {
		return err
	}
	if err := checkPurchases(tx); err != nil {
		return err
	}
	err := eachNumbered(tx, collectionEvents, func([]byte, checksumOnly) error { return nil })
	if err != nil {
		return err
	}
	err = each(tx, bucketBudgets, func([]byte, checksumOnly) error { return nil })
	if err != nil {
		return err
	}
	if err := checkOwned(tx); err != nil {
		return err
	}
	return each(tx, bucketAccount, func(key []byte, _ purchase.AccountState) error {
		if !bytes.Equal(key, keyAccount) {
			return recordError(bucketAccount, key, "has the wrong key %q", key)
		}
		return nil
	})
}

// checkOrders checks every single order, and that the indexes list the orders that they should.
func checkOrders(tx *bbolt.Tx) error {
	indexes := []struct {
		bucket []byte
		lists  func(*purchase.Order) bool
		count  int
	}{{bucketOpen, (*purchase.Order).Open, 0}, {bucketUnpublished, (*purchase.Order).Stale, 0}}
	err := each(tx, bucketOrders, func(key []byte, o purchase.Order) error {
		if string(o.ID) != string(key) {
			return recordError(bucketOrders, key, "contains order %q", o.ID)
		}
		for i := range indexes {
			index := &indexes[i]
			lists := index.lists(&o)
			if lists {
				index.count++
			}
			at := tx.Bucket(index.bucket).Get(key)
			if (at != nil) != lists {
				return recordError(bucketOrders, key, "does not match the list of %s orders", index.bucket)
			}
			if len(at) > 0 && !bytes.Equal(at, queueValue(o)) {
				return recordError(bucketOrders, key, "has another place in the list of open orders")
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, index := range indexes {
		if n := tx.Bucket(index.bucket).Stats().KeyN; n != index.count {
			return damagedf("the list of %s orders has %d entries instead of %d", index.bucket, n, index.count)
		}
	}
	return nil
}

// checkPurchases checks every single entry of the purchase log, and that its license leads to the first entry of it.
func checkPurchases(tx *bbolt.Tx) error {
	licenses := map[string]uint64{}
	err := eachNumbered(tx, collectionPurchases, func(key []byte, p purchase.Purchase) error {
		if licenses[p.LicenseID] == 0 && p.LicenseID != "" {
			licenses[p.LicenseID] = p.Number
		}
		return checkNumber(bucketPurchases, key, p.Number)
	})
	if err != nil {
		return err
	}
	single := 0
	for license, n := range licenses {
		if at := tx.Bucket(bucketLicenses).Get([]byte(license)); bytes.Equal(at, number(n)) {
			single++
			continue
		}
		first, ok, err := (&bundleReader{tx: tx}).bundledPurchaseOf(license)
		if err != nil {
			return err
		}
		if !ok || first.Number >= n {
			return recordError(bucketPurchases, number(n), "is not listed under its license %s", license)
		}
	}
	if n := tx.Bucket(bucketLicenses).Stats().KeyN; n != single {
		return damagedf("the list of licenses has %d entries instead of %d", n, single)
	}
	return nil
}
