package register

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"licensebot/purchase"
)

// Options are the collaborators of purchasing. Ledger and Shop are required.
type Options struct {
	Ledger  purchase.Ledger
	Shop    purchase.Shop
	Policy  purchase.Policy
	Timing  purchase.Timing
	KeyName string        // display name of the API key, never the key: "sk-…f3Xa"
	Site    purchase.Site // CoCalc's address, for links
	Now     func() time.Time
	NewID   func() purchase.OrderID
	Log     zerolog.Logger
	// PurchasesChannel is the channel in which purchases are announced; empty: the channel of the request.
	PurchasesChannel string
	// ApprovalsChannel is the channel in which approvers are asked.
	ApprovalsChannel string
	// LookUp returns a person with their current membership and groups in Slack. Nil: people are returned as they are.
	LookUp func(context.Context, purchase.Actor) purchase.Actor
	// Doubts stores decisions that a failing disk interrupted. Nil: their people are never notified of the result.
	Doubts purchase.Doubts
	// AccessLost reports whether the bot has lost its access to Slack. It must not block. Nil means that it never has.
	AccessLost func() bool
	// Changed is called after every visible change of an order, and with an empty id if there is a new notification. It
	// must not block.
	Changed func(purchase.OrderID)
}

// Register stores what happens to orders and to the account. It has what all parts of purchasing share: the ledger, the
// clocks, the policy, and the condition of the server. All methods may be called at the same time.
type Register struct {
	// Options are New's options with their defaults. Its Ledger and Shop write to the log.
	Options Options

	ledger  purchase.Ledger
	shop    purchase.Shop
	policy  purchase.Policy
	timing  purchase.Timing
	site    purchase.Site
	now     func() time.Time
	log     zerolog.Logger
	changed func(purchase.OrderID)

	purchasesChannel string
	approvalsChannel string
	lookUp           func(context.Context, purchase.Actor) purchase.Actor
	accessLost       func() bool

	Born     time.Time     // when New was called, with a monotonic reading
	BornAt   time.Time     // the same moment by the machine's clock
	Account  sync.Mutex    // held during work on the CoCalc account: cart, checkout, verification
	Wake     chan struct{} // capacity 1: the worker may have something to do
	Proposed chan struct{} // capacity 1: a proposal or an approval has a new deadline
	Decided  chan struct{} // capacity 1: a person decided about a subscription
	Stopping atomic.Bool   // set at shutdown: no new reservations
	IsAway   atomic.Bool   // the ledger's file is not where it belongs

	Diagnosed atomic.Pointer[purchase.Server] // what is wrong with the server; nil if nothing is known
	Suspicion Suspicion
}

// New returns a Register. It neither reads nor changes the ledger.
func New(opts Options) *Register {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.LookUp == nil {
		opts.LookUp = func(_ context.Context, p purchase.Actor) purchase.Actor { return p }
	}
	if opts.AccessLost == nil {
		opts.AccessLost = func() bool { return false }
	}
	if opts.NewID == nil {
		opts.NewID = ULIDs(opts.Now)
	}
	if opts.Changed == nil {
		opts.Changed = func(purchase.OrderID) {}
	}
	if opts.KeyName == "" {
		opts.KeyName = "the API key"
	}
	opts.Timing = opts.Timing.WithDefaults()
	opts.Policy.Approvals = max(opts.Policy.Approvals, 1)
	opts.Ledger = newLoggedLedger(opts.Ledger, opts.Log)
	reg := &Register{
		Born: time.Now(), BornAt: opts.Now(), Wake: make(chan struct{}, 1), Proposed: make(chan struct{}, 1),
		Decided: make(chan struct{}, 1),
	}
	opts.Shop = &loggedShop{Shop: opts.Shop, log: opts.Log, now: opts.Now, onAnswer: reg.noteError}
	reg.Options = opts
	reg.ledger, reg.shop, reg.policy, reg.timing = opts.Ledger, opts.Shop, opts.Policy, opts.Timing
	reg.site, reg.now, reg.log, reg.changed = opts.Site, opts.Now, opts.Log, opts.Changed
	reg.purchasesChannel, reg.approvalsChannel = opts.PurchasesChannel, opts.ApprovalsChannel
	reg.lookUp, reg.accessLost = opts.LookUp, opts.AccessLost
	return reg
}

// ULIDs returns a generator of order ids that sort by time, even within a millisecond. Their random part comes from
// crypto/rand.
func ULIDs(now func() time.Time) func() purchase.OrderID {
	var mu sync.Mutex
	entropy := ulid.Monotonic(rand.Reader, 0)
	return func() purchase.OrderID {
		mu.Lock()
		defer mu.Unlock()
		id, err := ulid.New(ulid.Timestamp(now()), entropy)
		if err != nil { // the monotonic counter overflowed within a millisecond
			entropy = ulid.Monotonic(rand.Reader, 0)
			id = ulid.MustNew(ulid.Timestamp(now()), entropy)
		}
		return purchase.OrderID(id.String())
	}
}

// Apply applies an event to an order at the current time, and stores the result in the caller's transaction.
func (reg *Register) Apply(w purchase.Writer, order *purchase.Order, e purchase.OrderEvent) error {
	change, err := reg.Happen(order, &e)
	if err != nil {
		return err
	}
	return reg.Keep(w, *order, e, change)
}

// Happen sets the event's Time and OfferUntil and applies it to the order in memory. It returns the change of the
// budget, for Keep.
func (reg *Register) Happen(order *purchase.Order, e *purchase.OrderEvent) (purchase.BudgetChange, error) {
	e.Time = reg.now()
	e.OfferUntil = e.Time.Add(reg.timing.Proposal)
	after, change, err := purchase.Apply(*order, *e)
	if err != nil {
		return purchase.BudgetChange{}, err
	}
	*order = after
	return change, nil
}

// Keep stores an order after an event in the caller's transaction, with the budget of its month and an audit record.
// Every change of state is stored by Keep.
func (reg *Register) Keep(w purchase.Writer, order purchase.Order, e purchase.OrderEvent,
	change purchase.BudgetChange,
) error {
	if change != (purchase.BudgetChange{}) {
		key, err := purchase.BudgetKey(w, order.Requester)
		if err != nil {
			return err
		}
		// after BudgetKey, which may have moved amounts from another id
		err = purchase.ChangeBudget(w, order.Month, func(budget *purchase.Budget) {
			budget.Apply(key, order, cmp.Or(order.Day, reg.policy.Day(order.Confirmed)), change)
		})
		if err != nil {
			return err
		}
	}
	if err := w.PutOrder(order); err != nil {
		return err
	}
	return w.AppendEvent(purchase.Event{
		Time: order.Updated, Kind: string(order.State), Order: order.ID, By: e.By,
		Place: cmp.Or(e.Place, order.Channel.ID), Note: e.Note, Amount: order.Price,
	})
}

// Nudge wakes a loop that waits on the channel. It does not block.
func Nudge(loop chan struct{}) {
	select {
	case loop <- struct{}{}:
	default:
	}
}

// Order returns an order. The error wraps ErrNoOrder if there is none with that id.
func (reg *Register) Order(ctx context.Context, id purchase.OrderID) (o purchase.Order, err error) {
	err = reg.ledger.View(ctx, func(r purchase.Reader) error {
		o, err = r.Order(id)
		return err
	})
	return o, err
}

// Repeat calls do until ctx is done: after the pause that do returns, or when nudged. It logs errors of do and tries
// again, after Timing.PollMax if the pause is 0.
func (reg *Register) Repeat(ctx context.Context, nudged <-chan struct{},
	do func(context.Context) (time.Duration, error),
) {
	for ctx.Err() == nil {
		pause, err := do(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			// The ledger failed, for example because the disk is full. Orders stay as they were stored; try again later.
			reg.log.Error().Err(err).Msg("retry after a ledger error")
			if pause == 0 {
				pause = reg.timing.PollMax
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-nudged:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// ErrMoved means that the order changed while the worker was reading from CoCalc. The worker processes it again.
var ErrMoved = errors.New("the order has moved on")

// Idle is the maximum pause between two reads of the ledger.
const Idle = time.Hour

// Change calls fn with the current order in one transaction, and then calls Options.Changed. It returns the order as fn
// left it.
func (reg *Register) Change(ctx context.Context, id purchase.OrderID,
	fn func(purchase.Writer, *purchase.Order) error,
) (purchase.Order, error) {
	var o purchase.Order
	err := reg.ledger.Update(ctx, func(w purchase.Writer) error {
		var err error
		if o, err = w.Order(id); err != nil {
			return err
		}
		return fn(w, &o)
	})
	if err == nil {
		reg.changed(id)
		if o.HasOffer() { // its offer has a deadline
			Nudge(reg.Proposed)
		}
	}
	return o, err
}

// Three clocks are kept apart, because any of them may be wrong or jump:
//
//   - now, the machine's clock: what people read, and the day and month in which an order counts. It can be set at any
//     time.
//   - elapsed, the monotonic clock of this run: how long to wait.
//   - CoCalc's clock, from the Date of its answers: everything that is compared with CoCalc's times.

// Elapsed returns how long the register has existed. Setting the machine's clock does not change it, and it stands
// still while the machine is suspended.
func (reg *Register) Elapsed() time.Duration { return time.Since(reg.Born) }

// ServerTime returns CoCalc's time; zero if it is unknown.
func (reg *Register) ServerTime() time.Time {
	now, ok := reg.shop.Time()
	if !ok {
		return time.Time{}
	}
	return now.UTC()
}

// ServerTimeOrNow returns CoCalc's time, or this machine's if CoCalc's is unknown.
func (reg *Register) ServerTimeOrNow() time.Time {
	if now := reg.ServerTime(); !now.IsZero() {
		return now
	}
	return reg.now()
}

// Span is a period of fixed length that began at a stored time. Until is its end by the machine's clock, There its end
// by CoCalc's, Length its maximum length. What tells the spans of an order apart.
type Span struct {
	What   string
	Until  time.Time
	There  time.Time // zero: unknown
	Length time.Duration
	// Careful spans begin again in a run that cannot measure how much of them is left, because what they wait for may
	// still be in progress.
	Careful bool
}

// spanKey identifies a span of an order. A span that begins again has another end.
type spanKey struct {
	what  string
	until int64
}

// Spans holds the ends, as values of Register.Elapsed, of the spans that one run has seen. Its methods must not be
// called at the same time.
type Spans struct {
	reg  *Register
	ends map[purchase.OrderID]map[spanKey]time.Duration
}

// NewSpans returns an empty Spans for one run.
func NewSpans(reg *Register) *Spans {
	return &Spans{reg: reg, ends: map[purchase.OrderID]map[spanKey]time.Duration{}}
}

// ForgetAll removes the spans of all orders for which ended returns true, but not those of the account.
func (p *Spans) ForgetAll(ended func(purchase.OrderID) bool) {
	maps.DeleteFunc(p.ends, func(id purchase.OrderID, _ map[spanKey]time.Duration) bool { return id != "" && ended(id) })
}

// Ends returns the end of a span, as a value of Register.Elapsed. The remaining time is read from the clocks once, when
// this run first sees the span, and never exceeds the span's length. Later jumps of a clock do not change it.
func (p *Spans) Ends(id purchase.OrderID, s Span) time.Duration {
	reg, key := p.reg, spanKey{s.What, s.Until.UnixNano()}
	end, known := p.ends[id][key]
	if !known {
		left, there := s.Until.Sub(reg.now()), reg.ServerTime()
		switch {
		case !s.There.IsZero() && !there.IsZero():
			left = s.There.Sub(there)
		case s.Careful && s.Until.Add(-s.Length).Before(reg.BornAt) &&
			(there.IsZero() || there.Sub(reg.now()).Abs() > purchase.ClocksApart):
			left = s.Length // it began before this run, and this machine's clock may have been set
		}
		end = reg.Elapsed() + min(max(left, 0), s.Length)
		if p.ends[id] == nil {
			p.ends[id] = map[spanKey]time.Duration{}
		}
		p.ends[id][key] = end
	}
	return end
}

// Remains returns the remaining time of a span; 0 if it is over.
func (p *Spans) Remains(id purchase.OrderID, s Span) time.Duration {
	return max(p.Ends(id, s)-p.reg.Elapsed(), 0)
}

// After returns the moment d after at, by CoCalc's clock; zero if at is unknown.
func After(at time.Time, d time.Duration) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(d)
}

// WatchUntil returns the end of a watch that begins now. Ends are rounded up to WatchStep, so that watches of a busy
// hour end together and share their reads of the list of purchases, which CoCalc throttles.
func (reg *Register) WatchUntil() time.Time {
	step := reg.WatchStep()
	return reg.now().Add(reg.timing.Settle + step - 1).Truncate(step)
}

// WatchStep returns the unit to which the ends of watches are rounded: a tenth of Timing.Settle.
func (reg *Register) WatchStep() time.Duration { return max(reg.timing.Settle/10, 1) }
