package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/storage"
)

// printedHead returns the last record that bot verify prints.
func printedHead(t testing.TB, out string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)(\d+:[0-9a-f]{64})$`).FindAllString(out, -1)
	if len(found) == 0 {
		t.Fatalf("want the head in the output, got\n%s", out)
	}
	return found[len(found)-1]
}

// says checks the exit code and that the output has the texts in this order.
func (o outcome) says(t testing.TB, code int, texts ...string) {
	t.Helper()
	rest := o.out + o.err
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Errorf("want %q in its place, got\n%s%s", text, o.out, o.err)
			return
		}
		rest = after
	}
	if o.code != code {
		t.Errorf("got exit code %d, want %d:\n%s%s", o.code, code, o.out, o.err)
	}
}

// The output of bot verify for a ledger after a year, and after changes to it.
func TestVerify_Findings(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	path := s["DATABASE"]
	processtest.Environment(t, s)
	does(t, "", "verify").says(t, 1, "bot: there is no ledger at "+path)
	env.buy(t, path, 1)
	first := does(t, "", "verify")
	first.says(t, 0, "✓ "+path+" holds 1 order, 1 purchase and ", " audit records in ",
		" KB. Every record is unchanged, and the chain has no gap.\n",
		"✓ The budgets, orders, purchase log and audit records agree.\n", "Head of the chain, from ")
	noted := printedHead(t, first.out)
	old := copyFile(t, path)
	env.buy(t, path, 1)

	does(t, "", "verify", "--head", noted).says(t, 0, "✓ Record "+strings.Split(noted, ":")[0]+
		" is in the chain as you noted it: nothing up to it was changed.\n")
	does(t, "", "verify", "--head", strings.ToUpper(noted)).says(t, 0, "as you noted it")
	now := does(t, "", "verify", "--online")
	now.says(t, 0,
		"✓ CoCalc agrees: it sold 2 licenses in the log with the same id and amount, and nothing else through this bot.\n")
	latest := printedHead(t, now.out)
	does(t, "", "verify", "--database", old, "--head", latest).says(t, 1, "✗ Record ",
		", which you noted, is missing: the chain ends with record ",
		"bot: found 1 problem in the ledger "+old)
	number, hash, _ := strings.Cut(noted, ":")
	other := number + ":" + strings.Map(func(r rune) rune {
		return rune("fedcba9876543210"[strings.IndexRune("0123456789abcdef", r)])
	}, hash)
	does(t, "", "verify", "--head", other).says(t, 1, "✗ Record "+number+
		" has a different hash than you noted: the chain was rewritten, or this is another ledger.\n")

	// An older copy lacks later purchases, which CoCalc shows.
	does(t, "", "verify", "--online", "--database", old).says(t, 1, "✗ CoCalc purchase ",
		"which isn't in this ledger: another licensebot buys with this account, or the ledger is an older copy.\n",
		"- CoCalc sold 1 license in the log with the same id and amount.\n", "bot: found 1 problem")

	env.buyAsStranger(t)
	does(t, "", "verify", "--online").says(t, 0, "✓ CoCalc agrees",
		"- 1 purchase on the account was made outside this bot since the ledger began:\n    CoCalc purchase ")
	env.buyAsStranger(t)
	does(t, "", "verify", "--online").says(t, 0, "- 2 purchases on the account were made outside this bot")

	changeLedger(t, path, func(wr purchase.Writer) error {
		budgets, err := wr.Budgets(1)
		if err != nil {
			return err
		}
		budgets[0].Spent--
		return wr.PutBudget(budgets[0])
	})
	does(t, "", "verify").says(t, 1, "✗ The budget for ",
		"says that $127.49 was spent, but the purchase log adds up to $127.50.\n", "Head of the chain",
		"bot: found 1 problem in the ledger "+path)
}

// The ledger of a running bot, with faults of CoCalc.
func TestVerify_BotRuns(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	processtest.Environment(t, s)
	env.buy(t, s["DATABASE"], 1)
	ledger, err := storage.Open(s["DATABASE"])
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	does(t, "", "verify", "--online").says(t, 0, "it sold 1 license in the log")

	s["COCALC_API_KEY"] = env.cocalc.Add(cocalctest.NewAccount{Credit: 100}).Key()
	processtest.Environment(t, s)
	does(t, "", "verify", "--online").says(t, 1, "✗ The API key belongs to CoCalc account ",
		", but this ledger belongs to account ", "bot: found 1 problem")

	s["COCALC_API_KEY"] = "sk-wrongWrongWrong"
	processtest.Environment(t, s)
	does(t, "", "verify", "--online").says(t, 1, "✓ ", "bot: the ledger was checked, but not compared with CoCalc: ")
	t.Setenv("COCALC_URL", env.shop)
	t.Setenv("COCALC_API_KEY", "sk-wrongWrongWrong000001") // a key that was revoked looks the same
	words := "CoCalc doesn't accept the key, or its database is down. Create a key in the account's settings, under " +
		"API Keys, and set COCALC_API_KEY.\n"
	does(t, "", "verify", "--online").says(t, 1, "not compared with CoCalc: "+words)
	does(t, "", "check").says(t, 1, "FAIL CoCalc key …0001: "+words)
	delete(s, "COCALC_API_KEY")
	processtest.Environment(t, s)
	does(t, "", "verify", "--online").says(t, 2, "bot: invalid configuration:\nCOCALC_API_KEY: not set; ")
}

func TestVerify_EmptyLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	does(t, "", "verify").says(t, 0, "holds 0 orders, 0 purchases and 0 audit records",
		"- The chain is empty: nothing has happened yet.\n")
	does(t, "", "verify", "--head", "1:"+strings.Repeat("0a", 32)).says(t, 1,
		"✗ Record 1, which you noted, is missing: the chain ends with record 0.")
}

// No command uses a file that it cannot trust; each gives the reason in one line and leaves every byte of the file
// unchanged. A broken chain alone prevents neither answers nor copies: see TestRun_BrokenAuditChain.
func TestCommands_DamagedLedgers_AreLeftAlone(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	env.buy(t, s["DATABASE"], 1)
	for _, bad := range badFiles {
		t.Run(bad.name, func(t *testing.T) {
			file := copyFile(t, s["DATABASE"])
			bad.make(t, file)
			before := read(t, file)
			with := func(database string) { processtest.Environment(t, env.settings(t, "DATABASE="+database)) }
			backup := filepath.Join(filepath.Dir(file), "backup.db")
			for _, args := range [][]string{{"verify"}, {"backup", backup}, {"run"}} {
				if args[0] != "verify" && bad.runs {
					continue
				}
				with(file)
				got := does(t, "", args...)
				got.says(t, 1, bad.says)
				if strings.Contains(got.out, "✓") || strings.Contains(got.err, "goroutine") {
					t.Errorf("bot %s: got\n%s%s\nwant neither ✓ nor a stack trace", args, got.out, got.err)
				}
			}
			with(s["DATABASE"])
			present := read(t, s["DATABASE"])
			does(t, "", "verify", "--database", file).says(t, 1, bad.says)
			does(t, "", "restore", file, "--yes").says(t, 1, "bot: can't restore "+file+": ", bad.says)
			if string(read(t, s["DATABASE"])) != string(present) {
				t.Error("got a changed ledger, want it unchanged")
			}
			if string(read(t, file)) != string(before) {
				t.Error("got a changed file, want it unchanged")
			}
			for _, folder := range []string{file, s["DATABASE"]} {
				if entries, err := os.ReadDir(filepath.Dir(folder)); err != nil || len(entries) != 1 {
					t.Errorf("got the files %v, want nothing left beside it; error %v", entries, err)
				}
			}
		})
	}
}

func TestVerify_Head(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for text, want := range map[string]string{"17:" + hash: "17:" + hash, " 1:" + strings.ToUpper(hash) +
		" ": "1:" + hash} {
		var h head
		if err := h.Set(text); err != nil || fmt.Sprint(h) != want {
			t.Errorf("%q: got the head %s, want that of the ledger; error %v", text, h, err)
		}
	}
	for _, text := range []string{
		"", "17", "0:" + hash, "-1:" + hash, "17:" + hash[1:], "17:" + hash + "00",
		"17:" + strings.Repeat("zz", 32), hash,
	} {
		var h head
		if err := h.Set(text); err == nil {
			t.Errorf("%q: got the head %s, want an error", text, h)
		}
	}
}
