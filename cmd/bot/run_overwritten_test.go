package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"licensebot/internal/cli"
	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// An operator copies an older backup over the ledger of a running bot: the next click is refused, the bot ends with the
// exit code that requests a restart, and the file stays as the operator left it. A moved file is noticed before a
// click, too.
func TestRun_LedgerOverwritten(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	processtest.Environment(t, s)
	bot := launch(t, s, "run")
	alice := env.slack.Person(slacksim.Alice)
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	does(t, "", "backup", backup).says(t, 0)
	card := env.command(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75")

	aside := s["DATABASE"] + ".aside"
	if err := os.Rename(s["DATABASE"], aside); err != nil {
		t.Fatal(err)
	}
	if err := alice.Click(t.Context(), card, "Buy for $63.75"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForText(bot.Life, slacksim.General, "Buying is on hold"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, s["DATABASE"]); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(s["DATABASE"], read(t, backup), 0o600); err != nil {
		t.Fatal(err)
	}
	// Whether this click finds the file overwritten is chance; it is refused in any case.
	_ = alice.Click(t.Context(), card, "Buy for $63.75")
	if code := bot.Ends(processtest.Patience); code != cli.ExitLedgerFailed ||
		!strings.Contains(bot.Err.String(), "overwritten while it was open") {
		t.Errorf("got exit code %d, want 74:\n%s", code, &bot.Err)
	}
	if len(env.account.Licenses()) != 0 || string(read(t, s["DATABASE"])) != string(read(t, backup)) {
		t.Error("got a purchase or a write, want none")
	}
}
