package config

import (
	"strings"
	"testing"
)

// Values as docker's --env-file, Windows and word processors write them.
func TestCleanValue_CleansOrRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                "",
		"licensebot.db":                   "licensebot.db",
		"200\r":                           "200",
		" U1, U2 \r\n":                    "U1, U2",
		"\ufeffsk-key\r\n":                "sk-key",
		" \ufeff UTC":                     "UTC",
		`user="academic"`:                 `user="academic"`,
		`user=academic uptime="short"`:    `user=academic uptime="short"`,
		"title=“two words”":               "title=“two words”",
		"/srv/the team's/licensebot.db":   "/srv/the team's/licensebot.db",
		"/srv/the \"team\"/licensebot.db": "/srv/the \"team\"/licensebot.db",
	} {
		if got, err := cleanValue(raw); err != nil || got != want {
			t.Errorf("%q: got %q (error %v), want %q", raw, got, err, want)
		}
	}
	for _, raw := range []string{
		`"licensebot.db"`, "'licensebot.db'", `"licensebot.db`, `licensebot.db"`, "“U1”", "„U1“",
		`""`, `"`, "\"200\"\r", "\ufeff'x'", "`x`",
	} {
		if got, err := cleanValue(raw); err == nil || !strings.HasPrefix(err.Error(), "remove the quotes around the value") {
			t.Errorf("%q: got %q, error %v; want an error that says to remove the quotes", raw, got, err)
		}
	}
}
