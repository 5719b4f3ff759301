package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"licensebot/purchase"
)

// reserve is how much room an order wants to find. It is kept for those that are under way: bringing one to its end
// takes a few pages of 4 KB.
const reserve = 16 << 20 // bytes

// Room implements purchase.Ledger: nil when there is room for another order, or an error that wraps purchase.ErrFull.
func (b *Bolt) Room(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.usable(); err != nil {
		return err
	}
	free, err := b.room(filepath.Dir(b.path))
	if err != nil {
		return fmt.Errorf("check the free space on the ledger's disk: %w", err)
	}
	if free < reserve {
		return fmt.Errorf("%w: %.1f MB are free in %s, but a new order needs %d MB", purchase.ErrFull, float64(free)/(1<<20), b.path, reserve>>20)
	}
	return nil
}

// Here implements purchase.Ledger: the ledger's name leads to the file that is open, by its device and inode.
func (b *Bolt) Here(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.usable(); err != nil {
		return err
	}
	if info, err := b.file.Stat(); err != nil || !named(b.file, b.path, info) {
		return fmt.Errorf("%w: %s", purchase.ErrAway, b.path)
	}
	return nil
}

// freeSpace is how many bytes a program without special rights can still write to the file system of a folder.
func freeSpace(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

// asFull wraps purchase.ErrFull around an error that means so. bbolt returns some errors only as text.
func asFull(err error) error {
	if err == nil || errors.Is(err, purchase.ErrFull) {
		return err
	}
	for _, full := range fulls {
		if errors.Is(err, full) || strings.Contains(err.Error(), full.Error()) {
			return fmt.Errorf("%w: %w", purchase.ErrFull, err)
		}
	}
	return err
}

// fulls are the kernel's errors for a lack of room: no space, no quota, or a file that may not grow further.
var fulls = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

func isFull(errno syscall.Errno) bool { return slices.Contains(fulls, errno) }

// LeastFree is how many bytes must be free on the ledger's disk before an order is taken.
const LeastFree = reserve

// Free returns how many bytes a program without special rights can still write to a folder's file system.
func Free(folder string) (uint64, error) { return freeSpace(folder) }
