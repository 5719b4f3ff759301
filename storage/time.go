package storage

import (
	"bytes"
	"encoding/binary"
	"math"
	"sort"
	"time"

	"go.etcd.io/bbolt"
)

// Log entries and audit records are stored in the order in which they were appended, which is not always that of their
// times: a clock can be set back. A bundle states the newest time of its own and all earlier records, which never
// decreases from bundle to bundle. So a binary search finds the bundle with the first record that is not older than a
// moment, and reads a few pages for it, however long the history is.

func (t *transaction) PurchasesSince(at time.Time) (first uint64, err error) {
	defer recoverDamage(&err)()
	return t.firstSince(collectionPurchases, at)
}

func (t *transaction) EventsSince(at time.Time) (first uint64, err error) {
	defer recoverDamage(&err)()
	return t.firstSince(collectionEvents, at)
}

// firstSince returns the number of the first record that is not older than at; one more than the last number if there
// is none.
func (b *bundleReader) firstSince(c collection, at time.Time) (uint64, error) {
	if at.IsZero() {
		return 1, nil
	}
	from, err := b.firstBundleSince(c, at)
	if err != nil {
		return 0, err
	}
	for r, err := range b.ascend(c, number(from)) {
		if err != nil {
			return 0, err
		}
		n, err := numberOf(c.recent, r.key)
		if err != nil {
			return 0, err
		}
		timed, err := unmarshal[timed](c.recent, r.key, r.data)
		if err != nil {
			return 0, err
		}
		if !timed.Time.Before(at) {
			return n, nil
		}
	}
	return b.tx.Bucket(c.recent).Sequence() + 1, nil
}

// firstBundleSince returns the number of a record with which a bundle begins. No record before it is as new as at, and
// one of the bundle is; without such a bundle, it is the number after the last bundled record.
func (b *bundleReader) firstBundleSince(c collection, at time.Time) (first uint64, err error) {
	last := b.lastBundled(c)
	if last == nil {
		return 1, nil
	}
	n, err := numberOf(c.bundles, last)
	if err != nil {
		return 0, err
	}
	wanted := nanoseconds(at)
	cursor := b.tx.Bucket(c.bundles).Cursor()
	found := sort.Search(int(n), func(i int) bool {
		if err != nil {
			return true
		}
		var is bundle
		is, err = seekBundle(cursor, c, number(uint64(i)+1))
		return is.newest >= wanted
	})
	if err != nil || uint64(found) == n {
		return n + 1, err
	}
	cursor.Seek(number(uint64(found) + 1))
	if before, _ := cursor.Prev(); len(before) == 8 { // a bundle's key is its last number
		return binary.BigEndian.Uint64(before) + 1, nil
	}
	return 1, nil
}

// seekBundle reads the head of the bundle that has the record with a key, which must not be above the last bundled one.
func seekBundle(cursor *bbolt.Cursor, c collection, key []byte) (b bundle, err error) {
	last, value := cursor.Seek(key)
	if len(last) != 8 || bytes.Compare(last, key) < 0 {
		return b, recordError(c.bundles, key, "is missing")
	}
	return bundleHead(c, last, value)
}

// timed is a record with a time.
type timed struct {
	Time time.Time `json:"time"`
}

// nanoseconds returns a time in nanoseconds since 1970, or the nearest that fits 64 bits, which reach from 1677 to
// 2262.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}
