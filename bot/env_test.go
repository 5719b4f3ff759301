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

// testEnv is the bot between simulators of both sides, on loopback: a Slack workspace with alice and bob, who may buy,
// and carol, who may not, and a CoCalc server with an account. Only the waits are shorter than in production.
type testEnv struct {
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
	decorate     app.Decorators

	access *socket.Access
	ledger *storage.Ledger
	desk   *desk.Desk
	stop   func()
}

// newEnv starts the simulators and the bot. adjust, if it is not nil, changes the env before the bot starts.
func newEnv(t testing.TB, adjust func(*testEnv)) *testEnv {
	t.Helper()
	// Slack's three seconds are too few on a machine that does other things as well: a test that looks at them sets them.
	ws := slacksim.New(slacksim.Options{
		Rates: slacksim.Rates{Off: true}, AckTimeout: noTimeout, TriggerLife: noTimeout,
		Meter: processorTime,
	})
	env := &testEnv{
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
	env.account = env.cocalc.Add(cocalctest.NewAccount{Credit: 100000, Partner: true})
	env.cocalcURL = env.cocalc.Start(t)
	env.slackURL = slacktest.Serve(t, env.slack).APIURL
	if adjust != nil {
		adjust(env)
	}
	env.start()
	t.Cleanup(func() { env.stop() })
	return env
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

func (env *testEnv) start() {
	env.t.Helper()
	s, err := app.New(app.Config{
		Database: env.database,
		CoCalc:   cocalc.Options{BaseURL: env.cocalcURL, Key: env.account.Key(), CheckoutTimeout: env.checkout, Retries: -1},
		Slack: app.Slack{
			URL: env.slackURL, BotToken: env.slack.BotToken(), AppToken: env.slack.AppToken(),
			Socket: socket.Config{Sockets: 1, HandleWithin: env.handleWithin, MinUptime: env.minUptime},
			Probe:  100 * time.Millisecond, Unpaced: true,
		},
		Policy: env.policy, Timing: env.timing, PurchasesChannel: env.channel, ApprovalsChannel: env.approvals,
		Defaults: cocalc.DefaultSpec(), Log: testLog(), Decorators: env.decorate,
	})
	if err != nil {
		env.t.Fatal(err)
	}
	env.access, env.ledger, env.desk = s.Access, s.Ledger, s.Desk
	if err := s.Prepare(env.ctx); err != nil {
		env.t.Fatal(errors.Join(err, s.Close()))
	}
	s.Start()
	env.stop = func() {
		if err := errors.Join(s.Drain(), s.Close()); err != nil {
			env.t.Error(err)
		}
		// Slack notices a moment later that the socket is gone; until then it would still send there.
		if err := env.slack.Wait(context.Background(), func() bool { return env.slack.Sockets() == 0 }); err != nil {
			env.t.Error(err)
		}
		env.stop = func() {}
	}
	if err := env.slack.WaitForSocket(env.ctx); err != nil {
		env.t.Fatal(err)
	}
}

// restart stops the bot as SIGTERM does and starts it again.
func (env *testEnv) restart() {
	env.t.Helper()
	env.stop()
	env.start()
}

func (env *testEnv) must(err error) {
	env.t.Helper()
	if err != nil {
		env.t.Fatal(err)
	}
}

// says types /license as a person in #general.
func (env *testEnv) says(who, text string) {
	env.t.Helper()
	env.must(env.slack.Person(who).Command(env.ctx, slacksim.General, "/license", text))
}

// sees waits until a person sees a message with the text in #general.
func (env *testEnv) sees(who, text string) slacksim.Message {
	env.t.Helper()
	m, err := env.slack.Person(who).WaitForText(env.ctx, slacksim.General, text)
	env.must(err)
	return m
}

func (env *testEnv) clicks(who string, on slacksim.Surface, what string) {
	env.t.Helper()
	env.must(env.slack.Person(who).Click(env.ctx, on, what))
}

// card asks for the standard license as alice and waits for its card.
func (env *testEnv) card() slacksim.Message {
	env.t.Helper()
	env.says(slacksim.Alice, "buy ram=16 cpu=2")
	return env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
}

// becomes waits until a message has changed to one with the text.
func (env *testEnv) becomes(m slacksim.Message, text string) slacksim.Message {
	env.t.Helper()
	now, err := env.slack.Person(slacksim.Alice).WaitForUpdate(env.ctx, m, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), text)
	})
	env.must(err)
	return now
}

// checkSpent checks the amounts in the ledger and at CoCalc, and the number of licenses sold.
func (env *testEnv) checkSpent(licenses int, want purchase.Cents) {
	env.t.Helper()
	h, err := env.desk.History(env.ctx, 1, 100)
	env.must(err)
	if got := h.Months[0]; got.Spent != want || got.Reserved != 0 {
		env.t.Errorf("ledger: got %s spent, %s reserved; want %s and nothing", got.Spent, got.Reserved, want)
	}
	if got := len(env.account.Licenses()); got != licenses {
		env.t.Errorf("licenses sold by CoCalc: got %d, want %d", got, licenses)
	}
	if got := 100000 - env.account.Balance(); got != int64(want) {
		env.t.Errorf("charge by CoCalc: got %d cents, want %d", got, want)
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
