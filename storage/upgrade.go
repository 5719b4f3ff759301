package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// upgrade replaces a ledger of an older schema version by one of [SchemaVersion], and returns the path under which the
// earlier file stays beside it. The new file is written under another name, and compared with the old one record by
// record before it gets the ledger's name: a program that is killed leaves the one or the other. The error wraps
// purchase.ErrFull if there is no space for the new file; the ledger is then unchanged.
//
// Schema 2 has causes (codes with arguments) where schema 1 had sentences: in waits, holds, failures, pauses, notices
// and receipts. Package purchase reads records of both, so an upgrade changes no record: a record gets its new form
// when it is next written, and audit records keep their bytes. Schema 3 stores records that are not recent in bundles.
// Schema 4 has records of what became of licenses, which are filled later, so a file of schema 3 is upgraded in place;
// the file that is kept is a copy.
func (l *Ledger) upgrade(version int) (kept string, err error) {
	name, err := filepath.EvalSymlinks(l.path)
	if err != nil {
		return "", err
	}
	// No other program upgrades the ledger: this one holds its lock.
	leftovers, err := filepath.Glob(filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".upgrade-*"))
	for _, leftover := range leftovers {
		err = errors.Join(err, os.Remove(leftover)) // of an upgrade that was killed
	}
	if err := errors.Join(err, l.checkUpgradeSpace(name)); err != nil {
		return "", err
	}
	if version == 3 {
		return l.upgradeInPlace(name)
	}
	temp, err := createTemp(name, "upgrade")
	if err != nil {
		return "", err
	}
	defer os.Remove(temp.Name()) // after the rename, no file has that name
	if err := errors.Join(keepOwner(temp, l.file), temp.Close()); err != nil {
		return "", err
	}
	err = l.db.View(func(tx *bbolt.Tx) (err error) {
		defer recoverDamage(&err)()
		return writeUpgraded(tx, temp.Name(), l.sizes, l.progress)
	})
	if err != nil {
		return "", err
	}
	l.step("written")
	if kept, err = addName(name, fmt.Sprintf("%s.schema%d", name, version), l.file); err != nil {
		return "", err
	}
	l.step("kept")
	if err := os.Rename(temp.Name(), name); err != nil {
		return "", errors.Join(err, os.Remove(kept))
	}
	l.step("renamed")
	return kept, syncDir(filepath.Dir(name))
}

// upgradeInPlace copies the open file of schema 3, whose name is name, and upgrades it. Killed in between, it leaves a
// ledger of either schema, and maybe a copy.
func (l *Ledger) upgradeInPlace(name string) (kept string, err error) {
	kept = name + ".schema3"
	for n := 2; !isCopy(kept, l.file); n++ { // else a program made it that was killed then
		err := copyCurrent(kept, l.file)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		kept = fmt.Sprintf("%s.schema3-%d", name, n)
	}
	l.step("kept")
	if err := l.db.Update(addOwned); err != nil {
		return "", err
	}
	l.step("written")
	return kept, nil
}

// isCopy reports whether the file with a name has the content of an open file.
func isCopy(name string, of *os.File) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	original := io.NewSectionReader(of, 0, 1<<62)
	a, b := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err1 := io.ReadFull(f, a)
		m, err2 := io.ReadFull(original, b)
		if n != m || !bytes.Equal(a[:n], b[:m]) {
			return false
		}
		if err1 != nil || err2 != nil { // the end of both, or of neither
			return isEnd(err1) && isEnd(err2)
		}
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// addOwned upgrades a ledger of schema 3.
func addOwned(tx *bbolt.Tx) error {
	if _, err := tx.CreateBucket(bucketOwned); err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(keySchema, strconv.AppendInt(nil, SchemaVersion, 10))
}

// keepOwner gives a new file the owner and group of the ledger: an administrator's command may upgrade the ledger of
// the bot's user.
func keepOwner(to, from *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Geteuid() && int(owner.Gid) == os.Getegid() {
		return nil
	}
	if err := to.Chown(int(owner.Uid), int(owner.Gid)); err != nil && int(owner.Uid) != os.Geteuid() {
		return err // with another group alone, the bot's user can still use it
	}
	return nil
}

// checkUpgradeSpace returns an error that wraps purchase.ErrFull if the disk has too little space for the upgraded
// file, which is smaller than the present one.
func (l *Ledger) checkUpgradeSpace(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	free, err := l.room(filepath.Dir(name))
	if err != nil {
		return fmt.Errorf("check the free space on the ledger's disk: %w", err)
	}
	if need := uint64(info.Size()) + MinFree; free < need {
		return fmt.Errorf("%w: %d MB are free, but the upgrade needs up to %d MB", purchase.ErrFull, free>>20, need>>20)
	}
	return nil
}

// upgradeCopy upgrades a file that no other program uses; the earlier file is not kept.
func upgradeCopy(name string) error {
	l, err := open(name, false, nil)
	if err != nil {
		return err
	}
	version, err := l.schema()
	if err != nil || version == SchemaVersion {
		return errors.Join(err, l.Close())
	}
	if version == 3 {
		return errors.Join(l.db.Update(addOwned), l.Close())
	}
	kept, err := l.upgrade(version)
	if kept != "" {
		err = errors.Join(err, os.Remove(kept))
	}
	return errors.Join(err, l.Close())
}

// writeUpgraded writes the ledger of a transaction to a file in the current schema, durably, and compares the two.
func writeUpgraded(from *bbolt.Tx, name string, sizes sizes, progress func(done, total int)) error {
	db, err := bbolt.Open(name, fileMode, &bbolt.Options{FreelistType: freeList, NoSync: true})
	if err != nil {
		return err
	}
	db.AllocSize = growStep
	u := &upgrader{from: from, db: db, sizes: sizes, progress: progress}
	for _, bucket := range []([]byte){bucketOrders, bucketPurchases, bucketEvents} {
		u.total += from.Bucket(bucket).Stats().KeyN
	}
	err = errors.Join(u.write(), db.Sync(), db.Close())
	if err != nil {
		return err
	}
	if _, err := verifyFile(context.Background(), name); err != nil {
		if fault, ok := errors.AsType[*RecordError](err); !ok || !fault.OfChain() { // the bot continues with such a ledger
			return fmt.Errorf("verify the upgraded ledger: %w", err)
		}
	}
	return compareUpgraded(from, name)
}

// upgrader copies the records of a ledger of an older schema into one of the current schema, and compacts it meanwhile,
// so that it never holds many single records.
type upgrader struct {
	from     *bbolt.Tx
	db       *bbolt.DB
	sizes    sizes
	progress func(done, total int)
	done     int
	total    int
}

func (u *upgrader) write() error {
	if err := u.db.Update(u.copySmall); err != nil {
		return err
	}
	if err := u.copy(collectionOrders, u.sizes.compactOrders); err != nil {
		return err
	}
	if err := u.copy(collectionPurchases, u.sizes.compactPurchases); err != nil {
		return err
	}
	return u.copy(collectionEvents, u.sizes.compactEvents)
}

// copySmall creates the buckets and copies those that have few records.
func (u *upgrader) copySmall(tx *bbolt.Tx) error {
	if err := createBuckets(tx); err != nil {
		return err
	}
	for _, name := range [][]byte{bucketOpen, bucketUnpublished, bucketBudgets, bucketAccount} {
		if err := u.from.Bucket(name).ForEach(tx.Bucket(name).Put); err != nil {
			return err
		}
	}
	return nil
}

// copyBundles is how many bundles of records are copied until they are bundled.
const copyBundles = 4

// copy copies the records of a collection, and bundles with step what is not recent.
func (u *upgrader) copy(c collection, step compactStep) error {
	cursor := u.from.Bucket(c.recent).Cursor()
	for key, value := cursor.First(); key != nil; {
		err := u.db.Update(func(tx *bbolt.Tx) error {
			to := tx.Bucket(c.recent)
			to.FillPercent = appendFill
			for size := 0; key != nil && size < copyBundles*u.sizes.bundle; key, value = cursor.Next() {
				if err := to.Put(key, value); err != nil {
					return err
				}
				if err := u.copyLicense(tx, c, key, value); err != nil {
					return err
				}
				size += len(value)
				u.done++
			}
			return to.SetSequence(u.from.Bucket(c.recent).Sequence())
		})
		for n := 1; n > 0 && err == nil; {
			err = u.db.Update(func(tx *bbolt.Tx) (err error) {
				n, err = step(tx)
				return err
			})
		}
		if err != nil {
			return err
		}
		u.progress(u.done, u.total)
	}
	return nil
}

// copyLicense lists a log entry under its license if it is the first.
func (u *upgrader) copyLicense(tx *bbolt.Tx, c collection, key, value []byte) error {
	if !bytes.Equal(c.recent, bucketPurchases) {
		return nil
	}
	p, err := decode[purchase.Purchase](c.recent, key, value)
	if err != nil || p.LicenseID == "" || !bytes.Equal(u.from.Bucket(bucketLicenses).Get([]byte(p.LicenseID)), key) {
		return err
	}
	return tx.Bucket(bucketLicenses).Put([]byte(p.LicenseID), key)
}

// compareUpgraded returns an error unless the upgraded file has the same records as the earlier one.
func compareUpgraded(from *bbolt.Tx, name string) error {
	l, err := open(name, true, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	return l.db.View(func(tx *bbolt.Tx) error {
		for _, c := range []collection{collectionOrders, collectionPurchases, collectionEvents} {
			cursor := from.Bucket(c.recent).Cursor()
			key, value := cursor.First()
			for r, err := range (&bundleReader{tx: tx}).ascend(c, nil) {
				if err != nil {
					return err
				}
				if !bytes.Equal(r.key, key) || len(value) < 4 || !bytes.Equal(r.data, value[4:]) {
					return damagedf("the upgraded ledger has another %s at %q", c.recent, r.key)
				}
				key, value = cursor.Next()
			}
			if key != nil {
				return damagedf("the upgraded ledger lacks %s from %q on", c.recent, key)
			}
		}
		return nil
	})
}
