package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"licensebot/internal/config"
	"licensebot/internal/processtest"
)

// Every setting is accepted with the line ends of Windows and a byte order mark, and none with quotes.
func TestSettings_Read_CleansEveryValue(t *testing.T) {
	values := map[string]string{
		"SLACK_BOT_TOKEN": "xoxb-1-secretBotToken", "SLACK_APP_TOKEN": "xapp-1-secretAppToken",
		"COCALC_API_KEY": "sk-secretCoCalcKey",
		"SLACK_API_URL":  "https://slack.example/api/", "COCALC_URL": "https://cocalc.example", "DATABASE": "other.db",
		"LICENSE_DEFAULTS": "user=academic", "CHECKOUT_TIMEOUT": "1m", "SETTLE_AFTER": "20m", "LOG_LEVEL": "warn",
		"LOG_FORMAT": "console",
		"APPROVERS":  "U2,U3", "APPROVALS_CHANNEL": "C3",
	}
	for name, value := range strict {
		if values[name] == "" && !strings.HasPrefix(name, "APPROV") && name != "PERIODS" {
			values[name] = value
		}
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			all := withSettings(map[string]string{"APPROVERS": "U2,U3", "APPROVALS_CHANNEL": "C3"})
			all[name] = value
			processtest.Environment(t, all)
			plain := config.Load()
			all[name] = "\ufeff" + value + "\r\n"
			processtest.Environment(t, all)
			if got := config.Load(); got.Faults.Err() != nil || got.CheckSecrets().Err() != nil || shown(got) != shown(plain) {
				t.Errorf("with a byte order mark and a line end: got faults %v, %v\n%s\nwant none\n%s", got.Faults,
					got.CheckSecrets(), shown(got), shown(plain))
			}
			for _, quote := range []string{`"`, "'"} {
				all[name] = quote + value + quote
				processtest.Environment(t, all)
				got := does(t, "", "run")
				if got.code != 2 || strings.Count(got.err, "\n") != 2 ||
					!strings.Contains(got.err, name+": remove the quotes around the value") {
					t.Errorf("in quotes: got exit code %d, error %q; want 2, one line that says to remove them", got.code, got.err)
				}
			}
		})
	}
}

// shown returns every setting as it was read, for comparisons.
func shown(c config.Settings) string {
	var text strings.Builder
	for _, field := range config.Fields() {
		fmt.Fprintf(&text, "%s=%v\n", field.Tag.Get("envconfig"), reflect.ValueOf(c).FieldByIndex(field.Index))
	}
	return text.String()
}

// With quotes in its path, DATABASE would be a second, empty ledger.
func TestSettings_Database_Quoted(t *testing.T) {
	env := newEnv(t)
	dir := t.TempDir()
	t.Chdir(dir)
	processtest.Environment(t, env.settings(t, `DATABASE="ledger.db"`))
	does(t, "", "run").says(t, 2, "DATABASE: remove the quotes around the value")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got the files %v, want no second ledger; error %v", left, err)
	}
}

// A file of a secret is read like a setting, and its refusal does not repeat the secret.
func TestSettings_SecretFiles_CleanedOrRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for text, says := range map[string]string{
		"\ufeffsk-secretCoCalcKey\r\n": "",
		"\"sk-secretCoCalcKey\"\n":     "COCALC_API_KEY_FILE: \"" + path + "\": remove the quotes around the value",
	} {
		write(t, path, []byte(text))
		settings := withSettings(map[string]string{"COCALC_API_KEY_FILE": path})
		delete(settings, "COCALC_API_KEY")
		processtest.Environment(t, settings)
		c := config.Load()
		if err := c.CheckSecrets().Err(); says == "" && (err != nil || c.CoCalcAPIKey != "sk-secretCoCalcKey") ||
			says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: got the key %q and the error %v, want those of the case", text, c.CoCalcAPIKey, err)
		} else if err != nil && strings.Contains(err.Error(), "sk-") {
			t.Errorf("got the secret in the error, want it hidden: %v", err)
		}
	}
}

// A command that reads the ledger needs no settings for Slack or CoCalc.
func TestSettings_Commands_NeedOnlyTheirOwn(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	processtest.Environment(t, s)
	env.buy(t, s["DATABASE"], 1)
	backup := filepath.Join(t.TempDir(), "backup.db")
	wrong := map[string]string{
		"DATABASE": s["DATABASE"], "BUYERS": "alice", "ORDER_LIMIT": "much", "LOG_LEVEL": "all", "SLACK_API_URL": "?",
		"LICENSE_DEFAULTS":   "nonsense",
		"APPROVALS_REQUIRED": "none", "SLACK_BOT_TOKEN": "\"x\"", "SLACK_APP_TOKEN_FILE": "/nowhere",
		"COCALC_API_KEY_FILE": "/nowhere", "PERIODS": "weekly",
	}
	processtest.Environment(t, wrong)
	does(t, "", "purchases").says(t, 0, "1 license, $63.75")
	does(t, "", "audit", "--json").says(t, 0, `"kind":"purchased"`)
	does(t, "", "verify").says(t, 0, "audit records agree")
	does(t, "", "verify", "--online").says(t, 2, "COCALC_API_KEY_FILE: ")
	does(t, "", "backup", backup).says(t, 0, "is a verified copy of the ledger")
	does(t, "", "resume", "it was me").says(t, 0, "Buying wasn't paused.")
	does(t, "", "restore", backup, "--yes").says(t, 0, "Restored ")
	does(t, "", "quote", "ram=4 cpu=1").says(t, 2, "LICENSE_DEFAULTS: ")

	wrong["TIMEZONE"], wrong["DATABASE"] = "Vienna", `"x.db"`
	processtest.Environment(t, wrong)
	does(t, "", "verify", "--database", backup).says(t, 0, "audit records agree", "UTC")
	does(t, "", "purchases").says(t, 2, "DATABASE: remove the quotes around the value", "TIMEZONE: ")
	if got := does(t, "", "purchases"); strings.Contains(got.err, "BUYERS") {
		t.Errorf("got\n%s\nwant no setting that the command doesn't need, such as BUYERS", got.err)
	}
}
