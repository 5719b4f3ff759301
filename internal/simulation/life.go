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
	"github.com/rs/zerolog"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/storage"
)

var errDead = errors.New("the program was killed here")

// life is one run of the program, from its start to its end or its death. When it dies, nothing reaches the ledger,
// CoCalc or Slack any more, and whatever it was waiting for is given up.
type life struct {
	w      *world
	number int
	rules  Rules
	began  time.Time
	ctx    context.Context // ends at death
	die    context.CancelFunc

	ledger    *storage.Ledger
	client    *cocalc.Client
	desk      *purchase.Desk
	app       *bot.App
	publisher *bot.Publisher

	broken chan struct{} // closed when the disk has failed

	mu       sync.Mutex
	stopping bool
	where    string // it was killed
	sync     *Sync  // with which the disk failed

	busy     sync.WaitGroup // deliveries that it handles
	buying   sync.WaitGroup
	showing  sync.WaitGroup
	stopRun  context.CancelFunc
	stopShow context.CancelFunc
}

// begin starts the program on the ledger that is there.
func (w *world) begin(number int) (*life, error) {
	l := &life{w: w, number: number, rules: w.rules, began: time.Now(), broken: make(chan struct{})}
	l.ctx, l.die = context.WithCancel(context.Background())
	var err error
	if l.ledger, err = storage.Open(filepath.Join(w.dir, "ledger.db")); err != nil {
		return nil, err
	}
	l.client, err = cocalc.New(cocalc.Options{BaseURL: "http://cocalc.test", Key: w.account.Key(), Transport: &wire{l}, Sleep: l.sleep})
	if err != nil {
		return nil, err
	}
	// net/http's own limit on an answer is the one that the program has.
	posts := &http.Client{Transport: &slackWire{l}, Timeout: 30 * time.Second}
	policy, api := l.rules.policy(), socket.NewAPI(slackAPI, "xoxb-1", "xapp-1", posts, zerolog.Nop())
	people := bot.NewPeople(api, policy.Groups(), nil, zerolog.Nop())
	l.desk = purchase.New(purchase.Options{
		Ledger: &ledger{l.ledger, l}, Shop: l.client, KeyName: l.client.KeyName(), Site: l.client.Site(), NewID: w.ids(number), LookUp: people.LookUp,
		Policy: policy, Timing: purchase.Timing{Approval: w.plan.TTL}, PurchasesChannel: w.purchasesChannel, ApprovalsChannel: approvals,
		Changed: func(id purchase.OrderID) { l.publisher.Changed(id) }, Doubts: storage.DoubtsOf(filepath.Join(w.dir, "ledger.db")),
	})
	options := bot.Options{Desk: l.desk, Slack: api, HTTP: posts, SlackURL: slackAPI, Defaults: cocalc.DefaultSpec(), People: people}
	l.app, l.publisher = bot.New(options), bot.NewPublisher(options)
	for _, first := range []func(context.Context) error{
		func(ctx context.Context) error { return l.desk.NoteSettings(ctx, l.rules.settings()) }, l.desk.ResolveDoubts,
	} {
		err := first(context.Background())
		if err != nil && !errors.Is(err, errDead) && !errors.Is(err, purchase.ErrFull) && l.unusable() == nil {
			return nil, err
		}
	}

	run, stopRun := context.WithCancel(context.Background())
	show, stopShow := context.WithCancel(context.Background())
	l.stopRun, l.stopShow = stopRun, stopShow
	l.buying.Go(func() {
		if err := l.desk.Run(run); err != nil {
			w.wrong("the desk ended: %v", err)
		}
	})
	l.showing.Go(func() {
		time.Sleep(37 * time.Microsecond) // not in the very instant in which the desk begins
		if err := l.publisher.Run(show); err != nil {
			w.wrong("the publisher ended: %v", err)
		}
	})
	return l, nil
}

// end stops the program as SIGTERM does, or clears away what death has left of it.
func (l *life) end() {
	l.mu.Lock()
	l.stopping = true
	l.mu.Unlock()
	l.stopRun()
	l.busy.Wait()
	l.buying.Wait()
	l.stopShow() // what the desk finished at its end was still shown
	l.showing.Wait()
	if l.ctx.Err() == nil {
		last, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		l.publisher.Flush(last)
		cancel()
	}
	l.client.Close()
	if err := l.ledger.Close(); err != nil {
		l.w.wrong("the ledger could not be closed: %v", err)
	}
	l.die()
}

// handles claims the program for a delivery; false when it is not there.
func (l *life) handles() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping || l.ctx.Err() != nil {
		return false
	}
	l.busy.Add(1)
	return true
}

// meet is a moment at which the program can be killed.
func (l *life) meet(where string) error {
	if l.ctx.Err() != nil {
		return errDead
	}
	if !l.w.fatal(where) {
		return nil
	}
	l.mu.Lock()
	l.where = where
	l.mu.Unlock()
	l.die()
	return errDead
}

// sleep waits, unless the program dies or ctx ends.
func (l *life) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.ctx.Done():
		return errDead
	}
}

// until is a context that also ends when the program dies.
func (l *life) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// ids makes order ids that follow from the seed.
func (w *world) ids(life int) func() purchase.OrderID {
	var mu sync.Mutex
	seed := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, w.plan.Seed<<8+uint64(life)))
	entropy := ulid.Monotonic(rand.NewChaCha8(seed), 0)
	return func() purchase.OrderID {
		mu.Lock()
		defer mu.Unlock()
		return purchase.OrderID(ulid.MustNew(ulid.Timestamp(time.Now()), entropy).String())
	}
}
