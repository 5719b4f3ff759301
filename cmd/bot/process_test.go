package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/slacksim"
)

// process is bot as a process of its own.
type process struct {
	t       testing.TB
	cmd     *exec.Cmd
	out     lines
	err     lines
	log     io.Closer // what is read of its standard error
	readers sync.WaitGroup
	life    context.Context // ends with the process: nobody waits for what a dead one should do
}

// lines are what a process has printed so far.
type lines struct {
	mu   sync.Mutex
	all  []string
	more chan struct{} // closed and made anew with every line
	done bool
}

func (l *lines) read(from io.Reader) {
	s := bufio.NewScanner(from)
	for s.Scan() {
		l.add(s.Text(), false)
	}
	l.add("", true)
}

func (l *lines) add(line string, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done = done; !done {
		l.all = append(l.all, line)
	}
	close(l.more)
	l.more = make(chan struct{})
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// patience is how long a process may take for a step; machines that test are slow.
const patience = 30 * time.Second

// lifetime is how long a process may run at most, and dying how long it may take to say what it was doing.
const (
	lifetime = 2 * time.Minute
	dying    = 5 * time.Second
)

// launch starts the test program as bot, with this command line and these settings alone. It is ended with the test, if
// it has not ended; one that runs too long is ended before, tells what it was doing, and fails the test.
func launch(t testing.TB, settings map[string]string, args ...string) *process {
	t.Helper()
	return start(t, os.Args[0], settings, args...)
}

// start is launch for any program.
func start(t testing.TB, program string, settings map[string]string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...)}
	p.out.more, p.err.more = make(chan struct{}), make(chan struct{})
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); !slices.Contains(settingNames(), name) {
			p.cmd.Env = append(p.cmd.Env, variable)
		}
	}
	p.cmd.Env = append(p.cmd.Env, asProgram+"=1", "HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir())
	for name, value := range settings {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.log = errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.readers.Go(func() { p.out.read(out) })
	p.readers.Go(func() { p.err.read(errs) })
	var end context.CancelFunc
	p.life, end = context.WithCancel(t.Context())
	go func() {
		p.readers.Wait()
		end()
	}()
	hangs := time.AfterFunc(lifetime, p.endWithStacks)
	t.Cleanup(func() {
		inTime := hangs.Stop()
		if p.cmd.ProcessState == nil {
			if inTime && !t.Failed() {
				p.cmd.Process.Kill()
			} else {
				p.endWithStacks()
			}
			p.readers.Wait()
			p.cmd.Wait()
		}
		if !inTime {
			t.Errorf("%q was still running after %s", args, lifetime)
		}
		if t.Failed() {
			t.Logf("%q printed\n%s\n%s", args, &p.out, &p.err)
		}
	})
	return p
}

// endWithStacks ends the process at once, after it has printed what each of its goroutines was doing. One that does not
// even do that is killed.
func (p *process) endWithStacks() {
	p.cmd.Process.Signal(syscall.SIGQUIT)
	time.AfterFunc(dying, func() { p.cmd.Process.Kill() })
}

// prints waits until the process has printed n lines on l that contain text.
func (p *process) prints(l *lines, n int, text string) {
	p.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		l.mu.Lock()
		found, more, done := 0, l.more, l.done
		for _, line := range l.all {
			if strings.Contains(line, text) {
				found++
			}
		}
		l.mu.Unlock()
		if found >= n {
			return
		}
		if done {
			p.t.Fatalf("the process has ended without %q:\n%s\n%s", text, &p.out, &p.err)
		}
		select {
		case <-more:
		case <-late.C:
			p.t.Fatalf("%q was not printed:\n%s\n%s", text, &p.out, &p.err)
		}
	}
}

// ends waits for the end of the process, after sending it a signal if there is one, and returns its exit code.
func (p *process) ends(within time.Duration, signals ...syscall.Signal) int {
	p.t.Helper()
	for _, s := range signals {
		if err := p.cmd.Process.Signal(s); err != nil {
			p.t.Fatal(err)
		}
	}
	late := time.AfterFunc(within, p.endWithStacks)
	p.readers.Wait()
	err := p.cmd.Wait()
	if !late.Stop() {
		p.t.Fatalf("it did not end within %s:\n%s\n%s", within, &p.out, &p.err)
	}
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		p.t.Fatal(err)
	}
	if text := p.err.String(); strings.Contains(text, "goroutine ") || strings.Contains(text, "panic") || strings.Contains(text, "DATA RACE") {
		p.t.Errorf("it ended with a dump:\n%s", text)
	}
	return p.cmd.ProcessState.ExitCode()
}

// The simulators alone, for a bot in another process that gets nothing but the printed settings.
func TestDemoWithoutBotAndABotBesideIt(t *testing.T) {
	demo := launch(t, nil, "demo", "--without-bot", "--addr", "127.0.0.1:0", "--credit", "123.45")
	demo.prints(&demo.out, 12, "=")
	demo.prints(&demo.err, 1, "Ctrl-C stops it.")
	settings := map[string]string{}
	for line := range strings.Lines(demo.out.String() + "\n") {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok || !slices.Contains(settingNames(), name) || value == "" || strings.ContainsAny(value, " '\"$`\\") {
			t.Errorf("%q is no setting that a shell can take as it is", line)
		}
		settings[name] = value
	}
	settings["DATABASE"] = filepath.Join(t.TempDir(), "ledger.db")
	if checked := launch(t, settings, "check"); checked.ends(patience) != 0 || !strings.Contains(checked.out.String(), "$123.45 in credit") {
		t.Errorf("bot check says\n%s\n%s", &checked.out, &checked.err)
	}

	bot := launch(t, settings, "run")
	bot.prints(&bot.err, 1, "connect to Slack")
	page := strings.TrimSuffix(settings["SLACK_API_URL"], "api/")
	response, err := http.Post(page+"-/do/say", "application/json",
		strings.NewReader(fmt.Sprintf(`{"as":%q,"at":%q,"text":"/license quote ram=16 cpu=2"}`, slacksim.Alice, slacksim.General)))
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
		t.Errorf("the answer is not on the page (%v):\n%s", err, body)
	}
	http.DefaultClient.CloseIdleConnections()

	second := launch(t, settings, "run")
	if code := second.ends(patience); code != 1 || !strings.HasSuffix(second.err.String(), "another licensebot is running with this ledger") {
		t.Errorf("a second bot ends with %d:\n%s", code, &second.err)
	}
	if code := bot.ends(10*time.Second, syscall.SIGTERM); code != 0 || bot.out.String() != "" {
		t.Errorf("the bot ends with %d:\n%s\n%s", code, &bot.out, &bot.err)
	}
	if code := demo.ends(10*time.Second, os.Interrupt.(syscall.Signal)); code != 0 {
		t.Errorf("the demo ends with %d:\n%s", code, &demo.err)
	}
	for line := range strings.Lines(demo.out.String() + "\n") {
		if !strings.Contains(line, "=") {
			t.Errorf("%q is on standard output", line)
		}
	}
}

// The simulated CoCalc can be one that sells no licenses from its beginning, with a key that suits it.
func TestDemoWithoutBotOnAnotherCoCalc(t *testing.T) {
	for preset, want := range map[string]cocalc.Diagnosis{
		"":          {Condition: cocalc.SellsLicenses, Key: cocalc.KeyValid},
		"successor": {Condition: cocalc.SellsMemberships, Key: cocalc.KeyValid},
		"moved":     {Condition: cocalc.HasMoved},
	} {
		args := []string{"demo", "--without-bot", "--addr", "127.0.0.1:0", "--data", t.TempDir()}
		if preset != "" {
			args = append(args, "--cocalc", preset)
		}
		demo := launch(t, nil, args...)
		demo.prints(&demo.err, 1, "Ctrl-C stops it.")
		demo.prints(&demo.out, 1, "PERSON_ORDERS=") // the last setting; the two outputs are read apart
		settings := map[string]string{}
		for line := range strings.Lines(demo.out.String() + "\n") {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			settings[name] = value
		}
		client, err := cocalc.New(cocalc.Options{BaseURL: settings["COCALC_URL"], Key: settings["COCALC_API_KEY"]})
		if err != nil {
			t.Fatal(err)
		}
		if got := client.Diagnose(t.Context()); got.Condition != want.Condition || got.Key != want.Key || got.OlderKey {
			t.Errorf("--cocalc %q: got %+v", preset, got)
		}
		client.Close()
		if code := demo.ends(10*time.Second, os.Interrupt.(syscall.Signal)); code != 0 {
			t.Errorf("--cocalc %q: the demo ends with %d:\n%s", preset, code, &demo.err)
		}
	}
	got := does(t, "", "demo", "--without-bot", "--cocalc", "newest", "--data", t.TempDir())
	if got.code != 2 || !strings.Contains(got.err, `--cocalc "newest": write successor or moved`) {
		t.Errorf("exit %d: %s", got.code, got.err)
	}
}

// A stop in the middle of a checkout: the process finishes it, shows the receipt, and ends well.
func TestTermDuringAPurchase(t *testing.T) {
	w := newTown(t)
	w.cocalc.SetCheckoutTakes(700 * time.Millisecond)
	bot := launch(t, w.settings(t), "run")
	alice := w.slack.Person(slacksim.Alice)
	if err := w.slack.WaitForSocket(bot.life); err != nil {
		t.Fatal(err)
	}
	card := w.asks(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75")
	if err := alice.Click(t.Context(), card, "Buy for $63.75"); err != nil {
		t.Fatal(err)
	}
	_, err := alice.WaitForUpdate(bot.life, card, func(m slacksim.Message) bool { return strings.Contains(m.ContentText(), "Paying …") })
	if err != nil {
		t.Fatal(err)
	}
	if code := bot.ends(patience, syscall.SIGTERM); code != 0 {
		t.Errorf("it ends with %d:\n%s", code, &bot.err)
	}
	now, ok := w.slack.Current(card)
	if !ok || !strings.Contains(now.ContentText(), "Bought for $63.75") || len(w.account.Licenses()) != 1 {
		t.Errorf("%d licenses; the card reads\n%s\n%s", len(w.account.Licenses()), now.ContentText(), &bot.err)
	}
}

// asks types /license as alice and waits for what she reads.
func (w *town) asks(t testing.TB, command, text string) slacksim.Message {
	t.Helper()
	alice := w.slack.Person(slacksim.Alice)
	if err := alice.Command(t.Context(), slacksim.General, "/license", command); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := alice.WaitForText(ctx, slacksim.General, text)
	if err != nil {
		t.Fatalf("alice does not read %q: %v", text, err)
	}
	return m
}

func TestDemoEndsWithCtrlC(t *testing.T) {
	data := filepath.Join(t.TempDir(), "demo")
	demo := launch(t, nil, "demo", "--addr", "127.0.0.1:0", "--data", data)
	demo.prints(&demo.out, 1, "Ctrl-C stops it.")
	for _, want := range []string{"Open http://127.0.0.1:", "/license buy ram=16 cpu=2", data} {
		if !strings.Contains(demo.out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &demo.out)
		}
	}
	if code := demo.ends(10*time.Second, syscall.SIGINT); code != 0 || demo.err.String() != "" {
		t.Errorf("it ends with %d:\n%s\n%s", code, &demo.out, &demo.err)
	}
	if _, err := os.Stat(filepath.Join(data, "licensebot.db")); err != nil {
		t.Error(err)
	}
}

func TestDemoOnAPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, args := range [][]string{{"demo"}, {"demo", "--without-bot"}} {
		got := does(t, "", append(args, "--addr", taken.Addr().String(), "--data", t.TempDir())...)
		if got.code != 1 || got.out != "" || strings.Count(got.err, "\n") != 1 || !strings.Contains(got.err, "address already in use") ||
			!strings.HasSuffix(got.err, " Is another demo running? Use another port, such as --addr 127.0.0.1:3001\n") {
			t.Errorf("%v: exit %d\n%s%s", args, got.code, got.out, got.err)
		}
	}
}

// Tokens that Slack refuses end the bot at once, with what to do. A CoCalc that refuses its key does not: it says the
// same when its database is down.
func TestRunWithWhatSlackRefuses(t *testing.T) {
	for name, token := range map[string]string{"SLACK_BOT_TOKEN": "xoxb-wrong-wrong", "SLACK_APP_TOKEN": "xapp-wrong-wrong"} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			environment(t, w.settings(t, name+"="+token))
			got := does(t, "", "run")
			_, end, _ := strings.Cut(got.err, "bot: invalid configuration:\n")
			if got.code != 2 || !strings.Contains(end, "("+name+")") || strings.Count(end, "\n") != 1 {
				t.Errorf("exit %d:\n%s", got.code, got.err)
			}
			if strings.Contains(got.err, token) {
				t.Errorf("the token is told:\n%s", got.err)
			}
		})
	}
}
