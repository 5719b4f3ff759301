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

// Backup copies the ledger at from to the new file to, as [Ledger.Backup] does. The error wraps [ErrLocked] if a bot
// has the ledger open; package control asks that bot for the backup.
func Backup(ctx context.Context, from, to string) (Report, error) {
	l, err := OpenReadOnly(from)
	if err != nil {
		return Report{}, err
	}
	defer l.Close()
	return l.Backup(ctx, to)
}

// UnprovenEnding is added to the name of a copy whose audit chain is broken, so that it is not mistaken for a good one.
const UnprovenEnding = ".unproven"

// Backup copies the current state of the ledger to the new file to, with mode 0600, while the bot continues. When it
// returns nil, the copy is durable and verified; otherwise there is no file. It never overwrites a file: the error
// wraps fs.ErrExist if to exists.
//
// A ledger with a broken audit chain is copied all the same, since the bot continues with it and its purchases must not
// be lost: the copy's name ends with [UnprovenEnding], and Report.Unproven says what is wrong. Any other damage is an
// error.
func (l *Ledger) Backup(ctx context.Context, to string) (Report, error) {
	report, err := l.backup(ctx, to)
	if err != nil {
		return Report{}, fmt.Errorf("back up the ledger to %s: %w", to, err)
	}
	report.Away = errors.Is(l.Here(ctx), purchase.ErrAway)
	return report, nil
}

func (l *Ledger) backup(ctx context.Context, to string) (report Report, err error) {
	if _, err := os.Lstat(to); err == nil { // linkFinal checks again
		return report, fmt.Errorf("a backup never overwrites a file: %w", fs.ErrExist)
	}
	temp, err := createTemp(to, "backup")
	if err != nil {
		return report, err
	}
	defer os.Remove(temp.Name())
	err = l.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(ctxWriter{ctx, temp})
		return err
	})
	if err := errors.Join(err, ctx.Err(), temp.Sync(), temp.Close()); err != nil {
		return report, err
	}
	copied, err := open(temp.Name(), true, nil)
	if err == nil {
		report, err = copied.verify(ctx, nil)
		err = errors.Join(err, copied.Close())
	}
	if fault, ok := errors.AsType[*RecordError](err); ok && copied != nil && fault.OfChain() {
		report.Unproven = fault.Record() + " " + fault.What
		return report, linkFinal(temp.Name(), to+UnprovenEnding)
	}
	if err != nil {
		return report, fmt.Errorf("the copy is damaged, so it was discarded: %w", err)
	}
	return report, linkFinal(temp.Name(), to)
}

// ctxWriter is a writer whose writes fail once its context is done.
type ctxWriter struct {
	ctx context.Context
	to  io.Writer
}

func (p ctxWriter) Write(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.to.Write(b)
}
