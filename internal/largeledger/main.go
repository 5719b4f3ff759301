// Command largeledger writes a ledger as a team would have filled it over some months, for measurements:
//
//	go run ./internal/largeledger -orders 100000 -months 24 -o large.db
//
// With -schema 1, the ledger has the form of commit 0e4a2cf. The same seed and the same -until give the same ledger.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"licensebot/internal/largeledger/firstschema"
	"licensebot/internal/largeledger/history"
)

func main() {
	debug.SetGCPercent(400) // there is little to keep, and time counts
	if err := run(context.Background(), os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "largeledger:", err)
		os.Exit(1)
	}
}

// run writes the ledger that the arguments describe, and prints its progress.
func run(ctx context.Context, args []string, progress io.Writer) error {
	now := time.Now().UTC()
	flags := flag.NewFlagSet("largeledger", flag.ContinueOnError)
	flags.SetOutput(progress)
	out := flags.String("o", "", "`FILE` to write; it must not exist")
	number := flags.Int("orders", 1000, "how many orders people made")
	months := flags.Int("months", 24, "how many months ago the ledger began")
	seed := flags.Uint64("seed", 1, "seed of everything that is random")
	until := flags.String("until", now.Format(time.RFC3339), "the history's last `MOMENT`")
	schema := flags.Int("schema", 0, "1 for the form of commit 0e4a2cf; 0 for today's")
	if err := flags.Parse(args); err != nil {
		return err
	}
	end, err := time.Parse(time.RFC3339, *until)
	switch {
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *out == "":
		return errors.New("-o is missing")
	case *schema != 0 && *schema != 1:
		return fmt.Errorf("-schema %d: it is 0 or 1", *schema)
	}
	if _, err := os.Lstat(*out); err == nil {
		return fmt.Errorf("%s exists", *out)
	}
	o := history.Options{Orders: *number, Months: *months, Seed: *seed, Until: end}
	o.Progress = func(n int) {
		fmt.Fprintf(progress, "%d of %d orders after %.1f s\n", n, *number, time.Since(now).Seconds())
	}
	if *schema == 0 {
		return history.Create(ctx, *out, o)
	}
	return firstschema.Create(ctx, *out, o)
}
