package storage

import (
	"context"
	"fmt"

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
	// Unproven describes the fault in the audit chain of a backup, as a sentence without a full stop; empty if there is
	// none. With a fault, Head is the last record before it.
	Unproven string `json:",omitempty"`
	// Away reports whether the ledger's file was moved, deleted or replaced while the bot that made the backup ran.
	Away bool `json:",omitempty"`
}

// Verify checks the whole ledger at path, also beside a running bot, as [ReadCopy] does: the pages of the file, bbolt's
// own checks, the checksum and content of every record, the indexes, gaps in the numbers, and the audit chain (each
// record's hash, and the hash of the one before, which it names). The error is the first fault: a [*RecordError] names
// a record; others wrap [ErrDamaged], [ErrForeign] or [ErrNewer]. Whether the records agree with each other is checked
// by reconcile.CheckConsistency. Without a fault, Verify then calls each read with the same state, and returns its
// error.
func Verify(ctx context.Context, path string, read ...func(purchase.Reader) error) (report Report, err error) {
	err = withCopy(ctx, path, func(l *Ledger) error {
		if report, err = l.verify(ctx); err != nil {
			return fmt.Errorf("verify the ledger %s: %w", path, err)
		}
		for _, r := range read {
			if err := l.View(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	return report, err
}

// Verify checks an open ledger; see the function [Verify].
func (l *Ledger) Verify(ctx context.Context) (Report, error) {
	report, err := l.verify(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify the ledger %s: %w", l.path, err)
	}
	return report, nil
}

// verifyFile verifies a file that no other program writes to.
func verifyFile(ctx context.Context, path string) (Report, error) {
	l, err := open(path, true)
	if err != nil {
		return Report{}, err
	}
	defer l.Close()
	return l.verify(ctx)
}

// verify checks what opening a ledger does not check.
func (l *Ledger) verify(ctx context.Context) (report Report, err error) {
	err = l.view(func(tx *bbolt.Tx) (err error) {
		defer recoverDamage(&err)()
		report = Report{
			Size: tx.Size(), Orders: tx.Bucket(bucketOrders).Stats().KeyN,
			Purchases: tx.Bucket(bucketPurchases).Stats().KeyN,
		}
		if report.Schema, err = schema(tx); err != nil {
			return err
		}
		for wrong := range tx.Check() { // all of them, or its goroutine leaks
			if err == nil {
				err = damagedf("%v", wrong)
			}
		}
		if err != nil {
			return err
		}
		report.Head, err = checkChain(ctx, tx)
		return err
	})
	return report, err
}

// checkChain verifies the audit records from the first to the last, and returns the last.
func checkChain(ctx context.Context, tx *bbolt.Tx) (last purchase.Event, err error) {
	err = eachNumbered(tx, bucketEvents, func(key []byte, e purchase.Event) error {
		if e.Number%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := checkNumber(bucketEvents, key, e.Number); err != nil {
			return err
		}
		if e.Prev != last.Hash {
			return recordError(bucketEvents, key, "does not follow from the record before it: the chain is broken between them")
		}
		hash, err := Hash(e)
		if err != nil {
			return err
		}
		if hash != e.Hash {
			return recordError(bucketEvents, key, "was changed after it was written: its hash does not match its content")
		}
		last = e
		return nil
	})
	return last, err
}
