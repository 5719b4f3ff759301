package orders

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Propose stores a new order with its price. Nothing is reserved yet. If the request replaces a proposal, that one is
// cancelled in the same transaction, so that the two are never both open. A [*purchase.Refusal] says why not; it is
// recorded. Mistakes of the specification come as [purchase.Mistakes], all at once.
func (svc *Service) Propose(ctx context.Context, ask purchase.Request) (View, error) {
	if svc.reg.Stopping.Load() {
		return View{}, refuseStopping()
	}
	for _, no := range []*purchase.Refusal{
		svc.reg.RefuseLostAccess(), svc.policy.MayBuy(ask.Requester), svc.policy.CheckChannel(ask.Channel),
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
		budget = account.WithDue(budget)
		asked, err := svc.commitment(w, account, budget, order, now)
		if err != nil {
			return err
		}
		share := asked.Share
		if no = svc.policy.CheckLimits(asked, budget); no != nil {
			return nil
		}
		if ask.Replaces != "" {
			if no, err = svc.replaceProposal(w, ask.Replaces, order); no != nil || err != nil {
				return err
			}
		}
		out = View{Order: order, Allowance: svc.allowanceOf(order, budget, share, now)}
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

// proposedBefore returns the order that the same command, click or form has made before this run, as it is now.
func (svc *Service) proposedBefore(ctx context.Context, ask purchase.Request) (v View, ok bool, err error) {
	id, ok, err := svc.earlier.order(ctx, svc.ledger, ask.Trigger, svc.now())
	if err != nil || !ok {
		return View{}, false, err
	}
	if v, err = svc.View(ctx, id); err != nil || !v.Order.Requester.Is(ask.Requester) {
		return View{}, false, err
	}
	svc.log.Info().Str("order", string(id)).
		Msg("find a command, click or form that Slack delivered again after a restart; it makes one card")
	return v, true, nil
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

// projectTimeout is how long a person waits for CoCalc's answer about a project. Slack allows three seconds in all.
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

// proposalEvent is the audit record of a new order.
func proposalEvent(o purchase.Order, note string) purchase.Event {
	return purchase.Event{
		Time: o.Created, Kind: string(purchase.Proposed), Order: o.ID, By: o.Requester.ID, Place: o.Channel.ID,
		Amount: o.Price, Note: note,
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
		svc.policy.CheckChannel(action.Channel), paused,
		svc.reg.RefuseNotSold(svc.reg.Diagnosed.Load()))
}

const (
	// repeatWindow is how long after an order was made Slack may deliver its command, click or form once more.
	repeatWindow = time.Hour
	// maxTrigger is the longest trigger that is kept, in bytes; Slack's have about fifty.
	maxTrigger = 200
	// maxRepeated is how many orders of the time before this run are read.
	maxRepeated = 5000
)

// earlierTriggers holds which triggers made an order before this run of the program. Package bot remembers those of
// this run.
type earlierTriggers struct {
	mu     sync.Mutex
	loaded bool
	orders map[string]purchase.OrderID
}

// order returns the order that a trigger has made before this run and within the hour; ok is false if there is none. It
// reads the ledger for the first trigger of a run only.
func (p *earlierTriggers) order(ctx context.Context, ledger purchase.Ledger, trigger string,
	began time.Time) (id purchase.OrderID, ok bool,
	err error,
) {
	if trigger == "" {
		return "", false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.loaded {
		orders := map[string]purchase.OrderID{}
		err := ledger.View(ctx, func(r purchase.Reader) error {
			clear(orders)
			before := purchase.OrderID("")
			for range maxRepeated / 100 {
				some, err := r.Orders(before, 100)
				if err != nil {
					return err
				}
				for _, o := range some {
					if began.Sub(o.Created) > repeatWindow {
						return nil
					}
					if before = o.ID; o.Trigger != "" && orders[o.Trigger] == "" {
						orders[o.Trigger] = o.ID
					}
				}
				if len(some) < 100 {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return "", false, err
		}
		p.orders, p.loaded = orders, true
	}
	id, ok = p.orders[trigger]
	return id, ok, nil
}

// Commands cost nothing, and the ledger keeps everything forever. So a person's cards are limited, and so are the
// refusals that are recorded one by one. Further cards are refused, and further refusals become one record per reason,
// with their number.

const (
	// maxCards is how many cards a person gets at once; then one every cardEvery.
	maxCards  = 40
	cardEvery = time.Minute
	// maxRefusals is how many refusals of a person are recorded one by one within refusalsFor. The rest are recorded
	// together at its end.
	maxRefusals = 20
	refusalsFor = 10 * time.Minute
	// maxPaced is how many people are remembered. Beyond it, those without recent activity are dropped.
	maxPaced = 10_000
)

// rateLimiter counts recent cards and refusals of people, by their keys.
type rateLimiter struct {
	mu     sync.Mutex
	cards  map[string]*cardAllowance
	people map[string]*refusalCount
}

type cardAllowance struct {
	left float64
	at   time.Time
}

// allowCard reports whether a person may have another card now, and counts it.
func (p *rateLimiter) allowCard(key string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cards == nil || len(p.cards) > maxPaced {
		maps.DeleteFunc(p.cards, func(_ string, c *cardAllowance) bool { return now.Sub(c.at).Abs() > maxCards*cardEvery })
		if p.cards == nil {
			p.cards = map[string]*cardAllowance{}
		}
	}
	c := p.cards[key]
	if c == nil {
		c = &cardAllowance{left: maxCards, at: now}
		p.cards[key] = c
	}
	past := max(now.Sub(c.at), 0) // a clock that was set back earns nothing
	c.left, c.at = min(c.left+float64(past)/float64(cardEvery), maxCards), now
	if c.left < 1 {
		return false
	}
	c.left--
	return true
}

// refuseTooFast refuses a card to a person who got too many in too short a time.
func refuseTooFast() *purchase.Refusal {
	return purchase.NewRefusal(purchase.TooFast, "cards", strconv.Itoa(maxCards))
}
