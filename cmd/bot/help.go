package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"licensebot/internal/cli"
	"licensebot/internal/config"
)

// newHelpCommand prints the help of the program or of one command.
func newHelpCommand(c stdio) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "show this help, or the options of a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begin string) (names []string,
			_ cobra.ShellCompDirective,
		) {
			for _, sub := range cmd.Root().Commands() {
				if len(args) == 0 && !sub.Hidden && strings.HasPrefix(sub.Name(), begin) {
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

// printUsage prints the commands and the settings of the program.
func printUsage(commands []*cobra.Command, out io.Writer) {
	fmt.Fprint(out, "licensebot: buy and manage CoCalc licenses from Slack.\n\nCommands:\n")
	for _, cmd := range commands {
		if cmd.Hidden {
			continue
		}
		fmt.Fprintf(out, "  bot %s\n      %s\n", cmd.Use, cmd.Short)
	}
	fmt.Fprintln(out, "\n'bot help COMMAND' shows the options of a command; 'bot --version' prints the version.")
	fmt.Fprintf(out, "\nExit codes: 0 success; 1 failure; 2 wrong arguments or settings; %d the ledger's disk failed, or "+
		"its file was overwritten:\n"+
		"restart the bot, and it continues with what the file holds.\n", cli.ExitLedgerFailed)
	fmt.Fprintln(out, "\nSettings, from the environment, with their defaults:")
	_ = config.WriteTable(out) // as with Fprintln above: help that can't be printed helps no one
}

// oneFile requires the name of a single file. what describes the file.
func oneFile(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return fmt.Errorf("%s is required: %w", what, cli.ErrUsage)
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
		return fmt.Errorf("unknown command %q. Did you mean '%s'? %w", word, strings.Join(near, "' or '"), cli.ErrUsage)
	}
	return fmt.Errorf("unknown command %q: %w", word, cli.ErrUsage)
}
