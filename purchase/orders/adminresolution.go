package orders

import (
	"context"
	"strings"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

func (svc *Service) checkResolve(order purchase.Order, who purchase.Actor) *purchase.Refusal {
	if no := svc.policy.MayAdminister(who); no != nil {
		return no
	}
	if who.Is(order.Requester) {
		return purchase.NewRefusal(purchase.OwnOrder, "doing", "settle", "watched", purchase.ArgFlag(!order.Untold()))
	}
	if order.State != purchase.Unknown {
		return purchase.NewRefusal(purchase.TooLate, "doing", "settle", "state", string(order.State))
	}
	return nil
}

// resolve ends an order whose outcome is unknown, as an admin says.
func (svc *Service) resolve(ctx context.Context, action purchase.Action, id purchase.OrderID,
	s Decision,
) (purchase.Order, error) {
	s.Reason = strings.TrimSpace(s.Reason)
	// the card is the requester's, and admins decide wherever they see the order
	action.Card, action.Typed = purchase.Message{}, true
	order, err := svc.transact(ctx, id, action, toSettle, func(w purchase.Writer, o *purchase.Order) (*purchase.Refusal,
		error,
	) {
		no := svc.checkResolve(*o, action.Actor)
		if no == nil && s.Verdict != purchase.WasBought && s.Verdict != purchase.WasNotBought {
			no = purchase.NewRefusal(purchase.Unreadable, "what", "verdict")
		}
		if no == nil && s.Reason == "" {
			no = purchase.NewRefusal(purchase.NoReason, "doing", "settle")
		}
		if no == nil && s.LicenseID != "" {
			p, ok, err := w.PurchaseOf(s.LicenseID)
			if err != nil {
				return nil, err
			}
			if ok {
				no = purchase.NewRefusal(purchase.Unreadable, "what", "license", "license", s.LicenseID, "order", string(p.Order))
			}
		}
		if no != nil {
			return no, nil
		}
		note := string(s.Verdict)
		if s.LicenseID != "" {
			note += ", license " + s.LicenseID
		}
		err := w.AppendEvent(purchase.Event{
			Time: svc.now(), Kind: "settled", Order: id, By: action.Actor.ID, Place: action.Channel.ID,
			Amount: o.Price, Note: note + ": " + s.Reason,
		})
		if err != nil {
			return nil, err
		}
		word := purchase.NewCause(purchase.SettledByAdmin, "by", action.Actor.ID, "name", action.Actor.DisplayName(),
			"verdict",
			string(s.Verdict),
			"reason", s.Reason)
		told := purchase.NewCause(purchase.NotificationSettled, "order", string(id), "price", purchase.ArgCents(o.Price))
		told.Causes = []purchase.Cause{word}
		if s.Verdict == purchase.WasBought {
			r := purchase.NewReceipt(*o, cocalc.CartItem{Purchased: &cocalc.CartPurchase{
				LicenseID: s.LicenseID,
				Time:      o.CheckoutSent,
			}}, nil)
			r.Settled, r.Unchecked = &word, true // should it show up in the list of purchases, the entry follows that
			if err := svc.reg.Complete(w, o, r, true, action.Actor.ID); err != nil {
				return nil, err
			}
		} else {
			if !o.Untold() {
				word = word.With("watched", purchase.ArgFlag(true))
			}
			e := purchase.OrderEvent{
				Kind: purchase.Fail, By: action.Actor.ID, Note: s.Reason, Failure: &purchase.Failure{Cause: word},
				WatchUntil: svc.reg.WatchUntil(),
			}
			if err := svc.reg.Apply(w, o, e); err != nil {
				return nil, err
			}
		}
		return nil, register.AddNotification(w, svc.reg.NewNotification(purchase.NotificationSettled, "settled-"+string(id),
			told, *o,
			action.Actor.ID))
	})
	if err == nil {
		register.Nudge(svc.reg.Wake)
	}
	return order, err
}
