package orders

import (
	"context"
	"slices"
	"strings"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// confirmNewPrice makes an order at the new price of a failed one, and reserves it.
func (svc *Service) confirmNewPrice(ctx context.Context, action purchase.Action, failed purchase.OrderID,
	reason string,
) (purchase.Order, error) {
	id := svc.newID()
	return svc.transactConfirm(ctx, failed, action, toConfirmNewPrice,
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
				return refuseDecided(*o), nil
			}
			if old.State != purchase.Failed || old.Failure == nil || old.Failure.Code != purchase.FailPriceMoved {
				return svc.orNotSold(old, refuseDecided(old)), nil
			}
			if !old.Offers(svc.now()) {
				if o.AttachCard(action) { // with a card that no longer offers it
					return svc.orNotSold(old, refuseExpiredOffer(old)), w.PutOrder(*o)
				}
				return svc.orNotSold(old, refuseExpiredOffer(old)), nil
			}
			*o = svc.atNewPrice(old, id)
			if o.Reason == "" {
				o.Reason = strings.TrimSpace(reason)
			}
			o.AttachCard(action)
			asks, no, err := svc.checkConfirm(w, o, action.Actor)
			if no != nil {
				*o = old
			}
			if no != nil || err != nil {
				return no, err
			}
			if err := w.AppendEvent(proposalEvent(*o, "at the new price, replacing "+string(old.ID))); err != nil {
				return nil, err
			}
			if err := svc.reserve(w, o, action.Actor, asks); err != nil {
				return nil, err
			}
			old.ReplacedBy, old.Updated = id, o.Updated
			// the rest goes on with the new order
			old.Messages = slices.DeleteFunc(old.Messages, func(m purchase.Message) bool {
				return m.Kind != purchase.MessageAsk
			})
			return nil, w.PutOrder(old)
		})
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
	if quote, err := purchase.PriceOf(o.Spec, svc.now()); err == nil {
		o.Saves = quote.Saves
	}
	return o
}
