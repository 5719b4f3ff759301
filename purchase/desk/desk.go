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
	"licensebot/purchase/upkeep"
)

// Options are the collaborators of a Desk. Ledger and Shop are required.
type Options = register.Options

// Desk takes orders from people and buys what they confirm. All methods may be called at the same time.
type Desk struct {
	*orders.Service                 // proposals, decisions and reports, for people
	Account         *orders.Account // queries of the CoCalc account, for people
	Process         *orders.Process // deadlines and other work of the program and its operator
	Outbox          *notify.Outbox  // messages and notifications that Slack does not show yet

	reg *register.Register
	rec *reconcile.Reconciler // for Evidence and PauseInconsistent; each run has one of its own
}

// New returns a Desk. Orders can be proposed and confirmed at once; they are bought while Run runs.
func New(opts Options) *Desk {
	reg := register.New(opts)
	service := orders.New(reg)
	return &Desk{
		Service: service, Account: orders.NewAccount(service), Process: orders.NewProcess(service), Outbox: notify.New(reg),
		reg: reg, rec: reconcile.New(reg, register.NewSpans(reg), nil),
	}
}

// Run buys confirmed orders, one at a time, and resolves those whose outcome is unknown, until ctx is done. It begins
// with the orders that an earlier run left unfinished. Once ctx is done, it accepts no more decisions, finishes the
// order under way or brings it to a state from which the next run can continue (within Timing.Drain), and returns nil.
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
	others.Go(func() { d.carryOut(ctx, drain) })
	worker.Run(ctx, drain)
	others.Wait()
	d.Process.Flush(drain)
	d.reg.Stopping.Store(true) // the goroutine of AfterFunc may not have run yet
	return nil
}

// carryOut carries out what people decide about subscriptions, until ctx is done.
func (d *Desk) carryOut(ctx, drain context.Context) {
	var worker *upkeep.Worker
	d.reg.Repeat(ctx, d.reg.Decided, func(ctx context.Context) (time.Duration, error) {
		var account purchase.AccountState
		err := d.reg.Options.Ledger.View(ctx, func(r purchase.Reader) (err error) {
			account, err = r.Account()
			return err
		})
		if err != nil || len(account.Decided) == 0 {
			return register.Idle, err
		}
		if worker == nil {
			worker = upkeep.New(d.reg)
		}
		return worker.CarryOut(ctx, drain)
	})
}

// Server returns the last known condition of the CoCalc server, from memory. It never blocks.
func (d *Desk) Server() purchase.Server { return d.reg.Server() }

// AccessChanged wakes the worker after the bot has lost or regained its access to Slack, so that waiting orders show
// why they wait, or are bought. It never blocks.
func (d *Desk) AccessChanged() { d.reg.AccessChanged() }

// Evidence reads from CoCalc everything that could show a purchase of the order: its cart item, the purchases of that
// item, the licenses with its tag, and the account of the API key. It changes nothing; what can't be read is part of
// the evidence.
func (d *Desk) Evidence(ctx context.Context, o purchase.Order) purchase.Evidence {
	return d.rec.Evidence(ctx, o)
}

// PauseInconsistent pauses buying because of findings about the ledger, which must not be empty, and announces the
// pause. It does so once for the same findings: an admin who resumed buying has seen them. It reports whether it
// paused.
func (d *Desk) PauseInconsistent(ctx context.Context, findings []purchase.Finding) (bool, error) {
	return d.rec.PauseInconsistent(ctx, findings)
}
