package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// createTemp creates a temporary file of mode 0600 in the folder of path. A file is written completely under such a
// name and then renamed in one step; the names begin with a dot, so that what a crash leaves behind is recognized.
func createTemp(path, what string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"."+what+"-*") // mode 0600
}

// linkFinal gives the complete file the name name, durably. The error wraps fs.ErrExist if a file has that name.
func linkFinal(complete, name string) error {
	if err := os.Link(complete, name); errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil { // a file system without hard links
		if _, err := os.Lstat(name); err == nil {
			return &os.LinkError{Op: "rename", Old: complete, New: name, Err: fs.ErrExist}
		}
		if err := os.Rename(complete, name); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes the names of a folder's files durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
