package purchase

import (
	"context"
	"errors"
	"fmt"

	"licensebot/cocalc"
)

// Click is a person's press of a button on an order.
type Click struct {
	Who Person
	At  Place
	// Card reaches the message that holds the button. Kept with the order when the requester clicked: it is where
	// they see what happens next.
	Card Message
}

// attach keeps the card with the order, if the click was the requester's, and has it shown anew.
func (o *Order) attach(c Click) bool {
	if c.Card.ResponseURL == "" || onlyRequester(*o, c.Who) != nil {
		return false
	}
	c.Card.Kind, c.Card.Shown = MessageCard, 0
	if m := o.Message(MessageCard); m != nil {
		*m = c.Card
	} else {
		o.Messages = append(o.Messages, c.Card)
	}
	return true
}

// Confirm is the requester's yes to the price on the card. When it returns nil the promise is durable: the order
// will be bought at most once and at most at that price, also if the program dies now. A *Refusal says why not.
// A second yes is refused as AlreadyDone, with the order as it stands.
func (d *Desk) Confirm(ctx context.Context, id OrderID, click Click) (Order, error) {
	var order Order
	var no *Refusal
	if d.stopping.Load() {
		return Order{}, errStopping()
	}
	err := d.ledger.Update(ctx, func(w Writer) error {
		var err error
		no = nil
		order, err = w.Order(id)
		if errors.Is(err, ErrNoOrder) {
			no = noSuchOrder()
			return nil
		}
		if err != nil {
			return err
		}
		shown := order.attach(click)
		if no, err = d.confirm(w, &order, click.Who); err != nil || no == nil || !shown {
			return err
		}
		return w.PutOrder(order)
	})
	if err != nil {
		return Order{}, fmt.Errorf("confirm order %s: %w", id, err)
	}
	if no != nil {
		return order, d.refused(ctx, no, id, click.Who, click.At)
	}
	nudge(d.wake)
	d.changed(id)
	return order, nil
}

// confirm promises the money of a proposal, inside the transaction.
func (d *Desk) confirm(w Writer, order *Order, who Person) (*Refusal, error) {
	now := d.now()
	if no := onlyRequester(*order, who); no != nil {
		return no, nil
	}
	if order.State != Proposed {
		return alreadyDecided(*order), nil
	}
	if !now.Before(order.Expires) {
		return cardExpired(*order), nil
	}
	if no := d.policy.mayBuy(who); no != nil {
		return no, nil
	}
	account, err := w.Account()
	if err != nil {
		return nil, err
	}
	if no := paused(account); no != nil {
		return no, nil
	}
	month := d.policy.Month(now)
	budget, err := w.Budget(month)
	if err != nil {
		return nil, err
	}
	if no := d.policy.allows(order.Price, budget, now); no != nil {
		return no, nil
	}
	order.Confirmed, order.Month = now, month
	return nil, d.move(w, order, Approved, who.ID, "")
}

// ConfirmNewPrice is the requester's yes to the new price of an order that failed because the price had moved. It
// makes a new order and promises it, once per failed order.
func (d *Desk) ConfirmNewPrice(ctx context.Context, failed OrderID, click Click) (Order, error) {
	if d.stopping.Load() {
		return Order{}, errStopping()
	}
	var order Order
	var no *Refusal
	id := d.newID()
	err := d.ledger.Update(ctx, func(w Writer) error {
		no = nil
		old, err := w.Order(failed)
		if errors.Is(err, ErrNoOrder) {
			no = noSuchOrder()
			return nil
		}
		if err != nil {
			return err
		}
		order = old
		if no = onlyRequester(old, click.Who); no != nil {
			return nil
		}
		if old.ReplacedBy != "" {
			if order, err = w.Order(old.ReplacedBy); err != nil {
				return err
			}
			no = alreadyDecided(order)
			return nil
		}
		if old.Failure == nil || old.Failure.Code != FailPriceMoved {
			no = alreadyDecided(old)
			return nil
		}
		now := d.now()
		order = Order{
			ID: id, Rev: 1, State: Proposed, Requester: old.Requester, Place: old.Place, Spec: old.Spec,
			Reason: old.Reason, Price: old.Failure.NewPrice, Created: now, Updated: now,
			Expires: now.Add(d.timing.Proposal),
		}
		if old.Spec.Period != cocalc.PeriodRange {
			order.Renews = order.Price
		}
		order.attach(click)
		if no, err = d.confirm(w, &order, click.Who); no != nil || err != nil {
			return err
		}
		old.ReplacedBy, old.Messages, old.Updated = id, nil, now
		return w.PutOrder(old)
	})
	if err != nil {
		return Order{}, fmt.Errorf("confirm the new price of order %s: %w", failed, err)
	}
	if no != nil {
		return order, d.refused(ctx, no, failed, click.Who, click.At)
	}
	nudge(d.wake)
	d.changed(order.ID)
	return order, nil
}

// Cancel takes an order back, as long as nothing of it was sent to CoCalc.
func (d *Desk) Cancel(ctx context.Context, id OrderID, click Click) (Order, error) {
	var order Order
	var no *Refusal
	err := d.ledger.Update(ctx, func(w Writer) error {
		var err error
		no = nil
		order, err = w.Order(id)
		if errors.Is(err, ErrNoOrder) {
			no = noSuchOrder()
			return nil
		}
		if err != nil {
			return err
		}
		if no = onlyRequester(order, click.Who); no != nil {
			return nil
		}
		shown := order.attach(click)
		if order.State.CanBecome(Cancelled) {
			return d.move(w, &order, Cancelled, click.Who.ID, "")
		}
		no = tooLateTo("cancel", order)
		if shown {
			return w.PutOrder(order)
		}
		return nil
	})
	if err != nil {
		return Order{}, fmt.Errorf("cancel order %s: %w", id, err)
	}
	if no != nil {
		return order, d.refused(ctx, no, id, click.Who, click.At)
	}
	d.changed(id)
	return order, nil
}

// Editable reads a proposal that the person may still change. A *Refusal says why not.
func (d *Desk) Editable(ctx context.Context, id OrderID, click Click) (Order, error) {
	order, err := d.Order(ctx, id)
	switch {
	case errors.Is(err, ErrNoOrder):
		return order, d.refused(ctx, noSuchOrder(), id, click.Who, click.At)
	case err != nil:
		return order, err
	}
	if no := onlyRequester(order, click.Who); no != nil {
		return order, d.refused(ctx, no, id, click.Who, click.At)
	}
	if order.State != Proposed {
		return order, tooLateTo("change", order)
	}
	return order, nil
}
