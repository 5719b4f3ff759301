package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"licensebot/internal/cli"
)

// shells are the shells with completion, and how each loads the script.
var shells = []struct {
	name, install string
	write         func(root *cobra.Command, out io.Writer) error
}{
	{"bash", `source <(bot completion bash)                          # this session
bot completion bash >/etc/bash_completion.d/bot        # all sessions`, writeBashCompletion},
	{"zsh", `source <(bot completion zsh)                           # this session, after compinit
bot completion zsh >"${fpath[1]}/_bot"                 # all sessions`, (*cobra.Command).GenZshCompletion},
	{
		"fish", `bot completion fish | source                           # this session
bot completion fish >~/.config/fish/completions/bot.fish # all sessions`,
		func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) },
	},
}

// newCompletionCommand prints the script that completes commands and options in a shell.
func newCompletionCommand(c stdio) *cobra.Command {
	cmd := &cobra.Command{Use: "completion bash|zsh|fish", Short: "print a shell completion script"}
	for _, s := range shells {
		cmd.Long += fmt.Sprintf("%s:\n%s\n", s.name, s.install)
		cmd.ValidArgs = append(cmd.ValidArgs, s.name)
	}
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 1 {
			for _, s := range shells {
				if s.name == args[0] {
					return nil
				}
			}
		}
		return fmt.Errorf("the name of a shell is required: bash, zsh or fish: %w", cli.ErrUsage)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, s := range shells {
			if s.name == args[0] {
				return s.write(cmd.Root(), c.out)
			}
		}
		return nil
	}
	return cmd
}

// writeBashCompletion adds to cobra's script the functions that it needs from the package bash-completion, which
// servers often lack.
func writeBashCompletion(root *cobra.Command, out io.Writer) error {
	if err := root.GenBashCompletionV2(out, true); err != nil {
		return err
	}
	_, err := io.WriteString(out, bashAlone)
	return err
}

// bashAlone reads the words before the cursor in plain bash. COMP_WORDS would not do: it splits options and their
// values at "=" and ":".
const bashAlone = `
if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
    __bot_init_completion()
    {
        COMPREPLY=()
        local line=${COMP_LINE:0:COMP_POINT}
        read -ra words <<<"$line"
        if [[ $line == *[[:space:]] ]]; then words+=(''); fi
        cword=$((${#words[@]} - 1))
        cur=${words[cword]}
        prev=
        if ((cword > 0)); then prev=${words[cword-1]}; fi
    }
fi
`
