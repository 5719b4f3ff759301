// Package purchasetest runs purchasing in tests: an Env is a desk.Desk over a real ledger and a simulated CoCalc
// account, on a fake clock. Start with Run. Tests of the packages below purchase use it; no program does.
package purchasetest

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/storage"
)

// Env is a bot without Slack: a Desk over a real ledger, with a simulated CoCalc account. It runs on the fake clock of
// a synctest bubble. Set its fields in the prepare functions of Run; Open makes the rest.
type Env struct {
	T                *testing.T
	Server           *cocalctest.Server
	Account          *cocalctest.Account
	Client           *cocalc.Client
	Path             string
	Ledger           *storage.Ledger
	Desk             *desk.Desk
	Stop             func()
	Policy           purchase.Policy
	Timing           purchase.Timing
	Log              zerolog.Logger
	Credit           int64 // cents on the account at the beginning
	Now              func() time.Time
	PurchasesChannel string // for purchases and notifications
	ApprovalsChannel string // for the cards of approvers
	// LookUp returns the current data of a person from Slack; nil leaves people as they are.
	LookUp func(purchase.Actor) purchase.Actor
	// AccessLost reports whether the bot has lost its access to Slack.
	AccessLost func() bool
	// Doubts are the interrupted decisions that earlier runs stored beside the ledger.
	Doubts purchase.Doubts
	// Inconsistent is set if the test makes the ledger inconsistent on purpose; Close then skips the check.
	Inconsistent bool
	// Transport wraps the transport of the client.
	Transport func(http.RoundTripper) http.RoundTripper
	// Wrap wraps the Ledger and the Shop of the Desk.
	Wrap func(purchase.Ledger, purchase.Shop) (purchase.Ledger, purchase.Shop)
}

// Run runs a test with a Desk that is running, over an account with that credit in cents, unless a prepare function
// sets another one.
func Run(t *testing.T, credit int64, test func(*Env), prepare ...func(*Env)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		env := &Env{
			T: t, Path: filepath.Join(dir, "ledger.db"), Credit: credit,
			Policy: purchase.Policy{
				Everyone: true, Admins: map[string]bool{Dana.ID: true},
				OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{Max: 50000},
			},
		}
		for _, p := range prepare {
			p(env)
		}
		if env.Server == nil {
			env.Server = cocalctest.New(cocalctest.Config{Seed: 1})
		}
		if env.Account == nil {
			env.Account = env.Server.Add(cocalctest.NewAccount{Credit: credit, Partner: true})
		}
		env.Open()
		defer func() {
			env.Close()
			env.Server.Close()
		}()
		test(env)
	})
}

// RunWithLostAccess is Run with a bot whose access to Slack is lost while the flag is set.
func RunWithLostAccess(t *testing.T, test func(*Env, *atomic.Bool), prepare ...func(*Env)) {
	var lost atomic.Bool
	prepare = append(prepare, func(env *Env) { env.AccessLost = lost.Load })
	Run(t, 20000, func(env *Env) { test(env, &lost) }, prepare...)
}

// Open starts the bot.
func (env *Env) Open() {
	env.T.Helper()
	var err error
	if env.Ledger, err = storage.Open(env.Path); err != nil {
		env.T.Fatal(err)
	}
	transport := env.Server.Transport()
	if env.Transport != nil {
		transport = env.Transport(transport)
	}
	options := cocalc.Options{BaseURL: "http://cocalc.test", Key: env.Account.Key(), Transport: transport}
	if env.Client, err = cocalc.New(options); err != nil {
		env.T.Fatal(err)
	}
	ledger, shop := purchase.Ledger(env.Ledger), purchase.Shop(env.Client)
	if env.Wrap != nil {
		ledger, shop = env.Wrap(ledger, shop)
	}
	env.Desk = desk.New(desk.Options{
		Ledger: ledger, Shop: shop, Policy: env.Policy, Timing: env.Timing, KeyName: env.Client.KeyName(),
		Site: env.Client.Site(),
		Now:  env.Now, Log: env.Log, AccessLost: env.AccessLost,
		PurchasesChannel: env.PurchasesChannel, ApprovalsChannel: env.ApprovalsChannel, Doubts: env.Doubts,
		LookUp: func(_ context.Context, p purchase.Actor) purchase.Actor {
			if env.LookUp != nil {
				return env.LookUp(p)
			}
			return p
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := env.Desk.Run(ctx); err != nil {
			env.T.Error(err)
		}
	}()
	env.Stop = func() { cancel(); <-done }
}

// Close stops the bot and checks that its ledger is consistent.
func (env *Env) Close() {
	env.Stop()
	env.Client.Close()
	if !env.Inconsistent {
		if findings := env.Findings(); len(findings) > 0 {
			env.T.Errorf("findings in the ledger: got %+v, want none", findings)
		}
	}
	if err := env.Ledger.Close(); err != nil {
		env.T.Error(err)
	}
}

// Restart stops the bot as SIGTERM does, and starts it again.
func (env *Env) Restart() {
	env.Close()
	env.Open()
}

// RestartWithKeyOf starts the bot again with the key of another account.
func (env *Env) RestartWithKeyOf(a *cocalctest.Account) {
	env.T.Helper()
	env.Close()
	env.Account = a
	env.Open()
}

// MidMonth begins on 11 January 2000, so that a license that is bought then is renewed in February. One of the first
// days of a month is renewed in that month already, which budgets deduct.
func MidMonth(*Env) { time.Sleep(10 * 24 * time.Hour) }

// WithChannel announces purchases in the channel CBUYING.
func WithChannel(env *Env) { env.PurchasesChannel = "CBUYING" }

// WithApprovers makes Erin and the members of SBOSSES approve each order above 50 dollars.
func WithApprovers(env *Env) {
	env.Policy.Approvers = map[string]bool{Erin.ID: true, "SBOSSES": true, Alice.ID: true}
	env.Policy.AutoApprove = 5000
	env.ApprovalsChannel = ApprovalsChannel.ID
}

// CopyFile copies a file.
func CopyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// Main runs the tests of a package with their ledgers in memory, where the system has a folder for that: they are
// restarted thousands of times, and most of the time would go to the disk.
func Main(m *testing.M) {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}
