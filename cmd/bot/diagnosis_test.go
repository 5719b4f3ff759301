package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// normalized returns the output of a command with fixed texts in place of what differs between runs.
func (env *testEnv) normalized(s map[string]string, out string) string {
	for _, r := range []struct{ is, becomes string }{
		{s["COCALC_URL"], "https://cocalc.example"},
		{strings.Replace(s["COCALC_URL"], "http://", "https://", 1), "https://secure.cocalc.example"},
		{env.shop, "https://former.example"}, // where the ledger's purchases were made
		{strings.TrimSuffix(env.api, "/api/"), "https://slack.example"},
		{filepath.Dir(s["DATABASE"]), "/data"},
		{env.account.ID(), "ACCOUNT"},
	} {
		out = strings.ReplaceAll(out, r.is, r.becomes)
	}
	out = regexp.MustCompile(`\d+ audit records in \d+ KB`).ReplaceAllString(out, "7 audit records in 40 KB")
	out = regexp.MustCompile(`sk-…\w{6}`).ReplaceAllString(out, "sk-…OLDER1")
	return regexp.MustCompile(`sk-cc\.\.\.\S{8}`).ReplaceAllString(out, "sk-cc...SUCCESSO")
}

// The output of bot check, bot prices and bot verify --online for every kind of server that can't sell. No request
// there could spend anything.
func TestDiagnosis_ServersWithoutLicenses(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, env *testEnv, s map[string]string)
		code    int
	}{
		{"successor", func(t *testing.T, env *testEnv, s map[string]string) {
			s["COCALC_API_KEY"] = env.account.NewSuccessorKey("licensebot", cocalctest.AccountRead)
			env.setPreset(t, cocalctest.Preset(cocalctest.Successor))
		}, 1},
		{"successor-with-an-older-key", func(t *testing.T, env *testEnv, _ map[string]string) {
			env.setPreset(t, cocalctest.Preset(cocalctest.Successor))
		}, 1},
		{"successor-with-a-limited-key", func(t *testing.T, env *testEnv, s map[string]string) {
			s["COCALC_API_KEY"] = env.account.NewSuccessorKey("licensebot")
			env.setPreset(t, cocalctest.Preset(cocalctest.Successor))
		}, 1},
		{"moved", func(t *testing.T, env *testEnv, _ map[string]string) {
			env.setPreset(t, cocalctest.Preset(cocalctest.Moved))
		}, 1},
		{"successor-without-its-database", func(t *testing.T, env *testEnv, s map[string]string) {
			s["COCALC_API_KEY"] = env.account.NewSuccessorKey("licensebot", cocalctest.AccountRead)
			env.setPreset(t, cocalctest.Preset(cocalctest.Successor))
			env.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.Outage})
		}, 1},
		{"maintenance", func(t *testing.T, _ *testEnv, s map[string]string) {
			s["COCALC_URL"] = startServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprint(w, "<!DOCTYPE html><h1>Back at noon</h1>")
			})
		}, 2},
		{"https", func(t *testing.T, _ *testEnv, s map[string]string) {
			s["COCALC_URL"] = startServer(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusMovedPermanently)
			})
		}, 1},
		{"page", func(t *testing.T, _ *testEnv, s map[string]string) {
			s["COCALC_URL"] = startServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, "<!DOCTYPE html><h1>Sign in</h1>")
			})
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := newEnv(t)
			s := env.settings(t, "ADMINS="+slacksim.Carol)
			env.buy(t, s["DATABASE"], 1)
			before := env.account.Balance()
			bought := env.cocalc.Count("purchases/shopping-cart-checkout")
			c.prepare(t, env, s)
			processtest.Environment(t, s)
			var all strings.Builder
			for _, args := range [][]string{{"check"}, {"prices"}, {"verify", "--online"}} {
				got := does(t, "", args...)
				if args[0] == "check" && got.code != c.code {
					t.Errorf("bot check: got exit code %d, want %d", got.code, c.code)
				}
				out := got.out + got.err
				if args[0] == "verify" {
					out = got.err // the output about the ledger never differs
				}
				all.WriteString("$ bot " + strings.Join(args, " ") + "\n" + env.normalized(s, out))
				if strings.Contains(out, s["COCALC_API_KEY"]) {
					t.Errorf("got the key in the output, want it hidden:\n%s", out)
				}
			}
			text := regexp.MustCompile(`read \w+ \d+, \d+, \d+:\d+ [AP]M UTC`).ReplaceAllString(all.String(),
				"read Nov 28, 2026, 5:08 PM UTC")
			golden(t, "server-"+c.name+".txt", text)
			if env.account.Balance() != before || env.cocalc.Count("purchases/shopping-cart-checkout") != bought ||
				env.cocalc.Count("shopping/cart/add") != 1 {
				t.Error("got a request that could spend, want none")
			}
		})
	}
}

// setPreset sets the simulated CoCalc to one of its presets.
func (env *testEnv) setPreset(t *testing.T, preset string) {
	t.Helper()
	if err := env.cocalc.SwitchOn(preset); err != nil {
		t.Fatal(err)
	}
}

// startServer starts a server in place of CoCalc, and returns its address.
func startServer(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

// The successor's prices for programs and spreadsheets, with amounts as the server has them. A server that sells
// licenses has none.
func TestPrices_Formats(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	processtest.Environment(t, s)
	does(t, "", "prices").says(t, 1, "bot: "+env.shop+
		" sells licenses and has no price list. Use bot quote 'ram=16 cpu=2' for a license's price\n")
	env.setPreset(t, cocalctest.Preset(cocalctest.Successor))
	for name, args := range map[string][]string{"prices.csv": {"--csv"}, "prices.jsonl": {"--json"}} {
		got := does(t, "", append([]string{"prices"}, args...)...)
		if got.code != 0 || got.err != "" {
			t.Errorf("%v: got exit code %d, want 0: %s", args, got.code, got.err)
		}
		golden(t, name, got.out)
	}
	delete(s, "COCALC_URL")
	processtest.Environment(t, s)
	does(t, "", "prices").says(t, 2, "COCALC_URL: not set; ")
	s["COCALC_URL"] = env.shop
	delete(s, "COCALC_API_KEY")
	processtest.Environment(t, s)
	does(t, "", "prices").says(t, 2, "COCALC_API_KEY: not set; ")
}

// The first lines of the log name the kind of server and the owner of the key.
func TestRun_Start_OnEveryServer(t *testing.T) {
	const found, none, held = "find CoCalc with the key",
		"find no CoCalc server that sells licenses; `bot check` says more", "hold orders until CoCalc accepts the key"
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, env *testEnv, s map[string]string)
		level   string
		says    []string
		never   string
	}{
		{"licenses", func(*testing.T, *testEnv, map[string]string) {}, "info", []string{found}, none},
		{"licenses, with a wrong key", func(_ *testing.T, _ *testEnv, s map[string]string) {
			s["COCALC_API_KEY"] = "sk-wrongWrongWrong000001"
		}, "error", []string{held}, none},
		{"the successor", func(t *testing.T, env *testEnv, s map[string]string) {
			s["COCALC_API_KEY"] = env.account.NewSuccessorKey("licensebot", cocalctest.AccountRead)
			env.setPreset(t, cocalctest.Preset(cocalctest.Successor))
		}, "error", []string{
			none, `"condition":"sells-memberships"`, "sells memberships and no licenses",
			"bot migrate-report",
		}, held},
		{
			"moved", func(t *testing.T, env *testEnv, _ map[string]string) {
				env.setPreset(t,
					cocalctest.Preset(cocalctest.Moved))
			},
			"error",
			[]string{none, `"condition":"moved"`, "redirects (302) to another host, cocalc.ai"},
			found,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := newEnv(t)
			s := env.settings(t, "ADMINS="+slacksim.Carol)
			c.prepare(t, env, s)
			bot := launch(t, s, "run")
			bot.Prints(&bot.Err, 1, c.says[0])
			for line := range strings.Lines(bot.Err.String()) {
				if strings.Contains(line, c.never) {
					t.Errorf("got the log line %s, want none that the case rules out", line)
				}
				if !strings.Contains(line, c.says[0]) {
					continue
				}
				for _, text := range append(c.says, `"level":"`+c.level+`"`) {
					if !strings.Contains(line, text) {
						t.Errorf("want %q in the line, got %s", text, line)
					}
				}
			}
			if n := env.cocalc.Count("purchases/shopping-cart-checkout") + env.cocalc.Count("shopping/cart/add"); n > 0 {
				t.Errorf("got %d requests that change something, want none", n)
			}
		})
	}
}
