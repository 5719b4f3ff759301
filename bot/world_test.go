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

// world is the whole of it on loopback: a Slack workspace with alice and bob, who may buy, and carol, who may not; a
// CoCalc with an account; and the real bot between them. Only the waits are shorter than in earnest.
type world struct {
	t       testing.TB
	ctx     context.Context
	slack   *slacksim.Workspace
	api     string
	cocalc  *cocalctest.Server
	shop    string
	account *cocalctest.Account
	path    string
	policy  purchase.Policy
	channel string // PURCHASES_CHANNEL
	// approvals is APPROVALS_CHANNEL.
	approvals string
	timing    purchase.Timing
	checkout  time.Duration // CHECKOUT_TIMEOUT
	within    time.Duration // the socket client's HandleWithin

	access *socket.Access
	ledger *storage.Ledger
	desk   *desk.Desk
	stop   func()
}

// newWorld starts everything. adjust, if given, changes it before the bot starts.
func newWorld(t testing.TB, adjust func(*world)) *world {
	t.Helper()
	// Slack's three seconds are too few on a machine that does other things as well: a test that looks at them sets them.
	ws := slacksim.New(slacksim.Options{
		Rates: slacksim.Rates{Off: true}, AckTimeout: boundless, TriggerLife: boundless,
		Meter: processorTime,
	})
	w := &world{
		t: t, ctx: whileItMoves(t, ws), path: filepath.Join(t.TempDir(), "ledger.db"),
		slack:  ws,
		cocalc: cocalctest.New(cocalctest.Config{Seed: 1, CheckoutTakes: 5 * time.Millisecond}),
		policy: purchase.Policy{
			Buyers:     map[string]bool{slacksim.Alice: true, slacksim.Bob: true},
			OrderLimit: purchase.Limit{Max: 20000}, MonthlyBudget: purchase.Limit{Max: 100000},
		},
		// Not shorter: CoCalc lets its purchases be read three times a second and fifteen times a minute.
		checkout: unhurried,
		timing: purchase.Timing{
			Poll: 100 * time.Millisecond, PollMax: 500 * time.Millisecond, Settle: time.Second,
			Patience: 400 * time.Millisecond, AddWindow: 300 * time.Millisecond, Drain: 5 * time.Second,
		},
	}
	w.account = w.cocalc.Add(cocalctest.NewAccount{Credit: 100000, Partner: true})
	w.shop = w.cocalc.Start(t)
	w.api = slacktest.Serve(t, w.slack).APIURL
	if adjust != nil {
		adjust(w)
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// unhurried is more than anything takes that a test does not slow down itself.
const unhurried = 30 * time.Second

// boundless is for waits that a standstill ends: nothing is given up while something moves.
const boundless = time.Hour

// standstill is for how long nothing may change in the workspace before a test gives up waiting. How long a whole test
// takes says more about the machine than about the bot.
const standstill = time.Minute

// whileItMoves is a context that ends when nothing has changed in the workspace for a while, or with the test.
func whileItMoves(t testing.TB, ws *slacksim.Workspace) context.Context {
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
			} else if time.Since(since) > standstill {
				cancel(errors.New("nothing has changed for " + standstill.String()))
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

func (w *world) start() {
	w.t.Helper()
	s, err := app.New(app.Config{
		Database: w.path,
		CoCalc:   cocalc.Options{BaseURL: w.shop, Key: w.account.Key(), CheckoutTimeout: w.checkout, Retries: -1},
		Slack: app.Slack{
			URL: w.api, BotToken: w.slack.BotToken(), AppToken: w.slack.AppToken(),
			Socket: socket.Config{Sockets: 1, HandleWithin: w.within}, Probe: 100 * time.Millisecond,
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
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// says types /license as someone in #general.
func (w *world) says(who, text string) {
	w.t.Helper()
	w.must(w.slack.Person(who).Command(w.ctx, slacksim.General, "/license", text))
}

// sees waits until someone sees a message with the text in #general.
func (w *world) sees(who, text string) slacksim.Message {
	w.t.Helper()
	m, err := w.slack.Person(who).WaitForText(w.ctx, slacksim.General, text)
	w.must(err)
	return m
}

func (w *world) clicks(who string, on slacksim.Surface, what string) {
	w.t.Helper()
	w.must(w.slack.Person(who).Click(w.ctx, on, what))
}

// card asks for the standard license as alice and waits for its card.
func (w *world) card() slacksim.Message {
	w.t.Helper()
	w.says(slacksim.Alice, "buy ram=16 cpu=2")
	return w.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
}

// becomes waits until a message has changed to one with the text.
func (w *world) becomes(m slacksim.Message, text string) slacksim.Message {
	w.t.Helper()
	now, err := w.slack.Person(slacksim.Alice).WaitForUpdate(w.ctx, m, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), text)
	})
	w.must(err)
	return now
}

// spent checks what the ledger and CoCalc say at the end.
func (w *world) spent(licenses int, want purchase.Cents) {
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

// processorTime is how long this program has computed, the simulators and the people in it included, on all processors
// together: about as long on a busy machine as on an idle one.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // it has no errors for these arguments
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
