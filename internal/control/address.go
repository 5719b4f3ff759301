package control

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

const (
	// longestAddress is what every system takes as the name of a socket: macOS has room for 104 bytes, Linux for 108.
	longestAddress = 100
	// longestName keeps the socket's name short enough to be reached by way of a short link to its folder.
	longestName = 48
)

// Path is where the bot with this ledger listens: beside the file, or beside the file that a link leads to.
func Path(database string) string {
	real, err := filepath.EvalSymlinks(database)
	if err != nil { // there is none yet
		real = database
	}
	if absolute, err := filepath.Abs(real); err == nil {
		real = absolute
	}
	name := filepath.Base(real) + ".sock"
	if len(name) > longestName {
		sum := sha256.Sum256([]byte(name))
		name = ".licensebot-" + hex.EncodeToString(sum[:8]) + ".sock"
	}
	return filepath.Join(filepath.Dir(real), name)
}

// shortened runs do with a name for path that fits into the address of a socket: path itself, or a way to it through a link
// in a private folder, which is gone afterwards.
func shortened(path string, do func(name string) error) error {
	if len(path) <= longestAddress {
		return do(path)
	}
	for _, parent := range []string{os.TempDir(), "/tmp"} { // TMPDIR may be long itself
		private, err := os.MkdirTemp(parent, "bot-") // mode 0700
		if err != nil {
			return err
		}
		defer os.RemoveAll(private)
		link := filepath.Join(private, "d")
		name := filepath.Join(link, filepath.Base(path))
		if len(name) > longestAddress {
			continue
		}
		if err := os.Symlink(filepath.Dir(path), link); err != nil {
			return err
		}
		return do(name)
	}
	return fmt.Errorf("the path of the temporary folder %s is too long for a socket", os.TempDir())
}
