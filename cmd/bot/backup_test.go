package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"licensebot/internal/processtest"
	"licensebot/slacksim"
	"licensebot/storage"
)

// Without a running bot the command copies the ledger itself. It overwrites no file, and leaves no partial copy.
func TestBackup_NoBotRuns(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	processtest.Environment(t, s)
	dir := t.TempDir()
	file := filepath.Join(dir, "monday.db")
	does(t, "", "backup", file).says(t, 1, "bot: there is no ledger at "+s["DATABASE"])
	env.buy(t, s["DATABASE"], 1)
	t.Chdir(dir)
	got := does(t, "", "backup", "monday.db")
	got.says(t, 0, file+" is a verified copy of the ledger: 1 order, 1 purchase and ", " audit records in ",
		" KB.\nIts last record is ")
	if now := does(t, "", "verify"); printedHead(t, now.out) != printedHead(t, got.out) {
		t.Errorf("head of the ledger: got\n%s\nwant the one of the copy\n%s", now.out, got.out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v, want 0600; error %v", info.Mode(), err)
	}
	before := read(t, file)
	does(t, "", "backup", file).says(t, 1, "a backup never overwrites a file")
	does(t, "", "backup", s["DATABASE"]).says(t, 1, "a backup never overwrites a file")
	if string(read(t, file)) != string(before) {
		t.Error("got an overwritten file, want it unchanged")
	}
	does(t, "", "backup", filepath.Join(dir, "none", "x.db")).says(t, 1, "no such file or directory")
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("got the files %v, want one; error %v", entries, err)
	}
}

// The running bot makes the copy, also in the middle of a purchase, as long as it holds the ledger, and it resumes
// buying. Only its own user can use its socket, which is removed at the end.
func TestBackup_BotBuys_WithResume(t *testing.T) {
	env := newEnv(t)
	env.cocalc.SetCheckoutTakes(1500 * time.Millisecond)
	s := env.settings(t, "ADMINS="+slacksim.Bob)
	bot := launch(t, s, "run")
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	alice, bob := env.slack.Person(slacksim.Alice), env.slack.Person(slacksim.Bob)
	card := env.command(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75")
	if err := alice.Click(t.Context(), card, "Buy for $63.75"); err != nil {
		t.Fatal(err)
	}
	shows := func(text string) {
		t.Helper()
		if _, err := alice.WaitForUpdate(bot.Life, card, func(m slacksim.Message) bool {
			return strings.Contains(m.ContentText(), text)
		}); err != nil {
			t.Fatal(err)
		}
	}
	shows("Paying …")
	file := filepath.Join(t.TempDir(), "noon.db")
	backup := launch(t, s, "backup", file)
	if code := backup.Ends(processtest.Patience); code != 0 || !strings.Contains(backup.Out.String(), file+
		" is a verified copy of the ledger: 1 order, 0 purchases and ") {
		t.Errorf("got exit code %d, want 0 and a verified copy:\n%s\n%s", code, &backup.Out, &backup.Err)
	}
	again := launch(t, s, "backup", file)
	if code := again.Ends(processtest.Patience); code != 1 ||
		!strings.Contains(again.Err.String(), "a backup never overwrites a file") {
		t.Errorf("got exit code %d, want 1 and the refusal to overwrite:\n%s\n%s", code, &again.Out, &again.Err)
	}
	shows("Bought for $63.75")
	processtest.Environment(t, s)
	does(t, "", "verify", "--head", printedHead(t, backup.Out.String())).says(t, 0, "is in the chain as you noted it")
	does(t, "", "verify", "--database", file).says(t, 0, "1 order, 0 purchases")

	if err := bob.Command(t.Context(), slacksim.General, "/license", "pause the money is counted"); err != nil {
		t.Fatal(err)
	}
	env.command(t, "buy ram=2 cpu=1", "the money is counted")
	does(t, "", "resume", "it", "is", "all", "there").says(t, 0, "Buying is back on. It had been paused since ",
		": the money is counted\n")
	does(t, "", "resume", "again").says(t, 0, "Buying wasn't paused.\n")
	env.command(t, "buy ram=3 cpu=1", "A CoCalc license for")

	info, err := os.Lstat(s["DATABASE"] + ".sock")
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("got the socket %v, want one that only its user can open; error %v", info, err)
	}
	if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
		t.Errorf("got exit code %d, want 0:\n%s", code, &bot.Err)
	}
	if entries, err := os.ReadDir(filepath.Dir(s["DATABASE"])); err != nil || len(entries) != 1 {
		t.Errorf("got the files %v, want the ledger alone; error %v", entries, err)
	}
}

// A ledger that was deleted, moved or replaced under the running bot is copied as the bot holds it, never the file in
// its place. The command fails all the same, with what to do.
func TestBackup_LedgerReplacedUnderBot(t *testing.T) {
	for name, away := range map[string]func(*testing.T, string){
		"deleted": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"replaced by an older ledger": func(t *testing.T, path string) {
			other, err := storage.Open(path + ".other")
			if err == nil {
				err = other.Close()
			}
			if err == nil {
				err = os.Rename(path+".other", path)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := newEnv(t)
			s := env.settings(t)
			env.buy(t, s["DATABASE"], 1)
			bot := launch(t, s, "run")
			if err := env.slack.WaitForSocket(bot.Life); err != nil {
				t.Fatal(err)
			}
			away(t, s["DATABASE"])
			processtest.Environment(t, s)
			file := filepath.Join(t.TempDir(), "rescue.db")
			does(t, "", "backup", file).says(t, 1, "the ledger "+s["DATABASE"]+
				" was moved, deleted or replaced while the bot runs. "+file+
				" is a verified copy of the one that the bot has open: 1 order, 1 purchase and ",
				"stop the bot and run: bot restore "+file)
			if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
				t.Errorf("got exit code %d, want 0:\n%s", code, &bot.Err)
			}
			does(t, "", "verify", "--database", file).says(t, 0, "1 order, 1 purchase")
			does(t, "", "restore", file, "--yes").says(t, 0, "Restored "+s["DATABASE"]+" from "+file)
			does(t, "", "verify").says(t, 0, "1 order, 1 purchase")
		})
	}
}

// A killed bot leaves its socket behind. The commands work without it, and the next bot replaces it.
func TestBackup_BotKilled(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	killed := launch(t, s, "run")
	killed.Prints(&killed.Err, 1, "connect to Slack")
	killed.Kill()
	if _, err := os.Lstat(s["DATABASE"] + ".sock"); err != nil {
		t.Fatal(err)
	}
	processtest.Environment(t, s)
	dir := t.TempDir()
	does(t, "", "backup", filepath.Join(dir, "dead.db")).says(t, 0, "is a verified copy of the ledger")
	next := launch(t, s, "run")
	next.Prints(&next.Err, 1, "connect to Slack")
	if ledger, err := storage.OpenReadOnly(s["DATABASE"]); err == nil {
		ledger.Close()
		t.Error("got an unlocked ledger, want the bot to hold it")
	}
	does(t, "", "backup", filepath.Join(dir, "alive.db")).says(t, 0, "is a verified copy of the ledger")
	next.Prints(&next.Err, 1, "back up the ledger")
}
