package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"licensebot/purchase"
)

// Doubts stores, in a file beside the ledger, the decisions of which the ledger can't say whether they were stored,
// because its disk failed. It implements purchase.Doubts and is safe for concurrent use.
type Doubts struct {
	path string
	mu   sync.Mutex
}

// DoubtsOf returns the doubts of the ledger at path, which are in the file path + ".doubts". It opens nothing.
func DoubtsOf(path string) *Doubts { return &Doubts{path: path + ".doubts"} }

// Keep implements purchase.Doubts.
func (d *Doubts) Keep(doubt purchase.Doubt) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.all()
	if err != nil {
		return err
	}
	temp, err := createTemp(d.path, "new")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // after the rename, no file has that name
	to := json.NewEncoder(temp)
	for _, each := range append(all, doubt) {
		err = errors.Join(err, to.Encode(each))
	}
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), d.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(d.path))
}

// All implements purchase.Doubts.
func (d *Doubts) All() ([]purchase.Doubt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all()
}

func (d *Doubts) all() (all []purchase.Doubt, err error) {
	data, err := os.ReadFile(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for lines := json.NewDecoder(bytes.NewReader(data)); lines.More(); {
		var doubt purchase.Doubt
		if err := lines.Decode(&doubt); err != nil {
			return nil, fmt.Errorf("read %s: %w", d.path, err)
		}
		all = append(all, doubt)
	}
	return all, nil
}

// Clear implements purchase.Doubts.
func (d *Doubts) Clear() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := os.Remove(d.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(d.path))
}
