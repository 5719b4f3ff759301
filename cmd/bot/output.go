package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"licensebot/internal/cli"
	"licensebot/internal/escape"
	"licensebot/purchase"
	"licensebot/storage"
)

// listing is how records of the ledger are printed: as a table for people, or for programs and spreadsheets.
type listing struct{ json, csv, bom bool }

// options adds the options of a subcommand that prints records.
func (l *listing) options(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&l.json, "json", false, "print a JSON object per line")
	cmd.Flags().BoolVar(&l.csv, "csv", false, "print comma-separated values with a header")
	cmd.Flags().BoolVar(&l.bom, "bom", false, "begin the CSV with a byte order mark, so that Excel reads it as UTF-8")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if l.json && l.csv {
			return fmt.Errorf("choose either --json or --csv: %w", cli.ErrUsage)
		}
		if l.bom && !l.csv {
			return fmt.Errorf("--bom needs --csv: %w", cli.ErrUsage)
		}
		return cli.NoArguments(cmd, args)
	}
}

// newCSV begins a table of comma-separated values.
func (l *listing) newCSV(out io.Writer, header ...string) (*csv.Writer, error) {
	if l.bom {
		if _, err := io.WriteString(out, "\ufeff"); err != nil {
			return nil, err
		}
	}
	w := csv.NewWriter(out)
	return w, w.Write(header)
}

// writeJSON prints one object per line, with nothing in it that does something to a terminal.
func writeJSON[T any](out io.Writer, all []T) error {
	encoder := json.NewEncoder(escape.NewWriter(out))
	for _, one := range all {
		if err := encoder.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

// readLedger runs read on the ledger. A running bot holds the ledger's lock; read then gets a copy, so that bookkeeping
// does not require stopping the bot.
func readLedger(ctx context.Context, path string, read func(purchase.Reader) error) error {
	ledger, err := storage.OpenReadOnly(path)
	switch {
	case errors.Is(err, storage.ErrLocked):
		return storage.ReadCopy(ctx, path, read)
	case isMissing(err):
		return noLedger(path)
	case err != nil:
		return err
	}
	return errors.Join(ledger.View(ctx, read), ledger.Close())
}

func noLedger(path string) error {
	return fmt.Errorf("there is no ledger at %s. The bot creates it when it first starts; DATABASE sets the path", path)
}

// isMissing reports whether a ledger could not be opened because there is none yet.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
