package storage

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// chain follows the audit records, each from the one before it.
type chain struct {
	n    uint64 // the number of the last record that was verified
	prev string // its hash
	data []byte // its JSON; nil if none was verified
}

// stepRecords is how many audit records a step of a verification reads, in a few milliseconds.
const stepRecords = 2000

// checkChain verifies the audit records from the first to the last, in steps, and returns the last; with an error, the
// last before the fault. It reads their JSON without decoding it: a record states its number first and its hashes last.
func (l *Ledger) checkChain(ctx context.Context, pace Pace) (last purchase.Event, err error) {
	var c chain
	err = l.followToEnd(ctx, pace, &c)
	last, unread := c.last()
	return last, cmp.Or(err, unread)
}

// followToEnd verifies the audit records after those that c has followed, to the last, in steps. With an error, c has
// followed the records before the fault.
func (l *Ledger) followToEnd(ctx context.Context, pace Pace, c *chain) (err error) {
	for isEnd := false; !isEnd && err == nil; {
		err = l.inStep(ctx, pace, func(tx *bbolt.Tx) (err error) {
			isEnd, err = c.follow(tx, stepRecords)
			return err
		})
	}
	return err
}

// VerifyTail verifies the audit records after a checkpoint, and that the checkpoint is in the chain: the record up to
// which it verified the chain, and the record that says so. Without a checkpoint, it verifies the records that are not
// in bundles. It returns the last record. The errors are those of [Verify].
func (l *Ledger) VerifyTail(ctx context.Context, since *purchase.Checkpoint) (last purchase.Event, err error) {
	var c chain
	err = l.inStep(ctx, nil, func(tx *bbolt.Tx) (err error) {
		c, err = chainSince(tx, since)
		return err
	})
	if err == nil {
		err = l.followToEnd(ctx, nil, &c)
	}
	if err != nil {
		return last, fmt.Errorf("verify the audit chain of %s: %w", l.path, err)
	}
	return c.last()
}

// chainSince returns the chain up to a checkpoint, or up to the last bundled record if since is nil.
func chainSince(tx *bbolt.Tx, since *purchase.Checkpoint) (c chain, err error) {
	t := &bundleReader{tx: tx}
	if since == nil {
		last := t.lastBundled(collectionEvents)
		if last == nil {
			return c, nil
		}
		head, err := lastBundle(tx, collectionEvents)
		if err != nil {
			return c, err
		}
		return chain{n: binary.BigEndian.Uint64(last), prev: hex.EncodeToString(head.hashes[len(head.hashes)-hashSize:])}, nil
	}
	key := number(since.Record)
	said, _, err := readEvent(t, key)
	if err != nil {
		return c, err
	}
	if said.Kind != purchase.KindVerified || !said.Cause.Is(since.Cause()) || since.Record <= since.Number {
		return c, recordError(bucketEvents, key, "is not the checkpoint that the account names")
	}
	key = number(since.Number)
	e, data, err := readEvent(t, key)
	if err != nil {
		return c, err
	}
	hash, err := checkLink(key, data, e.Prev)
	if err == nil && hash != since.Hash {
		err = recordError(bucketEvents, key, "has another hash than when it was verified")
	}
	return chain{since.Number, hash, bytes.Clone(data)}, err
}

// readEvent reads an audit record; data is its JSON.
func readEvent(t *bundleReader, key []byte) (e purchase.Event, data []byte, err error) {
	data, ok, err := t.get(collectionEvents, key)
	if err == nil && !ok {
		err = recordError(bucketEvents, key, "is missing")
	}
	if err == nil {
		e, err = unmarshal[purchase.Event](bucketEvents, key, data)
	}
	return e, data, err
}

// follow verifies the next audit records, at most limit, and reports whether it reached the last. With an error, c has
// followed the records before the fault.
func (c *chain) follow(tx *bbolt.Tx, limit int) (isEnd bool, err error) {
	for r, err := range (&bundleReader{tx: tx}).ascend(collectionEvents, number(c.n+1)) {
		if limit--; err == nil && limit < 0 {
			return false, nil
		}
		if err == nil && !bytes.Equal(r.key, number(c.n+1)) {
			err = recordError(bucketEvents, number(c.n+1), "is missing")
		}
		hash := ""
		if err == nil {
			hash, err = checkLink(r.key, r.data, c.prev)
		}
		if err != nil {
			return false, err
		}
		c.n, c.prev, c.data = c.n+1, hash, append(c.data[:0], r.data...)
	}
	if sequence := tx.Bucket(bucketEvents).Sequence(); sequence != c.n {
		return false, recordError(bucketEvents, number(c.n+1), "is missing: there were %d", sequence)
	}
	return true, nil
}

// last returns the last record that was verified; the zero Event if there is none.
func (c *chain) last() (e purchase.Event, err error) {
	if c.data == nil {
		return e, nil
	}
	return unmarshal[purchase.Event](bucketEvents, number(c.n), c.data)
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
