package main

import (
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// A bot whose log is no longer read goes on: it sells, and it stops normally.
func TestRun_LogReaderGone(t *testing.T) {
	env := newEnv(t)
	bot := launch(t, env.settings(t, "LOG_LEVEL=debug"), "run")
	bot.Prints(&bot.Err, 1, "connect to Slack")
	if err := bot.CloseErr(); err != nil {
		t.Fatal(err)
	}
	alice := env.slack.Person(slacksim.Alice)
	card := env.command(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75")
	if err := alice.Click(t.Context(), card, "Buy for $63.75"); err != nil {
		t.Fatal(err)
	}
	// Not bot.Life, which ends when the log is closed.
	_, err := alice.WaitForUpdate(t.Context(), card, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), "Bought for $63.75")
	})
	if err != nil {
		t.Fatal(err)
	}
	if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 || !bot.Cmd.ProcessState.Exited() {
		t.Errorf("got %s, want exit code 0", bot.Cmd.ProcessState)
	}
}

// The end of its session stops the bot as SIGTERM does, also when the signal comes twice.
func TestRun_SIGHUP(t *testing.T) {
	// A bot that is started with SIGHUP ignored (nohup) ignores it too. Tests that run under nohup must not pass that on.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	env := newEnv(t)
	bot := launch(t, env.settings(t), "run")
	bot.Prints(&bot.Err, 1, "connect to Slack")
	if code := bot.Ends(processtest.Patience, syscall.SIGHUP, syscall.SIGHUP); code != 0 ||
		!strings.Contains(bot.Err.String(), "stop licensebot") {
		t.Errorf("got %s, want exit code 0:\n%s", bot.Cmd.ProcessState, &bot.Err)
	}
}
