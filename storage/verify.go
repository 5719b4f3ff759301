package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

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
		report = Report{Size: tx.Size(), Purchases: int(tx.Bucket(bucketPurchases).Sequence())}
		if report.Orders, err = countOrders(tx); err != nil {
			return err
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
		if err := checkBundles(ctx, tx); err != nil {
			return err
		}
		report.Head, err = checkChain(ctx, tx)
		return err
	})
	return report, err
}

// countOrders returns the number of orders. A single order that is also in a bundle counts once.
func countOrders(tx *bbolt.Tx) (n int, err error) {
	t := &bundleReader{tx: tx}
	if bundles := tx.Bucket(bucketOrderBundles); bundles != nil {
		err = bundles.ForEach(func(key, value []byte) error {
			b, err := bundleHead(collectionOrders, key, value)
			n += b.count
			return err
		})
	}
	if err != nil {
		return 0, err
	}
	return n, tx.Bucket(bucketOrders).ForEach(func(key, _ []byte) error {
		_, isBundled, err := t.getBundled(collectionOrders, key)
		if !isBundled {
			n++
		}
		return err
	})
}

// checkChain verifies the audit records from the first to the last, and returns the last. It reads their JSON without
// decoding it: a record states its number first and its hashes last.
func checkChain(ctx context.Context, tx *bbolt.Tx) (last purchase.Event, err error) {
	var data []byte // of the last good record
	var prev string
	n := uint64(0)
	for r, err := range (&bundleReader{tx: tx}).ascend(collectionEvents, nil) {
		if err == nil {
			n++
			if n%1000 == 0 {
				err = ctx.Err()
			}
		}
		if err == nil && !bytes.Equal(r.key, number(n)) {
			err = recordError(bucketEvents, number(n), "is missing")
		}
		if err == nil {
			prev, err = checkLink(r.key, r.data, prev)
		}
		if err != nil {
			last, _ = lastEvent(data)
			return last, err
		}
		data = r.data
	}
	if sequence := tx.Bucket(bucketEvents).Sequence(); sequence != n {
		last, _ = lastEvent(data)
		return last, recordError(bucketEvents, number(n+1), "is missing: there were %d", sequence)
	}
	return lastEvent(data)
}

func lastEvent(data []byte) (e purchase.Event, err error) {
	if data == nil {
		return e, nil
	}
	return unmarshal[purchase.Event](bucketEvents, nil, data)
}

// checkLink verifies that an audit record has its number, follows the record with the hash prev and fits its own hash,
// which it returns.
func checkLink(key, data []byte, prev string) (hash string, err error) {
	body, isUsual := bytes.CutPrefix(data, strconv.AppendUint([]byte(`{"number":`), binary.BigEndian.Uint64(key), 10))
	if end := len(data) - ownHashSize; isUsual && end > 0 && body[0] == ',' {
		hash = string(data[end : end+2*hashSize])
		before, follows := bytes.CutSuffix(data[:end], []byte(prevMember+prev+hashMember))
		if follows && string(data[end+2*hashSize:]) == recordEnd {
			sum := sha256.New()
			sum.Write(before)
			sum.Write([]byte(prevMember + prev + hashMember + recordEnd)) // it is hashed without its hash
			if hex.EncodeToString(sum.Sum(nil)) == hash {
				return hash, nil
			}
		}
	}
	// The record is wrong, or has another form: its content decides.
	e, err := unmarshal[purchase.Event](bucketEvents, key, data)
	if err != nil {
		return "", err
	}
	if err := checkNumber(bucketEvents, key, e.Number); err != nil {
		return "", err
	}
	if e.Prev != prev {
		return "", recordError(bucketEvents, key,
			"does not follow from the record before it: the chain is broken between them")
	}
	if hash, err = Hash(e); err == nil && hash != e.Hash {
		err = recordError(bucketEvents, key, "was changed after it was written: its hash does not match its content")
	}
	return hash, err
}
