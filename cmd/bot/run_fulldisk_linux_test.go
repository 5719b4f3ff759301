package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// limitFileSize limits the size of the files that a process writes, in bytes: with 0 every write fails as on a full
// disk, except to pipes.
func limitFileSize(t *testing.T, p *processtest.Process, limit uint64) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Prlimit(p.Cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(p.Cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: min(limit, was.Max), Max: was.Max},
		nil); err != nil {
		t.Fatal(err)
	}
}

// The disk fills up while the bot runs: no order is accepted, every refusal gives the reason, the bot keeps running,
// and works again when there is room.
func TestRun_FullDisk(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	processtest.Environment(t, s)
	bot := launch(t, s, "run")
	alice := env.slack.Person(slacksim.Alice)
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	before := env.command(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75")
	const full = "My disk is full, so that didn't go through."
	limitFileSize(t, bot, 0)
	env.command(t, "buy ram=8 cpu=1", full)
	env.command(t, "list", "No active licenses yet.") // reading needs no room
	ledger := read(t, s["DATABASE"])
	if err := alice.Click(t.Context(), before, "Buy for $63.75"); err != nil {
		t.Fatal(err)
	}
	err := env.slack.Wait(bot.Life, func() bool {
		told := 0
		for _, m := range env.slack.Person(slacksim.Alice).Messages(slacksim.General) {
			told += strings.Count(m.ContentText(), full)
		}
		return told == 2
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(env.account.Licenses()) != 0 || string(read(t, s["DATABASE"])) != string(ledger) {
		t.Error("got a purchase or a write, want none")
	}
	does(t, "", "backup", t.TempDir()+"/full.db").says(t, 1, "bot: back up the ledger to ", "file too large")

	limitFileSize(t, bot, unix.RLIM_INFINITY)
	card := env.command(t, "buy ram=4 cpu=1", "for $26.25 a month")
	for _, click := range []struct {
		card   slacksim.Message
		button string
	}{{card, "Buy for $26.25"}, {before, "Buy for $63.75"}} {
		if err := alice.Click(t.Context(), click.card, click.button); err != nil {
			t.Fatal(err)
		}
		_, err := alice.WaitForUpdate(bot.Life, click.card, func(m slacksim.Message) bool {
			return strings.Contains(m.ContentText(), "Bought for")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	does(t, "", "verify", "--online").says(t, 0, "it sold 2 licenses in the log")
	if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
		t.Errorf("got exit code %d, want 0:\n%s", code, &bot.Err)
	}
}

// The disk fills up during a checkout, so the purchase cannot be recorded. It is as soon as there is room, and it is
// bought once.
func TestRun_FullDisk_DuringCheckout(t *testing.T) {
	env := newEnv(t)
	env.cocalc.SetCheckoutTakes(500 * time.Millisecond)
	sold := make(chan struct{})
	env.cocalc.Inject(cocalctest.Fault{
		Endpoint: "purchases/shopping-cart-checkout", When: cocalctest.After, Effect: cocalctest.Call, Times: 1,
		Do: func(*cocalctest.Account) { close(sold) },
	})
	s := env.settings(t)
	processtest.Environment(t, s)
	bot := launch(t, s, "run")
	alice := env.slack.Person(slacksim.Alice)
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
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
	limitFileSize(t, bot, 0)
	select {
	case <-sold:
	case <-bot.Life.Done():
		t.Fatal("got no license, want one")
	}
	bot.Prints(&bot.Err, 1, "the ledger's disk is full")
	env.command(t, "list", "1 active license") // CoCalc has sold it, and the bot answers
	limitFileSize(t, bot, unix.RLIM_INFINITY)
	shows("Bought for $63.75")
	does(t, "", "verify", "--online").says(t, 0, "it sold 1 license in the log")
	if n := len(env.account.Licenses()); n != 1 {
		t.Errorf("got %d licenses, want 1", n)
	}
	if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
		t.Errorf("got exit code %d, want 0:\n%s", code, &bot.Err)
	}
}
