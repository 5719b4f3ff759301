// Command mutants removes the safeguards of the program, one at a time, and checks that a test fails without each. A
// mutant names a declaration of the program, and an operator on its syntax tree, which finds its place by the
// expressions there. So the tables stay valid when a function moves to another file, lines are wrapped or comments are
// edited.
//
// Each mutant is a changed copy of one file, which the go command builds instead of the file (go test -overlay):
// nothing in the working tree changes. A mutant that no test notices is an error: a test is missing.
//
// Each mutant names the tests that must notice it, so a run takes minutes and shows which tests guard which safeguard.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	only := flag.String("only", "", "run the mutants alone whose names match this regular expression")
	together := flag.Int("together", 1, "how many mutants are run at once")
	within := flag.Duration("within", 90*time.Second, "how long one run of tests may take; longer counts as noticed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := mutate(ctx, os.Stdout, *only, *together, *within); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// mutate runs the mutants and prints a table of their outcomes. It returns an error if a mutant survived, could not be
// built, or was not run.
func mutate(ctx context.Context, out io.Writer, only string, together int, within time.Duration) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	var chosen []mutant
	for _, m := range table() {
		if pattern.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	began := time.Now()
	outcomes, err := runAll(ctx, chosen, together, within)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WITHOUT\tIN\tNOTICED BY\tSECONDS")
	caught, wrong := 0, 0
	for i, o := range outcomes {
		by := o.caughtBy
		switch {
		case o.err != nil:
			wrong++
			by = "ERROR: " + o.err.Error()
		case by == "":
			wrong++
			by = "NO TEST: it survived"
		default:
			caught++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.0f\n", chosen[i].name, chosen[i].in, by, o.took.Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d of %d mutants were noticed, in %s.\n", caught, len(chosen),
		time.Since(began).Round(time.Second))
	if wrong > 0 {
		return fmt.Errorf("%d mutants survived or could not be run", wrong)
	}
	return nil
}
