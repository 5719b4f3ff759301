package purchase

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"licensebot/cocalc"
)

// Verdict is what an admin found out about an order whose outcome is unknown.
type Verdict string

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
		return &Refusal{Code: OwnOrder, Sentence: "You can't settle your own order: another admin has to. Nothing was changed; I keep watching CoCalc, so it may settle by itself."}
	}
	if order.State != Unknown {
		return &Refusal{Code: TooLate, Sentence: fmt.Sprintf("There is nothing to settle: %s. Nothing was bought by this.", standing(order.State))}
	}
	return nil
}

// Settle ends an order whose outcome is unknown by the word of an admin, where CoCalc does not tell. It is recorded who
// said what and why. Checkout is not sent again, and CoCalc is watched as before: should it show something else later,
// the ledger follows what it shows.
func (d *Desk) Settle(ctx context.Context, id OrderID, click Click, s Settlement) (Order, error) {
	s.Reason = strings.TrimSpace(s.Reason)
	click.Card, click.Typed = Message{}, true // the card is the requester's, and admins decide wherever they see the order
	order, err := d.decide(ctx, id, click, "settle", false, func(w Writer, o *Order) (*Refusal, error) {
		no := d.maySettle(*o, click.Who)
		if no == nil && s.Verdict != WasBought && s.Verdict != WasNotBought {
			no = &Refusal{Code: Unreadable, Sentence: "I could not tell whether you mean that it was bought. The order is held as before, and nothing was bought by this. Please begin again with `/license settle`."}
		}
		if no == nil && s.Reason == "" {
			no = &Refusal{Code: NoReason, Sentence: "Please say how you know: the reason is kept in the ledger. The order is held as before, and nothing was bought by this."}
		}
		if no == nil && s.LicenseID != "" {
			p, ok, err := w.PurchaseOf(s.LicenseID)
			if err != nil {
				return nil, err
			}
			if ok {
				no = &Refusal{Code: Unreadable, Sentence: fmt.Sprintf("License %s was bought with order %s already, so it cannot be this order's. The order is held as before, and nothing was bought by this.", s.LicenseID, p.Order)}
			}
		}
		if no != nil {
			return no, nil
		}
		note := string(s.Verdict)
		if s.LicenseID != "" {
			note += ", license " + s.LicenseID
		}
		err := w.AppendEvent(Event{Time: d.now(), Kind: "settled", Order: id, By: click.Who.ID, Place: click.At.Channel,
			Amount: o.Price, Note: note + ": " + s.Reason})
		if err != nil {
			return nil, err
		}
		said := fmt.Sprintf("%s settled it as %s. Their reason: %s.", click.Who.called(), verdictWords(s.Verdict), quoted(s.Reason))
		if s.Verdict == WasBought {
			r := receipt(*o, cocalc.CartItem{Purchased: &cocalc.CartPurchase{LicenseID: s.LicenseID, Time: o.CheckoutSent}}, nil)
			r.Settled, r.Unchecked = said, true // should it show up in the list of purchases, the entry follows that
			if err := d.sold(w, o, r, true, click.Who.ID); err != nil {
				return nil, err
			}
		} else {
			o.Failure, o.Hold = failure(FailByAdmin, said+" CoCalc is watched for a while longer."), nil
			o.WatchUntil = d.watchUntil()
			if err := d.move(w, o, Failed, click.Who.ID, s.Reason); err != nil {
				return nil, err
			}
		}
		return nil, addNotice(w, d.notice(NoticeSettled, "settled-"+string(id), fmt.Sprintf(
			"Order `%s` over %s was held, since it was unclear whether CoCalc had sold it. %s", id, o.Price, said), *o, click.Who.ID))
	})
	if err == nil {
		nudge(d.wake)
	}
	return order, err
}

func verdictWords(v Verdict) string {
	if v == WasBought {
		return "bought"
	}
	return "not bought"
}
