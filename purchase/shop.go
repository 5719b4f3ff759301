package purchase

import (
	"context"
	"time"

	"licensebot/cocalc"
)

// Site is the CoCalc server, for links.
type Site = cocalc.Site

// Shop is what buying needs of CoCalc. *cocalc.Client is one.
type Shop interface {
	WhoAmI(ctx context.Context) (cocalc.Account, error)
	Store(ctx context.Context) (cocalc.Store, error)
	AddToCart(ctx context.Context, description []byte, projectID string) error
	Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error)
	CartItem(ctx context.Context, id int64) (cocalc.CartItem, error)
	SetChecked(ctx context.Context, id int64, checked bool) (changed bool, err error)
	RemoveFromCart(ctx context.Context, id int64) (removed bool, err error)
	CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error)
	Checkout(ctx context.Context) error
	Licenses(ctx context.Context) ([]cocalc.License, error)
	License(ctx context.Context, id string) (cocalc.License, error)
	Purchases(ctx context.Context, filter cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error)
	FindBrokenItem(ctx context.Context) (cocalc.CartItem, error)
	Subscriptions(ctx context.Context) ([]cocalc.Subscription, error)
	Project(ctx context.Context, id string) (cocalc.Project, error)
	// Diagnose finds out what the server is. It only reads.
	Diagnose(ctx context.Context) cocalc.Diagnosis
	// Time returns CoCalc's current time; ok is false while it is unknown.
	Time() (now time.Time, ok bool)
}

// Timing holds every wait of the package. The zero value of a field means its default.
type Timing struct {
	Proposal time.Duration // how long a card can be confirmed: 30 minutes
	Approval time.Duration // how long approvers can decide: 72 hours
	// The defaults of Patience, AddWindow, Poll and PollMax hold for a Settle of 10 minutes or more, and shrink with a
	// shorter one.

	// Patience is how long an order waits for a CoCalc that does not answer before it gives up, as long as nothing
	// of it is in the cart: 2 minutes.
	Patience time.Duration
	// AddWindow is how long, from its sending, an add whose answer was lost may take to show up in the cart: 1 minute,
	// which is the client's own timeout and as much again. What comes later is taken out when the order is watched.
	AddWindow time.Duration
	// Settle is how long a checkout whose outcome is unknown is given to show itself, once with the item in the
	// cart and once more after it was taken out: 10 minutes. It must be well over the server's slowest checkout.
	Settle time.Duration
	// Poll is the first pause between two looks; it doubles up to PollMax: 2 seconds, 30 seconds.
	Poll, PollMax time.Duration
	// Sweep is the pause between two comparisons of the account's purchases with the ledger: 10 minutes.
	Sweep time.Duration
	// Probe is the longest pause between two probes of the server (Diagnose): 10 minutes. Orders wait six times as long
	// for a server that doesn't sell licenses.
	Probe time.Duration
	// Drain is how long the order under way may go on after Run was told to stop: 45 seconds.
	Drain time.Duration
}

// WithDefaults returns the timing with a value for each field.
func (t Timing) WithDefaults() Timing {
	or := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	or(&t.Settle, 10*time.Minute)
	// A short Settle means that CoCalc is quick, so the other waits shrink with it. CoCalc is not asked more often than
	// its purchases can be read.
	share := func(part int64, most, least time.Duration) time.Duration {
		return max(min(t.Settle/time.Duration(part), most), least)
	}
	or(&t.Proposal, 30*time.Minute)
	or(&t.Approval, 72*time.Hour)
	or(&t.Patience, share(5, 2*time.Minute, 0))
	or(&t.AddWindow, share(10, time.Minute, 0))
	or(&t.Poll, share(300, 2*time.Second, 100*time.Millisecond))
	or(&t.PollMax, share(20, 30*time.Second, 500*time.Millisecond))
	or(&t.Sweep, 10*time.Minute)
	or(&t.Probe, 10*time.Minute)
	or(&t.Drain, 45*time.Second)
	return t
}

// Request is what a person wants to buy.
type Request struct {
	Requester Actor
	Channel   Channel
	Spec      Spec
	Reason    string
	// Trigger is Slack's id of the command, click or form; empty when it is not known. One trigger makes one order.
	Trigger string
}
