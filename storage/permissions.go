package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// explainPermissions adds to a permission error who owns the file or folder, as which user the program runs, and what
// to do. It returns other errors unchanged.
func explainPermissions(err error, path string) error {
	if errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: the file system of %s is mounted read-only. "+
			"Mount it for writing, or set DATABASE to another path", err, filepath.Dir(path))
	}
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	dir := filepath.Dir(path)
	for _, each := range []struct{ what, path string }{{"file", path}, {"folder", dir}} {
		info, statErr := os.Stat(each.path)
		if statErr != nil {
			continue
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok || int(owner.Uid) == os.Geteuid() && info.Mode().Perm()&0o200 != 0 {
			continue
		}
		if int(owner.Uid) == os.Geteuid() {
			return fmt.Errorf("%w: the %s %s has mode %04o, so the bot (user %d) can't write there. Run: chmod u+rwX %s",
				err, each.what, each.path, info.Mode().Perm(), os.Geteuid(), each.path)
		}
		return fmt.Errorf("%w: the %s %s belongs to user %d, but the bot runs as user %d. "+
			"Run: chown -R %d %s, or set DATABASE to another path",
			err, each.what, each.path, owner.Uid, os.Geteuid(), os.Geteuid(), dir)
	}
	return err
}
