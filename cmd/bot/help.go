package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newHelpCommand prints the help of the program or of one command.
func newHelpCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "show this help, or the options of a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begin string) (names []string, _ cobra.ShellCompDirective) {
			for _, sub := range cmd.Root().Commands() {
				if len(args) == 0 && strings.HasPrefix(sub.Name(), begin) {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), strings.Join(args, " "))
			}
			return about.Help()
		},
	}
}

// printHelp prints what a command does and its options.
func printHelp(cmd *cobra.Command, out io.Writer) {
	fmt.Fprintf(out, "%s: %s\n\nUsage:\n  bot %s\n", cmd.CommandPath(), cmd.Short, cmd.Use)
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

// printUsage prints the commands and the settings of the program.
func printUsage(commands []*cobra.Command, out io.Writer) {
	fmt.Fprint(out, "licensebot: buy and manage CoCalc licenses from Slack.\n\nCommands:\n")
	for _, cmd := range commands {
		fmt.Fprintf(out, "  bot %s\n      %s\n", cmd.Use, cmd.Short)
	}
	fmt.Fprintln(out, "\n'bot help COMMAND' shows the options of a command; 'bot --version' prints the version.")
	fmt.Fprintf(out, "\nExit codes: 0 success; 1 failure; 2 wrong arguments or settings; %d the ledger's disk failed, or its file was overwritten:\n"+
		"restart the bot, and it continues with what the file holds.\n", exitLedgerFailed)
	fmt.Fprintln(out, "\nSettings, from the environment, with their defaults:")
	printSettings(out)
}

// noArguments refuses arguments of a command that takes only options.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments, but got %q: %w", cmd.CommandPath(), args[0], errUsage)
}

// oneFile requires the name of a single file. what describes the file.
func oneFile(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return fmt.Errorf("%s is required: %w", what, errUsage)
		}
		return nil
	}
}

// knownCommand refuses an unknown command.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(root, args[0])
}

func unknownCommand(root *cobra.Command, word string) error {
	root.SuggestionsMinimumDistance = min(2, len(word)/4) // two typos turn any short word into another
	if near := root.SuggestionsFor(word); len(near) > 0 {
		return fmt.Errorf("unknown command %q. Did you mean '%s'? %w", word, strings.Join(near, "' or '"), errUsage)
	}
	return fmt.Errorf("unknown command %q: %w", word, errUsage)
}

// flagFault returns what is wrong with an option in args. Options are long and have two dashes.
func flagFault(args []string, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := "--" + unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			// pflag reads -name as one-letter options, and stops at the first unknown one
			name = "-" + short
			for _, arg := range args {
				if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, short) && len(arg) > 2 {
					return fmt.Errorf("options begin with two dashes: use -%s: %w", arg, errUsage)
				}
			}
		}
		return fmt.Errorf("unknown option %s: %w", name, errUsage)
	}
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("--%s %q: %w: %w", wrong.GetFlag().Name, wrong.GetValue(), wrong.Unwrap(), errUsage)
	}
	if bare, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Errorf("--%s needs a value: %w", bare.GetFlag().Name, errUsage)
	}
	return fmt.Errorf("%w: %w", err, errUsage)
}
