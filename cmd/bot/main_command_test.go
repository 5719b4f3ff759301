package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// The first thing that somebody reads who runs the program without knowing it.
func TestHelp(t *testing.T) {
	environment(t, nil)
	want := does(t, "", "help")
	golden(t, "help.txt", want.out)
	for _, words := range [][]string{{"-h"}, {"--help"}} {
		if got := does(t, "", words...); got != want || got.code != 0 || got.err != "" {
			t.Errorf("%v: exit %d\n%s%s", words, got.code, got.out, got.err)
		}
	}
	for _, name := range settingNames() {
		if !strings.Contains(want.out, "  "+name+" ") {
			t.Errorf("the help does not name %s", name)
		}
	}
}

func TestHelpForACommand(t *testing.T) {
	for _, s := range subcommands() {
		got := does(t, "", s.name, "--help")
		if got.code != 0 || !strings.HasPrefix(got.out, s.usage+"\n") || !strings.Contains(got.out, s.summary) || got.err != "" {
			t.Errorf("%s: exit %d\n%s%s", s.name, got.code, got.out, got.err)
		}
	}
}

// 0: all is well. 1: it did not work out. 2: the command line or the settings have to be changed.
func TestExitCodes(t *testing.T) {
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
		{"a mistake in a license", []string{"quote", "ram=64 cpu=2"}, 1, "bot: `ram` must be a whole number of GB from 1 to 16, not 64.\n"},
		{"no ledger to read", []string{"purchases"}, 1, "bot: there is no ledger none.db: the bot makes it when it first starts, and DATABASE says where\n"},
		{"no ledger to resume", []string{"resume", "it was me"}, 1, "bot: there is no ledger none.db: the bot makes it when it first starts, and DATABASE says where\n"},
		{"no settings", nil, 2, "bot: the settings need mending:\nSLACK_BOT_TOKEN is not set: "},
		{"no settings to check", []string{"check"}, 2, "bot: the settings need mending:\nSLACK_BOT_TOKEN is not set: "},
		{"a command that is not there", []string{"buy"}, 2, `bot: there is no command "buy": see 'bot help'` + "\n"},
		{"an argument too many for run", []string{"run", "fast"}, 2, "bot: bot run takes no arguments: see 'bot help'\n"},
		{"an argument too many for check", []string{"check", "all"}, 2, "bot: bot check takes no arguments: see 'bot help'\n"},
		{"an argument too many for purchases", []string{"purchases", "all"}, 2, "bot: see 'bot help'\n"},
		{"two formats", []string{"purchases", "--json", "--csv"}, 2, "bot: see 'bot help'\n"},
		{"no reason", []string{"resume"}, 2, "bot: a reason is needed, for the audit: see 'bot help'\n"},
		{"no ledger to verify", []string{"verify"}, 1, "bot: there is no ledger none.db: "},
		{"no such copy to verify", []string{"verify", "--database", "other.db"}, 1, "bot: there is no file other.db\n"},
		{"an argument too many for verify", []string{"verify", "none.db"}, 2, "bot: see 'bot help'\n"},
		{"a head that is none", []string{"verify", "--head", "17"}, 2, "invalid value \"17\" for flag -head: a record is needed as it was told, NUMBER:HASH\n"},
		{"no ledger to back up", []string{"backup", "new.db"}, 1, "bot: there is no ledger none.db: "},
		{"no name for a backup", []string{"backup"}, 2, "bot: the name of one new file is needed: see 'bot help'\n"},
		{"an empty name for a backup", []string{"backup", ""}, 2, "bot: the name of one new file is needed: see 'bot help'\n"},
		{"two names for a backup", []string{"backup", "a.db", "b.db"}, 2, "bot: the name of one new file is needed: see 'bot help'\n"},
		{"nothing to restore", []string{"restore", "--yes"}, 2, "bot: the file of one backup is needed: see 'bot help'\n"},
		{"two files to restore", []string{"restore", "a.db", "b.db", "--yes"}, 2, "bot: the file of one backup is needed: see 'bot help'\n"},
		{"no such file to restore", []string{"restore", "a.db", "--yes"}, 1, "bot: there is no file a.db\n"},
		{"an option that restore does not have", []string{"restore", "a.db", "--force"}, 2, "flag provided but not defined: -force\n"},
		{"an option that is not there", []string{"quote", "--xml"}, 2, "flag provided but not defined: -xml\n"},
		{"words beside --jsonl", []string{"quote", "--jsonl", "ram=16"}, 2, "bot: see 'bot help'\n"},
		{"a demo for everybody", []string{"demo", "--addr", "0.0.0.0:3000"}, 2, `bot: --addr "0.0.0.0:3000": the demo is for this machine only, such as 127.0.0.1:3000: see 'bot help'` + "\n"},
		{"a demo on every address", []string{"demo", "--addr", ":3000"}, 2, `bot: --addr ":3000": the demo is for this machine only`},
		{"a demo without end of credit", []string{"demo", "--credit", "none"}, 2, `bot: --credit "none": `},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			environment(t, map[string]string{"DATABASE": "none.db"})
			got := does(t, "", c.args...)
			if got.code != c.code || !strings.HasPrefix(got.err, c.says) || (c.code == 0) != (got.err == "") {
				t.Errorf("exit %d, want %d; err:\n%s", got.code, c.code, got.err)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	if got := does(t, "", "version"); got.out != version+"\n" {
		t.Errorf("got %q", got.out)
	}
}

func TestManifestIsForPasting(t *testing.T) {
	got := does(t, "", "manifest", "-name", "Licenses & more")
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
		t.Fatalf("%v\n%s", err, got.out)
	}
	if m.Display.Name != "Licenses & more" || len(m.Feature.Slash) != 1 || m.Feature.Slash[0].Command != "/license" || !m.Setting.Socket {
		t.Errorf("got %s", got.out)
	}
}

// Who has just the program tries its name alone.
func TestRunIsTheDefault(t *testing.T) {
	environment(t, nil)
	if alone, run := does(t, ""), does(t, "", "run"); alone != run {
		t.Errorf("got %+v and %+v", alone, run)
	}
	names := []string{}
	for _, s := range subcommands() {
		names = append(names, s.name)
	}
	if slices.Contains(names, "help") {
		t.Error("help is both a word and a command")
	}
}

// A program that is told to stop before it has begun ends, and says so by ending well.
func TestStoppedBeforeItBegan(t *testing.T) {
	w := newTown(t)
	environment(t, w.settings(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run(ctx, []string{"run"}, console{strings.NewReader(""), &strings.Builder{}, &strings.Builder{}}); err != nil {
		t.Error(err)
	}
}
