package orders

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Confirm is the requester's yes to the price on the card. When it returns nil the promise is durable: the order
// will be bought at most once and at most at that price, also if the program dies now. A *Refusal says why not.
// A second yes is refused as AlreadyDone, with the order as it stands.
func (svc *Service) Confirm(ctx context.Context, id purchase.OrderID, action purchase.Action) (purchase.Order, error) {
	if svc.reg.Stopping.Load() {
		return purchase.Order{}, errStopping()
	}
	if no := svc.full(ctx); no != nil {
		return purchase.Order{}, no
	}
	order, err := svc.decide(ctx, id, action, toConfirm, func(w purchase.Writer, o *purchase.Order) (*purchase.Refusal,
		error,
	) {
		shown := o.AttachCard(action)
		if o.Reason == "" && purchase.OnlyRequester(*o, action.Actor) == nil {
			o.Reason = strings.TrimSpace(action.Reason)
		}
		no, err := svc.confirm(w, o, action.Actor)
		if err != nil || no == nil {
			return no, err
		}
		if shown {
			return no, w.PutOrder(*o)
		}
		return no, purchase.Successor(w, *o, action)
	})
	if err == nil {
		register.Nudge(svc.reg.Wake)
		register.Nudge(svc.reg.Proposed) // one that waits for an approval has another deadline than its card had
	}
	return order, uncharged(order, err)
}

// decision is a kind of decision on an order.
type decision struct {
	doing string // for errors: "cancel"
	buys  bool   // it can lead to a purchase
	// mayDecide refuses people who may not decide at all, whatever the order.
	mayDecide func(purchase.Actor) *purchase.Refusal
}

// The decisions on orders.
var (
	toConfirm         = decision{"confirm", true, purchase.RefuseOutsider}
	toConfirmNewPrice = decision{"confirm the new price of", true, purchase.RefuseOutsider}
	toApprove         = decision{"approve", true, purchase.RefuseOutsider}
	toDeny            = decision{"deny", false, purchase.RefuseOutsider}
	toCancel          = decision{"cancel", false, purchase.RefuseNonMember}
	toSettle          = decision{"settle", false, purchase.RefuseOutsider}
)

// decide runs a person's decision on an order in one transaction, and records a refusal. carryOut may put another order
// in the place of the one it gets: the one that shows what became of the click.
func (svc *Service) decide(
	ctx context.Context, id purchase.OrderID, action purchase.Action, kind decision, carryOut func(purchase.Writer,
		*purchase.Order) (*purchase.Refusal, error),
) (purchase.Order, error) {
	if kind.buys && svc.reg.Away(ctx) {
		return purchase.Order{}, svc.policy.AwayRefusal()
	}
	var order purchase.Order
	var no *purchase.Refusal
	var recorded recording
	doubt := purchase.Doubt{
		Began: svc.now(), Run: svc.reg.BornAt, Who: action.Actor.ID, Order: id, Typed: action.Typed,
		Buys: kind.buys,
	}
	defer svc.underWay.begin(doubt)()
	err := svc.ledger.Update(ctx, func(w purchase.Writer) (err error) {
		no = nil
		if order, err = w.Order(id); errors.Is(err, purchase.ErrNoOrder) {
			no, err = noSuchOrder(), nil
		} else if err == nil {
			if no = kind.mayDecide(action.Actor); no == nil {
				no = elsewhere(order, action)
			}
			if no == nil {
				no, err = carryOut(w, &order)
			}
		}
		if no == nil || err != nil {
			return err
		}
		return svc.recordRefusal(w, &recorded, no, id, action.Actor, action.Channel)
	})
	if err != nil {
		doubt.Became = order.ID
		return purchase.Order{}, svc.doubted(fmt.Errorf("%s order %s: %w", kind.doing, id, err), doubt)
	}
	svc.changed(order.ID) // after a refusal too: the click has brought a newer card
	if no != nil {
		return order, svc.reg.ForReader(no, action.Actor)
	}
	return order, nil
}

// confirm promises the money of a proposal, inside the transaction.
func (svc *Service) confirm(w purchase.Writer, order *purchase.Order, who purchase.Actor) (*purchase.Refusal, error) {
	if no, err := svc.mayConfirm(w, order, who); no != nil || err != nil {
		return no, err
	}
	asks, err := svc.asks(w, *order)
	if err != nil {
		return nil, err
	}
	if no := svc.mayAsk(*order, asks); no != nil {
		return no, nil
	}
	now := svc.now()
	promise := purchase.Promise{At: now, Month: svc.policy.Month(now), Day: svc.policy.Day(now)}
	if asks {
		return nil, svc.reg.Apply(w, order, purchase.OrderEvent{
			Kind: purchase.RequestApproval, By: who.ID, Note: order.Reason, Promise: &promise,
			ApproveBy: now.Add(svc.timing.Approval), RemindAt: now.Add(svc.timing.Approval / 2), Channel: svc.approvalsChannel,
		})
	}
	promise.Auto = len(svc.policy.Approvers) > 0
	return nil, svc.reg.Apply(w, order, purchase.OrderEvent{Kind: purchase.Confirm, By: who.ID, Promise: &promise})
}

// mayConfirm checks everything that can stand against promising the money of a proposal.
func (svc *Service) mayConfirm(w purchase.Writer, order *purchase.Order,
	who purchase.Actor,
) (*purchase.Refusal, error) {
	now := svc.now()
	if no := purchase.OnlyRequester(*order, who); no != nil {
		return no, nil
	}
	if order.State != purchase.Proposed {
		return svc.unlessNotSold(*order, alreadyDecided(*order)), nil
	}
	if !now.Before(order.Expires) {
		return svc.unlessNotSold(*order, cardExpired(*order)), nil
	}
	if no := svc.policy.MayBuy(who); no != nil {
		return no, nil
	}
	if no := svc.policy.AllowsPlace(order.Channel); no != nil {
		return no, nil
	}
	account, err := w.Account()
	if err != nil {
		return nil, err
	}
	if no := svc.reg.RefuseClosed(account); no != nil {
		return no, nil
	}
	budget, err := w.Budget(svc.policy.Month(now))
	if err != nil {
		return nil, err
	}
	share, err := purchase.ShareOf(w, budget, who)
	if err != nil {
		return nil, err
	}
	return svc.policy.Allows(purchase.Commitment{Share: share, Spec: order.Spec, Price: order.Price, Now: now}, budget),
		nil
}

// ConfirmNewPrice is the requester's yes to the new price of an order that failed because the price had moved. It
// makes a new order and promises it, once per failed order.
func (svc *Service) ConfirmNewPrice(ctx context.Context, failed purchase.OrderID,
	action purchase.Action,
) (purchase.Order, error) {
	if svc.reg.Stopping.Load() {
		return purchase.Order{}, errStopping()
	}
	if no := svc.full(ctx); no != nil {
		return purchase.Order{}, no
	}
	id := svc.newID()
	order, err := svc.decide(ctx, failed, action, toConfirmNewPrice,
		func(w purchase.Writer, o *purchase.Order) (*purchase.Refusal, error) {
			old := *o
			if no := purchase.OnlyRequester(old, action.Actor); no != nil {
				return no, nil
			}
			if old.ReplacedBy != "" {
				var err error
				if *o, err = w.Order(old.ReplacedBy); err != nil {
					return nil, err
				}
				return alreadyDecided(*o), nil
			}
			if old.State != purchase.Failed || old.Failure == nil || old.Failure.Code != purchase.FailPriceMoved {
				return svc.unlessNotSold(old, alreadyDecided(old)), nil
			}
			if !old.Offers(svc.now()) {
				if o.AttachCard(action) { // with a card that no longer offers it
					return svc.unlessNotSold(old, offerExpired(old)), w.PutOrder(*o)
				}
				return svc.unlessNotSold(old, offerExpired(old)), nil
			}
			*o = svc.atNewPrice(old, id)
			if o.Reason == "" {
				o.Reason = strings.TrimSpace(action.Reason)
			}
			o.AttachCard(action)
			no, err := svc.mayConfirm(w, o, action.Actor)
			if no == nil && err == nil {
				var asks bool
				if asks, err = svc.asks(w, *o); err == nil {
					no = svc.mayAsk(*o, asks)
				}
			}
			if no != nil {
				*o = old
			}
			if no != nil || err != nil {
				return no, err
			}
			if err := w.AppendEvent(proposed(*o, "at the new price, replacing "+string(old.ID))); err != nil {
				return nil, err
			}
			if no, err := svc.confirm(w, o, action.Actor); no != nil || err != nil {
				return no, err
			}
			old.ReplacedBy, old.Updated = id, o.Updated
			// the rest goes on with the new order
			old.Messages = slices.DeleteFunc(old.Messages, func(m purchase.Message) bool {
				return m.Kind != purchase.MessageAsk
			})
			return nil, w.PutOrder(old)
		})
	if err == nil {
		register.Nudge(svc.reg.Wake)
		register.Nudge(svc.reg.Proposed) // one that waits for an approval has another deadline than its card had
	}
	return order, uncharged(order, err)
}

// proposed is the audit record of a new order.
func proposed(o purchase.Order, note string) purchase.Event {
	return purchase.Event{
		Time: o.Created, Kind: string(purchase.Proposed), Order: o.ID, By: o.Requester.ID, Place: o.Channel.ID,
		Amount: o.Price, Note: note,
	}
}

// atNewPrice is the order that follows one that failed because its price had moved.
func (svc *Service) atNewPrice(old purchase.Order, id purchase.OrderID) purchase.Order {
	now := svc.now()
	o := purchase.Order{
		ID: id, Rev: 1, State: purchase.Proposed, Requester: old.Requester, Channel: old.Channel, Spec: old.Spec,
		Project: old.Project, Reason: old.Reason, Price: old.Failure.NewPrice, Created: now, Updated: now,
		Expires: now.Add(svc.timing.Proposal),
	}
	if old.Spec.Period != cocalc.PeriodRange {
		o.Renews = o.Price
	}
	if quote, err := svc.Quote(o.Spec); err == nil {
		o.Saves = quote.Saves
	}
	return o
}

// Cancel takes an order back, as long as nothing of it was sent to CoCalc. It works while Slack doesn't say who the
// requester is: it spends nothing, and an order that can't be cancelled would be bought.
func (svc *Service) Cancel(ctx context.Context, id purchase.OrderID, action purchase.Action) (purchase.Order, error) {
	return svc.decide(ctx, id, action, toCancel, func(w purchase.Writer, o *purchase.Order) (*purchase.Refusal, error) {
		if no := purchase.MayWithdraw(*o, action.Actor); no != nil {
			return no, nil
		}
		shown := o.AttachCard(action)
		if o.State.CanBecome(purchase.Cancelled) {
			return nil, svc.reg.Apply(w, o, purchase.OrderEvent{
				Kind: purchase.Withdraw, By: action.Actor.ID,
				Place: action.Channel.ID,
			})
		}
		no := svc.tooLateTo("cancel", *o)
		if shown {
			return no, w.PutOrder(*o)
		}
		return no, purchase.Successor(w, *o, action)
	})
}

// Asked reads an order for a click of its requester that decides nothing by itself: to see its card anew, to ask for
// the same again. A *Refusal says why not.
func (svc *Service) Asked(ctx context.Context, id purchase.OrderID, action purchase.Action) (purchase.Order, error) {
	order, err := svc.reg.Order(ctx, id)
	if errors.Is(err, purchase.ErrNoOrder) {
		return order, svc.refused(ctx, noSuchOrder(), id, action.Actor, action.Channel)
	}
	if err != nil {
		return order, err
	}
	return order, svc.unless(ctx, id, action, elsewhere(order, action), purchase.OnlyRequester(order, action.Actor))
}

// Editable reads a proposal that the person may still change. A *Refusal says why not.
func (svc *Service) Editable(ctx context.Context, id purchase.OrderID, action purchase.Action) (purchase.Order, error) {
	order, err := svc.Asked(ctx, id, action)
	if err != nil {
		return order, err
	}
	var late *purchase.Refusal
	if order.State != purchase.Proposed {
		late = svc.tooLateTo("change", order)
	}
	return order, svc.unless(ctx, id, action, purchase.RefuseOutsider(action.Actor), late)
}

// unless records the first refusal that there is and returns it; nil when there is none.
func (svc *Service) unless(ctx context.Context, id purchase.OrderID, action purchase.Action,
	refusals ...*purchase.Refusal,
) error {
	for _, no := range refusals {
		if no != nil {
			return svc.refused(ctx, no, id, action.Actor, action.Channel)
		}
	}
	return nil
}
