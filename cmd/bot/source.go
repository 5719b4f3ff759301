package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"licensebot/internal/control"
	"licensebot/internal/records"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

const (
	// filePage is how many records are read from the ledger's file at once: a running bot reads fewer at once, but here
	// each page opens the file.
	filePage = 5000
	// startPatience is how long a command waits for a bot that was started while the command read the file.
	startPatience = 30 * time.Second
	// largeCopy is from which size on a copy of the ledger is mentioned, in bytes: it takes time and space.
	largeCopy = 64 << 20
)

// withRecords calls do with the records of the ledger at path. They come from the running bot, through its control
// socket; if none runs, from the file. Only if a bot has the file and doesn't answer (an older version, or one without
// a socket), they come from a private copy, as the ledger was when it was copied; notes has a line about a large one.
//
// do may be called twice, and must print nothing before its first request has succeeded. If do has read something
// already, an error of a later request wraps control.ErrStopped, or says what else happened; nothing was read from two
// ledgers.
func withRecords(ctx context.Context, path string, notes io.Writer, do func(records.Source) error) error {
	file := &ledgerFile{path: path}
	err := do(&ledgerRecords{
		bot: control.NewRecords(control.Path(path)), file: file, fromFile: records.From(file.view, filePage),
	})
	if !errors.Is(err, errUnanswered) {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > largeCopy {
		fmt.Fprintf(notes, "The running bot doesn't answer this command, so its ledger of %d MB is copied first.\n",
			info.Size()>>20)
	}
	return storage.ReadCopy(ctx, path, func(r purchase.Reader) error {
		return do(records.From(reconcile.Snapshot{Reader: r}.View, filePage))
	})
}

// readSummary returns the summary of the ledger at path. It says nothing about a large copy.
func readSummary(ctx context.Context, path string) (sum records.Summary, err error) {
	err = withRecords(ctx, path, io.Discard, func(source records.Source) (err error) {
		sum, err = source.Summary(ctx)
		return err
	})
	return sum, err
}

// errUnanswered means that a bot has the ledger and doesn't answer, and that nothing was read yet.
var errUnanswered = errors.New("the running bot doesn't answer")

// ledgerRecords are the records of a ledger, whether a bot runs or not. A bot may be started while its file is read,
// and continues then: the logs that it appends to are the same.
type ledgerRecords struct {
	bot      *control.Records
	byBot    bool // the bot has answered
	file     *ledgerFile
	fromFile records.Source
}

func (l *ledgerRecords) PurchaseRange(ctx context.Context, since, before time.Time) (records.Range, error) {
	return fromEither(ctx, l, func(s records.Source) (records.Range, error) { return s.PurchaseRange(ctx, since, before) })
}

func (l *ledgerRecords) Purchases(ctx context.Context, r records.Range) ([]purchase.Purchase, error) {
	return fromEither(ctx, l, func(s records.Source) ([]purchase.Purchase, error) { return s.Purchases(ctx, r) })
}

func (l *ledgerRecords) EventRange(ctx context.Context, since time.Time) (records.Range, error) {
	return fromEither(ctx, l, func(s records.Source) (records.Range, error) { return s.EventRange(ctx, since) })
}

func (l *ledgerRecords) Events(ctx context.Context, r records.Range, f records.Filter) (records.EventPage, error) {
	return fromEither(ctx, l, func(s records.Source) (records.EventPage, error) { return s.Events(ctx, r, f) })
}

func (l *ledgerRecords) Summary(ctx context.Context) (records.Summary, error) {
	return fromEither(ctx, l, func(s records.Source) (records.Summary, error) { return s.Summary(ctx) })
}

// fromEither asks the running bot, or reads the file if none runs.
func fromEither[T any](ctx context.Context, l *ledgerRecords, ask func(records.Source) (T,
	error),
) (answer T, err error) {
	began := time.Now()
	for try := 1; ; try++ {
		answer, err = ask(l.bot)
		switch {
		case err == nil && !l.byBot && l.file.isReplaced():
			return answer, l.file.errReplaced()
		case err == nil, l.byBot, ctx.Err() != nil:
			l.byBot = true
			return answer, err
		case errors.Is(err, control.ErrUnknownRequest), errors.Is(err, context.DeadlineExceeded):
			return answer, l.unanswered(err)
		case !errors.Is(err, control.ErrNotRunning) && !errors.Is(err, control.ErrOtherUser):
			return answer, err
		}
		if answer, err = ask(l.fromFile); !errors.Is(err, storage.ErrLocked) {
			return answer, err
		}
		// A bot has just been started or is ending; reading the file has waited a second for it.
		if l.file.info == nil && try > 1 || time.Since(began) > startPatience {
			return answer, l.unanswered(err)
		}
	}
}

// unanswered returns the error if a bot has the ledger and can't be asked.
func (l *ledgerRecords) unanswered(err error) error {
	if l.file.info == nil {
		return fmt.Errorf("%w: %w", errUnanswered, err)
	}
	return fmt.Errorf("a bot was started while its ledger was read, and it doesn't answer: %w", err)
}

// ledgerFile is a ledger's file that no bot has open. It is opened for each page and closed again: it is locked while
// it is open, and a bot that starts waits for the lock for a second only, while the reader of a command's output may
// pause for hours.
type ledgerFile struct {
	path string
	info os.FileInfo     // of the file that was read first; nil before
	last *storage.Ledger // as it was opened last, and closed; nil before
}

func (f *ledgerFile) view(ctx context.Context, read func(purchase.Reader) error) error {
	before, err := os.Stat(f.path)
	if isMissing(err) {
		return noLedger(f.path)
	} else if err != nil {
		return err
	}
	open := func() (*storage.Ledger, error) { return storage.OpenReadOnly(f.path) }
	if f.last != nil {
		open = f.last.Reopen // the pages of an unchanged file are checked once
	}
	ledger, err := open()
	if err != nil {
		return err
	}
	f.last = ledger
	if err := errors.Join(ledger.View(ctx, read), ledger.Close()); err != nil {
		return err
	}
	if f.info == nil {
		f.info = before
	}
	if f.isReplaced() {
		return f.errReplaced()
	}
	return nil
}

// isReplaced reports whether the path leads to another file than the one that was read.
func (f *ledgerFile) isReplaced() bool {
	if f.info == nil {
		return false
	}
	now, err := os.Stat(f.path)
	return err != nil || !os.SameFile(f.info, now)
}

func (f *ledgerFile) errReplaced() error {
	return fmt.Errorf("the ledger %s was replaced while it was read; run this again", f.path)
}
