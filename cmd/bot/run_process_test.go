package main

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// launch starts the test program as bot, with this command line and these settings alone.
func launch(t testing.TB, settings map[string]string, args ...string) *processtest.Process {
	t.Helper()
	return processtest.Start(t, os.Args[0], settings, args...)
}

// A stop in the middle of a checkout: the process finishes it, shows the receipt, and ends well.
func TestRun_SIGTERM_DuringPurchase(t *testing.T) {
	env := newEnv(t)
	env.cocalc.SetCheckoutTakes(700 * time.Millisecond)
	bot := launch(t, env.settings(t), "run")
	alice := env.slack.Person(slacksim.Alice)
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	card := env.command(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75")
	if err := alice.Click(t.Context(), card, "Buy for $63.75"); err != nil {
		t.Fatal(err)
	}
	_, err := alice.WaitForUpdate(bot.Life, card, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), "Paying …")
	})
	if err != nil {
		t.Fatal(err)
	}
	if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
		t.Errorf("got exit code %d, want 0:\n%s", code, &bot.Err)
	}
	now, ok := env.slack.Current(card)
	if !ok || !strings.Contains(now.ContentText(), "Bought for $63.75") || len(env.account.Licenses()) != 1 {
		t.Errorf("got %d licenses, want 1 and its receipt; the card reads\n%s\n%s",
			len(env.account.Licenses()), now.ContentText(), &bot.Err)
	}
}

// command types /license as alice, and returns the message with the text.
func (env *testEnv) command(t testing.TB, command, text string) slacksim.Message {
	t.Helper()
	alice := env.slack.Person(slacksim.Alice)
	if err := alice.Command(t.Context(), slacksim.General, "/license", command); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), processtest.Patience)
	defer cancel()
	m, err := alice.WaitForText(ctx, slacksim.General, text)
	if err != nil {
		t.Fatalf("want the text %q for alice, got %v", text, err)
	}
	return m
}

// Tokens that Slack refuses end the bot at once, with what to do. A CoCalc that refuses its key does not: it answers
// the same when its database is down.
func TestRun_Start_RefusedTokens(t *testing.T) {
	for name, token := range map[string]string{
		"SLACK_BOT_TOKEN": "xoxb-wrong-wrong",
		"SLACK_APP_TOKEN": "xapp-wrong-wrong",
	} {
		t.Run(name, func(t *testing.T) {
			env := newEnv(t)
			processtest.Environment(t, env.settings(t, name+"="+token))
			got := does(t, "", "run")
			_, end, _ := strings.Cut(got.err, "bot: invalid configuration:\n")
			if got.code != 2 || !strings.Contains(end, "("+name+")") || strings.Count(end, "\n") != 1 {
				t.Errorf("got exit code %d, error %q; want 2, one line that names %s", got.code, got.err, name)
			}
			if strings.Contains(got.err, token) {
				t.Errorf("got the token in the error, want it hidden:\n%s", got.err)
			}
		})
	}
}
