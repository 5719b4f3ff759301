// Command largeledger writes a ledger as a team would have filled it over some months, for measurements.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"licensebot/internal/largeledger/history"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "largeledger:", err)
		os.Exit(1)
	}
}

// run writes the ledger that the arguments describe, and prints its progress.
func run(ctx context.Context, args []string, progress io.Writer) error {
	flags := flag.NewFlagSet("largeledger", flag.ContinueOnError)
	flags.SetOutput(progress)
	out := flags.String("o", "", "`FILE` to write; it must not exist")
	number := flags.Int("orders", 1000, "how many orders people made")
	months := flags.Int("months", 24, "how many months ago the ledger began")
	seed := flags.Uint64("seed", 1, "seed of everything that is random")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, err := os.Lstat(*out); err == nil {
		return fmt.Errorf("%s exists", *out)
	}
	began := time.Now()
	o := history.Options{Orders: *number, Months: *months, Seed: *seed, Until: began}
	o.Progress = func(n int) {
		fmt.Fprintf(progress, "%d of %d orders after %.1f s\n", n, *number, time.Since(began).Seconds())
	}
	return history.Create(ctx, *out, o)
}
