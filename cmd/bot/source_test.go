package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"licensebot/internal/control"
	"licensebot/internal/processtest"
	"licensebot/internal/records"
	"licensebot/purchase"
	"licensebot/storage"
)

// keepRefusals appends refusals to the audit of a ledger, one a second.
func keepRefusals(t testing.TB, path string, n int) {
	t.Helper()
	began := time.Now().Add(-time.Duration(n) * time.Second)
	changeLedger(t, path, func(w purchase.Writer) error {
		for i := range n {
			err := w.AppendEvent(purchase.Event{
				Time: began.Add(time.Duration(i) * time.Second), Kind: "refused", By: fmt.Sprint("U0PERSON", i%7),
				Place: "C0GENERAL", Note: "not-a-buyer",
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// noTemp makes every use of the folder for temporary files fail, until the test ends: a copy of a ledger is made there.
func noTemp(t testing.TB) {
	t.Helper()
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
}

// hook is an output that calls a function when the first part is written.
type hook struct {
	strings.Builder
	then func()
}

func (h *hook) Write(b []byte) (int, error) {
	if h.Len() == 0 {
		h.then()
	}
	return h.Builder.Write(b)
}

// doesUntil runs a command line, and calls then when it has printed something.
func doesUntil(t testing.TB, then func(stop context.CancelFunc), args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out := &hook{then: func() { then(cancel) }}
	var errs strings.Builder
	code := execute(ctx, args, stdio{strings.NewReader(""), out, &errs})
	return outcome{code, out.String(), errs.String()}
}

// everyReading are the commands that read records.
var everyReading = [][]string{
	{"purchases"},
	{"purchases", "--json"},
	{"purchases", "--csv"},
	{"purchases", "--format", "beancount"},
	{"purchases", "--since", "30d", "--csv"},
	{"purchases", "--month", "2020-01"},
	{"audit", "--by", "U0PERSON1"},
	{"audit", "--json"},
	{"audit", "--csv"},
	{"audit", "--since", "1h", "--by", "U0PERSON3"},
	{"audit", "--order", "01NOSUCHORDER"},
	{"migrate-report", "--at", "2026-12-02"},
}

// Beside a running bot, and without one, the commands print the same, and no copy of the ledger is made.
func TestRecords_BesideBot_WithoutCopy(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	keepLedger(t, s["DATABASE"], examplePurchases()...)
	keepRefusals(t, s["DATABASE"], 1200)
	processtest.Environment(t, s)
	noTemp(t)
	var alone []outcome
	for _, args := range everyReading {
		got := does(t, "", args...)
		if got.code != 0 || got.out == "" || got.err != "" {
			t.Errorf("%v: got exit code %d, %q, error %q; want 0 and output", args, got.code, got.out, got.err)
		}
		alone = append(alone, got)
	}
	bot := launch(t, s, "run")
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	for i, args := range everyReading {
		got := does(t, "", args...)
		if got.code != 0 || got.err != "" || !strings.HasPrefix(got.out, alone[i].out) { // the bot appends to the audit
			t.Errorf("%v beside a bot: got exit code %d, error %q\n%s\nwant\n%s", args, got.code, got.err, got.out, alone[i].out)
		}
	}
	if code := bot.Ends(processtest.Patience, syscall.SIGTERM); code != 0 {
		t.Errorf("got exit code %d, want 0:\n%s", code, &bot.Err)
	}
}

// The bot is killed in the middle of the output: the command says that the rest is missing, and fails.
func TestRecords_BotKilled_OutputIncomplete(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	keepLedger(t, s["DATABASE"], examplePurchases()...)
	keepRefusals(t, s["DATABASE"], 2500)
	processtest.Environment(t, s)
	for _, args := range [][]string{{"audit", "--csv"}, {"audit", "--json"}, {"audit"}} {
		bot := launch(t, s, "run")
		bot.Prints(&bot.Err, 1, "connect to Slack")
		got := doesUntil(t, func(context.CancelFunc) { bot.Kill() }, args...)
		lines := strings.Split(got.out, "\n")
		if got.code != 1 || len(lines) < 100 || len(lines) > 2400 || lines[len(lines)-1] != "" ||
			got.err != "bot: the output is incomplete: the running bot stopped while its records were read; run this again\n" {
			t.Errorf("%v: got exit code %d, %d lines that end with %q, error %q; want 1, whole lines, that the bot stopped",
				args,
				got.code, len(lines), lines[len(lines)-1], got.err)
		}
	}
}

// Ctrl-C in the middle of the output.
func TestRecords_Interrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path)
	keepRefusals(t, path, filePage+100)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	got := doesUntil(t, func(stop context.CancelFunc) { stop() }, "audit", "--csv")
	if n := strings.Count(got.out, "\n"); got.code != 1 ||
		got.err != "bot: the output is incomplete: it was interrupted\n" ||
		n < 100 || n > filePage+1 {
		t.Errorf("got exit code %d, %d lines, error %q; want 1, one page at most, and that it was interrupted", got.code, n,
			got.err)
	}
}

// A bot that is started while the output of a command pauses gets the ledger at once, and continues the command.
func TestRecords_BotStartsMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path)
	keepRefusals(t, path, filePage+100)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	noTemp(t)
	alone := does(t, "", "audit", "--csv")
	asked := 0
	got := doesUntil(t, func(context.CancelFunc) {
		ledger, err := storage.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { ledger.Close() })
		serveRecords(t, path, func() records.Source {
			asked++
			return records.From(ledger.View, 500)
		})
	}, "audit", "--csv")
	if got != alone || asked == 0 || alone.code != 0 {
		t.Errorf("got exit code %d, %d bytes, error %q, %d requests; want 0, the same %d bytes, partly from the bot",
			got.code,
			len(got.out), got.err, asked, len(alone.out))
	}
}

// recordsBot is a running bot that only has records.
type recordsBot struct{ records func() records.Source }

func (b recordsBot) Records() records.Source { return b.records() }

func (recordsBot) Backup(context.Context, string) (storage.Report, error) {
	return storage.Report{}, os.ErrInvalid
}

func (recordsBot) Resume(context.Context, string, string) (*purchase.Pause, error) {
	return nil, os.ErrInvalid
}

// serveRecords answers at the control socket of a ledger until the test ends.
func serveRecords(t testing.TB, path string, read func() records.Source) {
	t.Helper()
	server, err := control.Listen(control.Path(path), recordsBot{read}, zerolog.Nop())
	if err != nil {
		t.Error(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A restore in the middle of the output must not continue it with another ledger.
func TestRecords_LedgerReplacedMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path)
	keepRefusals(t, path, filePage+100)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	for _, started := range []bool{false, true} {
		other := copyFile(t, path)
		got := doesUntil(t, func(context.CancelFunc) {
			if err := os.Rename(other, path); err != nil {
				t.Error(err)
			}
			if !started {
				return
			}
			ledger, err := storage.Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { ledger.Close() })
			serveRecords(t, path, func() records.Source { return records.From(ledger.View, 500) })
		}, "audit", "--csv")
		want := "bot: the output is incomplete: the ledger " + path + " was replaced while it was read; run this again\n"
		if got.code != 1 || got.err != want {
			t.Errorf("a bot is started: %t: got exit code %d, error %q; want 1, %q", started, got.code, got.err, want)
		}
	}
}

// A bot that doesn't know the requests, and one without a socket, has its ledger copied.
func TestRecords_OlderBot_LedgerCopied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	keepRefusals(t, path, 100)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	var alone []outcome
	for _, args := range everyReading {
		alone = append(alone, does(t, "", args...))
	}
	ledger, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	check := func(t *testing.T) {
		t.Helper()
		for i, args := range everyReading[:7] {
			if got := does(t, "", args...); got != alone[i] {
				t.Errorf("%v: got exit code %d, error %q\n%s\nwant\n%s", args, got.code, got.err, got.out, alone[i].out)
			}
		}
	}
	t.Run("an older bot", func(t *testing.T) {
		listener, err := net.Listen("unix", control.Path(path))
		if err != nil {
			t.Fatal(err)
		}
		older := http.NewServeMux()
		older.HandleFunc("POST /backup", func(http.ResponseWriter, *http.Request) {})
		server := &http.Server{Handler: older, ReadHeaderTimeout: time.Second}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(listener) }()
		check(t)
		server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Run("no socket", check)
	noTemp(t)
	does(t, "", "purchases").says(t, 1, "bot: copy the ledger: ", "no such file or directory")
}
