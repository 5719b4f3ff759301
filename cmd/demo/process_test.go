package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/internal/config"
	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// launch starts the test program as the demo, with this command line and these settings alone.
func launch(t testing.TB, settings map[string]string, args ...string) *processtest.Process {
	t.Helper()
	return processtest.Start(t, os.Args[0], settings, args...)
}

// The simulators alone, for a bot in another process that knows only the printed settings.
func TestDemo_WithoutBot_ABotConnects(t *testing.T) {
	program := processtest.Build(t, "licensebot/cmd/bot")
	demo := launch(t, nil, "--without-bot", "--addr", "127.0.0.1:0", "--credit", "123.45")
	demo.Prints(&demo.Out, 12, "=")
	demo.Prints(&demo.Err, 1, "Ctrl-C stops it.")
	settings := map[string]string{}
	for line := range strings.Lines(demo.Out.String() + "\n") {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok || !slices.Contains(config.Names(), name) || value == "" || strings.ContainsAny(value, " '\"$`\\") {
			t.Errorf("got the line %q, want a setting that a shell can read", line)
		}
		settings[name] = value
	}
	settings["DATABASE"] = filepath.Join(t.TempDir(), "ledger.db")
	checked := processtest.Start(t, program, settings, "check")
	code := checked.Ends(processtest.Patience)
	if code != 0 || !strings.Contains(checked.Out.String(), "$123.45 in credit") {
		t.Errorf("bot check: got exit code %d\n%s\n%s\nwant 0, $123.45 in credit", code, &checked.Out, &checked.Err)
	}

	bot := processtest.Start(t, program, settings, "run")
	bot.Prints(&bot.Err, 1, "connect to Slack")
	page := strings.TrimSuffix(settings["SLACK_API_URL"], "api/")
	response, err := http.Post(page+"-/do/say", "application/json",
		strings.NewReader(fmt.Sprintf(`{"as":%q,"at":%q,"text":"/license quote ram=16 cpu=2"}`, slacksim.Alice,
			slacksim.General)))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	shown, err := http.Get(page + "?" + url.Values{"as": {slacksim.Alice}, "at": {slacksim.General}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(shown.Body)
	shown.Body.Close()
	if err != nil || !strings.Contains(string(body), "$63.75 a month") {
		t.Errorf("want the answer on the page (%v), got\n%s", err, body)
	}
	http.DefaultClient.CloseIdleConnections()

	second := processtest.Start(t, program, settings, "run")
	code = second.Ends(processtest.Patience)
	if code != 1 || !strings.HasSuffix(second.Err.String(), "another licensebot is running with this ledger") {
		t.Errorf("a second bot: got exit code %d, want 1:\n%s", code, &second.Err)
	}
	if code := bot.Ends(10*time.Second, syscall.SIGTERM); code != 0 || bot.Out.String() != "" {
		t.Errorf("got exit code %d of the bot, want 0:\n%s\n%s", code, &bot.Out, &bot.Err)
	}
	if code := demo.Ends(10*time.Second, os.Interrupt.(syscall.Signal)); code != 0 {
		t.Errorf("got exit code %d of the demo, want 0:\n%s", code, &demo.Err)
	}
	for line := range strings.Lines(demo.Out.String() + "\n") {
		if !strings.Contains(line, "=") {
			t.Errorf("got the line %q on standard output, want a setting", line)
		}
	}
}

// The simulated CoCalc can sell no licenses from the beginning, with a key of that kind.
func TestDemo_WithoutBot_AnotherCoCalc(t *testing.T) {
	for preset, want := range map[string]cocalc.Diagnosis{
		"":          {Condition: cocalc.SellsLicenses, Key: cocalc.KeyValid},
		"successor": {Condition: cocalc.SellsMemberships, Key: cocalc.KeyValid},
		"moved":     {Condition: cocalc.HasMoved},
	} {
		args := []string{"--without-bot", "--addr", "127.0.0.1:0", "--data", t.TempDir()}
		if preset != "" {
			args = append(args, "--cocalc", preset)
		}
		demo := launch(t, nil, args...)
		demo.Prints(&demo.Err, 1, "Ctrl-C stops it.")
		demo.Prints(&demo.Out, 1, "PERSON_ORDERS=") // the last setting; the two outputs are separate
		settings := map[string]string{}
		for line := range strings.Lines(demo.Out.String() + "\n") {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			settings[name] = value
		}
		client, err := cocalc.New(cocalc.Options{BaseURL: settings["COCALC_URL"], Key: settings["COCALC_API_KEY"]})
		if err != nil {
			t.Fatal(err)
		}
		if got := client.Diagnose(t.Context()); got.Condition != want.Condition || got.Key != want.Key || got.OlderKey {
			t.Errorf("--cocalc %q: got %+v, want %+v, without an older key", preset, got, want)
		}
		client.Close()
		if code := demo.Ends(10*time.Second, os.Interrupt.(syscall.Signal)); code != 0 {
			t.Errorf("--cocalc %q: got exit code %d, want 0:\n%s", preset, code, &demo.Err)
		}
	}
	got := does(t, "--without-bot", "--cocalc", "newest", "--data", t.TempDir())
	if got.code != 2 || !strings.Contains(got.err, `--cocalc "newest": write successor or moved`) {
		t.Errorf("got exit code %d, error %q; want 2, and what to write for newest", got.code, got.err)
	}
}

func TestDemo_EndsWithCtrlC(t *testing.T) {
	data := filepath.Join(t.TempDir(), "demo")
	demo := launch(t, nil, "--addr", "127.0.0.1:0", "--data", data)
	demo.Prints(&demo.Out, 1, "Ctrl-C stops it.")
	for _, want := range []string{"Open http://127.0.0.1:", "/license buy ram=16 cpu=2", data} {
		if !strings.Contains(demo.Out.String(), want) {
			t.Errorf("output: got\n%s\nwant %q in it", &demo.Out, want)
		}
	}
	if code := demo.Ends(10*time.Second, syscall.SIGINT); code != 0 || demo.Err.String() != "" {
		t.Errorf("got exit code %d, want 0 and nothing on standard error:\n%s\n%s", code, &demo.Out, &demo.Err)
	}
	if _, err := os.Stat(filepath.Join(data, "licensebot.db")); err != nil {
		t.Error(err)
	}
}

func TestDemo_PortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, args := range [][]string{nil, {"--without-bot"}} {
		got := does(t, append(args, "--addr", taken.Addr().String(), "--data", t.TempDir())...)
		if got.code != 1 || got.out != "" || strings.Count(got.err, "\n") != 1 ||
			!strings.Contains(got.err, "address already in use") ||
			!strings.HasSuffix(got.err, " Is another demo running? Use another port, such as --addr 127.0.0.1:3001\n") {
			t.Errorf("%v: got exit code %d\n%s%s\nwant 1, one line that names another port", args, got.code, got.out, got.err)
		}
	}
}
