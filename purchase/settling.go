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
		no := &Refusal{Code: OwnOrder, Sentence: "You can't resolve your own order. Another admin has to."}
		if !order.Untold() {
			no.Sentence += " I'm still checking CoCalc, so it may resolve on its own."
		}
		return no
	}
	if order.State != Unknown {
		return &Refusal{Code: TooLate, Sentence: fmt.Sprintf("There's nothing to resolve: %s.", standing(order.State))}
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
			no = &Refusal{Code: Unreadable, Sentence: "I couldn't tell whether you marked it as bought or as not bought. Please use `/license settle` again."}
		}
		if no == nil && s.Reason == "" {
			no = &Refusal{Code: NoReason, Sentence: "Please say how you know. Your reason is kept on record."}
		}
		if no == nil && s.LicenseID != "" {
			p, ok, err := w.PurchaseOf(s.LicenseID)
			if err != nil {
				return nil, err
			}
			if ok {
				no = &Refusal{Code: Unreadable, Sentence: fmt.Sprintf("License %s was already bought with order %s, so it can't belong to this order.", s.LicenseID, p.Order)}
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
		said := fmt.Sprintf("%s marked it as %s. Reason: %s.", click.Who.called(), verdictWords(s.Verdict), quoted(s.Reason))
		if s.Verdict == WasBought {
			r := receipt(*o, cocalc.CartItem{Purchased: &cocalc.CartPurchase{LicenseID: s.LicenseID, Time: o.CheckoutSent}}, nil)
			r.Settled, r.Unchecked = said, true // should it show up in the list of purchases, the entry follows that
			if err := d.sold(w, o, r, true, click.Who.ID); err != nil {
				return nil, err
			}
		} else {
			why := said
			if !o.Untold() {
				why += " I'll keep checking CoCalc for a while."
			}
			o.Failure, o.Hold = failure(FailByAdmin, why), nil
			o.WatchUntil = d.watchUntil()
			if err := d.move(w, o, Failed, click.Who.ID, s.Reason); err != nil {
				return nil, err
			}
		}
		return nil, addNotice(w, d.notice(NoticeSettled, "settled-"+string(id), fmt.Sprintf(
			"CoCalc didn't confirm order `%s` for %s. %s", id, o.Price, said), *o, click.Who.ID))
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
