package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"licensebot/internal/processtest"
)

// A shell with the script completes commands, options and their values; bash also without the package bash-completion.
func TestCompletion_Shells(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(os.Args[0], filepath.Join(bin, "bot")); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		typed string
		want  []string // what is offered, among others
		never string
	}{
		{"bot ver", []string{"verify", "version"}, "check"},
		{"bot migrate-report --", []string{"--at", "--csv", "--json"}, "--since"},
		{"bot verify --", []string{"--online", "--head", "--database"}, "--csv"},
		{"bot completion ", []string{"bash", "zsh", "fish"}, "--"},
		{"bot help re", []string{"restore", "resume"}, "run"},
		{"bot audit --since 2026-11-01T15:04:05Z --b", []string{"--by"}, "--order"},
	}
	scripts := map[string]func(typed string) []string{
		"bash": func(typed string) []string {
			return []string{"bash", "--norc", "--noprofile", "-c", `
eval "$(bot completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
read -ra COMP_WORDS <<<"$1"
if [[ $1 == *" " ]]; then COMP_WORDS+=(""); fi
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }
__start_bot && printf '%s\n' "${COMPREPLY[@]%% *}"`, "bash", typed}
		},
		"fish": func(typed string) []string {
			return []string{
				"fish", "--no-config", "-c",
				`bot completion fish | source; complete -C $argv[1] | string split -f1 \t; true`, typed,
			}
		},
		"zsh": func(typed string) []string { // _describe is where the script hands over to zsh's line editor
			return []string{"zsh", "-f", "-c", `
compdef() { }
_describe() { print -rl -- "${completions[@]%%:*}" }
eval "$(bot completion zsh)"
words=("${(s: :)1}"); if [[ $1 == *" " ]]; then words+=(""); fi
CURRENT=${#words}
_bot`, "zsh", typed}
		},
	}
	for shell, command := range scripts {
		t.Run(shell, func(t *testing.T) {
			for _, c := range cases {
				args := command(c.typed)
				run := exec.Command(args[0], args[1:]...)
				run.Env = []string{
					"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GORACE=" + os.Getenv("GORACE"),
					processtest.AsProgram + "=1",
				}
				out, err := run.CombinedOutput()
				offered := strings.Fields(string(out))
				if err != nil {
					t.Errorf("%q: got the error %v, want none\n%s", c.typed, err, out)
				}
				for _, word := range c.want {
					if !slices.Contains(offered, word) {
						t.Errorf("%q: got the offers %q, want %s among them", c.typed, offered, word)
					}
				}
				if slices.Contains(offered, c.never) {
					t.Errorf("%q: got the offer %s, want it left out", c.typed, c.never)
				}
			}
		})
	}
}
