package purchase

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"licensebot/cocalc"
)

// Site is the CoCalc server, for links.
type Site = cocalc.Site

// Location returns the time zone in which days and months begin.
func (d *Desk) Location() *time.Location { return d.policy.location() }

// Site returns the server that sentences and links lead to.
func (d *Desk) Site() Site { return d.site }

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

func (t Timing) withDefaults() Timing {
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

// Options are the Desk's collaborators. Ledger and Shop are required.
type Options struct {
	Ledger  Ledger
	Shop    Shop
	Policy  Policy
	Timing  Timing
	KeyName string // how people call the API key, never the key itself: "sk-…f3Xa"
	Site    Site   // CoCalc's pages, for links in sentences
	Now     func() time.Time
	NewID   func() OrderID
	Log     zerolog.Logger
	// PurchasesChannel is where the line about every purchase goes; empty: the channel where it was asked for.
	PurchasesChannel string
	// ApprovalsChannel is where approvers are asked.
	ApprovalsChannel string
	// LookUp answers a person with their standing and groups as Slack tells them now. Nil: they are as they were.
	LookUp func(context.Context, Person) Person
	// Doubts stores the decisions that were being written when the disk failed. With nil, their people never learn
	// whether they counted.
	Doubts Doubts
	// AccessLost reports whether the bot has lost its access to Slack. It must not block. Nil means never.
	AccessLost func() bool
	// Changed is called after every change of an order that people can see, and with an empty id when there is a notice
	// to tell. It must not block.
	Changed func(OrderID)
}

// Desk takes orders from people and brings each to its end. All methods may be called at the same time.
type Desk struct {
	ledger  Ledger
	shop    Shop
	policy  Policy
	timing  Timing
	keyName string
	site    Site
	now     func() time.Time
	newID   func() OrderID
	log     zerolog.Logger
	changed func(OrderID)
	doubts  Doubts

	underWay  underWay
	resolving sync.Mutex // held while doubts are kept, or resolved and cleared

	purchasesChannel string
	approvalsChannel string
	lookUp           func(context.Context, Person) Person
	accessLost       func() bool

	born      time.Time     // when the desk was made, with a monotonic reading
	bornAt    time.Time     // the same moment by the machine's clock
	account   sync.Mutex    // held while working on the CoCalc account: cart, checkout, proof
	wake      chan struct{} // capacity 1: there may be something to buy
	proposed  chan struct{} // capacity 1: there is a new deadline: of a card, of an approval
	counted   chan struct{} // capacity 1: signals that refusals were counted
	pace      pace
	repeated  repeated
	stopping  atomic.Bool // no new reservations
	isAway    atomic.Bool // the ledger's file is not where it belongs
	server    atomic.Pointer[Server]
	suspicion suspicion
}

// New makes a Desk. It does nothing until Run, but orders can be proposed and confirmed at once.
func New(opts Options) *Desk {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	d := &Desk{
		ledger: newChronicle(opts.Ledger, opts.Log), policy: opts.Policy, timing: opts.Timing.withDefaults(),
		keyName: opts.KeyName, site: opts.Site, now: opts.Now, newID: opts.NewID, log: opts.Log, changed: opts.Changed,
		wake: make(chan struct{}, 1), proposed: make(chan struct{}, 1), counted: make(chan struct{}, 1),
		purchasesChannel: opts.PurchasesChannel,
		approvalsChannel: opts.ApprovalsChannel, lookUp: opts.LookUp, doubts: opts.Doubts,
		born: time.Now(), bornAt: opts.Now(),
	}
	d.shop = &loggedShop{Shop: opts.Shop, log: opts.Log, now: opts.Now, heardOf: d.heardOf}
	if d.lookUp == nil {
		d.lookUp = func(_ context.Context, p Person) Person { return p }
	}
	if d.accessLost = opts.AccessLost; d.accessLost == nil {
		d.accessLost = func() bool { return false }
	}
	d.policy.Approvals = max(d.policy.Approvals, 1)
	if d.newID == nil {
		d.newID = ULIDs(d.now)
	}
	if d.changed == nil {
		d.changed = func(OrderID) {}
	}
	if d.keyName == "" {
		d.keyName = "the API key"
	}
	return d
}

// ULIDs makes order ids that sort by time, also within a millisecond, from the system's secure randomness.
func ULIDs(now func() time.Time) func() OrderID {
	var mu sync.Mutex
	entropy := ulid.Monotonic(rand.Reader, 0)
	return func() OrderID {
		mu.Lock()
		defer mu.Unlock()
		id, err := ulid.New(ulid.Timestamp(now()), entropy)
		if err != nil { // the monotonic counter ran over within one millisecond: begin it anew
			entropy = ulid.Monotonic(rand.Reader, 0)
			id = ulid.MustNew(ulid.Timestamp(now()), entropy)
		}
		return OrderID(id.String())
	}
}

// Ask is what a person wants to buy.
type Ask struct {
	Requester Person
	Place     Place
	Spec      Spec
	Reason    string
	// Trigger is Slack's id of the command, click or form; empty when it is not known. One trigger makes one order.
	Trigger string
}

// Proposal is an order that was proposed, with what the card says beside it.
type Proposal struct {
	Order   Order
	Left    Cents // of this month's budget, before this order
	Limited bool  // whether there is a monthly budget
	Asks    bool  // whether it needs approval
	// Sum is set if today's sum without approval is why it needs approval.
	Sum DaySum
}

// Quote says what a specification costs now. Its mistakes come as Mistakes, all at once.
func (d *Desk) Quote(spec Spec) (cocalc.Quote, error) {
	now := d.now()
	if mistakes := spec.Validate(now); len(mistakes) > 0 {
		return cocalc.Quote{}, mistakes
	}
	return cocalc.Price(spec, now)
}

// Proposable reports whether a person may order licenses in this place, before they fill in a form. The error is a
// *Refusal that says why not.
func (d *Desk) Proposable(ctx context.Context, click Click) error {
	if d.stopping.Load() {
		return errStopping()
	}
	paused, err := d.pausedNow(ctx)
	if err != nil {
		return fmt.Errorf("read whether buying is paused: %w", err)
	}
	return d.unless(ctx, "", click, d.lostAccess(), d.policy.mayBuy(click.Who), d.policy.here(click.At), paused,
		d.notSold(d.server.Load()))
}

// Propose stores a new order with its price. Nothing is promised yet. A *Refusal says why not.
func (d *Desk) Propose(ctx context.Context, ask Ask) (Proposal, error) {
	return d.propose(ctx, ask, "")
}

// propose makes the order, as the successor of an earlier one when replaces is set.
func (d *Desk) propose(ctx context.Context, ask Ask, amends OrderID) (Proposal, error) {
	if d.stopping.Load() {
		return Proposal{}, errStopping()
	}
	for _, no := range []*Refusal{
		d.lostAccess(), d.policy.mayBuy(ask.Requester), d.policy.here(ask.Place),
		d.notSold(d.server.Load()),
	} {
		if no != nil {
			return Proposal{}, d.refused(ctx, no, amends, ask.Requester, ask.Place)
		}
	}
	if p, again, err := d.proposedBefore(ctx, ask); again || err != nil {
		return p, err
	}
	quote, err := d.Quote(ask.Spec)
	if err != nil {
		return Proposal{}, err
	}
	if no := d.full(ctx); no != nil {
		return Proposal{}, no
	}
	if d.away(ctx) {
		return Proposal{}, d.policy.errAway()
	}
	if !d.pace.card(ask.Requester.key(), d.now()) {
		return Proposal{}, d.refused(ctx, tooFast(), amends, ask.Requester, ask.Place)
	}
	project, unusable := d.onProject(ctx, ask.Spec)
	if unusable != nil {
		return Proposal{}, d.refused(ctx, unusable, amends, ask.Requester, ask.Place)
	}
	now := d.now()
	order := Order{
		ID: d.newID(), Rev: 1, State: Proposed, Requester: ask.Requester, Place: ask.Place, Spec: ask.Spec,
		Project: project, Reason: ask.Reason, Price: quote.Total, Renews: quote.RenewsAt, Saves: quote.Saves, Created: now,
		Updated: now,
		Expires: now.Add(d.timing.Proposal),
	}
	if len(ask.Trigger) <= mostTrigger {
		order.Trigger = ask.Trigger
	}
	var out Proposal
	var no *Refusal
	err = d.ledger.Update(ctx, func(w Writer) error {
		no = nil
		account, err := w.Account()
		if err != nil {
			return err
		}
		if no = d.closed(account); no != nil {
			return nil
		}
		budget, err := w.Budget(d.policy.Month(now))
		if err != nil {
			return err
		}
		share, err := shareOf(w, budget, ask.Requester)
		if err != nil {
			return err
		}
		if no = d.policy.allows(wish{share: share, spec: order.Spec, price: order.Price, now: now}, budget); no != nil {
			return nil
		}
		if amends != "" {
			if no, err = d.retire(w, amends, order); no != nil || err != nil {
				return err
			}
		}
		out.Order = order
		auto := share.Auto[d.policy.day(now)]
		out.Asks, out.Sum = d.policy.asks(order, auto), d.policy.daySum(order, auto)
		out.Left, out.Limited = d.policy.Left(budget)
		if err := w.PutOrder(order); err != nil {
			return err
		}
		return w.AppendEvent(proposed(order, order.Spec.Summary()))
	})
	if err != nil {
		return Proposal{}, d.doubted(fmt.Errorf("store the proposal: %w", err),
			Doubt{Began: now, Run: d.bornAt, Who: ask.Requester.ID, Order: order.ID, Typed: true})
	}
	if no != nil {
		return Proposal{}, d.refused(ctx, no, amends, ask.Requester, ask.Place)
	}
	nudge(d.proposed)
	if amends != "" {
		d.changed(amends)
	}
	return out, nil
}

// Amend replaces a proposal by a new one with another specification, when the requester edited the card. The old
// one is cancelled in the same transaction, so that the two are never both open.
func (d *Desk) Amend(ctx context.Context, old OrderID, ask Ask) (Proposal, error) {
	return d.propose(ctx, ask, old)
}

// retire cancels a proposal in favor of its successor, whose card takes the place of its own.
func (d *Desk) retire(w Writer, id OrderID, successor Order) (*Refusal, error) {
	who := successor.Requester
	order, err := w.Order(id)
	if errors.Is(err, ErrNoOrder) {
		return noSuchOrder(), nil
	}
	if err != nil {
		return nil, err
	}
	if no := onlyRequester(order, who); no != nil {
		return no, nil
	}
	if order.State != Proposed {
		return d.tooLateTo("change", order), nil
	}
	return nil, d.apply(w, &order, OrderEvent{Kind: Replace, By: who.ID, Note: "edited", Successor: successor.ID})
}

// apply has an event happen to an order, in the caller's transaction.
func (d *Desk) apply(w Writer, order *Order, e OrderEvent) error {
	change, err := d.happen(order, &e)
	if err != nil {
		return err
	}
	return d.keep(w, *order, e, change)
}

// happen applies an event that happens now.
func (d *Desk) happen(order *Order, e *OrderEvent) (BudgetChange, error) {
	e.Time = d.now()
	e.OfferUntil = e.Time.Add(d.timing.Proposal)
	after, change, err := Apply(*order, *e)
	if err != nil {
		return BudgetChange{}, err
	}
	*order = after
	return change, nil
}

// keep stores an order after an event, in the caller's transaction: the budget of its month and an audit record go with
// it. Nothing else stores a change of state.
func (d *Desk) keep(w Writer, order Order, e OrderEvent, change BudgetChange) error {
	if change != (BudgetChange{}) {
		key, err := keyOf(w, order.Requester)
		if err != nil {
			return err
		}
		budget, err := w.Budget(order.Month) // after keyOf, which may have moved amounts from another id
		if err != nil {
			return err
		}
		budget.change(key, order, cmp.Or(order.Day, d.policy.day(order.Confirmed)), change)
		if err := w.PutBudget(budget); err != nil {
			return err
		}
	}
	if err := w.PutOrder(order); err != nil {
		return err
	}
	return w.AppendEvent(Event{
		Time: order.Updated, Kind: string(order.State), Order: order.ID, By: e.By,
		Place: cmp.Or(e.Place, order.Place.Channel), Note: e.Note, Amount: order.Price,
	})
}

// nudge wakes one of Run's loops, if it is not awake already.
func nudge(loop chan struct{}) {
	select {
	case loop <- struct{}{}:
	default:
	}
}
