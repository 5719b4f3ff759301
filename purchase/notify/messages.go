package notify

import (
	"context"
	"fmt"

	"licensebot/purchase"
)

// StaleOrders names the orders that some message does not show as they are now, oldest first.
func (box *Outbox) StaleOrders(ctx context.Context) (ids []purchase.OrderID, err error) {
	err = box.ledger.View(ctx, func(r purchase.Reader) error {
		ids, err = r.Unpublished()
		return err
	})
	return ids, err
}

// UpdateMessages keeps with an order where people see it, and which Rev they see. set changes the order's messages and
// nothing else. Orders keep their Rev: where they are shown is no event of theirs. If the approvers' card shows no
// price, they are asked in direct messages.
func (box *Outbox) UpdateMessages(ctx context.Context, id purchase.OrderID,
	set func(*purchase.Order),
) (purchase.Order, error) {
	var o purchase.Order
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		var err error
		if o, err = w.Order(id); err != nil {
			return err
		}
		set(&o)
		if err := box.askDirectly(w, &o); err != nil {
			return err
		}
		return w.PutOrder(o)
	})
	if err != nil {
		return o, fmt.Errorf("keep where order %s is shown: %w", id, err)
	}
	return o, nil
}

// SetMessage shows the order at a message that a click has brought, in place of an earlier one of its kind.
func (box *Outbox) SetMessage(ctx context.Context, id purchase.OrderID, m purchase.Message) error {
	_, err := box.UpdateMessages(ctx, id, func(o *purchase.Order) { o.SetMessage(m) })
	if err == nil {
		box.changed(id)
	}
	return err
}

// MarkStale shows an order that waits for an approval anew wherever it is shown, after something has changed that
// stands around it on its cards. Its Rev grows, since a card that is on its way to Slack shows the old one. An order
// that no longer waits was shown anew with its decision.
func (box *Outbox) MarkStale(ctx context.Context, id purchase.OrderID) error {
	_, err := box.UpdateMessages(ctx, id, func(o *purchase.Order) {
		if o.State == purchase.AwaitingApproval {
			o.Rev++
			o.Updated = box.now()
		}
	})
	if err == nil {
		box.changed(id)
	}
	return err
}
