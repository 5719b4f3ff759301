package orders

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Service takes orders from people, and decides what people decide about them. All methods may be called at the same
// time.
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

// checkBuy refuses people who may not order licenses here and now.
func (svc *Service) checkBuy(ctx context.Context, action purchase.Action) error {
	if svc.reg.Stopping.Load() {
		return refuseStopping()
	}
	paused, err := svc.reg.PausedNow(ctx)
	if err != nil {
		return fmt.Errorf("read whether buying is paused: %w", err)
	}
	return svc.firstRefusal(ctx, "", action, svc.reg.RefuseLostAccess(), svc.policy.MayBuy(action.Actor),
		svc.policy.AllowsPlace(action.Channel), paused,
		svc.reg.RefuseNotSold(svc.reg.Diagnosed.Load()))
}

// Propose stores a new order with its price. Nothing is reserved yet. If the request replaces a proposal, that one is
// cancelled in the same transaction, so that the two are never both open. A [*purchase.Refusal] says why not; it is
// recorded. Mistakes of the specification come as [purchase.Mistakes], all at once.
func (svc *Service) Propose(ctx context.Context, ask purchase.Request) (View, error) {
	if svc.reg.Stopping.Load() {
		return View{}, refuseStopping()
	}
	for _, no := range []*purchase.Refusal{
		svc.reg.RefuseLostAccess(), svc.policy.MayBuy(ask.Requester), svc.policy.AllowsPlace(ask.Channel),
		svc.reg.RefuseNotSold(svc.reg.Diagnosed.Load()),
	} {
		if no != nil {
			return View{}, svc.refuse(ctx, no, ask.Replaces, ask.Requester, ask.Channel)
		}
	}
	if p, again, err := svc.proposedBefore(ctx, ask); again || err != nil {
		return p, err
	}
	quote, err := purchase.PriceOf(ask.Spec, svc.now())
	if err != nil {
		return View{}, err
	}
	if no := svc.checkSpace(ctx); no != nil {
		return View{}, no
	}
	if svc.reg.Away(ctx) {
		return View{}, svc.policy.AwayRefusal()
	}
	if !svc.rateLimiter.allowCard(ask.Requester.Key(), svc.now()) {
		return View{}, svc.refuse(ctx, refuseTooFast(), ask.Replaces, ask.Requester, ask.Channel)
	}
	project, unusable := svc.readProject(ctx, ask.Spec)
	if unusable != nil {
		return View{}, svc.refuse(ctx, unusable, ask.Replaces, ask.Requester, ask.Channel)
	}
	now := svc.now()
	order := purchase.Order{
		ID: svc.newID(), Rev: 1, State: purchase.Proposed, Requester: ask.Requester, Channel: ask.Channel, Spec: ask.Spec,
		Project: project, Reason: ask.Reason, Price: quote.Total, Renews: quote.RenewsAt, Saves: quote.Saves, Created: now,
		Updated: now,
		Expires: now.Add(svc.timing.Proposal),
	}
	if len(ask.Trigger) <= maxTrigger {
		order.Trigger = ask.Trigger
	}
	var out View
	var no *purchase.Refusal
	err = svc.ledger.Update(ctx, func(w purchase.Writer) error {
		no = nil
		account, err := w.Account()
		if err != nil {
			return err
		}
		if no = svc.reg.RefuseClosed(account); no != nil {
			return nil
		}
		budget, err := w.Budget(svc.policy.Month(now))
		if err != nil {
			return err
		}
		share, err := purchase.ShareOf(w, budget, ask.Requester)
		if err != nil {
			return err
		}
		if no = svc.policy.Allows(purchase.Commitment{Share: share, Spec: order.Spec, Price: order.Price, Now: now},
			budget); no != nil {
			return nil
		}
		if ask.Replaces != "" {
			if no, err = svc.replaceProposal(w, ask.Replaces, order); no != nil || err != nil {
				return err
			}
		}
		out.Order = order
		auto := share.Auto[svc.policy.Day(now)]
		out.NeedsApproval, out.Sum = svc.policy.NeedsApproval(order, auto), svc.policy.SumOfDay(order, auto)
		out.Left, out.Limited = svc.policy.Left(budget)
		if err := w.PutOrder(order); err != nil {
			return err
		}
		return w.AppendEvent(proposalEvent(order, order.Spec.Summary()))
	})
	if err != nil {
		return View{}, svc.keepDoubt(fmt.Errorf("store the proposal: %w", err),
			purchase.Doubt{Began: now, Run: svc.reg.BornAt, Who: ask.Requester.ID, Order: order.ID, Typed: true})
	}
	if no != nil {
		return View{}, svc.refuse(ctx, no, ask.Replaces, ask.Requester, ask.Channel)
	}
	register.Nudge(svc.reg.Proposed)
	if ask.Replaces != "" {
		svc.changed(ask.Replaces)
	}
	return out, nil
}

// replaceProposal cancels a proposal in favor of its successor, whose card takes the place of its own.
func (svc *Service) replaceProposal(w purchase.Writer, id purchase.OrderID,
	successor purchase.Order,
) (*purchase.Refusal, error) {
	who := successor.Requester
	order, err := w.Order(id)
	if errors.Is(err, purchase.ErrNoOrder) {
		return refuseUnknownOrder(), nil
	}
	if err != nil {
		return nil, err
	}
	if no := purchase.OnlyRequester(order, who); no != nil {
		return no, nil
	}
	if order.State != purchase.Proposed {
		return svc.refuseLate("change", order), nil
	}
	return nil, svc.reg.Apply(w, &order, purchase.OrderEvent{
		Kind: purchase.Replace, By: who.ID, Note: "edited",
		Successor: successor.ID,
	})
}

// projectTakes is how long a person waits for CoCalc's answer about a project. Slack allows three seconds in all.
const projectTimeout = 1500 * time.Millisecond

// readProject asks CoCalc about a specification's project before a card is made; nil if it names none. CoCalc accepts
// any id: it sells the license, and applies it nowhere, or to other people's project, from which it can't be taken off
// again.
func (svc *Service) readProject(ctx context.Context, spec purchase.Spec) (*purchase.OnProject, *purchase.Refusal) {
	if spec.ProjectID == "" {
		return nil, nil
	}
	patience := projectTimeout
	if end, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(end)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := svc.shop.Project(ctx, spec.ProjectID)
	if no := purchase.ProjectUnusable(spec, p, err); no != nil {
		return nil, no
	}
	if err != nil {
		svc.log.Warn().Err(err).Str("project", spec.ProjectID).Msg("fail to ask CoCalc about a project")
		svc.reportRefusedKey(ctx, err)
		if purchase.KindOf(err) == cocalc.NotSignedIn { // trying again does not help
			return nil, &purchase.Refusal{Cause: purchase.Cause{
				Code:   purchase.ProjectUnread,
				Causes: []purchase.Cause{svc.policy.UserMessage(err).Cause},
			}}
		}
		return nil, purchase.NewRefusal(purchase.ProjectUnread)
	}
	title := []rune(p.Title)
	return &purchase.OnProject{
		Title:        string(title[:min(len(title), purchase.MaxTitle)]),
		Collaborator: p.Role != cocalc.RoleOwner,
	}, nil
}
