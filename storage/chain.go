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
	// pruned are the records that others stand for.
	pruned purchase.Pruned
}

// stepRecords is how many audit records a step of a verification reads, in a few milliseconds.
const stepRecords = 2000

// checkChain verifies the audit records from the first to the last, in steps, and returns the last; with an error, the
// last before the fault. It reads their JSON without decoding it: a record states its number first and its hashes last.
func (l *Ledger) checkChain(ctx context.Context, pace Pace) (last purchase.Event, err error) {
	var c chain
	err = l.followToEnd(ctx, pace, &c)
	if err == nil {
		err = l.inStep(ctx, nil, c.checkPruned)
	}
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
	return chain{n: since.Number, prev: hash, data: bytes.Clone(data)}, err
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
		hash := ""
		if err == nil {
			hash, err = c.link(r)
		}
		if err != nil {
			return false, err
		}
		c.n, c.prev, c.data = binary.BigEndian.Uint64(r.key), hash, append(c.data[:0], r.data...)
	}
	if sequence := tx.Bucket(bucketEvents).Sequence(); sequence != c.n {
		return false, recordError(bucketEvents, number(c.n+1), "is missing: there were %d", sequence)
	}
	return true, nil
}

// link verifies that a record follows the last one, by itself or in place of records that were pruned, and returns its
// hash.
func (c *chain) link(r record) (hash string, err error) {
	next := number(c.n + 1)
	if start := r.data[:min(len(r.data), kindWithin)]; bytes.Contains(start, prunedKind) {
		e, err := unmarshal[purchase.Event](bucketEvents, r.key, r.data)
		if err != nil {
			return "", err
		}
		if e.Kind == purchase.KindPruned {
			return c.linkPruned(r.key, e)
		}
	}
	if !bytes.Equal(r.key, next) {
		return "", recordError(bucketEvents, next, "is missing")
	}
	return checkLink(r.key, r.data, c.prev)
}

// An audit record begins with its number, its time and its kind.
const kindWithin = 128

var prunedKind = []byte(`"kind":"` + purchase.KindPruned + `"`)

// linkPruned is link for a record that stands for pruned ones. Their content is gone; checkPruned compares what stands
// for them with what the audit says about it.
func (c *chain) linkPruned(key []byte, e purchase.Event) (hash string, err error) {
	raw, noHex := hex.DecodeString(e.Hash)
	switch {
	case len(key) != 8 || e.Number != binary.BigEndian.Uint64(key) || noHex != nil || len(raw) != hashSize:
		return "", recordError(bucketEvents, key, "stands for pruned records and has a wrong number or hash")
	case e.Count < 1 || e.Number != c.n+uint64(e.Count):
		return "", recordError(bucketEvents, number(c.n+1), "is missing")
	case e.Prev != c.prev:
		return "", recordError(bucketEvents, key, notFollowing)
	}
	c.pruned.Add(e)
	c.pruned.Through = e.Number
	return e.Hash, nil
}

// checkPruned verifies that the audit says what was pruned: the last record about it is in the chain, which was
// followed to its end, and has the sum over all that was.
func (c *chain) checkPruned(tx *bbolt.Tx) error {
	said, err := readPruned(tx)
	if err != nil {
		return err
	}
	if c.pruned.Records != said.Records || c.pruned.Digest != said.Digest {
		return recordError(bucketEvents, number(max(c.pruned.Through, said.Record)),
			"does not match what was pruned: %d records are gone instead of %d", c.pruned.Records, said.Records)
	}
	if said.Record == 0 {
		return nil
	}
	e, _, err := readEvent(&bundleReader{tx: tx}, number(said.Record))
	if err != nil {
		return err
	}
	// What was considered since then had nothing to remove.
	then, last := said, said.Through
	then.Through, err = strconv.ParseUint(e.Args["through"], 10, 64)
	if err != nil || e.Kind != purchase.KindPruning || !e.Cause.Is(then.Cause()) || then.Through > last ||
		then.Through >= said.Record {
		return recordError(bucketEvents, number(said.Record), "is not the last pruning")
	}
	return nil
}

// last returns the last record that was verified; the zero Event if there is none.
func (c *chain) last() (e purchase.Event, err error) {
	if c.data == nil {
		return e, nil
	}
	return unmarshal[purchase.Event](bucketEvents, number(c.n), c.data)
}

const notFollowing = "does not follow from the record before it: the chain is broken between them"

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
		return "", recordError(bucketEvents, key, notFollowing)
	}
	if hash, err = Hash(e); err == nil && hash != e.Hash {
		err = recordError(bucketEvents, key, "was changed after it was written: its hash does not match its content")
	}
	return hash, err
}
