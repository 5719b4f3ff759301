// Command benchscale measures how the bot's times and its memory grow with its ledger: the start, the idle bot, and the
// commands that read the ledger. It prints a table in Markdown. `make bench-scale` runs it.
//
// With -load, it measures instead how they stay under a steady load of that length. `make bench-hour` runs it for an
// hour. docs/performance.md explains both tables.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"licensebot/internal/largeledger/firstschema"
	"licensebot/internal/largeledger/history"
)

// months is how long the measured ledgers go back.
const months = 24

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "benchscale:", err)
		stop()
		os.Exit(1)
	}
}

// bench is one run of the command.
type bench struct {
	sizes    []int
	runs     int
	baseMost int
	dir      string // for the ledgers and the program; removed at the end
	progress io.Writer
}

// program is a bot to measure.
type program struct {
	name, path string
	first      bool // it reads ledgers of the first schema
}

// run measures what the arguments name, and prints the table to out.
func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	flags := flag.NewFlagSet("benchscale", flag.ContinueOnError)
	flags.SetOutput(progress)
	sizes := flags.String("orders", "1000 10000 100000 1000000", "numbers of `ORDERS` in the ledgers")
	base := flags.String("base", "", "`PATH` of an older bot, which is measured with ledgers of the first schema")
	dir := flags.String("dir", "", "`DIR` for the ledgers; default: the system's folder for temporary files")
	length := flags.Duration("load", 0, "`DURATION` of a steady load, which is measured instead")
	interval := flags.Duration("every", time.Minute, "`DURATION` between two samples under load")
	b := bench{progress: progress}
	flags.IntVar(&b.runs, "runs", 5, "how often everything is measured; the table has the medians")
	flags.IntVar(&b.baseMost, "base-most", 100_000, "the largest number of orders with which the older bot is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, size := range strings.Fields(*sizes) {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 {
			return fmt.Errorf("-orders %q: %q is no number of orders", *sizes, size)
		}
		b.sizes = append(b.sizes, n)
	}
	if b.runs < 1 || len(b.sizes) == 0 || flags.NArg() > 0 {
		return fmt.Errorf("-runs %d, -orders %q, %q: got nothing to measure, or too much", b.runs, *sizes, flags.Args())
	}
	if b.dir, err = os.MkdirTemp(*dir, "benchscale"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if *length > 0 {
		return b.measureLoad(ctx, steadyLoad, *length, *interval, out)
	}
	programs := []program{{name: "this build", path: filepath.Join(b.dir, "bot")}}
	if err := build(ctx, programs[0].path, "-s -w"); err != nil {
		return err
	}
	if *base != "" {
		path, err := filepath.Abs(*base)
		if err != nil {
			return err
		}
		programs = append(programs, program{name: filepath.Base(path), path: path, first: true})
	}
	var rows []row
	for _, size := range b.sizes {
		measured := programs
		if size > b.baseMost {
			measured = programs[:1]
		}
		more, err := b.measure(ctx, measured, size)
		if err != nil {
			return fmt.Errorf("%d orders: %w", size, err)
		}
		rows = append(rows, more...)
	}
	writeTable(out, rows, b.runs)
	return nil
}

// build builds the bot as it is released, with flags of the linker.
func build(ctx context.Context, path, flags string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", flags, "-o", path, "licensebot/cmd/bot")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the bot: %w\n%s", err, text)
	}
	return nil
}

// measure writes a ledger for each program and measures the programs with them, several times in turn, so that what
// else the machine does meets all of them.
func (b *bench) measure(ctx context.Context, programs []program, orders int) (rows []row, err error) {
	var ledgers []string
	for i, p := range programs {
		fmt.Fprintf(b.progress, "%d orders: write the ledger of %s\n", orders, p.name)
		ledger := filepath.Join(b.dir, fmt.Sprintf("ledger-%d-%d.db", orders, i))
		defer func() { err = errors.Join(err, removeAll(ledger)) }()
		create := history.Create
		if p.first {
			create = firstschema.Create
		}
		o := history.Options{Orders: orders, Months: months, Until: time.Now(), Seed: 1}
		if err := create(ctx, ledger, o); err != nil {
			return nil, err
		}
		info, err := os.Stat(ledger)
		if err != nil {
			return nil, err
		}
		ledgers = append(ledgers, ledger)
		rows = append(rows, row{program: p.name, orders: orders, size: info.Size()})
	}
	for n := range b.runs {
		for i, p := range programs {
			fmt.Fprintf(b.progress, "%d orders: run %d of %d of %s\n", orders, n+1, b.runs, p.name)
			if err := rows[i].measure(ctx, p, ledgers[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return rows, nil
}

// measure adds one run of everything.
func (r *row) measure(ctx context.Context, of program, ledger string) error {
	s, err := measureStart(ctx, of, ledger)
	if err != nil {
		return err
	}
	r.starts = append(r.starts, s)
	for i, args := range commands {
		c, err := measureCommand(ctx, of.path, ledger, args...)
		if err != nil {
			return fmt.Errorf("%q: %w", args, err)
		}
		r.commands[i] = append(r.commands[i], c)
	}
	return nil
}

// commands are the commands that read the ledger.
var commands = [3][]string{{"verify"}, {"purchases", "--csv"}, {"audit", "--since", "30d", "--csv"}}

// removeAll removes a ledger and the files beside it that begin with its name.
func removeAll(ledger string) error {
	files, err := filepath.Glob(ledger + "*")
	for _, f := range files {
		err = errors.Join(err, os.RemoveAll(f))
	}
	return err
}
