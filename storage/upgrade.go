package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"go.etcd.io/bbolt"
)

// Schema 2 has causes (codes with arguments) where schema 1 had sentences: in waits, holds, failures, pauses, notices
// and receipts. Package purchase reads records of both, so an upgrade changes no record: each gets its new form when it
// is written next, and audit records keep their bytes for ever. What an upgrade does is to mark the file, so that no
// older program reads causes as sentences that are empty, and to keep the file of before for those who go back.

// upgrade marks a ledger of an older schema as one of [SchemaVersion]. Before that it keeps the file as it was,
// durably, beside it (see [Ledger.Kept]). The error wraps purchase.ErrFull if there is no space for that; the ledger is
// then unchanged.
func (l *Ledger) upgrade() error {
	var version int
	err := l.db.View(func(tx *bbolt.Tx) (err error) {
		version, err = schema(tx)
		return err
	})
	if err != nil || version == SchemaVersion {
		return err
	}
	if l.kept, err = l.keep(version); err != nil {
		return fmt.Errorf("keep the file of schema version %d before the upgrade: %w", version, wrapNoSpace(err))
	}
	return l.markSchema()
}

// Kept returns the path of the file that [Open] kept because it upgraded the ledger; empty if it did not. That file is
// complete: an older program, or a restore, can use it.
func (l *Ledger) Kept() string { return l.kept }

// keep copies the ledger to a new file beside it, named after its schema version.
func (l *Ledger) keep(version int) (name string, err error) {
	temp, err := createTemp(l.path, "schema")
	if err != nil {
		return "", err
	}
	defer os.Remove(temp.Name())
	err = l.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(ctxWriter{context.Background(), temp})
		return err
	})
	if err := errors.Join(err, temp.Sync(), temp.Close(), checkKept(temp.Name())); err != nil {
		return "", err
	}
	first := fmt.Sprintf("%s.schema%d", l.path, version)
	name = first
	for n := 2; ; n++ { // an upgrade that was interrupted, or a ledger that was restored, has one already
		err := linkFinal(temp.Name(), name)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return name, err
		}
		name = fmt.Sprintf("%s-%d", first, n)
	}
}

// checkKept returns an error if a kept file is not in order: a damaged ledger is not written to. With a broken audit
// chain it is in order all the same, since the bot goes on with such a ledger.
func checkKept(name string) error {
	_, err := verifyFile(context.Background(), name)
	if fault, ok := errors.AsType[*RecordError](err); ok && fault.OfChain() {
		return nil
	}
	return err
}

// markSchema marks the file as one of SchemaVersion.
func (l *Ledger) markSchema() error {
	return l.enqueue(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(keySchema, strconv.AppendInt(nil, SchemaVersion, 10))
	})
}
