package storage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"

	"licensebot/purchase"
)

// errChanged means that the ledger was written to while it was copied.
var errChanged = errors.New("the ledger changed while it was copied")

// maxCopies is how often a copy is started again. Copying takes milliseconds, so only a bot that writes without a pause
// could interfere that often.
const maxCopies = 100

// ReadCopy calls read with the ledger at path as it was at one moment, also while a bot has it open and writes to it.
// It reads a private copy in the system's folder for temporary files, which it removes afterwards; it neither waits for
// the bot nor makes it wait. It returns read's error, or those of [OpenReadOnly] except [ErrLocked].
func ReadCopy(ctx context.Context, path string, read func(purchase.Reader) error) error {
	return withCopy(ctx, path, func(l *Ledger) error { return l.View(ctx, read) })
}

// withCopy calls do with a private copy of the ledger, which it removes afterwards.
func withCopy(ctx context.Context, path string, do func(*Ledger) error) error {
	temp, err := os.CreateTemp("", "licensebot-*.db") // mode 0600
	if err != nil {
		return fmt.Errorf("copy the ledger: %w", err)
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if err := copyTo(ctx, temp, path); err != nil {
		return fmt.Errorf("copy the ledger %s: %w", path, err)
	}
	l, err := open(temp.Name(), true, nil)
	if err != nil {
		return fmt.Errorf("read the ledger %s: %w", path, err)
	}
	defer l.Close()
	return do(l)
}

// copyTo copies the ledger at path, as it was at one moment, into a file.
func copyTo(ctx context.Context, to *os.File, path string) error {
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	err = errChanged
	for range maxCopies {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err = copyOnce(to, source); !errors.Is(err, errChanged) {
			break
		}
	}
	return err
}

// copyOnce copies the file. It returns errChanged if the last transaction changed meanwhile.
//
// That is enough, since bbolt never writes to a page that the last committed state refers to. A transaction writes its
// pages to free space of that state, and becomes the next state by overwriting the older one of the two meta pages. The
// pages of the previous state are reused only by the transaction after that. So if the newest meta page is the same
// before and after, every page that it refers to was copied unchanged.
func copyOnce(to *os.File, from io.ReaderAt) error {
	before, ok := lastTransaction(from)
	if !ok {
		start := make([]byte, 1<<17)
		n, err := from.ReadAt(start, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return cmp.Or(walk(bytes.NewReader(start[:n]), int64(n), nil, func() {}), damagedf("it has no valid meta page"))
	}
	if _, err := to.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := to.Truncate(0); err != nil {
		return err
	}
	if _, err := io.Copy(to, io.NewSectionReader(from, 0, math.MaxInt64)); err != nil {
		return err
	}
	if after, ok := lastTransaction(from); !ok || after != before {
		return errChanged
	}
	return nil
}

// lastTransaction returns the transaction number of the newest valid meta page; ok is false if none is valid. A meta
// page ends with the FNV-1a hash of its record, so that one that is just being written is not valid. See checkPages for
// the layout.
func lastTransaction(f io.ReaderAt) (last uint64, ok bool) {
	meta := func(at int64) (tx uint64, size int64, ok bool) {
		b := make([]byte, pageHeader+metaHashed+8)
		if _, err := f.ReadAt(b, at); err != nil {
			return 0, 0, false
		}
		m := b[pageHeader:]
		hash := fnv.New64a()
		hash.Write(m[:metaHashed])
		if binary.NativeEndian.Uint32(m) != metaMagic || binary.NativeEndian.Uint64(m[metaHashed:]) != hash.Sum64() {
			return 0, 0, false
		}
		return binary.NativeEndian.Uint64(m[metaHashed-8:]), int64(binary.NativeEndian.Uint32(m[8:])), true
	}
	tx, size, first := meta(0)
	if !first {
		size = int64(os.Getpagesize()) // the first meta page is being written; bbolt uses the system's page size
	}
	other, _, second := meta(size)
	switch {
	case first && second:
		return max(tx, other), true
	case second:
		return other, true
	}
	return tx, first
}

const (
	metaMagic  = 0xED0CDAED
	pageHeader = 16
	metaHashed = 56 // bytes of a meta record before its hash; the last eight are the transaction number
)
