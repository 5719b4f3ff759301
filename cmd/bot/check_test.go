package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rs/zerolog"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc/cocalctest"
	"licensebot/internal/app"
	"licensebot/internal/config"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
	"licensebot/storage"
)

// The output of bot check, line by line; it spends nothing.
func TestCheck_Report(t *testing.T) {
	const again = "Paste the output of `bot manifest` into the app's manifest, and reinstall the app."
	cases := []struct {
		name     string
		settings string // separated by spaces
		prepare  func(t *testing.T, env *testEnv, s map[string]string)
		code     int
		says     []string
	}{
		{"all is well", "", nil, 0, []string{
			"PASS BUYERS: every member of the workspace\n", "PASS limits: $200.00 per order, $1,000.00 per month\n",
			"PASS ledger: ", "doesn't exist yet; the bot creates it\n", "PASS Slack bot token: U0BOT in Acme\n",
			"PASS Slack scopes: those of the manifest\n",
			"PASS Slack app token: Socket Mode is on\n", "PASS Slack connections: no other bot uses this app\n",
			"PASS ADMINS: 1 person, all found in Slack\n",
			"PASS CoCalc key sk-…", ": account ", "PASS CoCalc store: $1,000.00 in credit\n",
			"PASS clock: agrees with Slack's and CoCalc's\n",
		}},
		{
			"people, groups and channels", "BUYERS=U0ALICE,S0STAFF APPROVERS=U0BOB,U0CAROL APPROVALS_CHANNEL=C0GENERAL " +
				"PURCHASES_CHANNEL=C0GENERAL CHANNELS=C0GENERAL",
			func(t *testing.T, env *testEnv, s map[string]string) {
				env.slack.SetUserGroups(slacksim.UserGroup{ID: "S0STAFF", Users: []string{slacksim.Bob}})
			}, 0,
			[]string{
				"PASS BUYERS: 1 person and 1 user group, all found in Slack\n", "PASS APPROVERS: 2 people",
				"PASS approvals: 1 of 2 approvers, asked in C0GENERAL\n",
				"PASS CHANNELS: #general (C0GENERAL)\n", "PASS APPROVALS_CHANNEL: #general (C0GENERAL)\n",
				"PASS PURCHASES_CHANNEL: #general (C0GENERAL)\n",
			},
		},
		{
			"channels that are not there", "APPROVERS=U0BOB,U0CAROL APPROVALS_CHANNEL=C0TYPO PURCHASES_CHANNEL=C0TYPO2", nil, 1,
			[]string{
				"FAIL APPROVALS_CHANNEL: C0TYPO doesn't exist, or is a private channel that the bot isn't in. Copy the id " +
					"from the channel's details; in a private channel, type /invite @licensebot.\n",
				"FAIL PURCHASES_CHANNEL: C0TYPO2 doesn't exist",
			},
		},
		{"channels without the bot", "APPROVERS=U0BOB,U0CAROL APPROVALS_CHANNEL=C0RANDOM CHANNELS=C0RANDOM", nil, 1, []string{
			"WARN CHANNELS: the bot isn't in #random (C0RANDOM), so it can't post purchases there. Type /invite " +
				"@licensebot there.\n",
			"FAIL APPROVALS_CHANNEL: the bot isn't in #random (C0RANDOM). Type /invite @licensebot there.\n",
		}},
		{
			"an archived channel", "PURCHASES_CHANNEL=C0GENERAL", func(t *testing.T, env *testEnv, s map[string]string) {
				env.slack.Archive(slacksim.General, true)
			}, 1,
			[]string{"FAIL PURCHASES_CHANNEL: #general (C0GENERAL) is archived. "},
		},
		{"people who are not there", "BUYERS=U0ALICE,U0TYPO,S0TYPO ADMINS=W0NOBODY", nil, 1, []string{
			"FAIL BUYERS: not found in this workspace, or disabled: S0TYPO, U0TYPO. Copy the ids again",
			"FAIL ADMINS: not found in this workspace, or disabled: W0NOBODY. ",
		}},
		{
			"people who are refused", "BUYERS=U0GUEST,U0LEFT,U0ELSEWHERE,U0BOT,S0EMPTY",
			func(t *testing.T, env *testEnv, s map[string]string) {
				env.slack.AddUser(slacksim.User{ID: "U0GUEST", Restricted: true})
				env.slack.AddUser(slacksim.User{ID: "U0LEFT", Deleted: true})
				env.slack.AddUser(slacksim.User{ID: "U0ELSEWHERE", TeamID: "T0OTHER"})
				env.slack.SetUserGroups(slacksim.UserGroup{ID: "S0EMPTY"})
			}, 0,
			[]string{"WARN BUYERS: no members in S0EMPTY. ", "WARN BUYERS: U0BOT is an app, U0ELSEWHERE is from another " +
				"workspace, U0GUEST is a guest, U0LEFT is deactivated. Guests, apps"},
		},
		{
			"more approvals than a group has members", "APPROVERS=S0STAFF APPROVALS_CHANNEL=C0GENERAL APPROVALS_REQUIRED=3",
			func(t *testing.T, env *testEnv, s map[string]string) {
				env.slack.SetUserGroups(slacksim.UserGroup{ID: "S0STAFF", Users: []string{slacksim.Bob, slacksim.Carol}})
			}, 1,
			[]string{"FAIL APPROVALS_REQUIRED: 3 approvals are required, but only 2 people can approve. "},
		},
		{
			"no more approvers than approvals", "APPROVERS=U0BOB APPROVALS_CHANNEL=C0GENERAL", nil, 0,
			[]string{"WARN APPROVALS_REQUIRED: 1 approval is required, and only 1 person can approve, so an approver's own " +
				"order can never be approved. "},
		},
		{"Slack limits the rate", "", func(t *testing.T, env *testEnv, s map[string]string) {
			env.slack.SetFaults(
				slacksim.Faults{Methods: map[string]slacksim.MethodFault{"users.info": {RetryAfter: 30 * time.Second}}})
		}, 2, []string{
			"PASS Slack app token", "WARN ADMINS: not checked: Slack limits the rate; try again in 30 s\n",
			"PASS CoCalc key",
		}},
		{"Slack has an outage", "", func(t *testing.T, env *testEnv, s map[string]string) {
			env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"auth.test": {Status: 503}}})
		}, 2, []string{
			"WARN Slack bot token: not checked: Slack reports a problem: HTTP 503. Try again later.\n",
			"WARN people and channels: not checked: ", "PASS CoCalc key",
		}},
		{"the app can't look up channels", "PURCHASES_CHANNEL=C0GENERAL", func(t *testing.T, env *testEnv,
			s map[string]string,
		) {
			env.replaceApp(t, s,
				slacksim.App{BotScopes: []string{
					"commands", "chat:write", "users:read", "usergroups:read", "im:write",
					"files:write",
				}})
		}, 1, []string{
			"FAIL Slack scopes: the app lacks channels:read, groups:read. " + again,
			"WARN Slack scopes: the app has files:write, which the bot doesn't use. " + again,
			"WARN PURCHASES_CHANNEL: not checked: the app can't look up C0GENERAL: it lacks channels:read",
		}},
		{
			"a guest and someone of elsewhere in a channel", "PURCHASES_CHANNEL=C0GENERAL CHANNELS=C0GENERAL",
			func(t *testing.T, env *testEnv, s map[string]string) {
				env.slack.AddUser(slacksim.User{ID: "U0GUEST", UltraRestricted: true})
				env.slack.AddUser(slacksim.User{ID: "U0ELSEWHERE", TeamID: "T0OTHER"})
				env.slack.Invite(slacksim.General, "U0GUEST")
				env.slack.Invite(slacksim.General, "U0ELSEWHERE")
			}, 0,
			[]string{
				"PASS CHANNELS: ", "WARN CHANNELS: people from outside the workspace, or guests, read #general (C0GENERAL), so " +
					"the bot posts no prices",
				"U0ELSEWHERE is from another workspace, U0GUEST is a guest. Remove them from the channel, or use another one.\n",
				"PASS PURCHASES_CHANNEL: ",
			},
		},
		{
			"a channel that is shared with another organization", "PURCHASES_CHANNEL=C0GENERAL",
			func(t *testing.T, env *testEnv, s map[string]string) {
				general, _ := env.slack.Channel(slacksim.General)
				general.ExtShared = true
				env.slack.AddChannel(general)
			}, 0,
			[]string{
				"PASS PURCHASES_CHANNEL: ",
				"WARN PURCHASES_CHANNEL: #general (C0GENERAL) is shared with another organization, so the bot posts no prices",
				"Use a channel that is not shared, or end the sharing in Slack.\n",
			},
		},
		{"tokens of two apps", "SLACK_APP_TOKEN=xapp-1-A0OTHER-33-abcdef", func(t *testing.T, env *testEnv,
			s map[string]string,
		) {
			env.replaceApp(t, s, slacksim.App{AppToken: s["SLACK_APP_TOKEN"]})
		}, 1, []string{"FAIL Slack app token: belongs to app A0OTHER, but the bot token belongs to app A11, so no command " +
			"would reach the bot. Use both tokens from the same app.\n"}},
		{
			"another bot with this app", "", func(t *testing.T, env *testEnv, s map[string]string) { env.openSocket(t) }, 0,
			[]string{"WARN Slack connections: 1 socket is open with this app besides this check, but no bot runs with this " +
				"ledger. Stop the other bot"},
		},
		{"while a bot runs", "", func(t *testing.T, env *testEnv, s map[string]string) {
			ledger, err := storage.Open(s["DATABASE"])
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ledger.Close() })
		}, 0, []string{
			"ledger.db is in use by a running bot, which verifies it\n",
			"PASS Slack connections: the running bot looks for other bots",
		}},
		{
			"a wrong bot token", "SLACK_BOT_TOKEN=xoxb-wrong-wrong", nil, 1,
			[]string{
				"FAIL Slack bot token: ", "Slack does not know the bot token (SLACK_BOT_TOKEN). Copy it again",
				"PASS Slack app token: ", "PASS CoCalc key",
			},
		},
		{
			"a wrong app token", "SLACK_APP_TOKEN=xapp-wrong-wrong", nil, 1,
			[]string{"PASS Slack bot token: ", "FAIL Slack app token: ", "SLACK_APP_TOKEN", "PASS ADMINS", "PASS CoCalc key"},
		},
		{
			"no Slack there", "SLACK_API_URL=http://127.0.0.1:1/api/", nil, 1,
			[]string{
				"FAIL Slack bot token: nothing is listening at http://127.0.0.1:1/api/. Check the address",
				"FAIL Slack app token: ", "PASS CoCalc key",
			},
		},
		{
			"no CoCalc there", "COCALC_URL=http://127.0.0.1:1", nil, 1,
			[]string{"PASS Slack app token", "FAIL CoCalc server: nothing is listening at http://127.0.0.1:1. "},
		},
		{
			"a wrong key", "COCALC_API_KEY=sk-wrongWrongWrong000001", nil, 1,
			[]string{"FAIL CoCalc key …0001: CoCalc doesn't accept the key, or its database is down. Create a key"},
		},
		{
			"no licenses sold", "", func(_ *testing.T, env *testEnv, _ map[string]string) {
				env.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.NoLicensesSold})
			}, 1,
			[]string{
				"FAIL CoCalc server: http://127.0.0.1:",
				" sells memberships and no licenses, so nothing can be bought. Set COCALC_URL to ", "PASS CoCalc key",
			},
		},
		{
			"an older server", "", func(_ *testing.T, env *testEnv, _ map[string]string) {
				env.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.OlderServer})
			}, 0,
			[]string{"PASS CoCalc store: an older version: no prices before checkout, no list of purchases\n"},
		},
		{
			"less credit than has to stay", "LEAST_CREDIT=1000", nil, 0,
			[]string{
				"WARN CoCalc store: $1,000.00 in credit, of which $1,000.00 must remain, so nothing can be bought. Add credit",
			},
		},
		{"nobody may buy", "BUYERS=", nil, 1, []string{"FAIL BUYERS: empty, so no one can buy. List users or groups"}},
		{"nobody is an admin", "ADMINS=", nil, 0, []string{"WARN ADMINS: empty: "}},
		{
			"a file that is no ledger", "", func(t *testing.T, _ *testEnv, s map[string]string) {
				write(t, s["DATABASE"], []byte("dear diary"))
			}, 1,
			[]string{"FAIL ledger: ", app.DamagedAdvice, "PASS Slack bot token"},
		},
		{"a ledger of another account", "", func(t *testing.T, env *testEnv, s map[string]string) {
			ledger, err := storage.Open(s["DATABASE"])
			if err != nil {
				t.Fatal(err)
			}
			err = ledger.Update(t.Context(), func(w purchase.Writer) error {
				return w.PutAccount(purchase.AccountState{CoCalc: "11111111-2222-4333-8444-555555555555"})
			})
			if err := errors.Join(err, ledger.Close()); err != nil {
				t.Fatal(err)
			}
		}, 1, []string{
			"is in order: 0 orders", "FAIL CoCalc key sk-…", ": belongs to account ",
			", but the ledger belongs to account ", "Use a key of the ledger's account",
		}},
		{
			"no folder for the ledger", "DATABASE=/nowhere/ledger.db", nil, 1,
			[]string{"FAIL ledger folder: the folder /nowhere doesn't exist. Create it", "PASS Slack bot token"},
		},
		{"a folder that everybody can write in", "", func(t *testing.T, _ *testEnv, s map[string]string) {
			if err := os.Chmod(filepath.Dir(s["DATABASE"]), 0o777); err != nil {
				t.Fatal(err)
			}
		}, 0, []string{"WARN ledger folder: every user of this machine can write in ", "Run: chmod o-w /"}},
		{"a token that everybody can read", "", func(t *testing.T, _ *testEnv, s map[string]string) {
			path := filepath.Join(filepath.Dir(s["DATABASE"]), "token")
			write(t, path, []byte(s["SLACK_BOT_TOKEN"]))
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
			os.Unsetenv("SLACK_BOT_TOKEN")
			os.Setenv("SLACK_BOT_TOKEN_FILE", path)
		}, 0, []string{
			"WARN SLACK_BOT_TOKEN_FILE: every user of this machine can read ", "Run: chmod o-r /",
			"PASS Slack bot token",
		}},
		{
			"addresses without encryption", "COCALC_URL=http://cocalc.invalid", nil, 1,
			[]string{"WARN COCALC_URL: http:// sends the CoCalc key unencrypted to cocalc.invalid. Use https://.\n"},
		},
		{"settings that are misspelled", "MONTHY_BUDGET=5 APPROVER=U1", nil, 0, []string{
			"WARN APPROVER: not a setting, but looks like APPROVERS. Rename it to APPROVERS, or remove it.\n",
			"WARN MONTHY_BUDGET: not a setting, but looks like MONTHLY_BUDGET.",
		}},
		{"a faulty setting hides nothing", "BUYERS=alice ORDER_LIMIT=much SLACK_APP_TOKEN= TIMEZONE=Vienna", nil, 1, []string{
			"FAIL ORDER_LIMIT: ", "FAIL TIMEZONE: ", "FAIL BUYERS: ", "FAIL SLACK_APP_TOKEN: not set; ", "PASS ledger",
			"PASS Slack bot token", "PASS ADMINS", "PASS CoCalc key", "PASS clock",
		}},
		{"limits that contradict each other", "ORDER_LIMIT=500 MONTHLY_BUDGET=100 PERSON_BUDGET=200", nil, 0, []string{
			"WARN ORDER_LIMIT: $500.00, but MONTHLY_BUDGET refuses every order above $100.00\n",
			"WARN PERSON_BUDGET: $200.00, but MONTHLY_BUDGET allows $100.00 for everyone together\n",
			"WARN ORDER_LIMIT: $500.00, but PERSON_BUDGET refuses every order above $200.00\n",
		}},
		{"limits that refuse everything", "ORDER_LIMIT=0.01 MAX_RAM=99", nil, 0, []string{
			"WARN MAX_RAM: 99, but CoCalc sells at most 16\n",
			"WARN ORDER_LIMIT: $0.01, but the smallest license (1 GB RAM and 1 core for a day) costs $0.",
			", so nothing can be bought\n",
		}},
		{
			"approvers who are never asked", "APPROVERS=U0BOB,U0CAROL APPROVALS_CHANNEL=C0GENERAL AUTO_APPROVE_LIMIT=200", nil,
			0,
			[]string{"WARN AUTO_APPROVE_LIMIT: $200.00, and ORDER_LIMIT is $200.00, so APPROVERS are never asked\n"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			env := newEnv(t)
			s := env.settings(t, append([]string{"ADMINS=" + slacksim.Carol}, strings.Fields(c.settings)...)...)
			for name := range s {
				if !slices.Contains(config.Names(), name) {
					t.Setenv(name, "") // so that the test removes it at the end
				}
			}
			processtest.Environment(t, s)
			if c.prepare != nil {
				c.prepare(t, env, s)
			}
			got := does(t, "", "check")
			lines := strings.Split(strings.TrimSpace(got.out), "\n")
			rest := got.out
			for _, text := range c.says {
				_, after, found := strings.Cut(rest, text)
				if !found {
					t.Errorf("got the report\n%s\nwant %q in it, in this order", got.out, text)
					break
				}
				rest = after
			}
			if got.code != c.code || (got.code == 0) != (got.err == "") {
				t.Errorf("got exit code %d, want %d, with an error unless 0\n%s%s", got.code, c.code, got.out, got.err)
			}
			warned := false
			for _, line := range lines {
				mark, _, _ := strings.Cut(line, " ")
				warned = warned || mark == "WARN"
				if mark != "PASS" && mark != "WARN" && mark != "FAIL" || mark == "FAIL" && c.code != 1 {
					t.Errorf("exit code %d: got line %q, want PASS, WARN, or FAIL with exit code 1", got.code, line)
				}
			}
			if strict := does(t, "", "check", "--strict"); c.code == 0 && (strict.code == 1) != warned || c.code != 0 &&
				strict.code != c.code {
				t.Errorf("--strict: got exit code %d, want 1 after a warning, else that without --strict\n%s",
					strict.code, strict.out)
			}
			for _, secret := range []string{s["SLACK_BOT_TOKEN"], s["SLACK_APP_TOKEN"], s["COCALC_API_KEY"]} {
				if secret != "" && strings.Contains(got.out, secret) {
					t.Errorf("got a secret in the report, want none:\n%s", got.out)
				}
			}
			if len(env.account.Cart()) != 0 || env.account.Balance() != 100_000 {
				t.Error("got a purchase, want none")
			}
			others := 0
			if c.name == "another bot with this app" {
				others = 1
			}
			ctx, cancel := context.WithTimeout(t.Context(), processtest.Patience)
			defer cancel()
			if err := env.slack.Wait(ctx, func() bool { return env.slack.Sockets() <= others }); err != nil {
				// they close while it ends
				t.Errorf("got %d open sockets, want only those of other bots", env.slack.Sockets())
			}
		})
	}
}

// replaceApp replaces the app of the workspace, with the same people.
func (env *testEnv) replaceApp(t *testing.T, s map[string]string, app slacksim.App) {
	t.Helper()
	old := env.slack.App()
	app.ID, app.BotToken = old.ID, old.BotToken
	if app.AppToken == "" {
		app.AppToken = old.AppToken
	}
	if app.BotScopes == nil {
		app.BotScopes = bot.Scopes()
	}
	t.Setenv("SLACK_API_URL", slacktest.Serve(t, slacksim.New(slacksim.Options{App: app})).APIURL)
}

// openSocket opens a socket with the app of env until the test ends.
func (env *testEnv) openSocket(t *testing.T) {
	t.Helper()
	_, address, err := socket.NewAPI(env.api, env.slack.BotToken(), env.slack.AppToken(), socket.HTTPClient(),
		zerolog.Nop()).
		StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, hello, err := conn.ReadMessage(); err != nil || !strings.Contains(string(hello), `"hello"`) {
		t.Fatalf("got %s, want a hello; error %v", hello, err)
	}
}
