package orders

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Service takes orders from people, and carries out what they decide. Its methods may be called at the same time.
type Service struct {
	reg     *register.Register
	ledger  purchase.Ledger
	shop    purchase.Shop
	policy  purchase.Policy
	timing  purchase.Timing
	keyName string
	rules   Rules
	now     func() time.Time
	newID   func() purchase.OrderID
	log     zerolog.Logger
	changed func(purchase.OrderID)
	doubts  purchase.Doubts

	inFlight  inFlight
	resolving sync.Mutex // held while doubts are kept, or resolved and cleared

	approvalsChannel string

	counted     chan struct{} // capacity 1: signals that refusals were counted
	rateLimiter rateLimiter
	earlier     earlierTriggers
}

// New makes a Service. Orders can be proposed and confirmed at once, and are bought while a checkout.Worker runs.
func New(reg *register.Register) *Service {
	o := reg.Options
	return &Service{
		reg: reg, ledger: o.Ledger, shop: o.Shop, policy: o.Policy, timing: o.Timing, keyName: o.KeyName,
		rules: Rules{o.Policy, o.Site, offerOf(o.Policy)},
		now:   o.Now, newID: o.NewID, log: o.Log, changed: o.Changed, doubts: o.Doubts,
		approvalsChannel: o.ApprovalsChannel, counted: make(chan struct{}, 1),
	}
}

// Rules are the constant properties of a [Service].
type Rules struct {
	Policy purchase.Policy // with defaults: Approvals is at least 1
	Site   purchase.Site   // the server that links lead to
	Offer  Offer
}

// Rules returns the service's constant properties.
func (svc *Service) Rules() Rules { return svc.rules }

// Period is CoCalc's word for how a license is paid for.
type Period = cocalc.Period

// Offer describes what can be ordered, within the limits of CoCalc and of the team's policy.
type Offer struct {
	Largest purchase.Sizes // Days is 0 if terms may be as long as CoCalc sells them
	Periods []Period       // allowed, in the order in which people read them
}

// offerOf returns what a policy allows to order.
func offerOf(policy purchase.Policy) Offer {
	atMost := func(ours, cocalcs int) int {
		if ours > 0 {
			return min(ours, cocalcs)
		}
		return cocalcs
	}
	own := policy.Largest
	o := Offer{Largest: purchase.Sizes{
		RAM: atMost(own.RAM, cocalc.MaxRAM), CPU: atMost(own.CPU, cocalc.MaxCPU), Disk: atMost(own.Disk, cocalc.MaxDisk),
		RunLimit: atMost(own.RunLimit, cocalc.MaxRunLimit), Days: own.Days,
	}}
	for _, p := range []cocalc.Period{cocalc.PeriodMonthly, cocalc.PeriodYearly, cocalc.PeriodRange} {
		if len(policy.Periods) == 0 || policy.Periods[p] {
			o.Periods = append(o.Periods, p)
		}
	}
	return o
}

// inFlight counts the decisions that are being written.
type inFlight struct {
	mu  sync.Mutex
	all []purchase.Doubt
}

// begin notes a decision until the returned function is called.
func (u *inFlight) begin(doubt purchase.Doubt) (end func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = append(u.all, doubt)
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		i := slices.IndexFunc(u.all, sameDecision(doubt))
		u.all = slices.Delete(u.all, i, i+1)
	}
}

// hasAnother reports whether more than one decision like this is being written.
func (u *inFlight) hasAnother(doubt purchase.Doubt) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	same := sameDecision(doubt)
	n := 0
	for _, other := range u.all {
		if same(other) {
			n++
		}
	}
	return n > 1
}

// sameDecision reports of other doubts whether they are about the same decision as this one: the same person, order,
// kind and way of deciding, in the same run of the bot.
func sameDecision(doubt purchase.Doubt) func(purchase.Doubt) bool {
	return func(other purchase.Doubt) bool {
		return other.Who == doubt.Who && other.Order == doubt.Order && other.Doing == doubt.Doing &&
			other.Typed == doubt.Typed && other.Run.Equal(doubt.Run)
	}
}

// checkSpace refuses new orders while the ledger has too little room to finish them. The refusal is not recorded, since
// a record would use the room that is left.
func (svc *Service) checkSpace(ctx context.Context) error {
	err := svc.ledger.Room(ctx)
	if err == nil {
		return nil
	}
	svc.log.Error().Err(err).Msg("refuse all orders")
	if !errors.Is(err, purchase.ErrFull) {
		return fmt.Errorf("ask for room in the ledger: %w", err)
	}
	return purchase.NewRefusal(purchase.DiskFull)
}

// refuseStopping refuses a decision because the program ends. It was certainly not stored.
func refuseStopping() *purchase.Refusal {
	return purchase.NewRefusal(purchase.ShuttingDown, "undone", purchase.ArgFlag(true))
}

// firstRefusal records and returns the first refusal that is not nil; nil if there is none.
func (svc *Service) firstRefusal(ctx context.Context, id purchase.OrderID, action purchase.Action,
	refusals ...*purchase.Refusal,
) error {
	for _, no := range refusals {
		if no != nil {
			return svc.refuse(ctx, no, id, action.Actor, action.Channel)
		}
	}
	return nil
}

// refuse records a refusal in the audit, and returns it for its reader. If the record can't be written, the refusal is
// returned all the same.
func (svc *Service) refuse(ctx context.Context, no *purchase.Refusal, id purchase.OrderID, who purchase.Actor,
	at purchase.Channel,
) error {
	ctx = context.WithoutCancel(ctx) // also when the time for the answer is over
	if !svc.recordsSingly(no, who) {
		return svc.reg.ForReader(no, who)
	}
	err := svc.ledger.Update(ctx, func(w purchase.Writer) error {
		return w.AppendEvent(svc.refusalEvent(no, id, who, at))
	})
	if err != nil {
		svc.log.Error().Err(err).Str("code", string(no.Code)).Msg("fail to record a refusal")
	}
	return svc.reg.ForReader(no, who)
}

// refusalEvent is the audit record of a refusal.
func (svc *Service) refusalEvent(no *purchase.Refusal, id purchase.OrderID, who purchase.Actor,
	at purchase.Channel,
) purchase.Event {
	return purchase.Event{
		Time: svc.now(), Kind: "refused", Order: purchase.OrderID(purchase.TruncateID(string(id))),
		By:    purchase.TruncateID(who.ID),
		Place: purchase.TruncateID(at.ID),
		Note:  string(no.Code),
	}
}

// readAllowance reads what the month that contains now allows of an order.
func (svc *Service) readAllowance(r purchase.Reader, o purchase.Order, now time.Time) (Allowance, error) {
	account, err := r.Account()
	if err != nil {
		return Allowance{}, err
	}
	budget, err := r.Budget(svc.policy.Month(now))
	if err != nil {
		return Allowance{}, err
	}
	budget = account.WithDue(budget)
	return svc.allowanceOf(o, budget, account.ShareOf(budget, o.Requester), now), nil
}

// Allowance is what the current month and day allow of an order that isn't reserved yet.
type Allowance struct {
	Left          purchase.Cents  // of this month's budget, before the order
	Limited       bool            // whether there is a budget
	NeedsApproval bool            // whether the order needs approval if it is confirmed now
	Sum           purchase.DaySum // set if today's sum without approval is why it needs approval
}

// commitment returns what an order would commit the team to, if it were confirmed at a time. budget is that of its
// month, with what is due in it.
func (svc *Service) commitment(r purchase.Reader, account purchase.AccountState, budget purchase.Budget,
	o purchase.Order, at time.Time,
) (c purchase.Commitment, err error) {
	c = purchase.Commitment{
		Share: account.ShareOf(budget, o.Requester), Spec: o.Spec, Price: o.Price, Now: at, Renews: o.Renews,
		Again: svc.againInMonth(account, o, at),
	}
	if svc.policy.RenewalsLimit > 0 && o.Renews > 0 {
		c.Recurring, err = purchase.ReadRecurring(r, account, o.ID)
	}
	return c, err
}

// againInMonth returns what renewals of an order's license cost in the month of the order, if budgets deduct renewals.
func (svc *Service) againInMonth(account purchase.AccountState, o purchase.Order, at time.Time) purchase.Cents {
	isLimited := !svc.policy.MonthlyBudget.None || svc.policy.PersonBudget > 0
	if !isLimited || !account.WithDue(purchase.Budget{}).Due.Counts {
		return 0
	}
	return svc.policy.AgainInMonth(o.Spec, o.Renews, at)
}

// allowanceOf returns what a month and its requester's share allow of an order.
func (svc *Service) allowanceOf(o purchase.Order, budget purchase.Budget, share purchase.Share,
	now time.Time,
) (a Allowance) {
	auto := share.Auto[svc.policy.Day(now)]
	a.Left, a.Limited = svc.policy.Left(budget)
	a.NeedsApproval, a.Sum = svc.policy.NeedsApproval(o, auto), svc.policy.SumOfDay(o, auto)
	return a
}
