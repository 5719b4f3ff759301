package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/slacksim"
	"licensebot/storage"
)

// What bot check finds out, line by line, without spending anything.
func TestCheck(t *testing.T) {
	cases := []struct {
		name     string
		settings []string
		prepare  func(t *testing.T, w *town, s map[string]string)
		code     int
		says     []string
	}{
		{"all is well", nil, nil, 0, []string{
			"✓ Slack bot token: ", "✓ Slack app token: Socket Mode is on\n", "✓ CoCalc key sk-…", ": account ", "✓ CoCalc store: $1,000.00 of credit\n",
			"✓ ledger: ", "does not exist yet; the bot makes it\n", "✓ buyers: everybody in the workspace\n",
			"✓ admins: none; unknown orders cannot be settled in Slack, and `bot resume` ends a pause\n", "✓ limits: $200.00 per order, $1,000.00 per month\n",
		}},
		{"with a ledger, two buyers, an admin and no limits", []string{"BUYERS=U1,U2", "ADMINS=U1", "ORDER_LIMIT=none", "MONTHLY_BUDGET=none"},
			func(t *testing.T, w *town, s map[string]string) { keepLedger(t, s["DATABASE"]) }, 0,
			[]string{"ledger.db can be read\n", "✓ buyers: 2\n", "✓ admins: 1\n", "✓ limits: no limit per order, no limit per month\n"}},
		{"while a bot runs", nil, func(t *testing.T, w *town, s map[string]string) {
			ledger, err := storage.Open(s["DATABASE"])
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ledger.Close() })
		}, 0, []string{"ledger.db is in use by a running bot\n"}},
		{"a wrong bot token", []string{"SLACK_BOT_TOKEN=xoxb-wrong-wrong"}, nil, 1,
			[]string{"✗ Slack bot token: ", "Slack does not know the bot token (SLACK_BOT_TOKEN). Copy it again", "✓ Slack app token: ", "✓ CoCalc key"}},
		{"a wrong app token", []string{"SLACK_APP_TOKEN=xapp-wrong-wrong"}, nil, 1,
			[]string{"✓ Slack bot token: ", "✗ Slack app token: ", "SLACK_APP_TOKEN"}},
		{"scopes are missing", nil, func(t *testing.T, w *town, s map[string]string) {
			narrow := slacksim.New(slacksim.Options{App: slacksim.App{BotToken: w.slack.BotToken(), AppToken: w.slack.AppToken(), BotScopes: []string{"commands"}}})
			s["SLACK_API_URL"] = narrow.Start(t).APIURL
			if err := os.Setenv("SLACK_API_URL", s["SLACK_API_URL"]); err != nil {
				t.Fatal(err)
			}
		}, 1, []string{"✗ Slack bot token: the app lacks chat:write", "install it again from what `bot manifest` prints\n"}},
		{"no Slack there", []string{"SLACK_API_URL=http://127.0.0.1:1/api/"}, nil, 1,
			[]string{"✗ Slack bot token: there is no answer at http://127.0.0.1:1/api/\n", "✗ Slack app token: ", "✓ CoCalc key"}},
		{"no CoCalc there", []string{"COCALC_URL=http://127.0.0.1:1"}, nil, 1,
			[]string{"✓ Slack app token", "✗ CoCalc key sk-…", "CoCalc does not answer at http://127.0.0.1:1\n", "✓ buyers"}},
		{"a wrong key", []string{"COCALC_API_KEY=sk-wrongWrongWrong000001"}, nil, 1,
			[]string{"✗ CoCalc key …0001: CoCalc does not know COCALC_API_KEY"}},
		{"no licenses sold", nil, func(_ *testing.T, w *town, _ map[string]string) {
			w.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.NoLicensesSold})
		}, 1, []string{"✓ CoCalc key", "✗ CoCalc store: this CoCalc server does not sell licenses (any more): nothing can be bought with it\n"}},
		{"an older server", nil, func(_ *testing.T, w *town, _ map[string]string) {
			w.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.OlderServer})
		}, 0, []string{"✓ CoCalc store: an older one: no prices before checkout, no list of purchases to count\n"}},
		{"nobody may buy", []string{"BUYERS="}, nil, 1, []string{"✗ buyers: BUYERS is empty, so nobody may buy\n"}},
		{"a file that is no ledger", nil, func(t *testing.T, _ *town, s map[string]string) {
			if err := os.WriteFile(s["DATABASE"], []byte("dear diary"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 1, []string{"✗ ledger: "}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newTown(t)
			s := w.settings(t, c.settings...)
			environment(t, s)
			if c.prepare != nil {
				c.prepare(t, w, s)
			}
			settings, err := readConfig()
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err = check(t.Context(), settings, time.Second, &out)
			if (err != nil) != (c.code != 0) {
				t.Errorf("it ended with %v", err)
			}
			rest := out.String()
			for _, text := range c.says {
				_, after, found := strings.Cut(rest, text)
				if !found {
					t.Errorf("%q is not said, or not in its place:\n%s", text, out.String())
					break
				}
				rest = after
			}
			if bad := strings.Count(out.String(), "✗"); (bad > 0) != (c.code != 0) {
				t.Errorf("%d lines are bad:\n%s", bad, out.String())
			}
			for _, secret := range []string{s["SLACK_BOT_TOKEN"], s["SLACK_APP_TOKEN"], s["COCALC_API_KEY"]} {
				if strings.Contains(out.String(), secret) {
					t.Errorf("a secret is printed:\n%s", out.String())
				}
			}
			if len(w.account.Cart()) != 0 || w.account.Balance() != 100_000 || w.slack.Connected() != 0 {
				t.Error("it left something behind")
			}
		})
	}
}

// The command itself, from its settings to its exit code.
func TestCheckAsACommand(t *testing.T) {
	w := newTown(t)
	environment(t, w.settings(t))
	if got := does(t, "", "check"); got.code != 0 || strings.Count(got.out, "✓") != 8 {
		t.Errorf("exit %d\n%s%s", got.code, got.out, got.err)
	}
	environment(t, w.settings(t, "BUYERS=", "COCALC_API_KEY=sk-wrongWrongWrong"))
	if got := does(t, "", "check"); got.code != 1 || got.err != "bot: 2 of the checks failed\n" {
		t.Errorf("exit %d\n%s%s", got.code, got.out, got.err)
	}
}
