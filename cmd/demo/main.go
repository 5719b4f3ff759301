// Command demo runs the bot with a simulated Slack and a simulated CoCalc, for a browser on this machine. The bot is
// the code of production, with other addresses.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	_ "time/tzdata" // time zones for machines that have none

	"github.com/spf13/cobra"

	"licensebot/internal/cli"
)

// stdio has the streams that the demo prints to.
type stdio struct{ out, err io.Writer }

func main() {
	os.Exit(execute(cli.UntilSignal(), os.Args[1:], stdio{os.Stdout, os.Stderr}))
}

// execute runs a command line, prints what went wrong, and returns the exit code.
func execute(ctx context.Context, args []string, c stdio) int {
	cmd := newCommand(c)
	cmd.SetArgs(append([]string{}, args...)) // nil would mean the arguments of the process to cobra
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.FlagFault(args, err) })
	err := cmd.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(c.err, "demo:", cli.Text(err, "demo --help"))
	}
	return cli.ExitCode(err)
}

// newCommand returns the demo's command line.
func newCommand(c stdio) *cobra.Command {
	var o options
	var credit string
	cmd := &cobra.Command{
		Use: "demo [--addr HOST:PORT] [--data DIR] [--credit DOLLARS] [--history MONTHS] [--fresh] [--cocalc KIND] " +
			"[--without-bot]",
		Short: "try everything in a browser, with a simulated Slack and CoCalc",
		Args:  cli.NoArguments, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(credit); err != nil {
				return err
			}
			return run(cmd.Context(), o, c)
		},
	}
	cmd.SetOut(c.out)
	cmd.SetErr(c.err)
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { cli.WriteHelp(c.out, cmd) })
	flags := cmd.Flags()
	flags.StringVar(&o.addr, "addr", "127.0.0.1:3000", "`HOST:PORT` of the page, on this machine")
	flags.StringVar(&o.data, "data", defaultFolder(),
		"`DIR` for the ledger, the log and the simulators; the next demo continues from there")
	flags.StringVar(&credit, "credit", startCredit, "`DOLLARS` of credit that the CoCalc account starts with")
	flags.IntVar(&o.history, "history", 0,
		"`MONTHS` before the demo in which its people bought licenses, for a demo that starts with a past")
	flags.BoolVar(&o.fresh, "fresh", false, "start over; the previous demo's ledger is moved to a folder beside it")
	flags.StringVar(&o.cocalc, "cocalc", "", "`KIND` of CoCalc server: successor (sells only memberships) or moved "+
		"(redirects to another host); default: one that sells licenses")
	flags.BoolVar(&o.withoutBot, "without-bot", false,
		"start only Slack and CoCalc, and print the settings to connect to them")
	return cmd
}
