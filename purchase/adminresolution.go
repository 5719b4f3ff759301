package purchase

import (
	"context"
	"errors"
	"strings"

	"licensebot/cocalc"
)

// Verdict is what an admin found out about an order whose outcome is unknown.
type Verdict string

// What an admin can find out.
const (
	WasBought    Verdict = "bought"
	WasNotBought Verdict = "not-bought"
)

// Settlement is an admin's decision on an order whose outcome is unknown.
type Settlement struct {
	Verdict   Verdict
	LicenseID string // of the license that was bought, when it is known
	Reason    string // how they know; required, and kept in the ledger
}

// IsAdmin reports whether the person may settle orders, pause and resume buying, and take broken items out of the cart.
func (d *Desk) IsAdmin(who Person) bool { return d.policy.mayAdminister(who) == nil }

// Settleable reads an order whose outcome the person may settle. A *Refusal says why not.
func (d *Desk) Settleable(ctx context.Context, id OrderID, click Click) (Order, error) {
	order, err := d.Order(ctx, id)
	if errors.Is(err, ErrNoOrder) {
		return order, d.refused(ctx, noSuchOrder(), id, click.Who, click.At)
	}
	if err != nil {
		return order, err
	}
	return order, d.unless(ctx, id, click, d.maySettle(order, click.Who))
}

func (d *Desk) maySettle(order Order, who Person) *Refusal {
	if no := d.policy.mayAdminister(who); no != nil {
		return no
	}
	if who.Is(order.Requester) {
		return refuse(OwnOrder, "doing", "settle", "watched", flag(!order.Untold()))
	}
	if order.State != Unknown {
		return refuse(TooLate, "doing", "settle", "state", string(order.State))
	}
	return nil
}

// Settle ends an order whose outcome is unknown by the word of an admin, where CoCalc does not tell. It is recorded who
// said what and why. Checkout is not sent again, and CoCalc is watched as before: should it show something else later,
// the ledger follows what it shows.
func (d *Desk) Settle(ctx context.Context, id OrderID, click Click, s Settlement) (Order, error) {
	s.Reason = strings.TrimSpace(s.Reason)
	click.Card, click.Typed = Message{}, true // the card is the requester's, and admins decide wherever they see the order
	order, err := d.decide(ctx, id, click, toSettle, func(w Writer, o *Order) (*Refusal, error) {
		no := d.maySettle(*o, click.Who)
		if no == nil && s.Verdict != WasBought && s.Verdict != WasNotBought {
			no = refuse(Unreadable, "what", "verdict")
		}
		if no == nil && s.Reason == "" {
			no = refuse(NoReason, "doing", "settle")
		}
		if no == nil && s.LicenseID != "" {
			p, ok, err := w.PurchaseOf(s.LicenseID)
			if err != nil {
				return nil, err
			}
			if ok {
				no = refuse(Unreadable, "what", "license", "license", s.LicenseID, "order", string(p.Order))
			}
		}
		if no != nil {
			return no, nil
		}
		note := string(s.Verdict)
		if s.LicenseID != "" {
			note += ", license " + s.LicenseID
		}
		err := w.AppendEvent(Event{
			Time: d.now(), Kind: "settled", Order: id, By: click.Who.ID, Place: click.At.Channel,
			Amount: o.Price, Note: note + ": " + s.Reason,
		})
		if err != nil {
			return nil, err
		}
		word := because(SettledByAdmin, "by", click.Who.ID, "name", click.Who.called(), "verdict", string(s.Verdict),
			"reason", s.Reason)
		told := because(NoticeSettled, "order", string(id), "price", cents(o.Price))
		told.Causes = []Cause{word}
		if s.Verdict == WasBought {
			r := receipt(*o, cocalc.CartItem{Purchased: &cocalc.CartPurchase{LicenseID: s.LicenseID, Time: o.CheckoutSent}}, nil)
			r.Settled, r.Unchecked = &word, true // should it show up in the list of purchases, the entry follows that
			if err := d.sold(w, o, r, true, click.Who.ID); err != nil {
				return nil, err
			}
		} else {
			if !o.Untold() {
				word = word.With("watched", flag(true))
			}
			e := OrderEvent{
				Kind: Fail, By: click.Who.ID, Note: s.Reason, Failure: &Failure{Cause: word},
				WatchUntil: d.watchUntil(),
			}
			if err := d.apply(w, o, e); err != nil {
				return nil, err
			}
		}
		return nil, addNotice(w, d.notice(NoticeSettled, "settled-"+string(id), told, *o, click.Who.ID))
	})
	if err == nil {
		nudge(d.wake)
	}
	return order, err
}
