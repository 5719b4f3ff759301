package storage

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// Report says what a ledger holds that was verified.
type Report struct {
	Schema    int
	Size      int64 // bytes that are in use
	Orders    int
	Purchases int
	// Head is the last audit record, whose Number says how many there are; a zero Event when there is none.
	Head purchase.Event
	// Unproven says what is wrong with the audit chain of a backup, as a sentence without its end; empty when the chain is in
	// order. Head is the last record before that then.
	Unproven string `json:",omitempty"`
	// Away says that a backup is of a ledger whose file is not under its name any more: it was moved, deleted or replaced
	// while the bot ran.
	Away bool `json:",omitempty"`
}

// Verify reads the whole ledger at path, also beside a running bot, as ReadCopy does. It checks the pages of the file,
// what bbolt checks itself, every record's checksum and content, the indexes, that no number is left out, and the audit
// chain: each record's own hash, and that it names the hash of the one before. What is wrong first is the error: a
// *Fault names a record; else it wraps ErrDamaged, ErrForeign or ErrNewer. Whether the records make sense together is
// purchase.CheckBooks's to say. A ledger that is in order is then given to read, in the same state.
func Verify(ctx context.Context, path string, read ...func(purchase.Reader) error) (report Report, err error) {
	err = withCopy(ctx, path, func(b *Bolt) error {
		if report, err = b.verify(ctx); err != nil {
			return fmt.Errorf("verify the ledger %s: %w", path, err)
		}
		for _, r := range read {
			if err := b.View(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	return report, err
}

// Verify checks an open ledger as the function of that name does.
func (b *Bolt) Verify(ctx context.Context) (Report, error) {
	report, err := b.verify(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify the ledger %s: %w", b.path, err)
	}
	return report, nil
}

// verifyFile is Verify for a file that no other program writes to.
func verifyFile(ctx context.Context, path string) (Report, error) {
	b, err := open(path, true)
	if err != nil {
		return Report{}, err
	}
	defer b.Close()
	return b.verify(ctx)
}

// verify checks what opening a ledger does not check already.
func (b *Bolt) verify(ctx context.Context) (report Report, err error) {
	err = b.view(func(tx *bbolt.Tx) (err error) {
		defer orDamage(&err)()
		report = Report{
			Size: tx.Size(), Orders: tx.Bucket(bucketOrders).Stats().KeyN,
			Purchases: tx.Bucket(bucketPurchases).Stats().KeyN,
		}
		if report.Schema, err = schema(tx); err != nil {
			return err
		}
		for wrong := range tx.Check() { // to its end, or its goroutine stays
			if err == nil {
				err = damaged("%v", wrong)
			}
		}
		if err != nil {
			return err
		}
		report.Head, err = checkChain(ctx, tx)
		return err
	})
	return report, err
}

// checkChain follows the audit records from the first one on.
func checkChain(ctx context.Context, tx *bbolt.Tx) (last purchase.Event, err error) {
	err = numbered(tx, bucketEvents, func(key []byte, e purchase.Event) error {
		if e.Number%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := sameNumber(bucketEvents, key, e.Number); err != nil {
			return err
		}
		if e.Prev != last.Hash {
			return bad(bucketEvents, key, "does not follow from the record before it: the chain is broken between them")
		}
		hash, err := Hash(e)
		if err != nil {
			return err
		}
		if hash != e.Hash {
			return bad(bucketEvents, key, "was changed after it was written: its hash is not that of what it says")
		}
		last = e
		return nil
	})
	return last, err
}
