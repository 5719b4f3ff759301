package storage

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// Report describes a verified ledger, or a verified copy of one.
type Report struct {
	Schema    int
	Size      int64 // size of the file in bytes, without the reserve at its end
	Orders    int
	Purchases int
	// Head is the last audit record; its Number is the number of records. It is zero if there is none.
	Head purchase.Event
	// Pruned is how many of these records were pruned; see [Ledger.Prune].
	Pruned int `json:",omitempty"`
	// Unproven describes the fault in the audit chain of a backup, as a sentence without a full stop; empty if there is
	// none. With a fault, Head is the last record before it.
	Unproven string `json:",omitempty"`
	// Away reports whether the ledger's file was moved, deleted or replaced while the bot that made the backup ran.
	Away bool `json:",omitempty"`
}

// Verify checks the whole ledger at path, also beside a running bot, as [ReadCopy] does: the pages of the file, the
// checksum of every record, the content of single records and of the members by which bundled ones are found, the
// indexes, gaps in the numbers, and the audit chain (each record's hash, and the hash of the one before, which it
// names). The error is the first fault: a [*RecordError] names a record; others wrap [ErrDamaged], [ErrForeign] or
// [ErrNewer]. Whether the records agree with each other is checked by reconcile.CheckConsistency. Verify also calls
// each read with the same state, one after the other, beside its own work on another processor. Without a fault, it
// returns their error.
func Verify(ctx context.Context, path string, read ...func(purchase.Reader) error) (report Report, err error) {
	err = withCopy(ctx, path, func(l *Ledger) error {
		readCtx, cancel := context.WithCancel(ctx)
		defer cancel()
		readErr := make(chan error, 1)
		go func() {
			for _, r := range read {
				if err := l.View(readCtx, r); err != nil {
					readErr <- err
					return
				}
			}
			readErr <- nil
		}()
		report, err = l.verify(ctx, nil)
		if err != nil {
			cancel()
		}
		other := <-readErr // the copy is in use until then
		if err != nil {
			return fmt.Errorf("verify the ledger %s: %w", path, err)
		}
		return other
	})
	return report, err
}

// Pace is called between the steps of a long reading of a ledger that others use meanwhile, and decides how much of the
// machine it takes. Its error ends the reading. A nil Pace doesn't wait.
type Pace func(ctx context.Context) error

// Verify checks an open ledger as the function [Verify] does, in short steps: others use the ledger meanwhile. What is
// written meanwhile is checked as well, if it comes after what was read. Records are not compacted meanwhile.
func (l *Ledger) Verify(ctx context.Context, pace Pace) (report Report, err error) {
	l.bundling.Lock() // bundles and their indexes stay as they are
	defer l.bundling.Unlock()
	if err = l.checkSnapshot(); err == nil {
		err = l.inStep(ctx, pace, checkMeta)
	}
	if err == nil {
		report, err = l.verify(ctx, pace)
	}
	if err != nil {
		return Report{}, fmt.Errorf("verify the ledger %s: %w", l.path, err)
	}
	return report, nil
}

// verifyFile verifies a file that no other program writes to.
func verifyFile(ctx context.Context, path string) (Report, error) {
	l, err := open(path, true, nil)
	if err != nil {
		return Report{}, err
	}
	defer l.Close()
	return l.verify(ctx, nil)
}

// verify checks what opening a ledger doesn't check. With an error of the audit chain, the report is complete.
func (l *Ledger) verify(ctx context.Context, pace Pace) (report Report, err error) {
	bundled, err := l.checkBundles(ctx, pace)
	if err != nil {
		return report, err
	}
	err = l.inStep(ctx, pace, func(tx *bbolt.Tx) error {
		return each(tx, bucketBudgets, func(key []byte, b purchase.Budget) error {
			if b.Month != string(key) {
				return recordError(bucketBudgets, key, "names the month %q", b.Month)
			}
			return nil
		})
	})
	if err != nil {
		return report, err
	}
	err = l.inStep(ctx, pace, func(tx *bbolt.Tx) error {
		single, err := countSingle(tx)
		if err != nil {
			return err
		}
		pruned, err := readPruned(tx)
		if err != nil {
			return err
		}
		report = Report{
			Size: tx.Size(), Orders: bundled + single, Purchases: int(tx.Bucket(bucketPurchases).Sequence()),
		}
		report.Pruned = int(pruned.Records)
		report.Schema, err = schema(tx)
		return err
	})
	if err != nil {
		return report, err
	}
	report.Head, err = l.checkChain(ctx, pace)
	return report, err
}

// inStep calls read in a transaction of its own, and then pace.
func (l *Ledger) inStep(ctx context.Context, pace Pace, read func(tx *bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := l.view(func(tx *bbolt.Tx) (err error) {
		defer recoverDamage(&err)()
		return read(tx)
	})
	if err == nil && pace != nil {
		err = pace(ctx)
	}
	return err
}

// checkSnapshot checks the pages of the last committed state, as checkPages does before the file is opened.
func (l *Ledger) checkSnapshot() error {
	l.writing.Lock() // no meta page is being written
	unlock := sync.OnceFunc(l.writing.Unlock)
	defer unlock()
	return l.view(func(tx *bbolt.Tx) error {
		return walk(l.file, tx.Size(), nil, unlock)
	})
}

// countSingle returns the number of orders that are in no bundle.
func countSingle(tx *bbolt.Tx) (n int, err error) {
	t := &bundleReader{tx: tx}
	err = tx.Bucket(bucketOrders).ForEach(func(key, _ []byte) error {
		_, isBundled, err := t.getBundled(collectionOrders, key)
		if !isBundled {
			n++
		}
		return err
	})
	return n, err
}

// checkBundles checks what checkContents leaves out: the bundles of orders and log entries, and the indexes of bundled
// records. It reads the members that it needs, and decodes a record only if it has an unusual form: its checksum says
// that it is as it was written. It returns the number of bundled orders. checkChain checks the bundles of audit
// records.
func (l *Ledger) checkBundles(ctx context.Context, pace Pace) (orders int, err error) {
	var known texts
	items := 0
	orders, err = l.eachBundled(ctx, pace, collectionOrders, func(t *bundleReader, r record) error {
		o, err := factsOf(collectionOrders, r, &known, (*factReader).bundledOrder, newBundledOrder)
		if err != nil {
			return err
		}
		if string(o.id) != string(r.key) {
			return recordError(bucketOrders, r.key, "contains order %q", o.id)
		}
		if o.isLeft && t.tx.Bucket(bucketOrders).Get(r.key) == nil {
			return recordError(bucketOrders, r.key, "has something left to do, and is in no list")
		}
		named, err := ending(t.tx, string(r.key))
		if err == nil && len(named) != 1 {
			err = recordError(bucketOrders, r.key, "is listed %d times in the index of ids", len(named))
		}
		if err != nil || o.item == 0 {
			return err
		}
		items++
		isIndexed, err := isItemIndexed(t.tx, o.id, o.item)
		if err == nil && !isIndexed {
			err = recordError(bucketOrders, r.key, "is not listed under its cart item %d", o.item)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	var n uint64
	firsts := 0
	_, err = l.eachBundled(ctx, pace, collectionPurchases, func(t *bundleReader, r record) error {
		if n++; !bytes.Equal(r.key, number(n)) {
			return recordError(bucketPurchases, number(n), "is missing")
		}
		p, err := factsOf(collectionPurchases, r, &known, (*factReader).entryFacts, entryFactsOf)
		if err != nil {
			return err
		}
		if err := checkNumber(bucketPurchases, r.key, p.Number); err != nil || p.LicenseID == "" {
			return err
		}
		if numbers, err := licensed(t.tx, p.LicenseID); err == nil && len(numbers) > 0 && numbers[0] == p.Number {
			firsts++
			return nil
		}
		first, ok, err := t.bundledPurchaseOf(p.LicenseID)
		if err == nil && (!ok || first.Number > p.Number) {
			err = recordError(bucketPurchases, r.key, "is not listed under its license %s", p.LicenseID)
		}
		if first.Number == p.Number {
			firsts++
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return orders, l.inStep(ctx, pace, func(tx *bbolt.Tx) error {
		if err := checkIndex(tx, bucketIDIndex, len(ulid.ULID{}), orders); err != nil {
			return err
		}
		if err := checkIndex(tx, bucketItemIndex, itemEntry, items); err != nil {
			return err
		}
		return checkIndex(tx, bucketLicenseIndex, licenseEntry, firsts)
	})
}

// stepBundles is how many bundles a step of a verification reads, in a few milliseconds.
const stepBundles = 4

// eachBundled calls visit with every record in the bundles of a collection, as they store it, in steps. It returns the
// number of records.
func (l *Ledger) eachBundled(ctx context.Context, pace Pace, c collection,
	visit func(t *bundleReader, r record) error,
) (n int, err error) {
	var last []byte // the key of the last bundle that was read
	for more := true; more && err == nil; {
		err = l.inStep(ctx, pace, func(tx *bbolt.Tx) error {
			bundles := tx.Bucket(c.bundles)
			if more = bundles != nil; !more {
				return nil // a ledger before schema 3
			}
			t, cursor := &bundleReader{tx: tx}, bundles.Cursor()
			key, value := cursor.First()
			if last != nil {
				cursor.Seek(last)
				key, value = cursor.Next()
			}
			for range stepBundles {
				if more = key != nil; !more {
					return nil
				}
				content, err := t.unpack(c, key, value)
				if err != nil {
					return err
				}
				n += len(content.records)
				for _, r := range content.records {
					if err := visit(t, r); err != nil {
						return err
					}
				}
				last = bytes.Clone(key)
				key, value = cursor.Next()
			}
			return nil
		})
	}
	return n, err
}

// checkIndex checks the groups of an index, and the number of their entries.
func checkIndex(tx *bbolt.Tx, bucket []byte, entrySize, want int) error {
	index := tx.Bucket(bucket)
	if index == nil {
		return nil // a ledger of an older version
	}
	size := 0
	err := index.ForEach(func(group, value []byte) error {
		entries, err := checked(bucket, group, value)
		size += len(entries)
		return err
	})
	if err == nil && size != want*entrySize {
		err = damagedf("the %s has %d bytes instead of %d", bucket, size, want*entrySize)
	}
	return err
}
