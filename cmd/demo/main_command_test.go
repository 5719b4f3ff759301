package main

import (
	"path/filepath"
	"strings"
	"testing"

	"licensebot/internal/goldenfile"
	"licensebot/internal/processtest"
)

func TestExecute_Help(t *testing.T) {
	path := filepath.Join("testdata", "help.txt")
	home := filepath.Dir(defaultFolder())
	for _, option := range []string{"--help", "-h"} {
		got := does(t, option)
		if got.code != 0 || got.err != "" {
			t.Fatalf("%s: got exit code %d, want 0: %s", option, got.code, got.err)
		}
		text := strings.ReplaceAll(got.out, home, "CACHE")
		goldenfile.Compare(t, path, text)
	}
}

// A wrong command line or setting ends the demo with exit code 2 and says what to write.
func TestExecute_ExitCode(t *testing.T) {
	cases := []struct {
		name     string
		settings map[string]string
		args     []string
		want     string
	}{
		{
			"an address of all machines", nil,
			[]string{"--addr", "0.0.0.0:3000"},
			`demo: --addr "0.0.0.0:3000": use an address on this machine, such as 127.0.0.1:3000: see 'demo --help'` + "\n",
		},
		{
			"an address without a host", nil,
			[]string{"--addr", ":3000"},
			`demo: --addr ":3000": use an address on this machine`,
		},
		{"credit without end", nil, []string{"--credit", "none"}, `demo: --credit "none": `},
		{
			"another kind of CoCalc", nil,
			[]string{"--cocalc", "newest"},
			`demo: --cocalc "newest": write successor or moved: see 'demo --help'` + "\n",
		},
		{"an unknown option", nil, []string{"--fast"}, "demo: unknown option --fast: see 'demo --help'\n"},
		{"one dash", nil, []string{"-fresh"}, "demo: options begin with two dashes: use --fresh: see 'demo --help'\n"},
		{"an option without its value", nil, []string{"--data"}, "demo: --data needs a value: see 'demo --help'\n"},
		{
			"an argument", nil,
			[]string{"help"},
			`demo: demo takes no arguments, but got "help": see 'demo --help'` + "\n",
		},
		{
			"a wrong setting",
			map[string]string{"ORDER_LIMIT": "much"},
			nil,
			"demo: invalid configuration:\nORDER_LIMIT: \"much\": use an amount in dollars",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			processtest.Environment(t, c.settings)
			args := c.args
			if args == nil {
				args = []string{"--addr", "127.0.0.1:0", "--data", t.TempDir()}
			}
			if got := does(t, args...); got.code != 2 || !strings.HasPrefix(got.err, c.want) {
				t.Errorf("got exit code %d, %q, want 2, %q", got.code, got.err, c.want)
			}
		})
	}
}
