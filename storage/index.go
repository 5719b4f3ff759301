package storage

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// Bundled records are found by their keys. Two indexes find them by something else: log entries by their license, and
// orders by the end of their id. Both have groups of entries, so that a million entries take a few thousand pages.
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
	return addToGroup(tx, bucketIDIndex, []byte(idGroup(id)), id[:])
}

// idGroup returns the key of an id's group.
func idGroup(id ulid.ULID) string { return string(reversed(id.String()[ulid.EncodedSize-idEnd:])) }

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
