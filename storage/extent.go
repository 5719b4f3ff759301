package storage

import (
	"encoding/binary"
	"fmt"
	"os"
)

// checkExtent refuses a file that is shorter than its own meta page says. bbolt maps the file into memory, so reading a
// page behind the end would not be an error but end the program (SIGBUS). The layout is bbolt's, version 2: each of the
// first two pages has a header of 16 bytes and then magic, version, page size and flags (4 bytes each), root and its
// sequence, free list, high-water mark in pages and transaction (8 bytes each), in the machine's byte order.
func checkExtent(path string) error {
	const (
		magic      = 0xED0CDAED
		header     = 16
		offPage    = header + 8
		offHigh    = header + 16 + 24
		offTx      = offHigh + 8
		metaLength = offTx + 8
	)
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	read := func(at int64) (high, tx uint64, size int64, ok bool) {
		b := make([]byte, metaLength)
		if _, err := f.ReadAt(b, at); err != nil || binary.NativeEndian.Uint32(b[header:]) != magic {
			return 0, 0, 0, false
		}
		size = int64(binary.NativeEndian.Uint32(b[offPage:]))
		return binary.NativeEndian.Uint64(b[offHigh:]), binary.NativeEndian.Uint64(b[offTx:]), size, size >= 1024 && size <= 1<<16
	}
	high, tx, size, ok := read(0)
	if !ok {
		return nil // bbolt itself says that this is none of its files, or finds the second meta page
	}
	if high2, tx2, _, ok := read(size); ok && tx2 > tx {
		high = high2
	}
	if need := int64(high) * size; need > info.Size() {
		return fmt.Errorf("open the ledger %s: %w: it has %d bytes and should have %d: it was cut short", path, ErrDamaged, info.Size(), need)
	}
	return nil
}
