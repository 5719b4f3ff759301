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

// Replacement is the result of [Replace].
type Replacement struct {
	Restored Report // describes the restored file
	Aside    string // path at which the previous ledger is kept; empty if there was none
}

// Replace replaces the ledger at path with a copy of the file from, and keeps the previous ledger under a new name that
// contains now. The previous ledger may be damaged or missing. prepare changes the copy before it gets the ledger's
// name, so that no bot ever starts with an unprepared copy.
//
// The file from is only read. Nothing is replaced if Replace returns an error: [ErrLocked] if a bot has the ledger
// open, the errors of [Verify] if from or the prepared copy is damaged, or the error of prepare. At every moment
// the ledger's path leads to either the previous ledger or the new one.
func Replace(ctx context.Context, path, from string, now time.Time,
	prepare func(purchase.Writer) error,
) (Replacement, error) {
	var done Replacement
	name, present, err := lockCurrent(path)
	if err != nil {
		return done, fmt.Errorf("restore the ledger %s: %w", path, err)
	}
	if present != nil {
		defer present.Close()
		if info, err := os.Stat(from); err == nil && sameFile(present, name, info) {
			return done, fmt.Errorf("restore the ledger %s: %s is the ledger itself", path, from)
		}
	}
	temp, err := createTemp(name, "restored")
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
	if done.Aside, err = swapIn(name, present, temp.Name(), now); err != nil {
		return Replacement{}, fmt.Errorf("restore the ledger %s: %w", path, err)
	}
	return done, nil
}

// lockCurrent locks the ledger that is to be replaced, whatever its content. It returns the path of the file itself,
// which differs if path is a symbolic link. The file is nil if there is none.
func lockCurrent(path string) (name string, present *os.File, err error) {
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
	if !sameFile(present, name, info) {
		present.Close()
		return "", nil, errReplaced
	}
	return name, present, nil
}

// prepareCopy runs prepare on the copy and verifies the result.
func prepareCopy(ctx context.Context, copied string, prepare func(purchase.Writer) error) error {
	// The backup itself stays, so no copy of its earlier schema is kept.
	if err := upgradeCopy(copied); err != nil {
		return err
	}
	l, err := open(copied, false, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(l.Update(ctx, prepare), l.Close()); err != nil {
		return err
	}
	_, err = verifyFile(ctx, copied)
	return err
}

// swapIn gives the current ledger a second name, and then its first name to the new ledger.
func swapIn(name string, present *os.File, complete string, now time.Time) (aside string, err error) {
	if present == nil {
		err := linkFinal(complete, name)
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%w: a ledger was just created there: %w", ErrLocked, err)
		}
		return "", err
	}
	if aside, err = setAside(name, present, now); err != nil {
		return "", fmt.Errorf("set the current one aside: %w", err)
	}
	if err := os.Rename(complete, name); err != nil {
		return "", err
	}
	return aside, syncDir(filepath.Dir(name))
}

// setAside gives the current ledger, durably, another name in the same folder, and returns that.
func setAside(name string, present *os.File, now time.Time) (string, error) {
	return addName(name, name+".before-restore-"+now.UTC().Format("20060102T150405Z"), present)
}

// addName gives the open file with the name name, durably, the second name wanted, or that with a number if there is
// such a file. Where the file system has no hard links it makes a copy. It returns the second name.
func addName(name, wanted string, file *os.File) (string, error) {
	second := wanted
	present, err := file.Stat()
	if err != nil {
		return "", err
	}
	for n := 2; ; n++ {
		if there, err := os.Lstat(second); err == nil && os.SameFile(there, present) {
			return second, syncDir(filepath.Dir(second)) // given by a program that was killed then
		}
		err := os.Link(name, second)
		if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without hard links
			err = copyCurrent(second, file)
		}
		if err == nil {
			return second, syncDir(filepath.Dir(second))
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		second = fmt.Sprintf("%s-%d", wanted, n)
	}
}

// copyCurrent copies the open file to a new one. The copy gets its name when it is complete.
func copyCurrent(aside string, present *os.File) error {
	f, err := createTemp(aside, "copy")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after linkFinal, no file needs that name
	_, err = io.Copy(f, io.NewSectionReader(present, 0, 1<<62))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return linkFinal(f.Name(), aside)
}
