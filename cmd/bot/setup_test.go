package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/bot"
	"licensebot/cocalc/cocalctest"
	"licensebot/internal/goldenfile"
	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

// outcome is the result of a command line.
type outcome struct {
	code     int
	out, err string
}

// does runs a command line as the program would.
func does(t testing.TB, stdin string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	code := execute(ctx, args, stdio{strings.NewReader(stdin), &out, &errs})
	return outcome{code, out.String(), errs.String()}
}

// golden compares a text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	goldenfile.Compare(t, filepath.Join("testdata", name), got)
}

// testEnv is a Slack workspace and a CoCalc on loopback, without a bot.
type testEnv struct {
	slack   *slacksim.Workspace
	api     string
	cocalc  *cocalctest.Server
	shop    string
	account *cocalctest.Account
}

// newEnv starts both. They end with the test.
func newEnv(t testing.TB) *testEnv {
	t.Helper()
	env := &testEnv{
		slack: slacksim.New(slacksim.Options{Rates: slacksim.Rates{Off: true}, App: slacksim.App{
			ID: "A11", BotScopes: bot.Scopes(), BotToken: "xoxb-1111-2222-botBOTbotBOT",
			AppToken: "xapp-1-A11-33-appAPPappAPP",
		}}),
		cocalc: cocalctest.New(cocalctest.Config{Seed: 7, CheckoutTakes: time.Millisecond}),
	}
	env.account = env.cocalc.Add(cocalctest.NewAccount{Credit: 100_000, Partner: true})
	env.shop = env.cocalc.Start(t)
	env.api = slacktest.Serve(t, env.slack).APIURL
	return env
}

// settings returns the settings of a bot in this environment, with more settings or other values.
func (env *testEnv) settings(t testing.TB, more ...string) map[string]string {
	t.Helper()
	s := map[string]string{
		"SLACK_BOT_TOKEN": env.slack.BotToken(), "SLACK_APP_TOKEN": env.slack.AppToken(), "SLACK_API_URL": env.api,
		"COCALC_API_KEY": env.account.Key(), "COCALC_URL": env.shop, "BUYERS": "*",
		"DATABASE": filepath.Join(t.TempDir(), "ledger.db"),
	}
	for _, setting := range more {
		name, value, _ := strings.Cut(setting, "=")
		s[name] = value
	}
	return s
}
