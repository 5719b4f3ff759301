// Command bot is licensebot: it runs the bot, the demo, and the tools for whoever looks after it. One file holds one
// subcommand; this one only picks it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	_ "time/tzdata" // time zones for images that have none
)

// version is set when a release is built.
var version = "dev"

// console is the outside world of a subcommand.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// subcommand is one row of the table of what the program can do.
type subcommand struct {
	name, usage, summary string
	run                  func(ctx context.Context, args []string, c console) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"run", "bot run", "run the bot; so does bot alone", runBot},
		{"demo", "bot demo [--addr 127.0.0.1:3000] [--data DIR] [--credit 1000] [--without-bot]", "try everything in a browser, with a simulated Slack and CoCalc", runDemo},
		{"check", "bot check", "check the settings, the tokens, the key and the ledger, and spend nothing", runCheck},
		{"manifest", "bot manifest [-name licensebot]", "print the Slack app manifest to paste", runManifest},
		{"quote", "bot quote 'ram=16 cpu=2'  |  bot quote --jsonl", "say what a license costs", runQuote},
		{"purchases", "bot purchases [--json|--csv [--bom]]", "print the purchase log", runPurchases},
		{"audit", "bot audit [--since DAY|DURATION] [--order ID] [--by USER] [--json|--csv [--bom]]", "print the audit records: who decided what, when and where, and what was refused", runAudit},
		{"verify", "bot verify [--online] [--head NUMBER:HASH] [--database FILE]", "check the ledger, or a copy of it, and with --online compare it with CoCalc", runVerify},
		{"backup", "bot backup FILE", "copy the ledger to a new file, also while the bot runs", runBackup},
		{"restore", "bot restore FILE [--yes]", "put a backup in the place of the ledger, which is kept aside (while no bot runs)", runRestore},
		{"resume", "bot resume REASON", "allow buying again after it was paused", runResume},
		{"version", "bot version", "print the version", runVersion},
	}
}

// errUsage is a command line that makes no sense; its words were printed.
var errUsage = errors.New("see 'bot help'")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once: the ledger can bear it
	os.Exit(execute(ctx, os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr}))
}

// execute runs a command line, says what went wrong, and returns the exit code: 0 when all is well, 2 when the command
// line or the settings have to be changed, 1 for everything else.
func execute(ctx context.Context, args []string, c console) int {
	err := run(ctx, args, c)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage), errors.Is(err, errSettings):
		fmt.Fprintln(c.err, "bot:", err)
		return 2
	}
	fmt.Fprintln(c.err, "bot:", err)
	return 1
}

// run picks the subcommand.
func run(ctx context.Context, args []string, c console) error {
	if len(args) == 0 {
		return runBot(ctx, nil, c)
	}
	if asksHelp(args[0]) {
		return printUsage(c.out)
	}
	for _, s := range subcommands() {
		if s.name != args[0] {
			continue
		}
		if len(args) > 1 && asksHelp(args[1]) {
			_, err := fmt.Fprintf(c.out, "%s\n    %s\n", s.usage, s.summary)
			return err
		}
		return s.run(ctx, args[1:], c)
	}
	return fmt.Errorf("there is no command %q: %w", args[0], errUsage)
}

func asksHelp(word string) bool {
	return slices.Contains([]string{"help", "-h", "-help", "--help"}, word)
}

func printUsage(w io.Writer) error {
	fmt.Fprintln(w, "licensebot buys and looks after CoCalc licenses from Slack.")
	fmt.Fprintln(w, "\nCommands:")
	for _, s := range subcommands() {
		fmt.Fprintf(w, "  %s\n      %s\n", s.usage, s.summary)
	}
	fmt.Fprintln(w, "\nSettings, from the environment, with their defaults:")
	return printSettings(w)
}

func runVersion(_ context.Context, _ []string, c console) error {
	_, err := fmt.Fprintln(c.out, version)
	return err
}
