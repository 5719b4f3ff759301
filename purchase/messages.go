package purchase

import (
	"context"
	"fmt"
	"slices"
)

// Unpublished names the orders that some message does not show as they are now, oldest first.
func (d *Desk) Unpublished(ctx context.Context) (ids []OrderID, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		ids, err = r.Unpublished()
		return err
	})
	return ids, err
}

// Show keeps with an order where people see it, and which Rev they see. set changes the order's messages and nothing
// else. Orders keep their Rev: where they are shown is no event of theirs. If the approvers' card shows no price, they
// are asked in direct messages.
func (d *Desk) Show(ctx context.Context, id OrderID, set func(*Order)) (Order, error) {
	var o Order
	err := d.ledger.Update(ctx, func(w Writer) error {
		var err error
		if o, err = w.Order(id); err != nil {
			return err
		}
		set(&o)
		if err := d.askDirectly(w, &o); err != nil {
			return err
		}
		return w.PutOrder(o)
	})
	if err != nil {
		return o, fmt.Errorf("keep where order %s is shown: %w", id, err)
	}
	return o, nil
}

// ShowAt shows the order at a message that a click has brought, in place of an earlier one of its kind.
func (d *Desk) ShowAt(ctx context.Context, id OrderID, m Message) error {
	_, err := d.Show(ctx, id, func(o *Order) { o.Put(m) })
	if err == nil {
		d.changed(id)
	}
	return err
}

// ShowAgain shows an order that waits for an approval anew wherever it is shown, after something has changed that
// stands around it on its cards. Its Rev grows, since a card that is on its way to Slack shows the old one. An order
// that no longer waits was shown anew with its decision.
func (d *Desk) ShowAgain(ctx context.Context, id OrderID) error {
	_, err := d.Show(ctx, id, func(o *Order) {
		if o.State == AwaitingApproval {
			o.Rev++
			o.Updated = d.now()
		}
	})
	if err == nil {
		d.changed(id)
	}
	return err
}

// Drop forgets a message that cannot be reached any more.
func (o *Order) Drop(kind MessageKind) {
	o.Messages = slices.DeleteFunc(o.Messages, func(m Message) bool { return m.Kind == kind })
}

// Put keeps a message, in place of an earlier one of its kind.
func (o *Order) Put(m Message) {
	o.Drop(m.Kind)
	o.Messages = append(o.Messages, m)
}
