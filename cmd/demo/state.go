package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// The demo's folder holds the bot's ledger and the simulators' state. One without the other would be a CoCalc that
// doesn't know the ledger's licenses, and a bot that rightly stops buying.
const (
	ledgerFile     = "licensebot.db"
	simulatorsFile = "simulators.db"
)

// savedState is the state of the simulated Slack and CoCalc between two demos.
type savedState struct {
	db *bbolt.DB // bbolt for its lock, and because a killed program leaves the last state complete
	// slack and cocalc are the snapshots of the last demo; nil: there was none.
	slack, cocalc []byte
	// previous is the folder that an earlier demo's ledger was moved to; empty: it is still in use.
	previous string

	mu     sync.Mutex
	failed error // the first snapshot that could not be written
}

var snapshots = []byte("snapshots")

// openState opens the folder for one demo at a time. If fresh is set, the demo starts over, and the earlier one's
// files are moved to a folder beside them. A ledger without the simulators' state comes from an older demo, or from no
// demo at all: it is moved aside without asking only in the demo's own folder.
func openState(o options, now time.Time) (*savedState, error) {
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return nil, fmt.Errorf("create the demo's folder: %w", err)
	}
	file := filepath.Join(o.data, simulatorsFile)
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{Timeout: time.Second})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("another demo is using %s: stop it, or use another folder with --data DIR", o.data)
	}
	if err != nil {
		return nil, fmt.Errorf("open the simulators' state: %w", err)
	}
	s := &savedState{db: db}
	if err := s.begin(o, now); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *savedState) begin(o options, now time.Time) error {
	if err := s.db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(snapshots); b != nil {
			s.slack, s.cocalc = clone(b.Get([]byte("slack"))), clone(b.Get([]byte("cocalc")))
		}
		return nil
	}); err != nil {
		return fmt.Errorf("read the simulators' state: %w", err)
	}
	ledger := filepath.Join(o.data, ledgerFile)
	_, err := os.Lstat(ledger)
	there := err == nil
	orphan := there && s.cocalc == nil
	if orphan && !o.fresh && o.data != defaultFolder() {
		return fmt.Errorf(
			"%s is a ledger without a simulated CoCalc: it is from an earlier demo, or not from a demo at all. "+
				"Use another folder with --data DIR, or start over with --fresh, which sets the ledger aside", ledger)
	}
	if !o.fresh && !orphan {
		return nil
	}
	s.slack, s.cocalc = nil, nil
	if there {
		if s.previous, err = setAside(o.data, now); err != nil {
			return err
		}
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		if tx.Bucket(snapshots) == nil {
			return nil
		}
		return tx.DeleteBucket(snapshots)
	})
}

// setAside moves the ledger and the log of an earlier demo into a new folder, and returns it. It deletes nothing.
func setAside(folder string, now time.Time) (string, error) {
	ledger := filepath.Join(folder, ledgerFile)
	// A running bot holds the ledger's lock, and would continue to write into the moved file.
	db, err := bbolt.Open(ledger, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if errors.Is(err, berrors.ErrTimeout) {
		return "", fmt.Errorf("a running bot is using %s: stop it first", ledger)
	}
	if err == nil { // an unreadable one is moved as well
		if err := db.Close(); err != nil {
			return "", fmt.Errorf("close the earlier ledger: %w", err)
		}
	}
	aside := filepath.Join(folder, "before-"+now.UTC().Format("20060102-150405.000"))
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", fmt.Errorf("set the earlier demo aside: %w", err)
	}
	for _, name := range []string{ledgerFile, logFile} {
		err := os.Rename(filepath.Join(folder, name), filepath.Join(aside, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("set the earlier demo aside: %w", err)
		}
	}
	return aside, nil
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// keep stores one of the snapshots. The demo reports a failure when it ends, since the simulators can't.
func (s *savedState) keep(name string) func([]byte) {
	return func(snapshot []byte) {
		err := s.db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(snapshots)
			if err != nil {
				return err
			}
			return b.Put([]byte(name), snapshot)
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil && s.failed == nil {
			s.failed = fmt.Errorf("save the simulators' state in %s: %w", s.db.Path(), err)
		}
	}
}

// close closes the file. Its error is the first snapshot that could not be written.
func (s *savedState) close() error {
	err := s.db.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.failed, err)
}
