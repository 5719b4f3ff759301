package storage

import (
	"errors"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// Owned implements purchase.Reader.
func (t *transaction) Owned(licenseID string) (l purchase.OwnedLicense, ok bool, err error) {
	defer recoverDamage(&err)()
	if t.tx.Bucket(bucketOwned) == nil { // a file of an older schema, opened for reading
		return l, false, nil
	}
	return getJSON[purchase.OwnedLicense](t.tx, bucketOwned, []byte(licenseID))
}

// OwnedAfter implements purchase.Reader.
func (t *transaction) OwnedAfter(after string, limit int) (all []purchase.OwnedLicense, err error) {
	defer recoverDamage(&err)()
	b := t.tx.Bucket(bucketOwned)
	if b == nil || limit <= 0 {
		return nil, nil
	}
	c := b.Cursor()
	for key, value := c.Seek(append([]byte(after), 0)); key != nil && len(all) < limit; key, value = c.Next() {
		l, err := decode[purchase.OwnedLicense](bucketOwned, key, value)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// PutOwned implements purchase.Writer.
func (t *transaction) PutOwned(l purchase.OwnedLicense) (err error) {
	defer recoverDamage(&err)()
	if l.ID == "" { // the commit would fail, for all changes in it
		return errors.New("the license has no id")
	}
	return putJSON(t.tx, bucketOwned, []byte(l.ID), l)
}

// DropOwned implements purchase.Writer.
func (t *transaction) DropOwned(licenseID string) (err error) {
	defer recoverDamage(&err)()
	return t.tx.Bucket(bucketOwned).Delete([]byte(licenseID))
}

// checkOwned checks every record of a license.
func checkOwned(tx *bbolt.Tx) error {
	if tx.Bucket(bucketOwned) == nil {
		return nil
	}
	return each(tx, bucketOwned, func(key []byte, l purchase.OwnedLicense) error {
		if l.ID != string(key) {
			return recordError(bucketOwned, key, "is of license %q", l.ID)
		}
		return nil
	})
}
