package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"licensebot/purchase"
)

// RecordError is the error of a damaged record. It wraps [ErrDamaged].
type RecordError struct {
	Bucket string // "orders", "purchases", "events", …
	Key    string // an order's ID, a month, a license, or the number of a purchase or an audit record: "17"
	What   string // the fault, as the end of a sentence that begins with the record: "does not fit its checksum"
}

func (f *RecordError) Error() string {
	return fmt.Sprintf("%v: %s %s", ErrDamaged, f.Record(), f.What)
}

func (f *RecordError) Unwrap() error { return ErrDamaged }

// Record returns the name of the record for people: "audit record 17".
func (f *RecordError) Record() string {
	switch f.Bucket {
	case string(bucketOrders):
		return "order " + f.Key
	case string(bucketPurchases):
		return "entry " + f.Key + " of the purchase log"
	case string(bucketBudgets):
		return "the budget of " + f.Key
	case string(bucketEvents):
		return "audit record " + f.Key
	case string(bucketLicenses):
		return "license " + f.Key
	case string(bucketAccount):
		return "the state of the account"
	case string(bucketOrderBundles):
		return "the bundle of orders up to " + f.Key
	case string(bucketPurchaseBundles):
		return "the bundle of the purchase log up to entry " + f.Key
	case string(bucketEventBundles):
		return "the bundle of audit records up to " + f.Key
	case string(bucketLicenseIndex), string(bucketIDIndex), string(bucketItemIndex):
		return "group " + f.Key + " of the " + f.Bucket
	}
	return fmt.Sprintf("%q in the list of %s orders", f.Key, f.Bucket)
}

// OfChain reports whether the fault is in the audit chain. The bot can work with such a file, but the file no longer
// proves what happened.
func (f *RecordError) OfChain() bool {
	return f.Bucket == string(bucketEvents) || f.Bucket == string(bucketEventBundles)
}

// recordError returns a *RecordError about the record of a key.
func recordError(bucket, key []byte, what string, args ...any) error {
	f := &RecordError{Bucket: string(bucket), Key: string(key), What: fmt.Sprintf(what, args...)}
	isNumbered := slices.Contains([]string{
		string(bucketPurchases), string(bucketEvents), string(bucketPurchaseBundles), string(bucketEventBundles),
	}, f.Bucket)
	switch {
	case !isNumbered:
		if !isPrintable(f.Key) {
			f.Key = fmt.Sprintf("%q", f.Key)
		}
	case len(key) == 8:
		f.Key = fmt.Sprint(binary.BigEndian.Uint64(key))
	default:
		f.Key = fmt.Sprintf("%x", key)
	}
	return f
}

// isPrintable reports whether a key consists of visible ASCII characters.
func isPrintable(key string) bool {
	for _, r := range key {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return key != ""
}

// wrapNoSpace wraps err in purchase.ErrFull if it means a lack of space. bbolt returns some errors only as text.
func wrapNoSpace(err error) error {
	if !meansNoSpace(err) {
		return err
	}
	return fmt.Errorf("%w: %w", purchase.ErrFull, err)
}

// meansNoSpace reports whether err is the kernel's error for a lack of space, or has its text, and is not wrapped in
// purchase.ErrFull yet.
func meansNoSpace(err error) bool {
	if err == nil || errors.Is(err, purchase.ErrFull) {
		return false
	}
	return slices.ContainsFunc(noSpaceErrors, func(full syscall.Errno) bool {
		return errors.Is(err, full) || strings.Contains(err.Error(), full.Error())
	})
}

// noSpaceErrors are the kernel's errors for a lack of space: a full disk, a used-up quota, or a file at its size limit.
var noSpaceErrors = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

func isNoSpace(errno syscall.Errno) bool { return slices.Contains(noSpaceErrors, errno) }

// explainPermissions adds to a permission error who owns the file or folder, as which user the program runs, and what
// to do. It returns other errors unchanged.
func explainPermissions(err error, path string) error {
	if errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: the file system of %s is mounted read-only. "+
			"Mount it for writing, or set DATABASE to another path", err, filepath.Dir(path))
	}
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	dir := filepath.Dir(path)
	for _, each := range []struct{ what, path string }{{"file", path}, {"folder", dir}} {
		info, statErr := os.Stat(each.path)
		if statErr != nil {
			continue
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok || int(owner.Uid) == os.Geteuid() && info.Mode().Perm()&0o200 != 0 {
			continue
		}
		if int(owner.Uid) == os.Geteuid() {
			return fmt.Errorf("%w: the %s %s has mode %04o, so the bot (user %d) can't write there. Run: chmod u+rwX %s",
				err, each.what, each.path, info.Mode().Perm(), os.Geteuid(), each.path)
		}
		return fmt.Errorf("%w: the %s %s belongs to user %d, but the bot runs as user %d. "+
			"Run: chown -R %d %s, or set DATABASE to another path",
			err, each.what, each.path, owner.Uid, os.Geteuid(), os.Geteuid(), dir)
	}
	return err
}

func damagedf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
