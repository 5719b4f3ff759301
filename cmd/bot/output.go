package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"licensebot/internal/cli"
	"licensebot/internal/escape"
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
	return streamJSON(out, func(yield func(T, error) bool) {
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
	})
}

// streamJSON prints records as writeJSON does, until one can't be read.
func streamJSON[T any](out io.Writer, all iter.Seq2[T, error]) error {
	encoder := json.NewEncoder(escape.NewWriter(out))
	for one, err := range all {
		if err == nil {
			err = encoder.Encode(one)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// outputBuffer is how many bytes of a command's output are written at once.
const outputBuffer = 64 << 10

// writeStream calls write with a buffered out. An error that comes when a part was printed says that the rest is
// missing: records are printed while they are read, since there can be more of them than fit the memory. It says that
// the command was interrupted if ctx is done.
func writeStream(ctx context.Context, out io.Writer, write func(io.Writer) error) error {
	counted := &countingWriter{w: out}
	buffered := bufio.NewWriterSize(counted, outputBuffer)
	err := write(buffered)
	err = errors.Join(err, buffered.Flush())
	if ctx.Err() != nil && err != nil {
		err = errors.New("it was interrupted")
	}
	if err != nil && counted.n > 0 {
		return fmt.Errorf("the output is incomplete: %w", err)
	}
	return err
}

// countingWriter counts the bytes that it writes.
type countingWriter struct {
	w io.Writer
	n int
}

func (c *countingWriter) Write(b []byte) (n int, err error) {
	n, err = c.w.Write(b)
	c.n += n
	return n, err
}

// columns are the widths of a table's columns, but the last, which nothing follows.
type columns []int

// measureColumns returns the widths of a table with these rows under a header, and the number of rows. It doesn't keep
// them: a caller iterates a second time to print them.
func measureColumns(header []string, rows iter.Seq2[[]string, error]) (c columns, n int, err error) {
	c = make(columns, len(header)-1)
	c.widen(header)
	for row, err := range rows {
		if err != nil {
			return nil, 0, err
		}
		c.widen(row)
		n++
	}
	return c, n, nil
}

func (c columns) widen(row []string) {
	for i := range c {
		c[i] = max(c[i], utf8.RuneCountInString(row[i]))
	}
}

// write prints the header and the rows, with two spaces between columns.
func (c columns) write(out io.Writer, header []string, rows iter.Seq2[[]string, error]) error {
	if err := c.writeRow(out, header); err != nil {
		return err
	}
	for row, err := range rows {
		if err == nil {
			err = c.writeRow(out, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c columns) writeRow(out io.Writer, row []string) error {
	for i, width := range c {
		if _, err := fmt.Fprintf(out, "%-*s  ", width, row[i]); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(out, row[len(c)])
	return err
}

func noLedger(path string) error {
	return fmt.Errorf("there is no ledger at %s. The bot creates it when it first starts; DATABASE sets the path", path)
}

// isMissing reports whether a ledger could not be opened because there is none yet.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
