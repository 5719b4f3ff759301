package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime/debug"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// appendFill is the fill percentage of pages that only grow at their end. bbolt's default of a half leaves space for
// records in between.
const appendFill = 0.95

// transaction implements purchase.Reader and purchase.Writer.
type transaction struct {
	tx      *bbolt.Tx
	budgets *budgetCache
	changed changedBudgets // nil if the transaction only reads
}

func (t *transaction) Order(id purchase.OrderID) (order purchase.Order, err error) {
	defer recoverDamage(&err)()
	order, ok, err := getJSON[purchase.Order](t.tx, bucketOrders, []byte(id))
	if err == nil && !ok {
		err = fmt.Errorf("%w: %q", purchase.ErrNoOrder, id)
	}
	return order, err
}

func (t *transaction) OpenOrders() (open []purchase.Order, err error) {
	defer recoverDamage(&err)()
	return t.indexed(bucketOpen)
}

func (t *transaction) Unpublished() (ids []purchase.OrderID, err error) {
	defer recoverDamage(&err)()
	err = t.tx.Bucket(bucketUnpublished).ForEach(func(id, _ []byte) error {
		ids = append(ids, purchase.OrderID(id))
		return nil
	})
	return ids, err
}

// indexed returns the orders that an index lists.
func (t *transaction) indexed(index []byte) ([]purchase.Order, error) {
	var orders []purchase.Order
	err := t.tx.Bucket(index).ForEach(func(id, _ []byte) error {
		order, ok, err := getJSON[purchase.Order](t.tx, bucketOrders, id)
		if err == nil && !ok {
			err = recordError(bucketOrders, id, "is missing, and the list of %s orders names it", index)
		}
		orders = append(orders, order)
		return err
	})
	return orders, err
}

func (t *transaction) Orders(before purchase.OrderID, limit int) (orders []purchase.Order, err error) {
	defer recoverDamage(&err)()
	return newestFirst[purchase.Order](t.tx, bucketOrders, []byte(before), limit)
}

func (t *transaction) OrdersNamed(part string, limit int) (ids []purchase.OrderID, err error) {
	defer recoverDamage(&err)()
	c := t.tx.Bucket(bucketOrders).Cursor()
	for k, _ := c.Last(); k != nil && len(ids) < limit; k, _ = c.Prev() {
		if id := string(k); strings.HasPrefix(id, part) || strings.HasSuffix(id, part) {
			ids = append(ids, purchase.OrderID(id))
		}
	}
	return ids, nil
}

func (t *transaction) Purchases(before uint64, limit int) (entries []purchase.Purchase, err error) {
	defer recoverDamage(&err)()
	var key []byte
	if before > 0 {
		key = number(before)
	}
	return newestFirst[purchase.Purchase](t.tx, bucketPurchases, key, limit)
}

func (t *transaction) Budgets(limit int) (budgets []purchase.Budget, err error) {
	defer recoverDamage(&err)()
	if err := t.budgets.write(t.tx, t.changed); err != nil {
		return nil, err
	}
	return newestFirst[purchase.Budget](t.tx, bucketBudgets, nil, limit)
}

// newestFirst returns at most limit records with keys below before (any key if before is empty), last key first.
func newestFirst[T any](tx *bbolt.Tx, bucket, before []byte, limit int) ([]T, error) {
	var out []T
	c := tx.Bucket(bucket).Cursor()
	k, v := c.Last()
	if len(before) > 0 {
		if k, _ = c.Seek(before); k == nil {
			k, v = c.Last() // all keys are below
		} else {
			k, v = c.Prev()
		}
	}
	for ; k != nil && len(out) < limit; k, v = c.Prev() {
		value, err := decode[T](bucket, k, v)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

func (t *transaction) PurchaseOf(licenseID string) (p purchase.Purchase, ok bool, err error) {
	defer recoverDamage(&err)()
	if licenseID == "" {
		return purchase.Purchase{}, false, nil
	}
	key := t.tx.Bucket(bucketLicenses).Get([]byte(licenseID))
	if key == nil {
		return purchase.Purchase{}, false, nil
	}
	p, ok, err = getJSON[purchase.Purchase](t.tx, bucketPurchases, key)
	if err == nil && p.LicenseID != licenseID {
		err = recordError(bucketLicenses, []byte(licenseID), "leads to a purchase of another license")
	}
	return p, ok, err
}

func (t *transaction) Budget(month string) (budget purchase.Budget, err error) {
	defer recoverDamage(&err)()
	if changed, ok := t.changed[month]; ok {
		return changed, nil
	}
	return t.budgets.read(t.tx, month)
}

func (t *transaction) Account() (account purchase.AccountState, err error) {
	defer recoverDamage(&err)()
	account, _, err = getJSON[purchase.AccountState](t.tx, bucketAccount, keyAccount)
	return account, err
}

func (t *transaction) Events(first uint64, limit int) (events []purchase.Event, err error) {
	defer recoverDamage(&err)()
	c := t.tx.Bucket(bucketEvents).Cursor()
	for k, v := c.Seek(number(first)); k != nil && len(events) < limit; k, v = c.Next() {
		e, err := decode[purchase.Event](bucketEvents, k, v)
		if err != nil {
			return nil, err
		}
		if len(k) != 8 {
			return nil, recordError(bucketEvents, k, "has no number")
		}
		// The record's own number may have been edited. Verify reports that; readers of all records continue.
		e.Number = binary.BigEndian.Uint64(k)
		events = append(events, e)
	}
	return events, nil
}

func (t *transaction) Head() (head purchase.Event, err error) {
	defer recoverDamage(&err)()
	key, last := t.tx.Bucket(bucketEvents).Cursor().Last()
	if last == nil {
		return head, nil
	}
	return decode[purchase.Event](bucketEvents, key, last)
}

func (t *transaction) PutOrder(o purchase.Order) (err error) {
	defer recoverDamage(&err)()
	id := []byte(o.ID)
	if err := putJSON(t.tx, bucketOrders, id, o); err != nil {
		return err
	}
	if err := t.index(bucketOpen, id, o.Open(), queueValue(o)); err != nil {
		return err
	}
	return t.index(bucketUnpublished, id, o.Stale(), nil)
}

func (t *transaction) index(bucket, key []byte, present bool, value []byte) error {
	if present {
		return t.tx.Bucket(bucket).Put(key, value)
	}
	return t.tx.Bucket(bucket).Delete(key)
}

// queueValue returns the value of an order in the index of open orders: the time of its confirmation in nanoseconds
// since 1970 (0 if it was not confirmed), big-endian, and its state.
func queueValue(o purchase.Order) []byte {
	var confirmed int64
	if !o.Confirmed.IsZero() {
		confirmed = o.Confirmed.UnixNano()
	}
	return append(number(uint64(confirmed)), o.State...)
}

func (t *transaction) Queue() (queue []purchase.QueueEntry, err error) {
	defer recoverDamage(&err)()
	err = t.tx.Bucket(bucketOpen).ForEach(func(id, value []byte) error {
		q := purchase.QueueEntry{ID: purchase.OrderID(id)}
		if len(value) < 8 { // written by an older version, whose index had no values
			order, err := t.Order(q.ID)
			q.State, q.Confirmed = order.State, order.Confirmed
			queue = append(queue, q)
			return err
		}
		if at := int64(binary.BigEndian.Uint64(value)); at != 0 {
			q.Confirmed = time.Unix(0, at)
		}
		q.State = purchase.State(value[8:])
		queue = append(queue, q)
		return nil
	})
	return queue, err
}

func (t *transaction) AddPurchase(p purchase.Purchase) (_ purchase.Purchase, err error) {
	defer recoverDamage(&err)()
	b := t.tx.Bucket(bucketPurchases)
	b.FillPercent = appendFill
	n, err := b.NextSequence()
	if err != nil {
		return p, err
	}
	p.Number = n
	if err := put(b, number(n), p); err != nil {
		return p, err
	}
	if p.LicenseID == "" || t.tx.Bucket(bucketLicenses).Get([]byte(p.LicenseID)) != nil {
		return p, nil // no license, or a correction of the entry that the index names
	}
	return p, t.tx.Bucket(bucketLicenses).Put([]byte(p.LicenseID), number(n))
}

func (t *transaction) PutBudget(b purchase.Budget) error {
	if b.Month == "" { // the commit would fail, for all changes in it
		return errors.New("the budget has no month")
	}
	t.changed[b.Month] = b
	return nil
}

func (t *transaction) PutAccount(a purchase.AccountState) (err error) {
	defer recoverDamage(&err)()
	return putJSON(t.tx, bucketAccount, keyAccount, a)
}

func (t *transaction) AppendEvent(e purchase.Event) (err error) {
	defer recoverDamage(&err)()
	b := t.tx.Bucket(bucketEvents)
	b.FillPercent = appendFill
	before, err := t.Head()
	if err != nil {
		return err
	}
	e = e.Legible()
	e.Prev = before.Hash
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	e.Number = n
	if e.Hash, err = Hash(e); err != nil {
		return err
	}
	return put(b, number(n), e)
}

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
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, len(data)+4), checksum(key, data)), data...), nil
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
