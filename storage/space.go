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

// MinFree is the free space, in bytes, that the ledger's disk must have before an order is accepted. It is a reserve
// for the orders that were accepted: completing one takes a few pages of 4 KB.
const MinFree = 16 << 20

// Room implements purchase.Ledger. It returns an error that wraps purchase.ErrFull if the ledger's disk has less than
// [MinFree] bytes for another order.
func (l *Ledger) Room(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.checkUsable(); err != nil {
		return err
	}
	free, err := l.room(filepath.Dir(l.path))
	if err != nil {
		return fmt.Errorf("check the free space on the ledger's disk: %w", err)
	}
	if free < MinFree {
		return fmt.Errorf("%w: %.1f MB are free in %s, but a new order needs %d MB", purchase.ErrFull, float64(free)/(1<<20),
			l.path, MinFree>>20)
	}
	return nil
}

// Here implements purchase.Ledger. It returns an error that wraps purchase.ErrAway if the ledger's path no longer leads
// to the open file, by device and inode.
func (l *Ledger) Here(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.checkUsable(); err != nil {
		return err
	}
	if info, err := l.file.Stat(); err != nil || !sameFile(l.file, l.path, info) {
		return fmt.Errorf("%w: %s", purchase.ErrAway, l.path)
	}
	return nil
}

// Free returns how many bytes a program without special rights can still write to the file system of a folder.
func Free(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

// wrapNoSpace wraps err in purchase.ErrFull if it means a lack of space. bbolt returns some errors only as text.
func wrapNoSpace(err error) error {
	if !meansNoSpace(err) {
		return err
	}
	return fmt.Errorf("%w: %w", purchase.ErrFull, err)
}

// meansNoSpace reports whether err is the kernel's error for a lack of space, or has its text, and is not wrapped in
// purchase.ErrFull yet.
func meansNoSpace(err error) bool {
	if err == nil || errors.Is(err, purchase.ErrFull) {
		return false
	}
	return slices.ContainsFunc(noSpaceErrors, func(full syscall.Errno) bool {
		return errors.Is(err, full) || strings.Contains(err.Error(), full.Error())
	})
}

// noSpaceErrors are the kernel's errors for a lack of space: a full disk, a used-up quota, or a file at its size limit.
var noSpaceErrors = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

func isNoSpace(errno syscall.Errno) bool { return slices.Contains(noSpaceErrors, errno) }
