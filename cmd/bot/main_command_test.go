package main

import (
	"context"
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"

	"licensebot/internal/config"
	"licensebot/internal/processtest"
)

// The help is the first text that a new user reads.
func TestHelp_Program(t *testing.T) {
	processtest.Environment(t, nil)
	want := does(t, "", "help")
	golden(t, "help.txt", want.out)
	for _, words := range [][]string{{"-h"}, {"--help"}} {
		if got := does(t, "", words...); got != want || got.code != 0 || got.err != "" {
			t.Errorf("%v: got exit code %d\n%s%s\nwant the help of bot help, exit code 0", words, got.code, got.out, got.err)
		}
	}
	for _, name := range config.Names() {
		if !strings.Contains(want.out, "  "+name+" ") {
			t.Errorf("got a help without %s, want every command in it", name)
		}
	}
}

func TestHelp_Command(t *testing.T) {
	for _, cmd := range subcommands(stdio{}) {
		if cmd.Hidden {
			continue
		}
		name := cmd.Name()
		want := does(t, "", "help", name)
		if want.code != 0 || !strings.HasPrefix(want.out, "bot "+name+": "+cmd.Short+"\n\nUsage:\n  bot "+cmd.Use+"\n") ||
			want.err != "" {
			t.Errorf("%s: got exit code %d\n%s%s\nwant 0, and its name, summary and usage first", name, want.code, want.out,
				want.err)
		}
		for _, flag := range []string{"-h", "--help"} {
			if got := does(t, "", name, flag); got != want {
				t.Errorf("%s %s: got exit code %d\n%s%s\nwant what bot help prints", name, flag, got.code, got.out, got.err)
			}
		}
	}
	does(t, "", "help", "audit").says(t, 0, "--by USER", "--csv", "--json", "--month MONTH", "--order ID", "--since WHEN",
		"--until WHEN")
}

// Exit codes: 0 for success, 1 for a failure, 2 for a wrong command line or wrong settings.
func TestMain_ExitCodes(t *testing.T) {
	cases := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help", []string{"help"}, 0, ""},
		{"the version", []string{"version"}, 0, ""},
		{"the manifest", []string{"manifest"}, 0, ""},
		{"a price", []string{"quote", "ram=16 cpu=2"}, 0, ""},
		{"a mistake in a license", []string{"quote", "ram=64 cpu=2"}, 1, "bot: `ram` must be between 1 and 16 GB.\n"},
		{
			"no ledger to read",
			[]string{"purchases"},
			1,
			"bot: there is no ledger at none.db. The bot creates it when it first starts; DATABASE sets the path\n",
		},
		{
			"no ledger to resume",
			[]string{"resume", "it was me"},
			1,
			"bot: there is no ledger at none.db. The bot creates it when it first starts; DATABASE sets the path\n",
		},
		{"no settings", nil, 2, "bot: invalid configuration:\nCOCALC_URL: not set; "},
		{"no settings to check", []string{"check"}, 1, "bot: 5 checks failed\n"},
		{
			"the demo",
			[]string{"demo"},
			2,
			"bot: the demo is a program of its own, with the same options: in a checkout, run 'go run ./cmd/demo'\n",
		},
		{
			"the demo with its options",
			[]string{"demo", "--fresh", "--addr", "127.0.0.1:0"},
			2,
			"bot: the demo is a program of its own",
		},
		{"the help of the demo", []string{"demo", "--help"}, 2, "bot: the demo is a program of its own"},
		{"a command that is not there", []string{"buy"}, 2, `bot: unknown command "buy": see 'bot help'` + "\n"},
		{"a command with a slip", []string{"chek"}, 2, `bot: unknown command "chek". Did you mean 'check'? see 'bot help'` +
			"\n"},
		{
			"help for a command that is not there",
			[]string{"help", "buy"},
			2,
			`bot: unknown command "buy": see 'bot help help'` + "\n",
		},
		{"an option of the program that is not there", []string{"--fast"}, 2, "bot: unknown option --fast: see 'bot help'\n"},
		{
			"one dash",
			[]string{"manifest", "-name", "x"},
			2,
			"bot: options begin with two dashes: use --name: see 'bot help manifest'\n",
		},
		{
			"one dash before a letter that is an option",
			[]string{"-version"},
			2,
			"bot: options begin with two dashes: use --version: see 'bot help'\n",
		},
		{"an option without its value", []string{"audit", "--by"}, 2, "bot: --by needs a value: see 'bot help audit'\n"},
		{
			"a shell without completion",
			[]string{"completion", "tcsh"},
			2,
			"bot: the name of a shell is required: bash, zsh or fish: see 'bot help completion'\n",
		},
		{
			"a month and a day",
			[]string{"purchases", "--month", "2026-11", "--since", "1d"},
			2,
			"bot: --month can't be combined with --since or --until: see 'bot help purchases'\n",
		},
		{
			"an argument too many for run",
			[]string{"run", "fast"},
			2,
			"bot: bot run takes no arguments, but got \"fast\": see 'bot help run'\n",
		},
		{
			"an argument too many for check",
			[]string{"check", "all"},
			2,
			"bot: bot check takes no arguments, but got \"all\": see 'bot help check'\n",
		},
		{
			"an argument too many for purchases",
			[]string{"purchases", "all"},
			2,
			"bot: bot purchases takes no arguments, but got \"all\": see 'bot help purchases'\n",
		},
		{
			"two formats",
			[]string{"purchases", "--json", "--csv"},
			2,
			"bot: choose either --json or --csv: see 'bot help purchases'\n",
		},
		{"no reason", []string{"resume"}, 2, "bot: a reason is required: see 'bot help resume'\n"},
		{"no ledger to verify", []string{"verify"}, 1, "bot: there is no ledger at none.db. The bot creates it"},
		{"no such copy to verify", []string{"verify", "--database", "other.db"}, 1, "bot: there is no file other.db\n"},
		{
			"an argument too many for verify",
			[]string{"verify", "none.db"},
			2,
			"bot: bot verify takes no arguments, but got \"none.db\": see 'bot help verify'\n",
		},
		{
			"a head that is none",
			[]string{"verify", "--head", "17"},
			2,
			"bot: --head \"17\": use NUMBER:HASH, as you noted it: see 'bot help verify'\n",
		},
		{"no ledger to back up", []string{"backup", "new.db"}, 1, "bot: there is no ledger at none.db. The bot creates it"},
		{"no name for a backup", []string{"backup"}, 2, "bot: the name of a new file is required: see 'bot help backup'\n"},
		{
			"an empty name for a backup",
			[]string{"backup", ""},
			2,
			"bot: the name of a new file is required: see 'bot help backup'\n",
		},
		{
			"two names for a backup",
			[]string{"backup", "a.db", "b.db"},
			2,
			"bot: the name of a new file is required: see 'bot help backup'\n",
		},
		{"nothing to restore", []string{"restore", "--yes"}, 2, "bot: a backup file is required: see 'bot help restore'\n"},
		{
			"two files to restore",
			[]string{"restore", "a.db", "b.db", "--yes"},
			2,
			"bot: a backup file is required: see 'bot help restore'\n",
		},
		{"no such file to restore", []string{"restore", "a.db", "--yes"}, 1, "bot: there is no file a.db\n"},
		{
			"an option that restore does not have",
			[]string{"restore", "a.db", "--force"},
			2,
			"bot: unknown option --force: see 'bot help restore'\n",
		},
		{"an option that is not there", []string{"quote", "--xml"}, 2, "bot: unknown option --xml: see 'bot help quote'\n"},
		{"words beside --jsonl", []string{"quote", "--jsonl", "ram=16"}, 2, "bot: --jsonl reads licenses from standard " +
			"input and takes no arguments, but got \"ram=16\": see 'bot help quote'\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			processtest.Environment(t, map[string]string{"DATABASE": "none.db"})
			got := does(t, "", c.args...)
			if got.code != c.code || !strings.HasPrefix(got.err, c.says) || (c.code == 0) != (got.err == "") {
				t.Errorf("got exit code %d, error %q; want %d, %q", got.code, got.err, c.code, c.says)
			}
		})
	}
}

func TestVersion_Printed(t *testing.T) {
	want := does(t, "", "version")
	want.says(t, 0, "licensebot "+version+" (revision ", ", go1.")
	for _, flag := range []string{"--version", "-v"} {
		if got := does(t, "", flag); got != want {
			t.Errorf("%s: got exit code %d\n%s%s\nwant what bot version prints", flag, got.code, got.out, got.err)
		}
	}
}

// A build names the commit that it was made from, whether or not the go command could record it.
func TestVersion_Revision(t *testing.T) {
	noted := func(settings ...debug.BuildSetting) *debug.BuildInfo { return &debug.BuildInfo{Settings: settings} }
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0e4a2cf1c2d3e4f5061728394a5b6c7d8e9f0a1b"}
	for want, info := range map[string]*debug.BuildInfo{
		"":                   nil,
		"0e4a2cf1c2d3":       noted(commit, debug.BuildSetting{Key: "vcs.modified", Value: "false"}),
		"0e4a2cf1c2d3-dirty": noted(debug.BuildSetting{Key: "vcs.modified", Value: "true"}, commit),
	} {
		if got := revisionOf(info); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := describeBuild("v1.2", ""); !strings.HasPrefix(got, "licensebot v1.2 (revision unknown, go1.") {
		t.Error(got)
	}
}

func TestManifest_Printed(t *testing.T) {
	got := does(t, "", "manifest", "--name", "Licenses & more")
	var m struct {
		Display struct{ Name string } `json:"display_information"`
		Feature struct {
			Slash []struct{ Command string } `json:"slash_commands"`
		} `json:"features"`
		Setting struct {
			Socket bool `json:"socket_mode_enabled"`
		} `json:"settings"`
	}
	if err := json.Unmarshal([]byte(got.out), &m); err != nil {
		t.Fatalf("got error %v, want a manifest in JSON:\n%s", err, got.out)
	}
	if m.Display.Name != "Licenses & more" || len(m.Feature.Slash) != 1 || m.Feature.Slash[0].Command != "/license" ||
		!m.Setting.Socket {
		t.Errorf("got %s\nwant the name Licenses & more, the command /license and socket mode", got.out)
	}
}

// A new user runs the program without arguments.
func TestMain_NoCommand_Runs(t *testing.T) {
	processtest.Environment(t, nil)
	if alone, run := does(t, ""), does(t, "", "run"); alone != run {
		t.Errorf("bot alone: got %+v, want %+v, as bot run", alone, run)
	}
}

// A program that is stopped before it has begun ends, and exits with 0.
func TestMain_StoppedBeforeStart(t *testing.T) {
	env := newEnv(t)
	processtest.Environment(t, env.settings(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := stdio{strings.NewReader(""), &strings.Builder{}, &strings.Builder{}}
	if _, err := run(ctx, []string{"run"}, c); err != nil {
		t.Error(err)
	}
}
