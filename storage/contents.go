package storage

import (
	"bytes"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// checkContents checks every single record, and that the lists and numbers match them. Of audit records, which don't
// decide anything, it checks only the checksums; see checkChain. It doesn't read bundles, so it takes as long for a
// million orders as for a thousand; see checkBundles.
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
