package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/klauspost/compress/zstd"
)

// Closed orders, log entries and audit records that are not recent are stored in bundles: one value holds a few hundred
// records, compressed together. That takes a sixth of the space, and a file of a million orders has so few pages that
// every start can check all of them.
//
// A bundle is
//   - 4 bytes of CRC-32C over its key and what follows,
//   - a byte with the form (bundleForm),
//   - the number of records (uvarint), and the newest time of this and all earlier bundles (varint, in nanoseconds
//     since 1970; 0 if the records have none),
//   - for audit records: the hash of the record before the first, and the hash of each record, 32 bytes each,
//   - the records, compressed with Zstandard: for each the length of its key and the key, the length of its JSON and
//     the JSON (lengths as uvarints).
//
// The JSON of a record is stored as it was written. Only an audit record lacks its last two members, the hashes, which
// are added again when it is read; see cutHashes.
const (
	bundleForm = 1
	// maxBundle limits, in bytes, what a bundle may expand to: a damaged one must not fill the memory.
	maxBundle = 64 << 20
	hashSize  = sha256.Size
)

// record is a key with its JSON.
type record struct{ key, data []byte }

// bundle is the content of a bundle.
type bundle struct {
	count  int
	newest int64
	hashes []byte // empty, or count+1 hashes
	packed []byte // the compressed records
}

// encodeBundle returns the value of a bundle, and its key: that of the last record. The keys of the records ascend. The
// first of audit records follows the record with the hash prev.
func encodeBundle(c collection, records []record, newest int64, prev []byte) (key, value []byte) {
	key = bytes.Clone(records[len(records)-1].key)
	value = append(make([]byte, 4), bundleForm)
	value = binary.AppendUvarint(value, uint64(len(records)))
	value = binary.AppendVarint(value, newest)
	var plain []byte
	if c.chained {
		value = append(value, prev...)
	}
	for _, r := range records {
		data := r.data
		if c.chained {
			var hash []byte
			data, hash = cutHashes(data, prev)
			value = append(value, hash...)
			prev = hash
		}
		plain = binary.AppendUvarint(plain, uint64(len(r.key)))
		plain = append(plain, r.key...)
		plain = binary.AppendUvarint(plain, uint64(len(data)))
		plain = append(plain, data...)
	}
	value = pack(plain, value)
	binary.BigEndian.PutUint32(value, checksum(key, value[4:]))
	return key, value
}

// bundleHead checks the checksum of a bundle and reads what precedes its records, without unpacking them. The error is
// a *RecordError.
func bundleHead(c collection, key, value []byte) (b bundle, err error) {
	if _, err := checked(c.bundles, key, value); err != nil {
		return b, err
	}
	damaged := func() (bundle, error) { return bundle{}, recordError(c.bundles, key, "can't be read") }
	if len(value) < 5 || value[4] != bundleForm {
		return damaged()
	}
	rest := value[5:]
	count, n := binary.Uvarint(rest)
	if n <= 0 || count == 0 || count > maxBundle {
		return damaged()
	}
	rest = rest[n:]
	if b.newest, n = binary.Varint(rest); n <= 0 {
		return damaged()
	}
	rest = rest[n:]
	b.count = int(count)
	if c.chained {
		size := (b.count + 1) * hashSize
		if len(rest) < size {
			return damaged()
		}
		b.hashes, rest = rest[:size], rest[size:]
	}
	b.packed = rest
	return b, nil
}

// unpacked is the content of a bundle. The records are as it stores them; hashes is empty, or has those before and
// after each record.
type unpacked struct {
	key, value []byte // of the bundle, as bbolt returned them
	records    []record
	hashes     []byte
}

// json returns the JSON of a record, with the hashes of an audit record.
func (u *unpacked) json(i int) []byte {
	if len(u.hashes) == 0 {
		return u.records[i].data
	}
	return addHashes(u.records[i].data, u.hashes[i*hashSize:])
}

// unpackBundle checks a bundle and returns its content. The error is a *RecordError.
func unpackBundle(c collection, key, value []byte) (u unpacked, err error) {
	b, err := bundleHead(c, key, value)
	if err != nil {
		return u, err
	}
	otherwise := func() (unpacked, error) {
		return unpacked{}, recordError(c.bundles, key, "has other records than it says")
	}
	var head zstd.Header
	var plain []byte
	if head.Decode(b.packed) == nil && head.FrameContentSize <= maxBundle {
		plain = make([]byte, 0, head.FrameContentSize)
	}
	plain, err = unpacker.DecodeAll(b.packed, plain)
	if err != nil {
		return u, recordError(c.bundles, key, "can't be unpacked: %v", err)
	}
	part := func() (p []byte, ok bool) {
		size, n := binary.Uvarint(plain)
		if n <= 0 || size > uint64(len(plain)-n) {
			return nil, false
		}
		p, plain = plain[n:n+int(size):n+int(size)], plain[n+int(size):]
		return p, true
	}
	records := make([]record, b.count)
	for i := range records {
		k, ok1 := part()
		data, ok2 := part()
		if !ok1 || !ok2 || i > 0 && bytes.Compare(records[i-1].key, k) >= 0 {
			return otherwise()
		}
		if c.chained && (len(data) == 0 || data[0] != isWhole && data[0] != isShort) {
			return otherwise()
		}
		records[i] = record{k, data}
	}
	if len(plain) > 0 || !bytes.Equal(records[b.count-1].key, key) {
		return otherwise()
	}
	return unpacked{key, value, records, b.hashes}, nil
}

// An audit record's JSON ends with the hash of the record before it and its own.
const (
	prevMember = `,"prev":"`
	hashMember = `","hash":"`
	recordEnd  = `"}`
	// ownHashSize is the length of a record's own hash with the end of the record.
	ownHashSize = 2*hashSize + len(recordEnd)
)

// The first byte of an audit record in a bundle says whether it is shortened.
const (
	isWhole = 0
	isShort = 1
)

// cutHashes returns an audit record as a bundle stores it: without its first brace and its last two members, after
// isShort, and the record's hash. A record that does not end as expected, or does not follow the one with the hash
// prev, is stored whole, after isWhole.
func cutHashes(data, prev []byte) (stored, hash []byte) {
	hash = make([]byte, hashSize)
	if at := len(data) - ownHashSize; at > 0 {
		if _, err := hex.Decode(hash, data[at:at+2*hashSize]); err != nil {
			hash = make([]byte, hashSize)
		} else if short, ok := bytes.CutSuffix(data, hashEnd(prev, hash)); ok && len(short) > 0 && short[0] == '{' {
			stored = append(make([]byte, 0, len(short)), isShort)
			return append(stored, short[1:]...), hash
		}
	}
	return append([]byte{isWhole}, data...), hash
}

// addHashes returns the record that cutHashes was called with. hashes begins with the hash of the record before it and
// its own.
func addHashes(stored, hashes []byte) (data []byte) {
	if stored[0] == isWhole {
		return stored[1:]
	}
	data = make([]byte, 0, len(stored)+len(prevMember)+len(hashMember)+2*hashSize+ownHashSize)
	data = append(append(data, '{'), stored[1:]...)
	return append(data, hashEnd(hashes[:hashSize], hashes[hashSize:2*hashSize])...)
}

// withoutMark returns a record as it is stored without the byte that says whether it is shortened. A shortened one then
// has no braces and no hashes.
func withoutMark(c collection, stored []byte) []byte {
	if c.chained && len(stored) > 0 && (stored[0] == isWhole || stored[0] == isShort) {
		return stored[1:]
	}
	return stored
}

// withoutHashes returns a record as it is stored as JSON, which lacks the hashes that a bundle cuts off.
func withoutHashes(c collection, stored []byte) []byte {
	if c.chained && len(stored) > 0 && stored[0] == isShort {
		return append(append([]byte{'{'}, stored[1:]...), '}')
	}
	return withoutMark(c, stored)
}

// hashEnd returns the last two members of an audit record with these hashes, and the brace that ends it.
func hashEnd(prev, hash []byte) []byte {
	end := append(make([]byte, 0, len(prevMember)+len(hashMember)+2*hashSize+ownHashSize), prevMember...)
	if !bytes.Equal(prev, noHash[:]) { // the one before the first record is empty
		end = hex.AppendEncode(end, prev)
	}
	end = append(end, hashMember...)
	end = hex.AppendEncode(end, hash)
	return append(end, recordEnd...)
}

// noHash is the hash of the record before the first.
var noHash [hashSize]byte
