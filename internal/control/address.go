package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	// maxAddress is the length of a socket's path, in bytes, that every system accepts: macOS has room for 104 bytes,
	// Linux for 108.
	maxAddress = 100
	// maxName is the length of the socket's file name, in bytes, that still fits behind a short link to its folder.
	maxName = 48
)

// Path returns the path of the socket on which the bot with this ledger listens: the ledger's path with ".sock" at its
// end, after symbolic links are resolved. A file name of more than 48 bytes is replaced by a hash of it.
func Path(database string) string {
	target, err := filepath.EvalSymlinks(database)
	if err != nil { // the ledger does not exist yet
		target = database
	}
	if absolute, err := filepath.Abs(target); err == nil {
		target = absolute
	}
	name := filepath.Base(target) + ".sock"
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(name))
		name = ".licensebot-" + hex.EncodeToString(sum[:8]) + ".sock"
	}
	return filepath.Join(filepath.Dir(target), name)
}

// withShortPath calls do with a path to the same file that fits into a socket's address: path itself, or one through a
// symbolic link in a private temporary folder, which is removed afterwards. It returns do's error, or one of its own if
// the link can't be made or is too long as well.
func withShortPath(path string, do func(name string) error) error {
	if len(path) <= maxAddress {
		return do(path)
	}
	var failed error
	for _, parent := range []string{os.TempDir(), "/tmp"} { // TMPDIR may be long itself, or missing
		private, err := os.MkdirTemp(parent, "bot-") // mode 0700
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		defer os.RemoveAll(private)
		link := filepath.Join(private, "d")
		name := filepath.Join(link, filepath.Base(path))
		if len(name) > maxAddress {
			continue
		}
		if err := os.Symlink(filepath.Dir(path), link); err != nil {
			return err
		}
		return do(name)
	}
	if failed != nil {
		return failed
	}
	return fmt.Errorf("the path of the temporary folder %s is too long for a socket", os.TempDir())
}
