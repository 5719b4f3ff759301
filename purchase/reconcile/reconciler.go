package reconcile

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Reconciler compares what CoCalc shows with the ledger, in one run. It has only what may be forgotten. Its methods
// must not be called at the same time, except for Evidence and Distrust.
type Reconciler struct {
	reg     *register.Register
	ledger  purchase.Ledger
	shop    purchase.Shop
	policy  purchase.Policy
	timing  purchase.Timing
	keyName string
	site    purchase.Site
	now     func() time.Time
	log     zerolog.Logger
	changed func(purchase.OrderID)

	spans  *register.Spans
	worker Completer

	Count       Counted       // the last look at the list of purchases
	isProven    bool          // the key is of the ledger's account
	ReconcileAt time.Duration // elapsed: when the account's purchases are compared with the ledger again
	failures    int           // comparisons that failed since the last one
}

// Completer ends orders as bought.
type Completer interface {
	// CompleteOrder stores that the order was bought, as the receipt says.
	CompleteOrder(ctx context.Context, o purchase.Order, r *purchase.Receipt) error
}

// New makes a Reconciler. Without a worker, it must not sweep.
func New(reg *register.Register, spans *register.Spans, worker Completer) *Reconciler {
	o := reg.Options
	return &Reconciler{
		reg: reg, ledger: o.Ledger, shop: o.Shop, policy: o.Policy, timing: o.Timing, keyName: o.KeyName, site: o.Site,
		now: o.Now, log: o.Log, changed: o.Changed, spans: spans, worker: worker,
	}
}
