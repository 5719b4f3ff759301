package simulation

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/storage"
)

var errDead = errors.New("the program was killed here")

// process is one run of the program, from its start until it stops or is killed. When it is killed, nothing reaches the
// ledger, CoCalc or Slack any more, and all its waits end.
type process struct {
	w      *world
	number int
	rules  Rules
	began  time.Time
	ctx    context.Context // ends at death
	die    context.CancelFunc

	ledger  *storage.Ledger
	program *app.Service
	desk    *desk.Desk
	handler *bot.Handler

	broken chan struct{} // closed when the disk has failed

	mu       sync.Mutex
	stopping bool
	where    string // it was killed
	sync     *Sync  // with which the disk failed

	busy sync.WaitGroup // deliveries that it handles
}

// begin starts the program on the ledger that is there.
func (w *world) begin(number int) (*process, error) {
	l := &process{w: w, number: number, rules: w.rules, began: time.Now(), broken: make(chan struct{})}
	l.ctx, l.die = context.WithCancel(context.Background())
	path := filepath.Join(w.dir, "ledger.db")
	var err error
	if l.ledger, err = storage.Open(path, storage.WithSmallBundles()); err != nil {
		return nil, err
	}
	l.program, err = app.New(app.Config{
		Database: path, Ledger: &ledger{l.ledger, l}, NewID: w.ids(number),
		CoCalc: cocalc.Options{BaseURL: "http://cocalc.test", Key: w.account.Key(), Transport: &wire{l}, Sleep: l.sleep},
		Slack: app.Slack{
			URL: slackAPI, BotToken: "xoxb-1", AppToken: "xapp-1",
			// net/http's own limit on an answer is the one that the program has.
			HTTP:  &http.Client{Transport: &slackWire{l}, Timeout: 30 * time.Second},
			Front: func(socket.Handler) app.Front { return l },
		},
		Policy: l.rules.policy(), Timing: purchase.Timing{Approval: w.plan.TTL}, Limits: l.rules.settings(),
		PurchasesChannel: w.purchasesChannel, ApprovalsChannel: approvals, Defaults: cocalc.DefaultSpec(),
	})
	if err != nil {
		return nil, err
	}
	l.desk, l.handler = l.program.Desk, l.program.Handler
	if err := l.program.Prepare(context.Background()); err != nil && !errors.Is(err, errDead) && l.unusable() == nil {
		return nil, err
	}
	l.program.Start()
	return l, nil
}

// Run implements app.Front. The deliveries come from people, who call the handler themselves.
func (p *process) Run(ctx context.Context) error {
	<-ctx.Done()
	p.busy.Wait()
	return nil
}

// end stops the program as SIGTERM does, or cleans up after a kill.
func (p *process) end() {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	if err := errors.Join(p.program.Drain(), p.program.Close()); err != nil {
		p.w.wrong("the program ended: %v", err)
	}
	if err := p.ledger.Close(); err != nil {
		p.w.wrong("the ledger could not be closed: %v", err)
	}
	p.die()
}

// handles claims the program for a delivery. It returns false if the program doesn't run.
func (p *process) handles() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping || p.ctx.Err() != nil {
		return false
	}
	p.busy.Add(1)
	return true
}

// meet is called at each moment at which the program can be killed. It returns errDead if it is.
func (p *process) meet(where string) error {
	if p.ctx.Err() != nil {
		return errDead
	}
	if !p.w.fatal(where) {
		return nil
	}
	p.mu.Lock()
	p.where = where
	p.mu.Unlock()
	p.die()
	return errDead
}

// sleep waits, unless the program dies or ctx ends.
func (p *process) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ctx.Done():
		return errDead
	}
}

// until is a context that also ends when the program dies.
func (p *process) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(p.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// ids returns a source of order ids that follow from the seed.
func (w *world) ids(process int) func() purchase.OrderID {
	var mu sync.Mutex
	seed := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, w.plan.Seed<<8+uint64(process)))
	entropy := ulid.Monotonic(rand.NewChaCha8(seed), 0)
	return func() purchase.OrderID {
		mu.Lock()
		defer mu.Unlock()
		return purchase.OrderID(ulid.MustNew(ulid.Timestamp(time.Now()), entropy).String())
	}
}
