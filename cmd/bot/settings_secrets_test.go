package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"licensebot/internal/config"
	"licensebot/internal/processtest"
)

// Docker and Kubernetes provide secrets as files, which end with a line break.
func TestSettings_SecretFiles(t *testing.T) {
	dir := t.TempDir()
	settings := map[string]string{}
	secrets := maps.Clone(needed)
	delete(secrets, "COCALC_URL")
	for name, value := range secrets {
		path := filepath.Join(dir, strings.ToLower(name))
		write(t, path, []byte(value+"\n"))
		settings[name+"_FILE"] = path
	}
	processtest.Environment(t, settings)
	c, err := config.Read()
	if err != nil || len(c.CheckSecrets()) > 0 || c.CheckKey() != nil {
		t.Fatalf("got %v, %v, %v; want no fault", err, c.CheckSecrets(), c.CheckKey())
	}
	var out bytes.Buffer
	log := c.Logger(&out)
	for name, value := range secrets {
		log.Error().Msg(name + " is " + value)
	}
	for _, value := range secrets {
		if strings.Contains(out.String(), value) {
			t.Errorf("got a secret of a file in the log, want it hidden: %s", out.String())
		}
	}
	for _, value := range c.InForce() {
		if strings.Contains(value, dir) {
			t.Errorf("got a secret's file in the audit, want none: %s", value)
		}
	}
}

func TestSettings_SecretFiles_Faults(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, []byte(text))
		return path
	}
	cases := []struct {
		name     string
		settings map[string]string
		says     string
	}{
		{
			"no such file",
			map[string]string{"COCALC_API_KEY_FILE": "/nowhere/key"},
			`COCALC_API_KEY_FILE: can't read "/nowhere/key": no such file or directory`,
		},
		{"a folder", map[string]string{"COCALC_API_KEY_FILE": dir}, "COCALC_API_KEY_FILE: can't read \"" + dir +
			`": is a directory`},
		{
			"the secret in the place of its file",
			map[string]string{"COCALC_API_KEY_FILE": "sk-secretCoCalcKey"},
			"COCALC_API_KEY_FILE: can't read [a secret]: no such file or directory",
		},
		{"an empty file", map[string]string{"SLACK_BOT_TOKEN_FILE": file("empty", "\n")}, `SLACK_BOT_TOKEN_FILE: "` + dir +
			`/empty" is empty`},
		{
			"a large file",
			map[string]string{"SLACK_BOT_TOKEN_FILE": file("large", strings.Repeat("xoxb-secret", 10_000))},
			`SLACK_BOT_TOKEN_FILE: "` + dir + `/large" is too large for a secret`,
		},
		{
			"another secret",
			map[string]string{"SLACK_APP_TOKEN_FILE": file("other", "xoxb-1-secretBotToken")},
			"SLACK_APP_TOKEN_FILE: doesn't begin with xapp-; ",
		},
		{
			"two lines",
			map[string]string{"SLACK_APP_TOKEN_FILE": file("two", "xapp-1-secret\nxapp-2-secret")},
			"SLACK_APP_TOKEN_FILE: has characters that no token has. Copy it again",
		},
		{
			"set in both ways",
			map[string]string{
				"COCALC_API_KEY":      "sk-secretCoCalcKey",
				"COCALC_API_KEY_FILE": file("key", "sk-secretCoCalcKey"),
			},
			"COCALC_API_KEY_FILE: COCALC_API_KEY is set too. Use only one of them",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			settings := withSettings(c.settings)
			for name := range c.settings {
				if bare, file := strings.CutSuffix(name, "_FILE"); file && c.settings[bare] == "" {
					delete(settings, bare)
				}
			}
			processtest.Environment(t, settings)
			got := does(t, "", "run")
			lines := strings.Split(strings.TrimSpace(got.err), "\n")
			if got.code != 2 || len(lines) != 2 || !strings.HasPrefix(lines[1], c.says) {
				t.Errorf("got exit code %d, error %q; want 2, %q alone", got.code, got.err, c.says)
			}
			if strings.Contains(strings.ReplaceAll(got.err, "[a secret]", ""), "-secret") {
				t.Errorf("got a secret in the error, want it hidden:\n%s", got.err)
			}
		})
	}
	t.Run("who reads the purchase log needs no secret", func(t *testing.T) {
		processtest.Environment(t, map[string]string{
			"COCALC_API_KEY_FILE": "/nowhere/key",
			"DATABASE":            filepath.Join(dir, "ledger.db"),
		})
		env := newEnv(t)
		env.buy(t, os.Getenv("DATABASE"), 0)
		if got := does(t, "", "purchases"); got.code != 0 {
			t.Errorf("got exit code %d, want 0: %s", got.code, got.err)
		}
	})
}
