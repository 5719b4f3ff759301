package storage

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"
)

// An entry is cut out of its group, and a group goes with its last entry. What is not there is an error.
func TestRemoveFromGroup_Entries(t *testing.T) {
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	group, id := []byte("group"), ulid.ULID{1}
	err := l.db.Update(func(tx *bbolt.Tx) error {
		for _, entry := range []string{"aaa", "bbb", "ccc"} {
			if err := addToGroup(tx, bucketItemIndex, group, []byte(entry)); err != nil {
				return err
			}
		}
		for _, step := range []struct{ entry, left string }{{"bbb", "aaaccc"}, {"ccc", "aaa"}, {"aaa", ""}} {
			if err := removeFromGroup(tx, bucketItemIndex, group, []byte("abb"), id); !errors.Is(err, ErrDamaged) {
				t.Errorf("an entry that is not there: got error %v, want damage", err)
			}
			if err := removeFromGroup(tx, bucketItemIndex, group, []byte(step.entry), id); err != nil {
				return err
			}
			left, err := readGroup(tx.Bucket(bucketItemIndex), bucketItemIndex, group)
			if err != nil || string(left) != step.left {
				t.Errorf("without %s: got %q, error %v; want %q", step.entry, left, err, step.left)
			}
		}
		if value := tx.Bucket(bucketItemIndex).Get(group); value != nil {
			t.Errorf("the group without entries: got %q, want none", value)
		}
		return removeFromGroup(tx, bucketItemIndex, group, []byte("aaa"), id)
	})
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("a group that is not there: got error %v, want damage", err)
	}
}
