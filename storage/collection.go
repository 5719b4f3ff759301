package storage

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"iter"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// collection is a set of records in the order of their keys. Recent records, and orders with something left to do, are
// stored one by one; the rest are stored in bundles. A record that is stored in both counts as it is stored by itself:
// it has changed since it was bundled.
type collection struct {
	recent  []byte // bucket of single records
	bundles []byte // bucket of bundles, by the keys of their last records; ledgers before schema 3 have none
	chained bool   // audit records
}

var (
	collectionOrders    = collection{recent: bucketOrders, bundles: bucketOrderBundles}
	collectionPurchases = collection{recent: bucketPurchases, bundles: bucketPurchaseBundles}
	collectionEvents    = collection{recent: bucketEvents, bundles: bucketEventBundles, chained: true}
	collectionBudgets   = collection{recent: bucketBudgets} // one a month: none is bundled
)

// bundleReader unpacks bundles in a transaction and keeps the last one of each collection, since records are often read
// one after the other. It is not safe for concurrent use.
type bundleReader struct {
	tx   *bbolt.Tx
	last map[string]unpacked // by bucket
}

// unpack returns the content of a bundle.
func (b *bundleReader) unpack(c collection, key, value []byte) (unpacked, error) {
	// bbolt returns the same memory for the same page until the transaction ends
	if last, ok := b.last[string(c.bundles)]; ok && &last.value[0] == &value[0] && bytes.Equal(last.key, key) {
		return last, nil
	}
	content, err := unpackBundle(c, key, value)
	if err != nil {
		return unpacked{}, err
	}
	if b.last == nil {
		b.last = map[string]unpacked{}
	}
	b.last[string(c.bundles)] = content
	return content, nil
}

// lastBundle returns what precedes the records of a collection's last bundle. If there is none, it ends with the hash
// that the first audit record follows.
func lastBundle(tx *bbolt.Tx, c collection) (bundle, error) {
	key, value := tx.Bucket(c.bundles).Cursor().Last()
	if key == nil {
		return bundle{hashes: noHash[:]}, nil
	}
	return bundleHead(c, key, value)
}

// get returns the JSON of a record; ok is false if there is none. It is valid until the transaction ends.
func (b *bundleReader) get(c collection, key []byte) (data []byte, ok bool, err error) {
	if value := b.tx.Bucket(c.recent).Get(key); value != nil {
		data, err := checked(c.recent, key, value)
		return data, err == nil, err
	}
	return b.getBundled(c, key)
}

// getBundled returns the JSON of a record that is in a bundle; ok is false if it is in none.
func (b *bundleReader) getBundled(c collection, key []byte) (data []byte, ok bool, err error) {
	bundles := b.tx.Bucket(c.bundles)
	if bundles == nil {
		return nil, false, nil
	}
	last, value := bundles.Cursor().Seek(key)
	if last == nil {
		return nil, false, nil
	}
	content, err := b.unpack(c, last, value)
	if err != nil {
		return nil, false, err
	}
	if i, found := search(content.records, key); found {
		return content.json(i), true, nil
	}
	return nil, false, nil
}

// search returns the place of the first record whose key is not below key, and whether it has that key.
func search(records []record, key []byte) (int, bool) {
	return slices.BinarySearchFunc(records, key, func(r record, key []byte) int { return bytes.Compare(r.key, key) })
}

// source iterates over records in one direction; key is nil at the end.
type source func() (key, data []byte, err error)

// ascend iterates over the records from key from on. The slices are valid until the transaction ends.
func (b *bundleReader) ascend(c collection, from []byte) iter.Seq2[record, error] {
	return b.ascendAs(c, from, (*unpacked).json)
}

// ascendStored is ascend with bundled records as their bundles store them; see withoutHashes.
func (b *bundleReader) ascendStored(c collection, from []byte) iter.Seq2[record, error] {
	return b.ascendAs(c, from, func(u *unpacked, i int) []byte { return u.records[i].data })
}

func (b *bundleReader) ascendAs(c collection, from []byte, as func(*unpacked, int) []byte) iter.Seq2[record, error] {
	bundled, _ := b.bundled(c, from, true, as)
	return merge(b.recent(c, from, true), bundled, nil, func(a, b []byte) bool { return bytes.Compare(a, b) < 0 })
}

// descend iterates over the records with keys below before, from the last on; over all if before is empty.
func (b *bundleReader) descend(c collection, before []byte) iter.Seq2[record, error] {
	bundled, greatest := b.bundled(c, before, false, (*unpacked).json)
	return merge(b.recent(c, before, false), bundled, greatest, func(a, b []byte) bool { return bytes.Compare(a, b) > 0 })
}

// merge iterates over single and bundled records in their order; first reports whether a key comes before another. Of
// two records with the same key it yields the single one. A bundle is not unpacked before one of its records may be
// next: no bundled record comes before the key bound, if there is one.
func merge(single, bundled source, bound []byte, first func(a, b []byte) bool) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		k1, d1, err := single()
		for err == nil && k1 != nil && bound != nil && first(k1, bound) {
			if !yield(record{k1, d1}, nil) {
				return
			}
			k1, d1, err = single()
		}
		if err != nil {
			yield(record{}, err)
			return
		}
		k2, d2, err := bundled()
		for err == nil && (k1 != nil || k2 != nil) {
			switch {
			case k2 != nil && k1 != nil && bytes.Equal(k1, k2):
				k2, d2, err = bundled()
			case k2 == nil || k1 != nil && first(k1, k2):
				if !yield(record{k1, d1}, nil) {
					return
				}
				k1, d1, err = single()
			default:
				if !yield(record{k2, d2}, nil) {
					return
				}
				k2, d2, err = bundled()
			}
		}
		if err != nil {
			yield(record{}, err)
		}
	}
}

// recent returns a source of the single records.
func (b *bundleReader) recent(c collection, at []byte, up bool) source {
	cursor := b.tx.Bucket(c.recent).Cursor()
	started := false
	return func() (key, data []byte, err error) {
		var value []byte
		switch {
		case started && up:
			key, value = cursor.Next()
		case started:
			key, value = cursor.Prev()
		default:
			key, value = start(cursor, at, up)
		}
		started = true
		if key == nil {
			return nil, nil, nil
		}
		data, err = checked(c.recent, key, value)
		return key, data, err
	}
}

// start moves a cursor to the first key from at on, or to the last key below at; an empty at means the first or last.
func start(cursor *bbolt.Cursor, at []byte, up bool) (key, value []byte) {
	switch {
	case up && len(at) == 0:
		return cursor.First()
	case up:
		return cursor.Seek(at)
	case len(at) == 0:
		return cursor.Last()
	}
	if key, _ = cursor.Seek(at); key == nil {
		return cursor.Last() // all keys are below
	}
	return cursor.Prev()
}

// bundled returns a source of the bundled records, whose data as returns. On the way down, it also returns a key that
// none of them exceeds.
func (b *bundleReader) bundled(c collection, at []byte, up bool, as func(*unpacked, int) []byte) (_ source,
	greatest []byte,
) {
	bundles := b.tx.Bucket(c.bundles)
	if bundles == nil {
		return func() ([]byte, []byte, error) { return nil, nil, nil }, nil
	}
	cursor := bundles.Cursor()
	if !up {
		greatest, _ = cursor.Last() // the key of a bundle is that of its last record
	}
	var content unpacked // without records: the end
	next := 0
	started := false
	load := func() error {
		var key, value []byte
		switch {
		case !started && (up || len(at) > 0):
			key, value = cursor.Seek(at) // the bundle that may contain at, also for the way down
			if key == nil && !up {
				key, value = cursor.Last()
			}
		case !started:
			key, value = cursor.Last()
		case up:
			key, value = cursor.Next()
		default:
			key, value = cursor.Prev()
		}
		first := !started
		started = true
		if key == nil {
			content = unpacked{}
			return nil
		}
		var err error
		if content, err = b.unpack(c, key, value); err != nil {
			return err
		}
		records := content.records
		switch {
		case up && first:
			next, _ = search(records, at)
		case up:
			next = 0
		case first && len(at) > 0:
			next, _ = search(records, at)
			next--
		default:
			next = len(records) - 1
		}
		return nil
	}
	return func() (key, data []byte, err error) {
		for !started || content.records != nil && (next < 0 || next >= len(content.records)) {
			if err := load(); err != nil {
				return nil, nil, err
			}
		}
		if content.records == nil {
			return nil, nil, nil
		}
		key, data = content.records[next].key, as(&content, next)
		if up {
			next++
		} else {
			next--
		}
		return key, data, nil
	}, greatest
}

// lastBundled returns the key of the last record that is bundled; nil if none is.
func (b *bundleReader) lastBundled(c collection) []byte {
	bundles := b.tx.Bucket(c.bundles)
	if bundles == nil {
		return nil
	}
	key, _ := bundles.Cursor().Last()
	return key
}

// Bundled records are found by their keys. Indexes find them by something else: log entries by their license, orders by
// the end of their id, and orders by their cart item (see itemindex.go). They have groups of entries, so that a million
// entries take a few thousand pages.
//
// The index of licenses has a group for each two bytes of the license's hash. An entry is two more bytes of the hash
// and the number of the log entry, 5 bytes. Hashes can be equal: the log entry decides.
const licenseEntry = 2 + 5

func licenseTerm(license string) (group, mark []byte) {
	sum := binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(license), castagnoli))
	return sum[:2], sum[2:]
}

// indexLicense adds the first log entry of a license to the index of bundled entries.
func indexLicense(tx *bbolt.Tx, license string, n uint64) error {
	group, mark := licenseTerm(license)
	return addToGroup(tx, bucketLicenseIndex, group, append(slices.Clone(mark), number(n)[3:]...))
}

// licensed returns the numbers of the bundled log entries that may be the first of a license, ascending.
func licensed(tx *bbolt.Tx, license string) (numbers []uint64, err error) {
	index := tx.Bucket(bucketLicenseIndex)
	if index == nil {
		return nil, nil
	}
	group, mark := licenseTerm(license)
	entries, err := readGroup(index, bucketLicenseIndex, group)
	if err != nil || len(entries)%licenseEntry != 0 {
		return nil, indexError(err, bucketLicenseIndex, group)
	}
	for e := range slices.Chunk(entries, licenseEntry) {
		if string(e[:2]) == string(mark) {
			numbers = append(numbers, binary.BigEndian.Uint64(append(make([]byte, 3), e[2:]...)))
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// The index of ids has a group for each last idEnd characters of an id, which are random; the group's key has them in
// reverse order, so that shorter ends are found too. An entry is the id, 16 bytes.
const idEnd = 3

// indexID adds a bundled order to the index of ids.
func indexID(tx *bbolt.Tx, id ulid.ULID) error {
	return addToGroup(tx, bucketIDIndex, idGroup(id), id[:])
}

// idGroup returns the key of an id's group.
func idGroup(id ulid.ULID) []byte { return reversed(id.String()[ulid.EncodedSize-idEnd:]) }

// ending returns the ids of bundled orders that end with part, in no particular order.
func ending(tx *bbolt.Tx, part string) (ids []purchase.OrderID, err error) {
	index := tx.Bucket(bucketIDIndex)
	if index == nil {
		return nil, nil
	}
	prefix := reversed(part[max(0, len(part)-idEnd):])
	cursor := index.Cursor()
	for group, _ := cursor.Seek(prefix); bytes.HasPrefix(group, prefix); group, _ = cursor.Next() {
		if group == nil {
			break
		}
		entries, err := readGroup(index, bucketIDIndex, group)
		if err != nil || len(entries)%len(ulid.ULID{}) != 0 {
			return nil, indexError(err, bucketIDIndex, group)
		}
		for e := range slices.Chunk(entries, len(ulid.ULID{})) {
			if id := ulid.ULID(e).String(); strings.HasSuffix(id, part) {
				ids = append(ids, purchase.OrderID(id))
			}
		}
	}
	return ids, nil
}

func reversed(s string) []byte {
	b := []byte(s)
	slices.Reverse(b)
	return b
}

// addToGroup adds an entry to a group. A group is stored as a record is, with its entries in place of JSON.
func addToGroup(tx *bbolt.Tx, bucket, group, entry []byte) error {
	index := tx.Bucket(bucket)
	entries, err := readGroup(index, bucket, group) // a damaged group gets no new checksum
	if err != nil {
		return err
	}
	return index.Put(group, seal(group, slices.Concat(entries, entry)))
}

// removeFromGroup removes the entry of an order from a group, and the group with its last entry.
func removeFromGroup(tx *bbolt.Tx, bucket, group, entry []byte, order ulid.ULID) error {
	index := tx.Bucket(bucket)
	entries, err := readGroup(index, bucket, group)
	if err != nil {
		return err
	}
	at := findEntry(entries, entry)
	switch {
	case at < 0:
		return recordError(bucket, group, "has no entry of order %s", order)
	case len(entries) == len(entry):
		return index.Delete(group)
	}
	return index.Put(group, seal(group, slices.Concat(entries[:at], entries[at+len(entry):])))
}

// findEntry returns where an entry begins among those of a group, which all have its length; -1 if it is not there.
func findEntry(entries, entry []byte) int {
	for at := 0; at+len(entry) <= len(entries); at += len(entry) {
		if bytes.Equal(entries[at:at+len(entry)], entry) {
			return at
		}
	}
	return -1
}

// readGroup returns the entries of a group; none if there is no such group.
func readGroup(index *bbolt.Bucket, bucket, group []byte) ([]byte, error) {
	value := index.Get(group)
	if value == nil {
		return nil, nil
	}
	return checked(bucket, group, value)
}

// indexError returns err, or that a group can't be read.
func indexError(err error, bucket, group []byte) error {
	if err != nil {
		return err
	}
	return recordError(bucket, group, "can't be read")
}
