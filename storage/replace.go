package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"licensebot/purchase"
)

// Replacement says what Replace did.
type Replacement struct {
	Restored Report // what the file holds that was restored
	Aside    string // where the ledger from before is kept now; empty when there was none
}

// Replace puts a copy of the file from in the place of the ledger at path, and keeps that one aside under a new name. The
// present ledger may be damaged, or missing. prepare runs on the copy before it gets the ledger's name, so that no bot
// ever starts with an unprepared one; with an error of its own nothing is replaced.
//
// The file from is only read. It is refused as Verify refuses it; the error is ErrLocked (wrapped) while a bot works
// with the ledger. The name of the ledger leads to the one from before or to the new one at every moment.
func Replace(ctx context.Context, path, from string, now time.Time, prepare func(purchase.Writer) error) (Replacement, error) {
	var done Replacement
	name, present, err := holdPresent(path)
	if err != nil {
		return done, fmt.Errorf("restore the ledger %s: %w", path, err)
	}
	if present != nil {
		defer present.Close()
		if info, err := os.Stat(from); err == nil && named(present, name, info) {
			return done, fmt.Errorf("restore the ledger %s: %s is the ledger itself", path, from)
		}
	}
	temp, err := tempBeside(name, "restored")
	if err != nil {
		return done, fmt.Errorf("restore the ledger %s: %w", path, err)
	}
	defer os.Remove(temp.Name())
	err = copyTo(ctx, temp, from)
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return done, fmt.Errorf("copy %s: %w", from, err)
	}
	if done.Restored, err = verifyFile(ctx, temp.Name()); err != nil {
		return Replacement{}, fmt.Errorf("can't restore %s: %w", from, err)
	}
	if err := prepareCopy(ctx, temp.Name(), prepare); err != nil {
		return Replacement{}, fmt.Errorf("prepare the copy of %s: %w", from, err)
	}
	if done.Aside, err = exchange(name, present, temp.Name(), now); err != nil {
		return Replacement{}, fmt.Errorf("restore the ledger %s: %w", path, err)
	}
	return done, nil
}

// holdPresent locks the ledger that is to be replaced, whatever its content. It answers the name of the file itself, where
// path is a link to it. The file is nil when there is none.
func holdPresent(path string) (name string, present *os.File, err error) {
	name, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return "", nil, err
	}
	if !info.Mode().IsRegular() {
		return "", nil, fmt.Errorf("%w: it is not a file", ErrForeign)
	}
	if present, err = os.Open(name); err != nil {
		return "", nil, err
	}
	if err := lock(present, syscall.LOCK_EX); err != nil {
		present.Close()
		return "", nil, err
	}
	if !named(present, name, info) {
		present.Close()
		return "", nil, errReplaced
	}
	return name, present, nil
}

// prepareCopy runs prepare on the copy, and verifies what it made of it.
func prepareCopy(ctx context.Context, copied string, prepare func(purchase.Writer) error) error {
	b, err := open(copied, false)
	if err != nil {
		return err
	}
	err = b.Update(ctx, prepare)
	if err := errors.Join(err, b.Close()); err != nil {
		return err
	}
	_, err = verifyFile(ctx, copied)
	return err
}

// exchange gives the present ledger a second name, and then its first one to the whole new ledger.
func exchange(name string, present *os.File, whole string, now time.Time) (aside string, err error) {
	if present == nil {
		err := giveName(whole, name)
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%w: a ledger was just created there: %w", ErrLocked, err)
		}
		return "", err
	}
	if aside, err = keepAside(name, present, now); err != nil {
		return "", fmt.Errorf("set the current one aside: %w", err)
	}
	if err := os.Rename(whole, name); err != nil {
		return "", err
	}
	return aside, syncDir(filepath.Dir(name))
}

// keepAside makes the present ledger durable under a new name beside its own.
func keepAside(name string, present *os.File, now time.Time) (string, error) {
	first := name + ".before-restore-" + now.UTC().Format("20060102T150405Z")
	aside := first
	for n := 2; ; n++ {
		err := os.Link(name, aside)
		if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without hard links
			err = copyAside(aside, present)
		}
		if err == nil {
			return aside, syncDir(filepath.Dir(aside))
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		aside = fmt.Sprintf("%s-%d", first, n)
	}
}

func copyAside(aside string, present *os.File) error {
	f, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(present, 0, 1<<62))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(aside) // half a copy; the ledger itself is where it was
		return err
	}
	return nil
}
