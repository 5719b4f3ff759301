// Package cli has what the command lines of bot and demo share: the errors of arguments and options, the help, exit
// codes and signals. Options are long and have two dashes.
//
// Start with [ExitCode], which maps the error of a command to the program's exit code, and [ErrUsage], which marks
// wrong arguments. [Text] prints such an error, and [UntilSignal] returns the context of the whole program.
package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ErrUsage ends the error of a wrong command line. A program replaces its text by the name of the help to read.
var ErrUsage = errors.New("see the help")

// Text returns the text of an error. For a wrong command line, it ends with help, which is the command line that prints
// the help.
func Text(err error, help string) string {
	if !errors.Is(err, ErrUsage) {
		return err.Error()
	}
	text, _ := strings.CutSuffix(err.Error(), ErrUsage.Error())
	return text + "see '" + help + "'"
}

// NoArguments refuses arguments of a command that takes only options.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments, but got %q: %w", cmd.CommandPath(), args[0], ErrUsage)
}

// FlagFault returns the error of an option in args, in plain words. err is pflag's error.
func FlagFault(args []string, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := "--" + unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			// pflag reads -name as one-letter options, and stops at the first unknown one
			name = "-" + short
			for _, arg := range args {
				if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, short) && len(arg) > 2 {
					return fmt.Errorf("options begin with two dashes: use -%s: %w", arg, ErrUsage)
				}
			}
		}
		return fmt.Errorf("unknown option %s: %w", name, ErrUsage)
	}
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("--%s %q: %w: %w", wrong.GetFlag().Name, wrong.GetValue(), wrong.Unwrap(), ErrUsage)
	}
	if bare, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Errorf("--%s needs a value: %w", bare.GetFlag().Name, ErrUsage)
	}
	return fmt.Errorf("%w: %w", err, ErrUsage)
}

// WriteHelp prints what a command does and its options.
func WriteHelp(out io.Writer, cmd *cobra.Command) {
	use := cmd.Use
	if cmd.HasParent() {
		use = cmd.Parent().CommandPath() + " " + use
	}
	fmt.Fprintf(out, "%s: %s\n\nUsage:\n  %s\n", cmd.CommandPath(), cmd.Short, use)
	if cmd.Long != "" {
		fmt.Fprintf(out, "\n%s\n", cmd.Long)
	}
	options := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			options.AddFlag(f)
		}
	})
	if options.HasFlags() {
		fmt.Fprintf(out, "\nOptions:\n%s", options.FlagUsages())
	}
}
