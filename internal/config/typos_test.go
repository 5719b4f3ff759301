package config

import "testing"

// Names that may be misspelled settings, and those of an ordinary machine.
func TestFindTypos(t *testing.T) {
	for name, want := range map[string]string{
		"MONTHY_BUDGET": "MONTHLY_BUDGET", "MONTHLYBUDGET": "MONTHLY_BUDGET", "BUDGET_MONTHLY": "MONTHLY_BUDGET",
		"monthly_budget": "MONTHLY_BUDGET",
		"BUYER":          "BUYERS", "ADMIN": "ADMINS", "APPROVER": "APPROVERS", "TIME_ZONE": "TIMEZONE", "MAX_MEMORY": "",
		"ORDERLIMIT":     "ORDER_LIMIT",
		"SLACK_BOTTOKEN": "SLACK_BOT_TOKEN", "SLACK_BOT": "SLACK_BOT_TOKEN", "AUTO_APPROVE": "AUTO_APPROVE_LIMIT",
		"APPROVALS_CHANNEL_ID": "APPROVALS_CHANNEL",
		"\ufeffBUYERS":         "BUYERS", "export BUYERS": "BUYERS", "BUYERS ": "BUYERS", "LICENSEBOT_BUYERS": "BUYERS",
		"COCALC-API-KEY": "COCALC_API_KEY", "COCALC_APIKEY": "COCALC_API_KEY",
		"PATH": "", "HOME": "", "USER": "", "TZ": "", "LANG": "", "DATABASE_URL": "", "TERM": "", "LOGNAME": "",
		"SSL_CERT_FILE": "", "HTTPS_PROXY": "", "PWD": "", "GOPATH": "",
	} {
		got := ""
		if found := findTypos([]string{name + "=x"}, Names()); len(found) == 1 {
			got = found[0].Meant
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	for _, name := range Names() {
		if found := findTypos([]string{name + "=x"}, Names()); len(found) > 0 {
			t.Errorf("%s: got the setting %s, want none", name, found[0].Meant)
		}
	}
}
