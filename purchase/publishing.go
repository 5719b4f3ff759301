package purchase

import (
	"context"
	"fmt"
)

// Unpublished lists the orders that some message does not show as they are now, oldest first.
func (d *Desk) Unpublished(ctx context.Context) (orders []Order, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		orders, err = r.Unpublished()
		return err
	})
	return orders, err
}

// Show keeps with an order where people see it: set gets the message of that kind (a new one when there was none)
// and fills in where it is and which Rev it shows. Orders keep their Rev: this is no event of theirs.
func (d *Desk) Show(ctx context.Context, id OrderID, kind MessageKind, set func(*Message)) (Order, error) {
	var o Order
	err := d.ledger.Update(ctx, func(w Writer) error {
		var err error
		if o, err = w.Order(id); err != nil {
			return err
		}
		m := o.Message(kind)
		if m == nil {
			o.Messages = append(o.Messages, Message{Kind: kind})
			m = &o.Messages[len(o.Messages)-1]
		}
		set(m)
		return w.PutOrder(o)
	})
	if err != nil {
		return o, fmt.Errorf("keep where order %s is shown: %w", id, err)
	}
	return o, nil
}
