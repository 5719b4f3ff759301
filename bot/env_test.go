package bot_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/internal/app"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
	"licensebot/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// env is the bot between simulators of both sides, on loopback: a Slack workspace with alice and bob, who may buy, and
// carol, who may not, and a CoCalc server with an account. Only the waits are shorter than in production.
type env struct {
	t         testing.TB
	ctx       context.Context
	slack     *slacksim.Workspace
	slackURL  string
	cocalc    *cocalctest.Server
	cocalcURL string
	account   *cocalctest.Account
	database  string
	policy    purchase.Policy
	channel   string // PURCHASES_CHANNEL
	// approvals is APPROVALS_CHANNEL.
	approvals    string
	timing       purchase.Timing
	checkout     time.Duration // CHECKOUT_TIMEOUT
	handleWithin time.Duration // the socket client's HandleWithin
	minUptime    time.Duration // the socket client's MinUptime

	access *socket.Access
	ledger *storage.Ledger
	desk   *desk.Desk
	stop   func()
}

// newEnv starts the simulators and the bot. adjust, if it is not nil, changes the env before the bot starts.
func newEnv(t testing.TB, adjust func(*env)) *env {
	t.Helper()
	// Slack's three seconds are too few on a machine that does other things as well: a test that looks at them sets them.
	ws := slacksim.New(slacksim.Options{
		Rates: slacksim.Rates{Off: true}, AckTimeout: noTimeout, TriggerLife: noTimeout,
		Meter: processorTime,
	})
	w := &env{
		t: t, ctx: activeContext(t, ws), database: filepath.Join(t.TempDir(), "ledger.db"),
		slack:  ws,
		cocalc: cocalctest.New(cocalctest.Config{Seed: 1, CheckoutTakes: 5 * time.Millisecond}),
		policy: purchase.Policy{
			Buyers:     map[string]bool{slacksim.Alice: true, slacksim.Bob: true},
			OrderLimit: purchase.Limit{Max: 20000}, MonthlyBudget: purchase.Limit{Max: 100000},
		},
		// Not shorter: CoCalc lets its purchases be read three times a second and fifteen times a minute.
		checkout: generousTimeout,
		timing: purchase.Timing{
			Poll: 100 * time.Millisecond, PollMax: 500 * time.Millisecond, Settle: time.Second,
			Patience: 400 * time.Millisecond, AddWindow: 300 * time.Millisecond, Drain: 5 * time.Second,
		},
	}
	w.account = w.cocalc.Add(cocalctest.NewAccount{Credit: 100000, Partner: true})
	w.cocalcURL = w.cocalc.Start(t)
	w.slackURL = slacktest.Serve(t, w.slack).APIURL
	if adjust != nil {
		adjust(w)
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// generousTimeout is longer than any request takes that a test does not slow down itself.
const generousTimeout = 30 * time.Second

// noTimeout is for waits that idleTimeout bounds.
const noTimeout = time.Hour

// idleTimeout is how long the workspace may stay unchanged before a test gives up waiting. The duration of a whole test
// depends on the machine.
const idleTimeout = time.Minute

// activeContext returns a context that ends with the test, or when the workspace has not changed for idleTimeout.
func activeContext(t testing.TB, ws *slacksim.Workspace) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		seen, since := ws.Version(), time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if now := ws.Version(); now != seen {
				seen, since = now, time.Now()
			} else if time.Since(since) > idleTimeout {
				cancel(errors.New("nothing has changed for " + idleTimeout.String()))
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel(nil)
		<-ended
	})
	return ctx
}

func (w *env) start() {
	w.t.Helper()
	s, err := app.New(app.Config{
		Database: w.database,
		CoCalc:   cocalc.Options{BaseURL: w.cocalcURL, Key: w.account.Key(), CheckoutTimeout: w.checkout, Retries: -1},
		Slack: app.Slack{
			URL: w.slackURL, BotToken: w.slack.BotToken(), AppToken: w.slack.AppToken(),
			Socket: socket.Config{Sockets: 1, HandleWithin: w.handleWithin, MinUptime: w.minUptime},
			Probe:  100 * time.Millisecond,
		},
		Policy: w.policy, Timing: w.timing, PurchasesChannel: w.channel, ApprovalsChannel: w.approvals,
		Defaults: cocalc.DefaultSpec(), Log: testLog(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.access, w.ledger, w.desk = s.Access, s.Ledger, s.Desk
	if err := s.Prepare(w.ctx); err != nil {
		w.t.Fatal(errors.Join(err, s.Close()))
	}
	s.Start()
	w.stop = func() {
		if err := errors.Join(s.Drain(), s.Close()); err != nil {
			w.t.Error(err)
		}
		// Slack notices a moment later that the socket is gone; until then it would still send there.
		if err := w.slack.Wait(context.Background(), func() bool { return w.slack.Sockets() == 0 }); err != nil {
			w.t.Error(err)
		}
		w.stop = func() {}
	}
	if err := w.slack.WaitForSocket(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}

// restart stops the bot as SIGTERM does and starts it again.
func (w *env) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

func (w *env) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// says types /license as a person in #general.
func (w *env) says(who, text string) {
	w.t.Helper()
	w.must(w.slack.Person(who).Command(w.ctx, slacksim.General, "/license", text))
}

// sees waits until a person sees a message with the text in #general.
func (w *env) sees(who, text string) slacksim.Message {
	w.t.Helper()
	m, err := w.slack.Person(who).WaitForText(w.ctx, slacksim.General, text)
	w.must(err)
	return m
}

func (w *env) clicks(who string, on slacksim.Surface, what string) {
	w.t.Helper()
	w.must(w.slack.Person(who).Click(w.ctx, on, what))
}

// card asks for the standard license as alice and waits for its card.
func (w *env) card() slacksim.Message {
	w.t.Helper()
	w.says(slacksim.Alice, "buy ram=16 cpu=2")
	return w.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
}

// becomes waits until a message has changed to one with the text.
func (w *env) becomes(m slacksim.Message, text string) slacksim.Message {
	w.t.Helper()
	now, err := w.slack.Person(slacksim.Alice).WaitForUpdate(w.ctx, m, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), text)
	})
	w.must(err)
	return now
}

// checkSpent checks the amounts in the ledger and at CoCalc, and the number of licenses sold.
func (w *env) checkSpent(licenses int, want purchase.Cents) {
	w.t.Helper()
	h, err := w.desk.History(w.ctx, 1, 100)
	w.must(err)
	if got := h.Months[0]; got.Spent != want || got.Reserved != 0 {
		w.t.Errorf("the ledger says %s spent and %s reserved, want %s and nothing", got.Spent, got.Reserved, want)
	}
	if got := len(w.account.Licenses()); got != licenses {
		w.t.Errorf("CoCalc sold %d licenses, want %d", got, licenses)
	}
	if got := 100000 - w.account.Balance(); got != int64(want) {
		w.t.Errorf("CoCalc charged %d cents, want %d", got, want)
	}
}

// testLog shows the bot's log when LOG is set, for anyone who looks into a failing test.
func testLog() zerolog.Logger {
	if os.Getenv("LOG") == "" {
		return zerolog.Nop()
	}
	return zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: "05.000"}).With().Timestamp().Logger()
}

// processorTime returns the processor time that this program has used, simulators included. Unlike the time of day, it
// depends little on what else the machine does.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // it has no errors for these arguments
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
