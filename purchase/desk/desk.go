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
	*orders.Service                 // what people do with orders
	Account         *orders.Account // what people ask of the CoCalc account
	Process         *orders.Process // what the program and its operator do with orders
	Outbox          *notify.Outbox  // what is still to be shown and sent

	reg *register.Register
	rec *reconcile.Reconciler // for what people ask; each run has one of its own
}

// New makes a Desk. It does nothing until Run, but orders can be proposed and confirmed at once.
func New(opts Options) *Desk {
	reg := register.New(opts)
	service := orders.New(reg)
	return &Desk{
		Service: service, Account: orders.NewAccount(service), Process: orders.NewProcess(service), Outbox: notify.New(reg),
		reg: reg, rec: reconcile.New(reg, register.NewSpans(reg), nil),
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
	d.Process.Prepare(drain)
	// Cards expire on time also while the worker waits for an answer of CoCalc, which can take minutes.
	var others sync.WaitGroup
	others.Go(func() { d.Process.Run(ctx) })
	others.Go(func() { d.Outbox.Run(ctx) })
	worker.Run(ctx, drain)
	others.Wait()
	d.Process.Flush(drain)
	d.reg.Stopping.Store(true) // AfterFunc has a goroutine of its own, which may not have come to it yet
	return nil
}

// Server returns what is wrong with the CoCalc server, from memory. It never blocks.
func (d *Desk) Server() purchase.Server { return d.reg.Server() }

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
