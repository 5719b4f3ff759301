package desk

import (
	"context"
	"sync"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/checkout"
	"licensebot/purchase/notify"
	"licensebot/purchase/orders"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// Options are the collaborators of a Desk. Ledger and Shop are required.
type Options = register.Options

// Desk takes orders from people and brings each to its end. All methods may be called at the same time.
type Desk struct {
	*orders.Service
	*notify.Outbox

	reg *register.Register
	rec *reconcile.Reconciler // for what people ask; each run has one of its own
}

// New makes a Desk. It does nothing until Run, but orders can be proposed and confirmed at once.
func New(opts Options) *Desk {
	reg := register.New(opts)
	return &Desk{
		Service: orders.New(reg), Outbox: notify.New(reg), reg: reg,
		rec: reconcile.New(reg, register.NewSpans(reg), nil),
	}
}

// Run buys what was confirmed, one order at a time, and settles what is open, until ctx is done. Then it takes no
// more promises, brings the order under way to a point from which it can be continued or to its end (within
// Timing.Drain), and returns nil. Orders that an earlier run left behind are taken up first.
func (d *Desk) Run(ctx context.Context) error {
	drain, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		d.reg.Stopping.Store(true)
		time.AfterFunc(d.reg.Options.Timing.Drain, cancel)
	})
	defer stop()

	worker := checkout.New(d.reg)
	worker.Prepare(drain)
	d.Prepare(drain)
	// Cards expire on time also while the worker waits for an answer of CoCalc, which can take minutes.
	var others sync.WaitGroup
	others.Go(func() { d.Service.Run(ctx) })
	others.Go(func() { d.Outbox.Run(ctx) })
	worker.Run(ctx, drain)
	others.Wait()
	d.Flush(drain)
	d.reg.Stopping.Store(true) // AfterFunc has a goroutine of its own, which may not have come to it yet
	return nil
}

// Order reads one order. The error wraps ErrNoOrder when there is none with that id.
func (d *Desk) Order(ctx context.Context, id purchase.OrderID) (purchase.Order, error) {
	return d.reg.Order(ctx, id)
}

// Server returns what is wrong with the CoCalc server, from memory. It never blocks.
func (d *Desk) Server() purchase.Server { return d.reg.Server() }

// NotSold returns why this person can't buy from the server, or see prices of what it sells; nil if orders are taken.
// It never blocks.
func (d *Desk) NotSold(who purchase.Actor) *purchase.Refusal { return d.reg.NotSold(who) }

// IsAdmin reports whether the person may settle orders, pause and resume buying, and take broken items out of the cart.
func (d *Desk) IsAdmin(who purchase.Actor) bool { return d.reg.IsAdmin(who) }

// AccessChanged wakes the worker after the bot has lost or regained its access to Slack: waiting orders then show why
// they wait, or are bought. It never blocks.
func (d *Desk) AccessChanged() { d.reg.AccessChanged() }

// Evidence asks CoCalc for everything that could show a purchase of the order: its cart item, the purchases of that
// item, licenses with its tag, and whose key this is. It only reads.
func (d *Desk) Evidence(ctx context.Context, o purchase.Order) purchase.Evidence {
	return d.rec.Evidence(ctx, o)
}

// PauseInconsistent pauses buying because the ledger contradicts itself, as CheckBooks found, and has it told.
func (d *Desk) PauseInconsistent(ctx context.Context, findings []purchase.Finding) (bool, error) {
	return d.rec.PauseInconsistent(ctx, findings)
}
