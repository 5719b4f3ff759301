package storage

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// checkContents checks every single record, that the indexes and numbers match the records, and that no bundle is
// missing. Of audit records, which are by far the most and don't decide anything, it checks only the checksums; Verify
// reads them too. It doesn't unpack bundles, so it takes about as long for a million orders as for a thousand; see
// checkBundles.
func checkContents(tx *bbolt.Tx) error {
	for _, c := range []collection{collectionOrders, collectionPurchases, collectionEvents} {
		if err := checkHeads(tx, c); err != nil {
			return err
		}
	}
	for _, bucket := range [][]byte{bucketLicenseIndex, bucketIDIndex, bucketItemIndex} {
		if _, err := indexSize(tx, bucket); err != nil {
			return err
		}
	}
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
	err = each(tx, bucketBudgets, func(key []byte, b purchase.Budget) error {
		if b.Month != string(key) {
			return recordError(bucketBudgets, key, "names the month %q", b.Month)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(tx, bucketAccount, func(key []byte, _ purchase.AccountState) error {
		if !bytes.Equal(key, keyAccount) {
			return recordError(bucketAccount, key, "has the wrong key %q", key)
		}
		return nil
	})
}

// checkHeads checks what precedes the records of each bundle, and that numbered records have no gaps between bundles.
func checkHeads(tx *bbolt.Tx, c collection) error {
	bundles := tx.Bucket(c.bundles)
	if bundles == nil {
		return nil
	}
	var before uint64
	return bundles.ForEach(func(key, value []byte) error {
		b, err := bundleHead(c, key, value)
		if err != nil || bytes.Equal(c.recent, bucketOrders) {
			return err
		}
		if len(key) != 8 || binary.BigEndian.Uint64(key) != before+uint64(b.count) {
			return recordError(c.bundles, key, "does not follow from the bundle before it")
		}
		before += uint64(b.count)
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

// checkBundles checks what checkContents leaves out: the records in bundles of orders and log entries, and the indexes
// of bundled records. checkChain checks those of audit records.
func checkBundles(ctx context.Context, tx *bbolt.Tx) error {
	if tx.Bucket(bucketOrderBundles) == nil {
		return nil
	}
	t := &bundleReader{tx: tx}
	items := 0
	n, err := eachBundled(ctx, tx, collectionOrders, func(key []byte, o purchase.Order) error {
		if string(o.ID) != string(key) {
			return recordError(bucketOrders, key, "contains order %q", o.ID)
		}
		if (o.Open() || o.Stale()) && tx.Bucket(bucketOrders).Get(key) == nil {
			return recordError(bucketOrders, key, "has something left to do, and is in no list")
		}
		named, err := ending(tx, string(key))
		if err == nil && len(named) != 1 {
			err = recordError(bucketOrders, key, "is listed %d times in the index of ids", len(named))
		}
		if err != nil || o.ItemID == 0 {
			return err
		}
		items++
		isIndexed, err := isItemIndexed(tx, &o)
		if err == nil && !isIndexed {
			err = recordError(bucketOrders, key, "is not listed under its cart item %d", o.ItemID)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := checkIndex(tx, bucketIDIndex, len(ulid.ULID{}), n); err != nil {
		return err
	}
	if err := checkIndex(tx, bucketItemIndex, itemEntry, items); err != nil {
		return err
	}
	firsts := 0
	_, err = eachBundled(ctx, tx, collectionPurchases, func(key []byte, p purchase.Purchase) error {
		if err := checkNumber(bucketPurchases, key, p.Number); err != nil || p.LicenseID == "" {
			return err
		}
		first, ok, err := t.bundledPurchaseOf(p.LicenseID)
		if err == nil && (!ok || first.Number > p.Number) {
			err = recordError(bucketPurchases, key, "is not listed under its license %s", p.LicenseID)
		}
		if first.Number == p.Number {
			firsts++
		}
		return err
	})
	if err != nil {
		return err
	}
	return checkIndex(tx, bucketLicenseIndex, licenseEntry, firsts)
}

// eachBundled decodes every record in the bundles of a collection and returns their number.
func eachBundled[T any](ctx context.Context, tx *bbolt.Tx, c collection, visit func(key []byte, value T) error) (n int,
	err error,
) {
	err = tx.Bucket(c.bundles).ForEach(func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		records, err := decodeBundle(c, key, value)
		if err != nil {
			return err
		}
		n += len(records)
		for _, r := range records {
			v, err := unmarshal[T](c.recent, r.key, r.data)
			if err == nil {
				err = visit(r.key, v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// checkIndex checks the number of entries of an index.
func checkIndex(tx *bbolt.Tx, bucket []byte, entrySize, want int) error {
	size, err := indexSize(tx, bucket)
	if tx.Bucket(bucket) == nil {
		return nil
	}
	if err == nil && size != want*entrySize {
		err = damagedf("the %s has %d bytes instead of %d", bucket, size, want*entrySize)
	}
	return err
}

// indexSize checks the checksums of an index's groups, and returns the size of their entries in bytes.
func indexSize(tx *bbolt.Tx, bucket []byte) (size int, err error) {
	index := tx.Bucket(bucket)
	if index == nil {
		return 0, nil // a ledger before schema 3
	}
	err = index.ForEach(func(group, value []byte) error {
		entries, err := checked(bucket, group, value)
		size += len(entries)
		return err
	})
	return size, err
}
