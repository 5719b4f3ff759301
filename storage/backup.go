package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// Backup copies the ledger at from, which no bot has open, to a new file. The error wraps ErrLocked when one has: then
// the bot itself can do it.
func Backup(ctx context.Context, from, to string) (Report, error) {
	b, err := OpenReadOnly(from)
	if err != nil {
		return Report{}, err
	}
	defer b.Close()
	return b.Backup(ctx, to)
}

// UnprovenEnding ends the name of a copy whose audit chain is broken, so that it is not mistaken for a good one.
const UnprovenEnding = ".unproven"

// Backup copies the ledger, as it is at this moment, to a new file of mode 0600, while the bot goes on. The copy is
// durable and verified when Backup returns nil, and there is no file otherwise. It overwrites nothing: when there is a
// file of that name, the error wraps fs.ErrExist.
//
// A ledger with a broken audit chain is copied all the same, since a bot goes on with it and what it bought has to be kept:
// the copy gets UnprovenEnding at the end of its name, and Report.Unproven says what is wrong. Whatever else is wrong is an
// error.
func (b *Bolt) Backup(ctx context.Context, to string) (Report, error) {
	report, err := b.backup(ctx, to)
	if err != nil {
		return Report{}, fmt.Errorf("back up the ledger to %s: %w", to, err)
	}
	report.Away = errors.Is(b.Here(ctx), purchase.ErrAway)
	return report, nil
}

func (b *Bolt) backup(ctx context.Context, to string) (report Report, err error) {
	if _, err := os.Lstat(to); err == nil { // asked again when the copy gets its name
		return report, fmt.Errorf("a backup never overwrites a file: %w", fs.ErrExist)
	}
	temp, err := tempBeside(to, "backup")
	if err != nil {
		return report, err
	}
	defer os.Remove(temp.Name())
	err = b.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(patient{ctx, temp})
		return err
	})
	if err := errors.Join(err, ctx.Err(), temp.Sync(), temp.Close()); err != nil {
		return report, err
	}
	copied, err := open(temp.Name(), true)
	if err == nil {
		report, err = copied.verify(ctx)
		err = errors.Join(err, copied.Close())
	}
	if fault, ok := errors.AsType[*Fault](err); ok && copied != nil && fault.OfChain() {
		report.Unproven = fault.Record() + " " + fault.What
		return report, giveName(temp.Name(), to+UnprovenEnding)
	}
	if err != nil {
		return report, fmt.Errorf("the copy is not in order, so it was discarded: %w", err)
	}
	return report, giveName(temp.Name(), to)
}

// patient writes until its context is done.
type patient struct {
	ctx context.Context
	to  io.Writer
}

func (p patient) Write(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.to.Write(b)
}
