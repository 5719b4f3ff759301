// Command bot is licensebot: it runs the bot, which is the default, and the operator's tools. `bot help` lists the
// subcommands and the settings. Each subcommand has a file of its name; main.go only selects it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	_ "time/tzdata" // time zones for images that have none

	"github.com/spf13/cobra"

	"licensebot/internal/cli"
	"licensebot/internal/failpoint"
)

// stdio has the streams of a subcommand.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// subcommands returns the program's subcommands, in the order of its help.
func subcommands(c stdio) []*cobra.Command {
	return []*cobra.Command{
		newRunCommand(c), newDemoCommand(), newCheckCommand(c), newManifestCommand(c), newQuoteCommand(c),
		newPricesCommand(c),
		newPurchasesCommand(c), newMigrateReportCommand(c), newAuditCommand(c), newVerifyCommand(c), newBackupCommand(c),
		newRestoreCommand(c), newResumeCommand(c), newVersionCommand(c), newCompletionCommand(c), newHelpCommand(c),
	}
}

// exitError ends the program with its own exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func main() {
	if err := failpoint.Enable(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "bot:", err)
		os.Exit(2)
	}
	os.Exit(execute(cli.UntilSignal(), os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// execute runs a command line, prints what went wrong, and returns the exit code: the one of [cli.ExitCode], unless the
// command decides otherwise.
func execute(ctx context.Context, args []string, c stdio) int {
	command, err := run(ctx, args, c)
	if err == nil {
		return 0
	}
	fmt.Fprintln(c.err, "bot:", cli.Text(err, helpLine(command)))
	if exit, ok := errors.AsType[*exitError](err); ok {
		return exit.code
	}
	return cli.ExitCode(err)
}

// helpLine is the command line that prints the help of a command.
func helpLine(command *cobra.Command) string {
	if command == nil || !command.HasParent() {
		return "bot help"
	}
	return "bot help " + command.Name()
}

// run selects the subcommand and runs it.
func run(ctx context.Context, args []string, c stdio) (*cobra.Command, error) {
	root := newRoot(c)
	root.SetArgs(append([]string{}, args...)) // nil would mean the arguments of the process to cobra
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.FlagFault(args, err) })
	began := false
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	command, err := root.ExecuteContextC(ctx)
	if err != nil && !began && !errors.Is(err, cli.ErrUsage) { // cobra itself refused the command line
		err = fmt.Errorf("%w: %w", err, cli.ErrUsage)
	}
	return command, err
}

// newRoot is the program without a subcommand: it runs the bot.
func newRoot(c stdio) *cobra.Command {
	root := &cobra.Command{
		Use: "bot", Short: "Buy and manage CoCalc licenses from Slack.", Version: versionLine(), Args: knownCommand,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBot(cmd.Context(), c) },
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.DisableDefaultCmd = true
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	all := subcommands(c)
	root.AddCommand(all...)
	root.SetHelpCommand(all[len(all)-1])
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		if cmd.HasParent() {
			cli.WriteHelp(c.out, cmd)
		} else {
			printUsage(all, c.out)
		}
	})
	return root
}
