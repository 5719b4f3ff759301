package storage

import (
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

// errMovedOn says that the ledger was written to while it was copied.
var errMovedOn = errors.New("the ledger changed while it was copied")

// copyTries is how often a copy is begun anew. Copying takes milliseconds, so only a bot that writes without a pause
// gets in its way that often.
const copyTries = 100

// ReadCopy runs read against the ledger as it was at one moment, also while a bot has it open and writes to it. It
// works on a private copy in the system's folder for temporary files, which is gone afterwards, and it neither waits
// for the bot nor makes it wait. The errors are those of OpenReadOnly but for ErrLocked.
func ReadCopy(ctx context.Context, path string, read func(purchase.Reader) error) error {
	return withCopy(ctx, path, func(b *Bolt) error { return b.View(ctx, read) })
}

// withCopy opens a private copy of the ledger for do.
func withCopy(ctx context.Context, path string, do func(*Bolt) error) error {
	temp, err := os.CreateTemp("", "licensebot-*.db") // mode 0600
	if err != nil {
		return fmt.Errorf("copy the ledger: %w", err)
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if err := copyTo(ctx, temp, path); err != nil {
		return fmt.Errorf("copy the ledger %s: %w", path, err)
	}
	b, err := open(temp.Name(), true)
	if err != nil {
		return fmt.Errorf("read the ledger %s: %w", path, err)
	}
	defer b.Close()
	return do(b)
}

// copyTo copies the ledger as it was at one moment.
func copyTo(ctx context.Context, to *os.File, path string) error {
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	err = errMovedOn
	for range copyTries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err = copyOnce(to, source); !errors.Is(err, errMovedOn) {
			break
		}
	}
	return err
}

// copyOnce copies the file, and answers errMovedOn unless the last transaction before is still the last one after.
//
// Why that is enough: bbolt never writes to a page that the last committed state can reach. A transaction puts its
// pages where that state has free space, and becomes the next state by writing one of the two meta pages, the older
// one. Pages of the state before are used again by the transaction after that. So as long as the newest meta page is
// the same at both ends, every page that it leads to was copied as it is, whatever was written beside them.
func copyOnce(to *os.File, from io.ReaderAt) error {
	before, ok := lastTransaction(from)
	if !ok {
		start := make([]byte, 1<<17)
		n, err := from.ReadAt(start, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return cmp.Or(walk(start[:n]), damaged("it has no valid meta page"))
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
		return errMovedOn
	}
	return nil
}

// lastTransaction is the number of the newest valid meta page. See checkPages for the layout; a meta page ends with
// the FNV-1a hash of what stands before it, so that one which is just being written is told from a whole one.
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
		size = int64(os.Getpagesize()) // the first meta page is being written; bbolt's pages are the system's
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
	metaHashed = 56 // bytes of a meta page before its hash: the last eight are the transaction
)
