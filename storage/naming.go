package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A file is made whole under another name in the folder where it belongs, and then gets its name in one step. What a
// crash leaves behind begins with a dot.
func tempBeside(path, what string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"."+what+"-*") // mode 0600
}

// giveName gives a whole file its name, durably. It replaces nothing: the error is fs.ErrExist when there is a file of
// that name.
func giveName(whole, name string) error {
	if err := os.Link(whole, name); errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil { // a file system without hard links
		if _, err := os.Lstat(name); err == nil {
			return &os.LinkError{Op: "rename", Old: whole, New: name, Err: fs.ErrExist}
		}
		if err := os.Rename(whole, name); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
