package app_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/internal/app"
	"licensebot/internal/control"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
	"licensebot/storage"
	"licensebot/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newConfig returns what a bot is built from between a simulated Slack and a simulated CoCalc. Alice may buy.
func newConfig(t *testing.T) (app.Config, *slacksim.Workspace) {
	t.Helper()
	server := cocalctest.New(cocalctest.Config{Seed: 1, CheckoutTakes: time.Millisecond, Unthrottled: true})
	account := server.Add(cocalctest.NewAccount{Credit: 100_000, Partner: true})
	workspace := slacksim.New(slacksim.Options{Rates: slacksim.Rates{Off: true}})
	return app.Config{
		Database: filepath.Join(t.TempDir(), "ledger.db"),
		CoCalc:   cocalc.Options{BaseURL: server.Start(t), Key: account.Key(), Retries: -1},
		Slack: app.Slack{
			URL: slacktest.Serve(t, workspace).APIURL, BotToken: workspace.BotToken(), AppToken: workspace.AppToken(),
			Socket: socket.Config{Sockets: 1},
		},
		Policy: purchase.Policy{
			Buyers:     map[string]bool{slacksim.Alice: true},
			OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{None: true},
		},
		Defaults: cocalc.DefaultSpec(), Limits: map[string]string{"ORDER_LIMIT": "none"},
	}, workspace
}

// newService builds a bot that is closed with the test.
func newService(t *testing.T, c app.Config) *app.Service {
	t.Helper()
	s, err := app.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestNew_WrongSettingMakesNoLedger(t *testing.T) {
	c, _ := newConfig(t)
	c.CoCalc.BaseURL = "cocalc"
	if s, err := app.New(c); s != nil || !errors.Is(err, app.ErrConfig) || !strings.Contains(err.Error(), "COCALC_URL") {
		t.Errorf("got %v, %v, want an error of the configuration that names COCALC_URL", s, err)
	}
	if _, err := os.Stat(c.Database); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ledger file: got error %v, want none there", err)
	}
}

func TestNew_LedgerIsInUse(t *testing.T) {
	c, _ := newConfig(t)
	newService(t, c)
	if s, err := app.New(c); s != nil || !errors.Is(err, storage.ErrLocked) {
		t.Errorf("a second service: got %v, %v, want %v", s, err, storage.ErrLocked)
	}
}

func TestConfigError_WithoutLines(t *testing.T) {
	if err := app.ConfigError(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

// From start to stop: a person buys, the program's own commands reach the bot, and it stops in order.
func TestService_Run_UntilContextIsDone(t *testing.T) {
	c, workspace := newConfig(t)
	s := newService(t, c)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Socket.Ready()

	alice := workspace.Person(slacksim.Alice)
	if err := alice.Command(ctx, slacksim.General, "/license", "buy ram=16 cpu=2"); err != nil {
		t.Fatal(err)
	}
	card, err := alice.WaitForText(ctx, slacksim.General, "A CoCalc license for $63.75 a month")
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.Click(ctx, card, "Buy for $63.75"); err != nil {
		t.Fatal(err)
	}
	_, err = alice.WaitForUpdate(ctx, card, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), "Bought for $63.75")
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := control.Backup(ctx, control.Path(c.Database), filepath.Join(t.TempDir(), "backup.db"))
	if err != nil || report.Purchases != 1 {
		t.Errorf("backup through the control socket: got %d purchases, error %v; want 1, none", report.Purchases, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run: got %v, want nil", err)
	}
	if _, err := os.Lstat(control.Path(c.Database)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("control socket after Run: got error %v, want none there", err)
	}
}

func TestService_Run_RefusedToken(t *testing.T) {
	c, _ := newConfig(t)
	c.Slack.BotToken = "xoxb-wrong"
	err := newService(t, c).Run(t.Context())
	if !errors.Is(err, app.ErrConfig) || strings.Contains(err.Error(), c.Slack.BotToken) {
		t.Errorf("got %v, want an error of the configuration without the token", err)
	}
}

// front is a Slack that delivers nothing.
type front struct{ ran, ended chan struct{} }

func (f front) Run(ctx context.Context) error {
	close(f.ran)
	<-ctx.Done()
	close(f.ended)
	return errFront
}

var errFront = errors.New("the front has failed")

// With all parts replaced, the service runs them, notes the limiting settings, and leaves the caller's ledger open.
func TestService_Start_ReplacedParts(t *testing.T) {
	c, workspace := newConfig(t)
	memory := &storagetest.Memory{}
	f := front{make(chan struct{}), make(chan struct{})}
	now := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	c.Ledger, c.Database = memory, ""
	c.Now = func() time.Time { return now }
	c.Slack.Front = func(h socket.Handler) app.Front {
		if h == nil {
			t.Error("got no handler for the front, want one")
		}
		return f
	}
	s := newService(t, c)
	if s.Ledger != nil || s.Socket != nil {
		t.Errorf("got ledger %v and socket %v, want neither", s.Ledger, s.Socket)
	}
	if err := s.Drain(); err != nil {
		t.Errorf("Drain before Start: got %v, want nil", err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Start()
	<-f.ran
	if err := s.Drain(); !errors.Is(err, errFront) {
		t.Errorf("Drain: got %v, want the error of the front", err)
	}
	<-f.ended
	err := memory.View(t.Context(), func(r purchase.Reader) error {
		account, err := r.Account()
		if got := account.Settings["ORDER_LIMIT"]; got != "none" {
			t.Errorf("the noted ORDER_LIMIT: got %q, want %q", got, "none")
		}
		head, err2 := r.Head()
		if head.Number == 0 {
			t.Error("got no audit record, want one")
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Error(err)
	}
	if sockets := workspace.Sockets(); sockets != 0 {
		t.Errorf("sockets: got %d, want none", sockets)
	}
}
