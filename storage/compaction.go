package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// sizes says what is bundled.
type sizes struct {
	// How many of the newest records stay single: they are read most often.
	orders, purchases, events int
	least                     int // a compaction begins when so many records can be bundled
	bundle                    int // the size of a bundle's records before compression, in bytes, at which the next begins
	prune                     int // a pruning removes at least so many audit records at once
}

var defaultSizes = sizes{orders: 64, purchases: 64, events: 512, least: 128, bundle: 256 << 10, prune: 16}

// WithSmallBundles bundles all records but the newest of each kind, a few in each bundle. Tests use it, so that short
// histories have bundles.
func WithSmallBundles() Option {
	return func(l *Ledger) { l.sizes = sizes{orders: 1, purchases: 1, events: 1, least: 1, bundle: 700, prune: 1} }
}

// errNothing ends the transaction of a compaction that has nothing to bundle, so that it doesn't wait for the disk.
var errNothing = errors.New("there is nothing to bundle")

// Compact bundles records that are not recent, until there are too few of them, and returns how many it bundled. In a
// ledger from before there was an index of cart items, it also makes that, and counts the orders that it has read for
// it. Each transaction writes one bundle, or the bundles of some orders that were closed later than their neighbors, so
// a compaction delays other updates by milliseconds. It waits for a verification that is running. Its errors are those
// of [Ledger.Update].
func (l *Ledger) Compact(ctx context.Context) (records int, err error) {
	l.bundling.Lock()
	defer l.bundling.Unlock()
	for _, step := range []compactStep{
		l.sizes.compactOrders, l.sizes.compactPurchases, l.sizes.compactEvents, indexItems,
	} {
		for {
			if err := ctx.Err(); err != nil {
				return records, err
			}
			n := 0
			// alone: a change that shared the commit would not see all records of pages that a compaction emptied
			err := l.write(func(tx *bbolt.Tx) (err error) {
				defer recoverDamage(&err)()
				if n, err = step(tx); err == nil && n == 0 {
					err = errNothing
				}
				return err
			})
			if err != nil && !errors.Is(err, errNothing) {
				return records, fmt.Errorf("compact the ledger: %w", err)
			}
			if records += n; n == 0 {
				break
			}
		}
	}
	return records, nil
}

// compactStep is one transaction of a compaction. It returns how many records it bundled or indexed; 0 if none is left.
type compactStep func(tx *bbolt.Tx) (int, error)

// compactEvents bundles the oldest single audit records, and returns how many.
func (s sizes) compactEvents(tx *bbolt.Tx) (int, error) {
	records, err := s.oldest(tx, collectionEvents, s.events)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	return len(records), moveToBundle(tx, collectionEvents, records)
}

// compactPurchases bundles the oldest single entries of the purchase log, and returns how many.
func (s sizes) compactPurchases(tx *bbolt.Tx) (int, error) {
	records, err := s.oldest(tx, collectionPurchases, s.purchases)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	licenses := tx.Bucket(bucketLicenses)
	for _, r := range records {
		p, err := unmarshal[purchase.Purchase](bucketPurchases, r.key, r.data)
		if err != nil {
			return 0, err
		}
		if p.LicenseID == "" || !bytes.Equal(licenses.Get([]byte(p.LicenseID)), r.key) {
			continue
		}
		if err := licenses.Delete([]byte(p.LicenseID)); err != nil {
			return 0, err
		}
		if err := indexLicense(tx, p.LicenseID, binary.BigEndian.Uint64(r.key)); err != nil {
			return 0, err
		}
	}
	return len(records), moveToBundle(tx, collectionPurchases, records)
}

// oldest returns the oldest single records, as many as fit a bundle, if enough of them are not among the last keep.
// They are valid after the transaction.
func (s sizes) oldest(tx *bbolt.Tx, c collection, keep int) (records []record, err error) {
	bucket := tx.Bucket(c.recent)
	first, _ := bucket.Cursor().First()
	if len(first) != 8 {
		return nil, nil
	}
	free := int(bucket.Sequence()-binary.BigEndian.Uint64(first)) + 1 - keep
	if free < s.least {
		return nil, nil
	}
	size := 0
	cursor := bucket.Cursor()
	for key, value := cursor.First(); key != nil && len(records) < free && size < s.bundle; key, value = cursor.Next() {
		data, err := checked(c.recent, key, value)
		if err != nil {
			return nil, err
		}
		records = append(records, record{bytes.Clone(key), bytes.Clone(data)})
		size += len(data)
	}
	return records, nil
}

// timeOf returns the time of a log entry or an audit record in nanoseconds since 1970; 0 if it can't be read, since a
// damaged record is moved as it is, and found by Verify.
func timeOf(r record) int64 {
	var t timed
	if err := json.Unmarshal(r.data, &t); err != nil {
		return 0
	}
	return nanoseconds(t.Time)
}

// moveToBundle stores single log entries or audit records as one bundle after the others.
func moveToBundle(tx *bbolt.Tx, c collection, records []record) error {
	before, err := lastBundle(tx, c)
	if err != nil {
		return err
	}
	newest := before.newest
	for _, r := range records {
		newest = max(newest, timeOf(r))
	}
	var prev []byte
	if c.chained {
		prev = before.hashes[len(before.hashes)-hashSize:]
	}
	key, value := encodeBundle(c, records, newest, prev)
	if err := putBundle(tx, c, key, value); err != nil {
		return err
	}
	for _, r := range records {
		if err := tx.Bucket(c.recent).Delete(r.key); err != nil {
			return err
		}
	}
	return nil
}

// putBundle stores a bundle. Pages of bundles grow at their end alone.
func putBundle(tx *bbolt.Tx, c collection, key, value []byte) error {
	b := tx.Bucket(c.bundles)
	b.FillPercent = appendFill
	return b.Put(key, value)
}

// compactOrders bundles closed orders that are not among the newest, and returns how many. An order that was closed
// later than its neighbors, or changed since, gets its place in the bundle between them.
func (s sizes) compactOrders(tx *bbolt.Tx) (int, error) {
	closed, err := s.closedOrders(tx)
	if err != nil || len(closed) < s.least {
		return 0, err
	}
	bundles := tx.Bucket(bucketOrderBundles)
	at, value := bundles.Cursor().Seek(closed[0].key)
	if at == nil { // they come after all bundles
		return len(closed), s.storeOrders(tx, closed, nil)
	}
	// All that belong to the bundle that the first of them belongs to.
	at = bytes.Clone(at)
	end, found := search(closed, at)
	if found {
		end++
	}
	there, err := unpackBundle(collectionOrders, at, value)
	if err != nil {
		return 0, err
	}
	if err := bundles.Delete(at); err != nil {
		return 0, err
	}
	return end, s.storeOrders(tx, closed[:end], there.records)
}

// closedOrders returns closed single orders, the oldest first, as many as fit a bundle, and at least so many that they
// are worth bundling if there are. Only orders whose ids are ULIDs are bundled: the index of ids stores no others.
func (s sizes) closedOrders(tx *bbolt.Tx) (closed []record, err error) {
	bucket := tx.Bucket(bucketOrders)
	cursor := bucket.Cursor()
	last, _ := cursor.Last()
	for range s.orders - 1 {
		if last, _ = cursor.Prev(); last == nil {
			return nil, nil
		}
	}
	last = bytes.Clone(last)
	size := 0
	isEnough := func() bool { return size >= s.bundle && len(closed) >= s.least }
	for key, value := cursor.First(); key != nil && !isEnough(); key, value = cursor.Next() {
		if bytes.Compare(key, last) >= 0 {
			break
		}
		if tx.Bucket(bucketOpen).Get(key) != nil || tx.Bucket(bucketUnpublished).Get(key) != nil {
			continue
		}
		if id, err := ulid.ParseStrict(string(key)); err != nil || id.String() != string(key) {
			continue
		}
		data, err := checked(bucketOrders, key, value)
		if err != nil {
			return nil, err
		}
		closed = append(closed, record{bytes.Clone(key), bytes.Clone(data)})
		size += len(data)
	}
	return closed, nil
}

// storeOrders bundles single orders together with those that were in a bundle, and updates the indexes.
func (s sizes) storeOrders(tx *bbolt.Tx, single, bundled []record) error {
	all := bundled
	for _, r := range single {
		id := ulid.MustParseStrict(string(r.key))
		at, known := search(all, r.key)
		var item int64 // under which it was found until now
		if known {
			item, all[at] = itemOf(all[at].data), r
		} else {
			all = slices.Insert(all, at, r)
			if err := indexID(tx, id); err != nil {
				return err
			}
		}
		if err := indexItem(tx, id, item, itemOf(r.data)); err != nil {
			return err
		}
		if err := tx.Bucket(bucketOrders).Delete(r.key); err != nil {
			return err
		}
	}
	for len(all) > 0 {
		n, size := 0, 0
		for n < len(all) && size < s.bundle {
			size += len(all[n].data)
			n++
		}
		if rest := len(all) - n; rest < n/4 { // no small bundle at the end
			n = len(all)
		}
		key, value := encodeBundle(collectionOrders, all[:n], 0, nil)
		if err := putBundle(tx, collectionOrders, key, value); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}
