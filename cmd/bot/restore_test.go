package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/purchase/register"
	"licensebot/slacksim"
	"licensebot/storage"
)

// The output of bot restore before it changes anything, for every way in which a backup and the present ledger can
// differ.
func TestRestore_Losses(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	path := s["DATABASE"]
	env.buy(t, path, 1)
	one := copyFile(t, path)
	env.buy(t, path, 2)
	three := copyFile(t, path)
	other := copyFile(t, one)
	changeLedger(t, other, func(wr purchase.Writer) error {
		return wr.AppendEvent(purchase.Event{Time: time.Now(), Kind: "refused", By: slacksim.Carol, Note: "not-a-buyer"})
	})
	cases := []struct {
		name, present, backup string
		says                  []string
	}{
		{"an older copy", three, one, []string{
			" is in order: 1 order, 1 purchase and ", ".\nIts last record is ",
			"The current ledger continues after that: ", " records would be lost, from ",
			"That includes 2 purchases for $127.50. The bot adds them again when it compares the ledger with CoCalc.\n",
		}},
		{"the same", three, three, []string{
			" is in order: 3 orders, 3 purchases and ", "The current ledger holds the same ",
			": nothing would be lost.\n",
		}},
		{"a later one", one, three, []string{
			"The current ledger is an older copy of it, up to record ",
			": nothing would be lost.\n",
		}},
		{"two ways", three, other, []string{
			"The two differ after record ", ": the backup then has 1 record that the current ledger lacks, and ",
			"would be lost",
			"That includes 2 purchases for $127.50.",
		}},
		{"no present ledger", "", one, []string{"There is no ledger at ", " now.\n"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			database := filepath.Join(t.TempDir(), "ledger.db")
			if c.present != "" {
				write(t, database, read(t, c.present))
			}
			processtest.Environment(t, map[string]string{"DATABASE": database})
			for _, answer := range []string{"", "y\n", "no\n", "yes please\n"} {
				got := does(t, answer, "restore", c.backup)
				got.says(t, 1, append(c.says, "Restore it to "+database+"? Type yes: ",
					"bot: not confirmed, so nothing was changed\n")...)
			}
			if c.present == "" {
				if _, err := os.Stat(database); err == nil {
					t.Error("got a ledger, want none")
				}
			} else if string(read(t, database)) != string(read(t, c.present)) {
				t.Error("got a changed ledger, want it unchanged")
			}
			before := read(t, c.backup)
			got := does(t, "yes\n", "restore", c.backup)
			got.says(t, 0, append(c.says, "Restored "+database+" from "+c.backup+".\n", "When you start the bot:\n")...)
			if string(read(t, c.backup)) != string(before) {
				t.Error("got a changed backup, want it unchanged")
			}
			_, aside, kept := strings.Cut(got.out, "The previous ledger is kept as ")
			if kept != (c.present != "") {
				t.Fatalf("got\n%s\nwant the previous ledger kept: %t", got.out, c.present != "")
			}
			if aside, _, _ = strings.Cut(aside, "\n"); kept && string(read(t, aside)) != string(read(t, c.present)) {
				t.Errorf("got another file as %s, want the previous ledger", aside)
			}
			does(t, "", "verify").says(t, 0, "- It was restored on ", "; the bot hasn't compared it with CoCalc yet.\n")
		})
	}
}

// A backup replaces a ledger that cannot be read any more; that ledger is kept unchanged, as evidence.
func TestRestore_OverDamagedLedger(t *testing.T) {
	env := newEnv(t)
	good := env.settings(t)["DATABASE"]
	env.buy(t, good, 1)
	for _, bad := range badFiles {
		t.Run(bad.name, func(t *testing.T) {
			database := filepath.Join(t.TempDir(), "ledger.db")
			write(t, database, read(t, good))
			bad.make(t, database)
			before := read(t, database)
			processtest.Environment(t, map[string]string{"DATABASE": database})
			got := does(t, "", "restore", "--yes", good)
			got.says(t, 0, "The current ledger can't be read, so it isn't known what the backup lacks: ", "Restored ",
				"The previous ledger is kept as ")
			_, aside, _ := strings.Cut(got.out, "is kept as ")
			aside, _, _ = strings.Cut(aside, "\n")
			if string(read(t, aside)) != string(before) {
				t.Error("got a changed file, want the damaged ledger unchanged")
			}
			does(t, "", "verify").says(t, 0, "1 order, 1 purchase")
		})
	}
}

func TestRestore_BotRuns(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	env.buy(t, s["DATABASE"], 1)
	backup := copyFile(t, s["DATABASE"])
	processtest.Environment(t, s)
	ledger, err := storage.Open(s["DATABASE"])
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	does(t, "", "restore", backup, "--yes").says(t, 1, "bot: open the ledger "+s["DATABASE"]+
		": another licensebot is running with this ledger: stop it, run this again, then start it\n")
	if entries, err := os.ReadDir(filepath.Dir(s["DATABASE"])); err != nil || len(entries) != 1 {
		t.Errorf("got the files %v, want the ledger alone; error %v", entries, err)
	}
}

// From a backup to normal work: a backup, a purchase after it, the loss of the disk, the restore. The bot accepts no
// order until it has compared the ledger with CoCalc; then it enters the purchase that the backup lacks, with its
// person, and announces it.
func TestRestore_CoCalcSoldMore(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t, "ADMINS="+slacksim.Bob, "PURCHASES_CHANNEL="+slacksim.General)
	processtest.Environment(t, s)
	file := filepath.Join(t.TempDir(), "monday.db")
	alice := env.slack.Person(slacksim.Alice)
	var bot *processtest.Process
	buy := func(n string) {
		t.Helper()
		card := env.command(t, "buy ram=16 cpu=2 title="+n, "A CoCalc license for $63.75")
		for _, m := range env.slack.Person(slacksim.Alice).Messages(slacksim.General) {
			if strings.Contains(m.ContentText(), n) && strings.Contains(m.ContentText(), "A CoCalc license for") {
				card = m
			}
		}
		if err := alice.Click(t.Context(), card, "Buy for $63.75"); err != nil {
			t.Fatal(err)
		}
		_, err := alice.WaitForUpdate(bot.Life, card, func(m slacksim.Message) bool {
			return strings.Contains(m.ContentText(), "Bought for $63.75")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	bot = launch(t, s, "run")
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	buy("first")
	does(t, "", "backup", file).says(t, 0, "is a verified copy of the ledger: 1 order, 1 purchase")
	buy("second")
	if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
		t.Fatalf("got exit code %d, want 0:\n%s", code, &bot.Err)
	}
	newest := env.account.Licenses()[0].ID

	does(t, "", "restore", "--yes", file).says(t, 0, "That includes 1 purchase for $63.75.", "Restored ")
	does(t, "", "verify", "--online").says(t, 1, newest, "which isn't in this ledger")

	// A checkout that the copy does not know may still be at work for this long; until then nothing is compared.
	s["CHECKOUT_TIMEOUT"], s["SETTLE_AFTER"] = "3s", "4s"
	// CoCalc does not return the purchases yet: no order is accepted.
	asked, answer := make(chan struct{}), make(chan struct{})
	answers := sync.OnceFunc(func() { close(answer) })
	defer answers() // the simulated CoCalc ends only after its answer, also when the test fails before
	env.cocalc.Inject(cocalctest.Fault{
		Endpoint: "purchases/get-purchases", Effect: cocalctest.Call, Times: 1,
		Do: func(*cocalctest.Account) {
			close(asked)
			<-answer
		},
	})
	bot = launch(t, s, "run")
	select {
	case <-asked:
	case <-bot.Life.Done():
		t.Fatal("got no request to CoCalc, want one")
	case <-time.After(processtest.Patience):
		t.Fatal("got no request to CoCalc in time, want one")
	}
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	env.command(t, "buy ram=16 cpu=2 title=third",
		"My records were just restored from a backup, and I'm comparing them with CoCalc first")
	answers()
	for _, text := range []string{
		"The ledger was restored from a backup that ends with record",
		"I added 1 purchase ($63.75) that the backup lacked to the history",
	} {
		env.waitForText(t, slacksim.Alice, "general", text) // in the purchases channel
		env.waitForText(t, slacksim.Bob, "", text)          // as an admin
	}
	buy("fourth")
	does(t, "", "purchases").says(t, 0, newest)
	if n := len(env.account.Licenses()); n != 3 {
		t.Errorf("got %d licenses, want 3", n)
	}
	does(t, "", "verify", "--online").says(t, 0, "it sold 3 licenses in the log")
}

// A ledger that contradicts itself is not used for buying until an admin has looked at it; refusals give the reason.
func TestRun_InconsistentLedger(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t, "ADMINS="+slacksim.Bob)
	processtest.Environment(t, s)
	env.buy(t, s["DATABASE"], 1)
	changeLedger(t, s["DATABASE"], func(wr purchase.Writer) error {
		budgets, err := wr.Budgets(1)
		if err != nil {
			return err
		}
		budgets[0].Spent++
		return wr.PutBudget(budgets[0])
	})
	const why = "says that $63.76 was spent, but the purchase log adds up to $63.75."
	bot := launch(t, s, "run")
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	env.command(t, "buy ram=16 cpu=2", "My records don't add up.")
	env.waitForText(t, slacksim.Bob, "", why)
	does(t, "", "verify").says(t, 1, "✗ The budget for ", why, "- Buying has been paused since ",
		"The ledger contradicts itself.")
	does(t, "", "resume", "a cent").says(t, 0, "Buying is back on.")
	if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
		t.Fatalf("got exit code %d, want 0:\n%s", code, &bot.Err)
	}
	seen := launch(t, s, "run") // findings that an admin has seen do not pause again
	if err := env.slack.WaitForSocket(seen.Life); err != nil {
		t.Fatal(err)
	}
	env.command(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75")
	seen.Ends(processtest.Patience, syscall.SIGTERM)
}

// An attacker with access to the file changed the buyer of an order, and adapted the checksum. The bot answers, buys
// nothing, and gives the reason; once an admin has resumed buying, it goes on, also after the next start.
func TestRun_BrokenAuditChain(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t, "ADMINS="+slacksim.Bob)
	processtest.Environment(t, s)
	env.buy(t, s["DATABASE"], 1)
	forgeEvent(t, s["DATABASE"], 2, func(e *purchase.Event) { e.By = "U0CAROL" })
	const why = "The audit chain is broken: audit record 2 was changed after it was written: its hash does not match " +
		"its content."
	bot := launch(t, s, "run")
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	env.command(t, "buy ram=16 cpu=2", "My records don't add up.")
	env.waitForText(t, slacksim.Bob, "", why)
	if n := len(env.account.Licenses()); n != 1 {
		t.Errorf("got %d licenses, want 1", n)
	}
	does(t, "", "verify").says(t, 1, "the ledger is damaged: audit record 2 was changed after it was written")
	backup := filepath.Join(t.TempDir(), "night.db") // the backup is kept, and marked as faulty
	unproven := []string{"the ledger's audit chain is broken: audit record 2 was changed", backup +
		".unproven is an unverified copy"}
	does(t, "", "backup", backup).says(t, 1, unproven...)
	if _, err := os.Stat(backup); err == nil {
		t.Error("got a backup with the name of a good one, want it marked")
	}
	does(t, "", "resume", "Carol confessed").says(t, 0, "Buying is back on.")
	if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
		t.Fatalf("got exit code %d, want 0:\n%s", code, &bot.Err)
	}
	does(t, "", "restore", "--yes", backup+".unproven").says(t, 1, "can't restore ", "audit record 2")
	alone := filepath.Join(t.TempDir(), "alone.db") // without a bot too
	does(t, "", "backup", alone).says(t, 1, alone+".unproven is an unverified copy")
	seen := launch(t, s, "run")
	if err := env.slack.WaitForSocket(seen.Life); err != nil {
		t.Fatal(err)
	}
	env.command(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75")
	seen.Ends(processtest.Patience, syscall.SIGTERM)
}

// Buying was paused after the backup was made. Restoring the backup does not resume it.
func TestRestore_KeepsPause(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	processtest.Environment(t, s)
	env.buy(t, s["DATABASE"], 1)
	backup := copyFile(t, s["DATABASE"])
	changeLedger(t, s["DATABASE"], func(wr purchase.Writer) error {
		return register.KeepPause(wr, &purchase.Pause{
			Since: time.Now(), By: slacksim.Bob, Name: "bob",
			Incidents: pausedFor(slacksim.Bob, "the money is counted"),
		})
	})
	does(t, "", "restore", "--yes", backup).says(t, 0, "Restored ")
	does(t, "", "verify").says(t, 0, "- Buying has been paused since ", "the money is counted")
	does(t, "", "resume", "it", "is", "all", "there").says(t, 0, "Buying is back on. It had been paused since ",
		": the money is counted\n")
}

// pausedFor returns a pause with a person's reason.
func pausedFor(who, reason string) []purchase.Incident {
	return []purchase.Incident{{
		Cause: purchase.Cause{Code: purchase.IncidentSaid, Args: purchase.Args{"reason": reason}},
		By:    who,
	}}
}
