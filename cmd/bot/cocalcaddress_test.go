package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/slacksim"
)

// COCALC_URL is required. Without it, a ledger with purchases says which server they were made on; one of an earlier
// version does not, and the former default is named.
func TestServer_NoCoCalcURL(t *testing.T) {
	edit := func(t *testing.T, path string, change func(*purchase.AccountState)) {
		changeLedger(t, path, func(w purchase.Writer) error {
			account, err := w.Account()
			if err != nil {
				return err
			}
			change(&account)
			return w.PutAccount(account)
		})
	}
	const plain = "not set; use the address of the CoCalc server that sells you licenses, such as https://cocalc.example\n"
	const former = "not set, and it has no default any more. Until now, the bot used https://cocalc.com without it. Use " +
		"the address of the CoCalc server that " +
		"sells you licenses (https://cocalc.com most likely sells none any more)\n"
	for _, c := range []struct {
		name   string
		make   func(t *testing.T, env *testEnv, path string)
		noted  bool
		refuse string
	}{
		{"no ledger", func(*testing.T, *testEnv, string) {}, false, plain},
		{"a ledger without a record", func(t *testing.T, _ *testEnv, path string) { keepLedger(t, path) }, false, plain},
		{"purchases", func(t *testing.T, env *testEnv, path string) { env.buy(t, path, 1) }, true, ""},
		{"a server and no purchases", func(t *testing.T, _ *testEnv, path string) {
			keepLedger(t, path)
			edit(t, path, func(a *purchase.AccountState) { a.Address = "https://noted.example" })
		}, false, "not set; the ledger notes https://noted.example\n"},
		{"purchases of an earlier version", func(t *testing.T, env *testEnv, path string) {
			env.buy(t, path, 1)
			edit(t, path, func(a *purchase.AccountState) { a.Address = "" })
		}, false, former},
		{"a ledger of the first release", func(t *testing.T, _ *testEnv, path string) {
			write(t, path, read(t, filepath.Join("..", "..", "storage", "testdata", "v1.ledger")))
		}, false, former},
		{
			"a file that is no ledger", func(t *testing.T, _ *testEnv, path string) { write(t, path, []byte("dear diary")) },
			false,
			"not set, and the ledger, which may note it, can't be read: ",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := newEnv(t)
			s := env.settings(t, "ADMINS="+slacksim.Bob)
			delete(s, "COCALC_URL")
			c.make(t, env, s["DATABASE"])
			processtest.Environment(t, s)
			if !c.noted {
				before, _ := os.ReadFile(s["DATABASE"])
				does(t, "", "run").says(t, 2, "bot: invalid configuration:\nCOCALC_URL: "+c.refuse)
				does(t, "", "check").says(t, 1, "FAIL COCALC_URL: "+c.refuse, "PASS Slack bot token", "bot: ")
				if after, _ := os.ReadFile(s["DATABASE"]); string(after) != string(before) {
					t.Error("got a changed ledger, want it unchanged")
				}
				return
			}
			does(t, "", "check").says(t, 0, "WARN COCALC_URL: not set, so the bot uses "+env.shop+
				", which the ledger notes. Set COCALC_URL="+env.shop+".\n", "PASS CoCalc key")
			does(t, "", "verify", "--online").says(t, 0, "- COCALC_URL is not set, so CoCalc is asked at "+env.shop+
				", which the ledger notes.\n", "CoCalc agrees")
			bot := launch(t, s, "run")
			bot.Prints(&bot.Err, 1,
				"use the CoCalc server that the ledger notes, since COCALC_URL is not set: set it to this address")
			bot.Prints(&bot.Err, 1, "find CoCalc with the key")
			if !strings.Contains(bot.Err.String(), `"server":"`+env.shop+`"`) {
				t.Errorf("want the server in the log, got\n%s", bot.Err.String())
			}
		})
	}
}

// A COCALC_URL that is not the address in the ledger may be a new address or a mistake.
func TestServer_OtherThanLedgers(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t, "ADMINS="+slacksim.Bob)
	env.buy(t, s["DATABASE"], 1)
	processtest.Environment(t, s)
	if got := does(t, "", "check"); strings.Contains(got.out, "COCALC_URL") {
		t.Errorf("bot check: got\n%s\nwant no COCALC_URL with the ledger's server", got.out)
	}
	changeLedger(t, s["DATABASE"], func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil {
			return err
		}
		account.Address = "https://noted.example"
		return w.PutAccount(account)
	})
	does(t, "", "check").says(t, 0, "WARN COCALC_URL: "+env.shop+
		", but the ledger's purchases were made on https://noted.example. "+
		"If the account's server has a new address, do nothing: the bot notes it. Otherwise, set "+
		"COCALC_URL=https://noted.example.\n", "PASS CoCalc key")
}

// Commands that ask no CoCalc need no address of one.
func TestServer_CommandsThatNeedNone(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	env.buy(t, s["DATABASE"], 1)
	changeLedger(t, s["DATABASE"], func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil {
			return err
		}
		account.Address = ""
		return w.PutAccount(account)
	})
	processtest.Environment(t, map[string]string{"DATABASE": s["DATABASE"]})
	for _, args := range [][]string{
		{"purchases"},
		{"audit"},
		{"migrate-report"},
		{"verify"},
		{"quote", "ram=16 cpu=2"},
		{"manifest"},
		{"version"},
		{"help"},
		{"backup", s["DATABASE"] + ".backup"},
		{"restore", s["DATABASE"] + ".backup", "--yes"},
	} {
		if got := does(t, "", args...); got.code != 0 || got.err != "" {
			t.Errorf("%v: got exit code %d, want 0\n%s%s", args, got.code, got.out, got.err)
		}
	}
	does(t, "", "verify", "--online").says(t, 2, "COCALC_API_KEY: not set")
}
